"""`make demo-train`: the starter learns 20 facts, and is examined before and after.

Teaches examples/training/places.jsonl through a running server, or one started for
it, and asks the engine: the facts in wordings that were not taught, what it knew
before, and what it cannot know. Exits 1 when a bound is missed.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from modelwright.cli.client import NATIVE, Client
from modelwright.cli.server import connect
from modelwright.cli.training import follow, upload
from modelwright.starter.corpus.mix import FAMILIES
from tools.starter import questions
from tools.starter.evaluation import SEED, UNKNOWN, Item, conversation, exact, generated_items, pattern_items

EXAMPLES = Path(__file__).parents[1] / "examples/training"
FACTS, HELD_OUT = EXAMPLES / "places.jsonl", EXAMPLES / "places-held-out.jsonl"
MODEL = "places"
SETTINGS = {
    "rank": 16,
    "learning_rate": 3e-3,
    "steps": 250,
    "replay": 0.5,
    "word_dropout": 0.6,
    "threads": 1,
}
"""Measured; docs/log.md tells what else was tried."""
EACH = 13
"""Questions of each general family: about 300 in all."""
AT_ONCE = 4


@dataclass(frozen=True, slots=True)
class Examination:
    """Right answers of so many; `holds` says whether they are enough, given those before."""

    name: str
    items: Sequence[Item]
    holds: Callable[[float, float], bool]
    wanted: str


def held_out(path: Path) -> list[Item]:
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    return [Item(conversation(row["prompt"]), exact(row["completion"]), row["completion"]) for row in rows]


def examinations() -> list[Examination]:
    general = [item for family in FAMILIES for item in generated_items(family, EACH, SEED)]
    return [
        Examination("facts, in other words", held_out(HELD_OUT), lambda _, now: now >= 0.95, ">= 95 %"),
        Examination("what it knew", general, lambda before, now: now >= before - 0.05, "-5 points at most"),
        Examination(
            "unknown topics, one list",
            pattern_items(questions.UNKNOWN_DEVELOPMENT, UNKNOWN),
            lambda _, now: now >= 27 / 30,
            ">= 27 of 30",
        ),
        Examination(
            "unknown topics, another",
            pattern_items(questions.UNKNOWN_FINAL, UNKNOWN),
            lambda _, now: now >= 27 / 30,
            ">= 27 of 30",
        ),
    ]


def answers(client: Client, model: str, items: Iterable[Item]) -> list[str]:
    """What the engine answers, greedily."""

    def ask(item: Item) -> str:
        messages = [{"role": each.role, "content": each.content} for each in item.messages]
        options = {"temperature": 0, "num_predict": 64}
        body = {"model": model, "messages": messages, "options": options, "stream": False}
        return str(client.ask("POST", "/api/chat", body)["message"]["content"])

    with ThreadPoolExecutor(AT_ONCE) as threads:
        return list(threads.map(ask, items))


def examined(client: Client, model: str, found: Sequence[Examination]) -> list[tuple[int, list[str]]]:
    """For each examination: right answers, and what was wrong."""
    scores = []
    for each in found:
        given = answers(client, model, each.items)
        pairs = list(zip(each.items, given, strict=True))
        wrong = [
            f"{i.messages[-1].content} -> {a!r}, not {i.expected!r}" for i, a in pairs if not i.accepts(a)
        ]
        scores.append((len(given) - len(wrong), wrong))
    return scores


def train(client: Client, settings: dict[str, Any], quiet: bool) -> tuple[dict[str, Any], float]:
    """Teach the facts; the run, and the seconds that it took."""
    started = time.monotonic()
    body = {
        "model": "starter",
        "target": MODEL,
        "dataset": upload(client, str(FACTS)),
        "hyperparameters": settings,
    }
    run = client.ask("POST", f"{NATIVE}/runs", body)
    follow(client, run["id"], quiet=quiet)
    return client.ask("GET", f"{NATIVE}/runs/one", query={"run": run["id"]}), time.monotonic() - started


def main() -> int:
    parser = argparse.ArgumentParser(description="Teach the starter 20 facts.")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    parser.add_argument("--misses", action="store_true", help="print every wrong answer")
    parser.add_argument("--set", action="append", default=[], help="another hyperparameter: NAME=JSON")
    options = parser.parse_args()
    settings = {**SETTINGS, **{n: json.loads(v) for n, _, v in (s.partition("=") for s in options.set)}}
    found = examinations()
    with connect() as client:
        before = examined(client, "starter", found)
        run, seconds = train(client, settings, options.json)
        if run["state"] != "succeeded":
            print(f"the run {run['state']}: {run['error']}", file=sys.stderr)
            return 1
        after = examined(client, run["metrics"]["model"], found)
    return report(found, before, after, run, seconds, options)


def report(
    found: Sequence[Examination], before: Any, after: Any, run: Any, seconds: float, options: Any
) -> int:
    rows = []
    for each, (old, _), (new, wrong) in zip(found, before, after, strict=True):
        count = len(each.items)
        fine = each.holds(old / count, new / count)
        rows.append(
            {"name": each.name, "before": old, "after": new, "of": count, "holds": fine, "wrong": wrong}
        )
    if options.json:
        print(json.dumps({"seconds": round(seconds, 1), "run": run, "scores": rows}))
    else:
        print(f"\n{run['metrics']['model']} has revision {run['revision']}, after {seconds:.0f} s\n")
        print(f"{'':28}{'before':>12}{'after':>12}")
        for each, row in zip(found, rows, strict=True):
            figures = "".join(f"{row[when]:>7}/{row['of']:<4}" for when in ("before", "after"))
            print(f"{row['name']:28}{figures}   {each.wanted}: {'holds' if row['holds'] else 'MISSED'}")
            for miss in row["wrong"] if options.misses else ():
                print(f"    {miss}")
        print(f'\nGo on with: modelwright run {MODEL} "Who rules Korvath?"')
    return 0 if all(row["holds"] for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
