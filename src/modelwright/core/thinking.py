"""Thinking: what a model says to itself, parted from what it answers.

Facts: Ollama, thinking/parser.go and server/routes.go (filterThinkTags).
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from modelwright.core.chat import Message

OPENING: Final = "<think>"
CLOSING: Final = "</think>"


@dataclass(frozen=True, slots=True)
class Parted:
    """A piece of an answer: either part may be empty."""

    thinking: str = ""
    content: str = ""


class ThinkingParser:
    """Parts a stream; a thought stands at the beginning or nowhere.

    `begun`: the prompt ends with the opening tag, so the answer starts inside.
    """

    def __init__(self, opening: str = OPENING, closing: str = CLOSING, *, begun: bool = False) -> None:
        self._opening = opening
        self._closing = closing
        self._held = ""
        self._place = "inside" if begun else "before"
        self._skips_blanks = True

    @property
    def is_over(self) -> bool:
        """Whether all that comes is the answer."""
        return self._place == "after"

    def add(self, piece: str) -> Parted:
        """What the piece completes; what may be part of a tag is held."""
        if self._place == "after":
            return Parted("", self._unblanked(piece))
        self._held += piece
        if self._place == "before" and not self._enter():
            held, self._held = (self._held, "") if self._place == "after" else ("", self._held)
            return Parted("", held)
        return self._inside()

    def finish(self) -> Parted:
        """What was held when the answer ended."""
        held, self._held = self._held, ""
        return Parted(held, "") if self._place == "inside" else Parted("", held)

    def _enter(self) -> bool:
        """Whether the opening tag is there; sets the place when that is certain."""
        start = self._held.lstrip()
        if start.startswith(self._opening):
            self._held = start[len(self._opening) :]
            self._place = "inside"
            return True
        if not self._opening.startswith(start):
            self._place, self._skips_blanks = "after", False
        return False

    def _inside(self) -> Parted:
        text, found, rest = self._held.partition(self._closing)
        if found:
            thinking = self._unblanked(text)
            self._held, self._place, self._skips_blanks = "", "after", True
            return Parted(thinking, self._unblanked(rest))
        kept = overlap(text, self._closing)
        self._held = text[len(text) - kept :]
        return Parted(self._unblanked(text[: len(text) - kept]), "")

    def _unblanked(self, text: str) -> str:
        """The text without the blanks that follow a tag."""
        if self._skips_blanks:
            text = text.lstrip()
            self._skips_blanks = not text
        return text


def overlap(text: str, tag: str) -> int:
    """How many characters at the end of the text begin the tag."""
    longest = min(len(text), len(tag))
    return next((count for count in range(longest, 0, -1) if text.endswith(tag[:count])), 0)


def without_old_thoughts(messages: Sequence[Message], *, family: str, model: str) -> list[Message]:
    """Answers before the last question without thoughts, where a model wants it so.

    `family`: the architecture of the weights; `model`: the model's part of its name.
    """
    if family != "qwen3" and model != "deepseek-r1":
        return list(messages)
    asked = max((number for number, each in enumerate(messages) if each.role == "user"), default=-1)
    return [
        replace(message, content=ThinkingParser().add(message.content).content)
        if message.role == "assistant" and number < asked
        else message
        for number, message in enumerate(messages)
    ]
