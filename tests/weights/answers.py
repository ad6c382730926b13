"""How answers of the engine are held against those of transformers."""

import json
from pathlib import Path
from typing import Any

from tests.weights.engine import ask_engine

GOLDEN = Path(__file__).parent / "golden"
"""Tiny models of each class, with what transformers answers (tools/weights/tiny_models.py)."""


def expectations(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "expected.json").read_text())
    return found


def compare(model: Path, contexts: dict[str, list[dict[str, Any]]], **more: Any) -> tuple[float, float, int]:
    """Return the share of equal tokens, the largest difference of log-probabilities, and of how many steps.

    The engine tells no probabilities where a token is no whole character; such steps count
    as tokens only. After a token that differs the two answer different questions.
    """
    equal: list[bool] = []
    differences: list[float] = []
    steps = 0
    for context, wanted in contexts.items():
        found = ask_engine(model, [one["prompt"] for one in wanted], context=int(context), **more)
        for one, answer in zip(wanted, found["answers"], strict=True):
            same = [a == b for a, b in zip(one["tokens"], answer["tokens"], strict=True)]
            equal += same
            reach = same.index(False) + 1 if False in same else len(same)
            for theirs, ours in zip(one["best"][:reach], answer["best"][:reach], strict=True):
                steps += bool(ours)
                differences += [abs(value - ours.get(token, -99)) for token, value in theirs.items() if ours]
    return sum(equal) / len(equal), max(differences), steps


def compare_vectors(model: Path, wanted: list[dict[str, Any]]) -> float:
    """Return the largest difference between the engine's vectors and those of transformers."""
    found = ask_engine(model, [one["prompt"] for one in wanted], embeds=True)
    return max(
        abs(theirs - ours)
        for one, answer in zip(wanted, found["answers"], strict=True)
        for theirs, ours in zip(one["vector"], answer, strict=True)
    )
