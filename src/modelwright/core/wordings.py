"""Wordings: the same question, said a little differently.

So that a small model learns what is asked and not how it was typed. Pure: the
same question, number and seed give the same wording, on every machine.
"""

import hashlib
from collections.abc import Iterator
from typing import Final

DROPPED: Final = 0.2
"""Share of the words that a careless writer leaves out."""
FIRST_KEPT: Final = 3
"""Words that a question needs to be one at all."""
_OPENINGS: Final = ("please tell me: ", "Question: ", "I want to know: ", "Say: ")


def reworded(question: str, number: int, seed: int) -> str:
    """A careless wording: words left out, perhaps no full stop or no capital."""
    chance = _chances(f"{seed}:{number}:{question}")
    words = question.split(" ")
    if len(words) > FIRST_KEPT:
        kept = [word for word in words if next(chance) >= DROPPED]
        words = kept if len(kept) >= FIRST_KEPT else words
    text = " ".join(words)
    if next(chance) < 0.5:
        text = text.rstrip("?!. ")
    if next(chance) < 0.3:
        text = text[:1].lower() + text[1:]
    if next(chance) < 0.15:
        text = _OPENINGS[int(next(chance) * len(_OPENINGS))] + text
    return text or question


def wordings(question: str, count: int, share: float, seed: int) -> tuple[str, ...]:
    """So many wordings, of which about `share` are careless; the first is as it was."""
    chance = _chances(f"{seed}:{question}")
    return (
        question,
        *(
            reworded(question, number, seed) if next(chance) < share else question
            for number in range(1, count)
        ),
    )


def _chances(source: str) -> Iterator[float]:
    """Numbers from 0 up to 1 that follow from a text; core has no generator of them."""
    block = hashlib.sha256(source.encode("utf-8", "surrogatepass")).digest()
    while True:
        for place in range(0, len(block), 4):
            yield int.from_bytes(block[place : place + 4]) / 2**32
        block = hashlib.sha256(block).digest()
