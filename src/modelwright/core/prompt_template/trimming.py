"""Trimming: which turns a context has room for.

Facts: Ollama, server/prompt.go. Whole turns go, the oldest first; system turns and
the last one stay. What a prompt takes is the caller's to say.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, Protocol, TypeVar

from modelwright.core.prompt_template.turns import Turn


class Spoken(Protocol):
    """A turn, whatever else it has."""

    @property
    def role(self) -> str: ...


T = TypeVar("T", bound=Spoken)


def trim(turns: Sequence[T], room: int, count: Callable[[Sequence[T]], int]) -> list[T]:
    """As many of the last turns as `room` tokens hold, by halving.

    `count` gives the tokens of a rendered conversation and is asked about
    log2(turns) times, so fewer turns must never take more.
    """
    low, high = 0, max(len(turns) - 1, 0)
    while low < high:
        middle = (low + high) // 2
        if count(without_oldest(turns, middle)) <= room:
            high = middle
        else:
            low = middle + 1
    return without_oldest(turns, low)


def count_dropped(turns: Sequence[Spoken], costs: Sequence[int], excess: int, dropped: int = 0) -> int:
    """How many of the first turns must go so that `excess` tokens do.

    `costs` are the tokens of each turn's own text; `dropped` have gone already
    and were not enough. At least one more goes, but never the last turn.
    """
    last = len(turns) - 1
    freed = 0
    for place in range(dropped, last):
        if freed >= excess and place > dropped and turns[place].role != "tool":
            return place  # what a tool gave says nothing without its call
        freed += 0 if turns[place].role == "system" else costs[place]
    return max(last, 0)


def tag_images(turns: Sequence[Turn]) -> tuple[list[Turn], list[Any]]:
    """Put [img-0], [img-1], ... where each image belongs, and give the images.

    That is where the text says [img], else in front of it.
    """
    media: list[Any] = []
    tagged: list[Turn] = []
    for turn in turns:
        content, front = turn.content, ""
        for image in turn.images:
            tag = f"[img-{len(media)}]"
            if "[img]" in content:
                content = content.replace("[img]", tag, 1)
            else:
                front += tag
            media.append(image)
        tagged.append(replace(turn, content=front + content))
    return tagged, media


def without_oldest(turns: Sequence[T], dropped: int) -> list[T]:
    """The turns after the first ones, and the system turns among those."""
    return [*(turn for turn in turns[:dropped] if turn.role == "system"), *turns[dropped:]]
