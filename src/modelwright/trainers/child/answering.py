"""Answering: the network answers questions, and declared rewards judge it.

Every process of a run makes the same answers, from a generator of its own that
is seeded by step and row: nothing has to be sent around or kept.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import regex
import torch
from torch import Tensor
from transformers import AutoTokenizer

from modelwright.core.rewards import Answer, total
from modelwright.core.token_rows import GroupRow, QuestionRow
from modelwright.trainers.child.network import Network

PATTERN_SECONDS: Final = 0.1
"""How long one pattern may look at one answer."""


class GivenGroups:
    """Answers and rewards that came with the rows."""

    def __init__(self, rows: Sequence[GroupRow]) -> None:
        self._rows = rows

    def of(self, indices: Sequence[int], step: int) -> Sequence[GroupRow]:
        return [self._rows[index] for index in indices]


class AnsweredGroups:
    """Answers that the network makes as it is by then."""

    def __init__(
        self,
        network: Network,
        rows: Sequence[QuestionRow],
        weights: Path,
        end: int,
        rewards: Sequence[Mapping[str, Any]],
        settings: Mapping[str, Any],
    ) -> None:
        self._network = network
        self._rows = rows
        self._end = end
        self._rewards = rewards
        self._settings = settings
        self._tokenizer = AutoTokenizer.from_pretrained(str(weights.parent), gguf_file=weights.name)

    def of(self, indices: Sequence[int], step: int) -> Sequence[GroupRow]:
        return [self._group(self._rows[index], index, step) for index in indices]

    def _group(self, row: QuestionRow, index: int, step: int) -> GroupRow:
        generator = torch.Generator().manual_seed(hash((self._settings["seed"], step, index)) % 2**63)
        answers = self._answers(row.prompt, generator)
        return GroupRow(row.prompt, answers, tuple(self._reward(answer, row.reference) for answer in answers))

    def _reward(self, answer: tuple[int, ...], reference: Mapping[str, Any]) -> float:
        words = answer[:-1] if answer[-1:] == (self._end,) else answer
        text = self._tokenizer.decode(list(words), skip_special_tokens=True)
        return total(self._rewards, Answer(text, reference, len(words)), _search)

    def _answers(self, prompt: tuple[int, ...], generator: torch.Generator) -> tuple[tuple[int, ...], ...]:
        count = self._settings["generations"]
        ids, cache = torch.tensor([prompt] * count), None
        made: list[list[int]] = [[] for _ in range(count)]
        with self._network.measuring():
            for _ in range(self._settings["answer_tokens"]):
                logits, cache = self._network.next_logits(ids, cache)
                ids = self._sampled(logits, generator)
                for tokens, token in zip(made, ids[:, 0].tolist(), strict=True):
                    if tokens[-1:] != [self._end]:
                        tokens.append(token)
                if all(tokens[-1] == self._end for tokens in made):
                    break
        return tuple(map(tuple, made))

    def _sampled(self, logits: Tensor, generator: torch.Generator) -> Tensor:
        chances = torch.softmax(logits / self._settings["temperature"], dim=-1)
        return torch.multinomial(chances, 1, generator=generator)


def _search(pattern: str, text: str) -> bool:
    """Whether a pattern occurs; one that takes too long does not."""
    try:
        return regex.search(pattern, text, timeout=PATTERN_SECONDS) is not None
    except TimeoutError:
        return False
