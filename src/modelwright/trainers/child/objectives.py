"""Objectives: what is made small; learning by example, by preference, by reward.

Each takes the rows of a step, runs them through the network in pieces, and
leaves gradients behind. Formulas: Rafailov et al. 2023 (DPO), Shao et al. 2024
(GRPO, its KL estimator too).
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias

import torch
from torch import Tensor
from torch.nn.functional import logsigmoid

from modelwright.core.token_rows import GroupRow, PairRow, TaughtRow
from modelwright.trainers.child.network import Network
from modelwright.trainers.child.order import cut

Example: TypeAlias = tuple[tuple[int, ...], tuple[int, ...]]
Measures: TypeAlias = Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Share:
    """Which part of each step is this process's, of how many."""

    rank: int = 0
    world: int = 1

    def of(self, pieces: Iterable[Any]) -> list[Any]:
        return [piece for place, piece in enumerate(pieces) if place % self.world == self.rank]


@dataclass(frozen=True, slots=True)
class Limits:
    """`piece`: tokens computed at once; `row`: tokens of one row."""

    piece: int
    row: int

    def fit(self, prompt: Sequence[int], answer: Sequence[int]) -> Example:
        """A row that is not too long: the answer whole if it can be, the prompt's end."""
        answer = tuple(answer)[: self.row - 1]
        return tuple(prompt)[max(0, len(prompt) + len(answer) - self.row) :], answer


class Objective(Protocol):
    """A method of learning from rows that it was given once."""

    def learn(self, rows: Sequence[tuple[int, int]], step: int) -> Measures:
        """Leave the gradients of a step; `loss` and `tokens` are among what is measured."""
        ...

    def measure(self) -> Measures:
        """How well the rows held back are known."""
        ...

    def state(self) -> Mapping[str, Any]:
        """What a checkpoint must keep of it."""
        ...

    def restore(self, state: Mapping[str, Any]) -> None: ...


class Examples:
    """Supervised: the answers become likely."""

    def __init__(
        self,
        network: Network,
        rows: Sequence[TaughtRow],
        held: Sequence[TaughtRow],
        limits: Limits,
        share: Share,
    ) -> None:
        self._network = network
        self._rows = rows
        self._held = [limits.fit(row.prompts[0], row.answer) for row in held]
        self._limits = limits
        self._share = share

    def learn(self, rows: Sequence[tuple[int, int]], step: int) -> Measures:
        chosen = [(self._rows[index], epoch) for index, epoch in rows]
        examples = [
            self._limits.fit(row.prompts[epoch % len(row.prompts)], row.answer) for row, epoch in chosen
        ]
        tokens = sum(_counted(example) for example in examples)
        loss, right = 0.0, 0
        for piece in self._share.of(_pieces(examples, self._limits)):
            found, hits = self._network.examples(piece)
            part = -found.sum() / tokens
            part.backward()
            loss, right = loss + part.item(), right + hits
        seen = sum(len(prompt) + len(answer) for prompt, answer in examples)
        return {"loss": loss, "accuracy": right / tokens, "tokens": seen}

    def measure(self) -> Measures:
        total, right, tokens = 0.0, 0, 0
        with self._network.measuring():
            for piece in _pieces(self._held, self._limits):
                found, hits = self._network.examples(piece)
                total, right, tokens = total - found.sum().item(), right + hits, tokens + len(found)
        return {"loss": total / max(tokens, 1), "accuracy": right / max(tokens, 1)}

    def state(self) -> Mapping[str, Any]:
        return {}

    def restore(self, state: Mapping[str, Any]) -> None:
        pass


class Preferences:
    """DPO: the better answer gains on the worse one, from where training began."""

    def __init__(
        self,
        network: Network,
        rows: Sequence[PairRow],
        held: Sequence[PairRow],
        limits: Limits,
        share: Share,
        beta: float,
    ) -> None:
        self._network = network
        self._beta = beta
        self._limits = limits
        self._share = share
        self._pairs = [_pair(row, limits) for row in rows]
        self._held = [_pair(row, limits) for row in held]
        self._before = self._margins(self._pairs)
        self._held_before = self._margins(self._held)

    def learn(self, rows: Sequence[tuple[int, int]], step: int) -> Measures:
        indices = [index for index, _ in rows]
        lengths = [_length(self._pairs[index]) for index in indices]
        loss, right, margin = 0.0, 0, 0.0
        for piece in self._share.of(cut(indices, lengths, self._limits.piece)):
            before = torch.tensor([self._before[index] for index in piece])
            gained = self._margin([self._pairs[index] for index in piece]).cpu() - before
            part = -logsigmoid(self._beta * gained).sum() / len(indices)
            part.backward()
            loss, right = loss + part.item(), right + int((gained > 0).sum())
            margin += self._beta * gained.sum().item()
        tokens = sum(len(part) for index in indices for example in self._pairs[index] for part in example)
        return {
            "loss": loss,
            "tokens": tokens,
            "accuracy": right / len(indices),
            "margin": margin / len(indices),
        }

    def measure(self) -> Measures:
        gained = torch.tensor(self._margins(self._held)) - torch.tensor(self._held_before)
        loss = -logsigmoid(self._beta * gained).mean().item()
        return {"loss": loss, "accuracy": (gained > 0).float().mean().item()}

    def state(self) -> Mapping[str, Any]:
        return {}

    def restore(self, state: Mapping[str, Any]) -> None:
        pass

    def _margins(self, pairs: Sequence[tuple[Example, Example]]) -> list[float]:
        found = [0.0] * len(pairs)
        with self._network.measuring():
            for piece in cut(range(len(pairs)), [_length(pair) for pair in pairs], self._limits.piece):
                for index, margin in zip(
                    piece, self._margin([pairs[i] for i in piece]).tolist(), strict=True
                ):
                    found[index] = margin
        return found

    def _margin(self, pairs: Sequence[tuple[Example, Example]]) -> Tensor:
        """How much likelier the better answers are than the worse ones."""
        found = self._network.likelihoods([example for pair in pairs for example in pair])
        sums = torch.stack([one.sum() for one in found])
        return sums[::2] - sums[1::2]


@dataclass(frozen=True, slots=True)
class Rated:
    """An answer, its advantage over its group, and its tokens' likelihoods before."""

    example: Example
    advantage: float
    old: tuple[float, ...]
    reference: tuple[float, ...]


class Rewards:
    """GRPO: answers better than their group's mean become a little likelier."""

    def __init__(
        self,
        network: Network,
        groups: "Groups",
        limits: Limits,
        share: Share,
        settings: Mapping[str, Any],
    ) -> None:
        self._network = network
        self._groups = groups
        self._limits = limits
        self._share = share
        self._settings = settings
        self._rated: list[Rated] = []
        self._measures: Measures = {}

    def learn(self, rows: Sequence[tuple[int, int]], step: int) -> Measures:
        if step % self._settings["learning_steps"] == 0:
            self._rate(self._groups.of([index for index, _ in rows], step))
        loss, drift = 0.0, 0.0
        lengths = [len(rated.example[0]) + len(rated.example[1]) for rated in self._rated]
        for piece in self._share.of(cut(self._rated, lengths, self._limits.piece)):
            part, moved = self._loss(piece)
            (part / len(self._rated)).backward()
            loss += part.item() / len(self._rated)
            drift += moved / len(self._rated)
        return {"loss": loss, "tokens": sum(lengths), "kl": drift, **self._measures}

    def measure(self) -> Measures:
        return {}

    def state(self) -> Mapping[str, Any]:
        rated = [(r.example, r.advantage, r.old, r.reference) for r in self._rated]
        return {"rated": rated, "measures": dict(self._measures)}

    def restore(self, state: Mapping[str, Any]) -> None:
        self._rated = [Rated(*values) for values in state["rated"]]
        self._measures = state["measures"]

    def _loss(self, piece: Sequence[Rated]) -> tuple[Tensor, float]:
        """The clipped gain and the pull to the reference, summed over answers."""
        epsilon, beta = self._settings["epsilon"], self._settings["beta"]
        parts, drift = [], 0.0
        now = self._network.likelihoods([rated.example for rated in piece])
        for rated, new in zip(piece, now, strict=True):
            old, reference = torch.tensor(rated.old).to(new), torch.tensor(rated.reference).to(new)
            ratio = torch.exp(new - old)
            clipped = ratio.clamp(1 - epsilon, 1 + epsilon)
            gain = torch.minimum(ratio * rated.advantage, clipped * rated.advantage)
            away = reference - new
            kl = torch.exp(away) - away - 1
            parts.append((beta * kl - gain).mean())
            drift += kl.mean().item()
        return torch.stack(parts).sum(), drift

    def _rate(self, groups: Sequence[GroupRow]) -> None:
        examples, advantages, telling = [], [], 0
        for group in groups:
            mean = math.fsum(group.rewards) / len(group.rewards)
            spread = math.sqrt(
                math.fsum((r - mean) ** 2 for r in group.rewards) / max(len(group.rewards) - 1, 1)
            )
            telling += spread > 0
            for answer, reward in zip(group.answers, group.rewards, strict=True):
                if answer:
                    examples.append(self._limits.fit(group.prompt, answer))
                    # A single answer has no group to be compared with: its reward is its weight.
                    lone = len(group.rewards) == 1
                    advantages.append(reward if lone else (reward - mean) / (spread + 1e-4))
        old = self._known(examples, adapted=True)
        reference = self._known(examples, adapted=False)
        self._rated = [Rated(*each) for each in zip(examples, advantages, old, reference, strict=True)]
        rewards = [reward for group in groups for reward in group.rewards]
        self._measures = {
            "reward": math.fsum(rewards) / max(len(rewards), 1),
            "groups": float(len(groups)),
            "groups_with_signal": float(telling + sum(len(group.rewards) == 1 for group in groups)),
        }

    def _known(self, examples: Sequence[Example], *, adapted: bool) -> list[tuple[float, ...]]:
        found: list[tuple[float, ...]] = [()] * len(examples)
        lengths = [len(prompt) + len(answer) for prompt, answer in examples]
        with self._network.measuring(adapted=adapted):
            for piece in cut(range(len(examples)), lengths, self._limits.piece):
                known = self._network.likelihoods([examples[index] for index in piece])
                for index, numbers in zip(piece, known, strict=True):
                    found[index] = tuple(numbers.tolist())
        return found


class Groups(Protocol):
    """Where answers with rewards come from."""

    def of(self, indices: Sequence[int], step: int) -> Sequence[GroupRow]:
        """The groups of these rows."""
        ...


def _pieces(examples: Sequence[Example], limits: Limits) -> Iterable[list[Example]]:
    return cut(examples, [len(prompt) + len(answer) for prompt, answer in examples], limits.piece)


def _counted(example: Example) -> int:
    """Tokens of an answer that something stands before."""
    prompt, answer = example
    return len(answer) if prompt else len(answer) - 1


def _pair(row: PairRow, limits: Limits) -> tuple[Example, Example]:
    return limits.fit(row.prompt, row.chosen), limits.fit(row.prompt, row.rejected)


def _length(pair: tuple[Example, Example]) -> int:
    """Tokens of a pair, padded."""
    return 2 * max(len(prompt) + len(answer) for prompt, answer in pair)
