"""Counting: which tokens belong to which of several texts.

Pure. One question to the engine for all texts of a conversation, since each
costs a millisecond and there may be ten thousand.
"""

from bisect import bisect_left
from collections.abc import Sequence
from itertools import accumulate, pairwise


def shared_counts(texts: Sequence[str], pieces: Sequence[str | Sequence[int]]) -> tuple[int, ...]:
    """Tokens of each text, where `pieces` are those of all, joined by line ends.

    A token belongs to the text in which it begins. A piece that is no text is
    given by its bytes. Some tokenizers put a blank before all, hence "roughly".
    """
    sizes = [len(piece.encode()) if isinstance(piece, str) else len(piece) for piece in pieces]
    starts = [0, *accumulate(sizes)][: len(sizes)]
    edges = [0, *accumulate(len(text.encode()) + 1 for text in texts)]
    places = [bisect_left(starts, edge) for edge in edges]
    places[-1] = len(starts)
    return tuple(after - before for before, after in pairwise(places))
