"""Wordings: the same question, said a little differently.

So that a small model learns what is asked and not how it was typed. Pure: the
same question, number and seed give the same wording.
"""

import random
from typing import Final

DROPPED: Final = 0.2
"""Share of the words that a careless writer leaves out."""
FIRST_KEPT: Final = 3
"""Words that a question needs to be one at all."""


def reworded(question: str, number: int, seed: int) -> str:
    """A careless wording: words left out, perhaps no full stop, perhaps no capital."""
    chance = random.Random(f"{seed}:{number}:{question}")
    words = question.split(" ")
    if len(words) > FIRST_KEPT:
        kept = [word for word in words if chance.random() >= DROPPED]
        words = kept if len(kept) >= FIRST_KEPT else words
    text = " ".join(words)
    if chance.random() < 0.5:
        text = text.rstrip("?!. ")
    if chance.random() < 0.3:
        text = text[:1].lower() + text[1:]
    return text or question


def wordings(question: str, count: int, share: float, seed: int) -> tuple[str, ...]:
    """So many wordings, of which about `share` are careless; the first is as it was."""
    chance = random.Random(f"{seed}:{question}")
    return (
        question,
        *(
            reworded(question, number, seed) if chance.random() < share else question
            for number in range(1, count)
        ),
    )
