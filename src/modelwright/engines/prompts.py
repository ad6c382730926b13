"""Prompts in pieces: which parts of them are the same, without reading tokens.

Pieces are compared to choose a slot; what they leave out (images, tools) can
make a choice slower, never an answer wrong.
"""

from collections.abc import Sequence
from typing import Final, NamedTuple

from modelwright.core.chat import Message
from modelwright.core.ports import EngineNeeds

PIECE: Final = 512
"""Characters of a text that are compared as one."""


class Pieces(NamedTuple):
    """What a prompt is made of: what all of its model's begin with, and the rest."""

    constant: tuple[str, ...] = ()
    rest: tuple[str, ...] = ()


def conversation(messages: Sequence[Message], needs: EngineNeeds) -> Pieces:
    """The pieces of a conversation; none is constant if it begins otherwise."""
    constant = needs.constant
    length = 0 if isinstance(constant, str) or tuple(messages[: len(constant)]) != constant else len(constant)
    pieces = tuple(f"{message.role}\0{message.content}" for message in messages)
    return Pieces(pieces[:length], pieces[length:])


def text(prompt: str, needs: EngineNeeds) -> Pieces:
    """The same for a text."""
    constant = needs.constant if isinstance(needs.constant, str) and prompt.startswith(needs.constant) else ""
    rest = (prompt[at : at + PIECE] for at in range(len(constant), len(prompt), PIECE))
    return Pieces((constant,) if constant else (), tuple(rest))


def constant_part(needs: EngineNeeds) -> Pieces:
    """The same for what a model's prompts begin with."""
    constant = needs.constant
    return text(constant, needs) if isinstance(constant, str) else conversation(constant, needs)
