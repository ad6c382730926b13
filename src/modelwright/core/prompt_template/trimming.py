"""Trimming: which turns a context has room for.

Facts: Ollama, server/prompt.go. Whole turns go, the oldest first; system turns and
the last one stay. What a prompt takes is the caller's to say.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from modelwright.core.prompt_template.turns import Turn


def trim(turns: Sequence[Turn], room: int, count: Callable[[Sequence[Turn]], int]) -> list[Turn]:
    """As many of the last turns as `room` tokens hold, by halving.

    `count` gives the tokens of a rendered conversation and is asked about
    log2(turns) times, so fewer turns must never take more.
    """
    low, high = 0, max(len(turns) - 1, 0)
    while low < high:
        middle = (low + high) // 2
        if count(_without(turns, middle)) <= room:
            high = middle
        else:
            low = middle + 1
    return _without(turns, low)


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


def _without(turns: Sequence[Turn], dropped: int) -> list[Turn]:
    """The turns after the first ones, and the system turns among those."""
    return [*(turn for turn in turns[:dropped] if turn.role == "system"), *turns[dropped:]]
