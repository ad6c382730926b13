"""Prompts in pieces: which parts of them are the same, without reading tokens.

Pieces are compared to choose a slot; what they leave out (images, tools) can
make a choice slower, never an answer wrong.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

import orjson

from modelwright.core.chat import PLAIN, AnswerOptions, Message
from modelwright.engines.bodies import template_fields

PIECE: Final = 512
"""Characters of a text that are compared as one."""


class Pieces(NamedTuple):
    """What a prompt is made of: what all of its model's begin with, and the rest."""

    constant: tuple[str, ...] = ()
    rest: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Constant:
    """What all prompts of a model begin with: messages with options, or text."""

    content: tuple[Message, ...] | str = ()
    options: AnswerOptions = PLAIN

    def tree(self) -> list[object]:
        """All of it as JSON."""
        if isinstance(self.content, str):
            return [self.content]
        return [[[turn.role, turn.content] for turn in self.content], template_fields(self.options)]


def conversation(messages: Sequence[Message], constant: Constant) -> Pieces:
    """The pieces of a conversation; none is constant if it begins otherwise."""
    beginning = constant.content
    length = (
        0 if isinstance(beginning, str) or tuple(messages[: len(beginning)]) != beginning else len(beginning)
    )
    fields = orjson.dumps(template_fields(constant.options)).decode()
    pieces = tuple(f"{message.role}\0{message.content}" for message in messages)
    return Pieces((fields, *pieces[:length]), pieces[length:]) if length else Pieces((), (fields, *pieces))


def text(prompt: str, constant: Constant, before: Sequence[int] | None = None) -> Pieces:
    """The same for a text, which may come after tokens."""
    beginning = constant.content
    if before or not isinstance(beginning, str) or not prompt.startswith(beginning):
        beginning = ""
    rest = (prompt[at : at + PIECE] for at in range(len(beginning), len(prompt), PIECE))
    return Pieces((beginning,) if beginning else (), (*([repr(before)] if before else []), *rest))


def constant_part(constant: Constant) -> Pieces:
    """The same for what a model's prompts begin with."""
    content = constant.content
    return text(content, constant) if isinstance(content, str) else conversation(content, constant)
