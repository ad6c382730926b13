"""Order: which rows each step learns from, a pure function of seed and step.

So a resumed run needs no memory of what it has seen.
"""

import math
import random
from collections.abc import Iterator, Sequence
from typing import Final, TypeVar

T = TypeVar("T")
WASTE: Final = 1.5
"""How much longer the longest row of a piece may be than its shortest: the rest is padding."""


class Order:
    """`count` rows in steps of `batch`, shuffled anew each time they are gone through."""

    def __init__(self, count: int, batch: int, seed: int) -> None:
        self._count = count
        self._batch = min(batch, count) or 1
        self._seed = seed
        self._known: dict[int, list[int]] = {}

    def steps(self, epochs: float) -> int:
        """How many steps go through all rows so often."""
        return max(1, math.ceil(epochs * self._count / self._batch))

    def rows(self, step: int) -> list[tuple[int, int]]:
        """The rows of a step, each with the number of the time it comes."""
        first = step * self._batch
        return [self._row(place) for place in range(first, first + self._batch)]

    def _row(self, place: int) -> tuple[int, int]:
        epoch, index = divmod(place, self._count)
        if epoch not in self._known:
            self._known = {old: self._known[old] for old in self._known if old >= epoch - 1}
            shuffled = list(range(self._count))
            random.Random(f"{self._seed}:{epoch}").shuffle(shuffled)
            self._known[epoch] = shuffled
        return self._known[epoch][index], epoch


def cut(rows: Sequence[T], lengths: Sequence[int], most: int) -> Iterator[list[T]]:
    """Pieces of at most `most` tokens, padding included; like lengths together."""
    piece: list[T] = []
    width = 0
    for place in sorted(range(len(rows)), key=lambda place: (-lengths[place], place)):
        if piece and ((len(piece) + 1) * width > most or lengths[place] * WASTE < width):
            yield piece
            piece = []
        # Sorted by falling length, the first row of a piece says how wide it is.
        width = width if piece else lengths[place]
        piece.append(rows[place])
    if piece:
        yield piece
