"""Token rows: a dataset as a trainer takes it, numbers instead of text.

One JSON line for each. Which text the tokens stand for, and how a conversation
is laid out, was settled before, by the engine that will serve the result.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

Tokens: TypeAlias = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class TaughtRow:
    """What stands before, in one or several wordings, and what is to follow."""

    prompts: tuple[Tokens, ...]
    answer: Tokens


@dataclass(frozen=True, slots=True)
class PairRow:
    """A prompt, the better answer and the worse one."""

    prompt: Tokens
    chosen: Tokens
    rejected: Tokens


@dataclass(frozen=True, slots=True)
class GroupRow:
    """A prompt, answers to it and their rewards."""

    prompt: Tokens
    answers: tuple[Tokens, ...]
    rewards: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class QuestionRow:
    """A prompt that is to be answered; its rewards look at `reference`."""

    prompt: Tokens
    reference: Mapping[str, Any] = field(default_factory=dict)


TokenRow: TypeAlias = TaughtRow | PairRow | GroupRow | QuestionRow


def to_line(row: TokenRow) -> bytes:
    """The row as a line of JSON."""
    match row:
        case TaughtRow():
            tree: dict[str, Any] = {"prompts": row.prompts, "answer": row.answer}
        case PairRow():
            tree = {"prompt": row.prompt, "chosen": row.chosen, "rejected": row.rejected}
        case GroupRow():
            tree = {"prompt": row.prompt, "answers": row.answers, "rewards": row.rewards}
        case QuestionRow():
            tree = {"prompt": row.prompt, "reference": row.reference}
    return json.dumps(tree, separators=(",", ":")).encode() + b"\n"


def from_lines(lines: Iterable[bytes]) -> Iterator[TokenRow]:
    """The rows of such lines; they are our own and are not checked again."""
    for line in lines:
        tree = json.loads(line)
        if "answer" in tree:
            yield TaughtRow(tuple(map(tuple, tree["prompts"])), tuple(tree["answer"]))
        elif "chosen" in tree:
            yield PairRow(tuple(tree["prompt"]), tuple(tree["chosen"]), tuple(tree["rejected"]))
        elif "answers" in tree:
            answers = tuple(map(tuple, tree["answers"]))
            yield GroupRow(tuple(tree["prompt"]), answers, tuple(tree["rewards"]))
        else:
            yield QuestionRow(tuple(tree["prompt"]), tree["reference"])
