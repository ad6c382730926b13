"""Conversations to length-bucketed batches with the weights of the loss.

Deterministic by seed and resumable at any window. Knows nothing of the network.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain, islice

import numpy as np
from numpy.typing import NDArray

from modelwright.starter.corpus.conversation import Conversation
from modelwright.starter.corpus.mix import conversations
from tools.starter.tokenizer import END_OF_TEXT, ChatEncoder

WINDOW = 4096
"""Conversations that are sorted by length together."""
CURRICULUM = 60_000
"""Conversations at the start of which 45 % are pure copying."""
Row = tuple[NDArray[np.int16], NDArray[np.bool_]]


@dataclass(frozen=True, slots=True)
class Batch:
    """Right-padded rows; `assistant` marks ids that the assistant says."""

    ids: NDArray[np.int64]
    assistant: NDArray[np.bool_]
    lengths: NDArray[np.int64]

    @property
    def tokens(self) -> int:
        return int(self.lengths.sum())

    def targets(
        self, other_weight: float
    ) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float32]]:
        """Flat positions that count, the next id at each, and its weight.

        The assistant's tokens weigh 1, all others `other_weight`; positions of
        weight 0 and padding are left out.
        """
        width = self.ids.shape[1]
        weight = np.where(self.assistant[:, 1:], 1.0, other_weight).astype(np.float32)
        weight[np.arange(1, width)[None, :] >= self.lengths[:, None]] = 0.0
        row, column = np.nonzero(weight)
        return row * width + column, self.ids[row, column + 1], weight[row, column]


def stream(seed: int, *, curriculum: bool) -> Iterator[Conversation]:
    """The training conversations in order."""
    plain = conversations(seed + 1, curriculum=False)
    if not curriculum:
        return plain
    return chain(islice(conversations(seed, curriculum=True), CURRICULUM), plain)


def batches(
    encoder: ChatEncoder, source: Iterator[Conversation], *, seed: int, tokens: int, first_window: int = 0
) -> Iterator[tuple[int, list[Batch]]]:
    """Endless (window number, its batches), from `first_window` on.

    A batch has about `tokens` tokens of rows of similar length. Windows before
    the first are generated and dropped, so that a resumed run sees what an
    uninterrupted one would.
    """
    for _ in islice(source, first_window * WINDOW):
        pass
    number = first_window
    while window := list(islice(source, WINDOW)):
        random = np.random.default_rng((seed, number))
        rows = encoder.encode(window)
        order = random.permutation(len(rows))
        order = order[np.argsort([len(rows[i][0]) for i in order], kind="stable")]
        groups = list(_cut([rows[i] for i in order], tokens))
        yield number, [_pad(groups[i]) for i in random.permutation(len(groups))]
        number += 1


def _cut(rows: list[Row], tokens: int) -> Iterator[list[Row]]:
    group: list[Row] = []
    for row in rows:
        if group and (len(group) + 1) * len(row[0]) > tokens:
            yield group
            group = []
        group.append(row)
    yield group


def _pad(rows: list[Row]) -> Batch:
    lengths = np.array([len(ids) for ids, _ in rows], dtype=np.int64)
    shape = (len(rows), int(lengths.max()))
    ids = np.full(shape, END_OF_TEXT, dtype=np.int64)
    assistant = np.zeros(shape, dtype=np.bool_)
    for row, (row_ids, row_assistant) in enumerate(rows):
        ids[row, : len(row_ids)] = row_ids
        assistant[row, : len(row_ids)] = row_assistant
    return Batch(ids, assistant, lengths)
