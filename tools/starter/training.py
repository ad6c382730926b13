"""The training loop of the starter: schedule, steps, checkpoints, log.

A run is planned in tokens, so that it can be resumed with another total. Knows
nothing of GGUF or of evaluation by questions.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor
from torch.nn import functional as F

from tools.starter.batches import Batch, batches, stream
from tools.starter.muon import MuonAdam
from tools.starter.network import Shape, Starter
from tools.starter.tokenizer import ChatEncoder

MATRICES = ("qkv", "attention_output", "gate_up", "down")
UNSEEN_SEED = 990_001
UNSEEN_TOKENS = 30_000


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything that decides the result of a run."""

    tokens: int = 30_000_000
    batch_tokens: int = 4096
    rate: float = 3e-3
    warm_up_steps: int = 100
    constant_share: float = 0.6
    last_rate_share: float = 0.01
    mixed_share: float = 0.36
    other_weight: float = 0.3
    curriculum: bool = True
    clip: float = 1.0
    seed: int = 1

    def rate_at(self, step: int, tokens: int) -> float:
        """Warm-up, constant, then linear to the last rate at the end."""
        done = min(tokens / self.tokens, 1.0)
        left = (1.0 - done) / (1.0 - self.constant_share) if done > self.constant_share else 1.0
        falling = self.last_rate_share + (1.0 - self.last_rate_share) * left
        return self.rate * falling * min(1.0, (step + 1) / self.warm_up_steps)

    def other_weight_at(self, tokens: int) -> float:
        return self.other_weight if tokens < self.mixed_share * self.tokens else 0.0


@dataclass(slots=True)
class Progress:
    """Where a run stands; `window` and `batch` name the next batch."""

    step: int = 0
    tokens: int = 0
    window: int = 0
    batch: int = 0
    seconds: float = 0.0


class Run:
    """A training run in a folder: `log.jsonl` and the latest checkpoint."""

    def __init__(self, folder: Path, plan: Plan, encoder: ChatEncoder, *, compiled: bool = False) -> None:
        self.folder, self.plan, self.progress = folder, plan, Progress()
        folder.mkdir(parents=True, exist_ok=True)
        self._encoder = encoder
        self._network = Starter(Shape(), plan.seed)
        parameters = dict(self._network.named_parameters())
        self._optimiser = MuonAdam(
            {name: parameters[name] for name in MATRICES},
            {name: p for name, p in parameters.items() if name not in MATRICES},
        )
        self._forward = torch.compile(self._network, dynamic=True) if compiled else self._network

    def start_from(self, weights: Path) -> None:
        """Take the weights of another run or checkpoint, with a fresh optimiser."""
        state = load_file(weights)
        self._network.load_state_dict(_part(state, "network.") or state)

    def resume(self) -> None:
        """Continue the folder's checkpoint; the plan may have another total."""
        state = load_file(self.folder / "checkpoint.safetensors")
        self._network.load_state_dict(_part(state, "network."))
        self._optimiser.restore(_part(state, "optimiser."))
        self.progress = Progress(**json.loads((self.folder / "checkpoint.json").read_text())["progress"])

    def train(self, *, checkpoint_seconds: float = 180.0, log_steps: int = 20) -> None:
        """Train to the end of the plan; write checkpoints and the log."""
        progress, losses, last_save = self.progress, [], time.monotonic()
        for window, number, batch in self._remaining():
            began = time.monotonic()
            losses.append(self._step(batch))
            progress.step += 1
            progress.tokens += batch.tokens
            progress.window, progress.batch = window, number + 1
            progress.seconds += time.monotonic() - began
            if progress.step % log_steps == 0:
                self._log(
                    loss=round(sum(losses) / len(losses), 4), speed=round(progress.tokens / progress.seconds)
                )
                losses.clear()
            if time.monotonic() - last_save > checkpoint_seconds:
                self.save()
                last_save = time.monotonic()
            if progress.tokens >= self.plan.tokens:
                break
        self.save()
        save_file(_contiguous(self._network.state_dict()), self.folder / "final.safetensors")

    def save(self) -> None:
        """Replace the checkpoint as a whole and log the loss on unseen text."""
        state = {f"network.{k}": v for k, v in self._network.state_dict().items()}
        state |= {f"optimiser.{k}": v for k, v in self._optimiser.state().items()}
        fresh = self.folder / "checkpoint.new"
        save_file(_contiguous(state), fresh)
        note = {"progress": asdict(self.progress), "plan": asdict(self.plan)}
        (self.folder / "checkpoint.json.new").write_text(json.dumps(note, indent=1))
        fresh.replace(self.folder / "checkpoint.safetensors")
        (self.folder / "checkpoint.json.new").replace(self.folder / "checkpoint.json")
        self._log(unseen=round(self.unseen_loss(), 4))

    @torch.no_grad()
    def unseen_loss(self) -> float:
        """Mean loss on the assistant's tokens of conversations never trained on."""
        source = stream(UNSEEN_SEED, curriculum=False)
        _, window = next(batches(self._encoder, source, seed=0, tokens=self.plan.batch_tokens))
        total, count, seen = 0.0, 0.0, 0
        for batch in window:
            loss, weight = self._loss(batch, 0.0)
            total, count, seen = total + float(loss) * weight, count + weight, seen + batch.tokens
            if seen >= UNSEEN_TOKENS:
                break
        return total / count

    def _remaining(self) -> Iterator[tuple[int, int, Batch]]:
        """(window, number in it, batch) from where the progress stands."""
        source = stream(self.plan.seed, curriculum=self.plan.curriculum)
        first, skip = self.progress.window, self.progress.batch
        windows = batches(
            self._encoder, source, seed=self.plan.seed, tokens=self.plan.batch_tokens, first_window=first
        )
        for window, group in windows:
            for number, batch in enumerate(group):
                if window > first or number >= skip:
                    yield window, number, batch

    def _step(self, batch: Batch) -> float:
        loss, _ = self._loss(batch, self.plan.other_weight_at(self.progress.tokens))
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self._network.parameters(), self.plan.clip)
        self._optimiser.step(self.plan.rate_at(self.progress.step, self.progress.tokens))
        return float(loss.detach())

    def _loss(self, batch: Batch, other_weight: float) -> tuple[Tensor, float]:
        positions, targets, weights = (torch.from_numpy(a) for a in batch.targets(other_weight))
        logits = self._forward(torch.from_numpy(batch.ids), positions)
        each = F.cross_entropy(logits, targets, reduction="none")
        total = weights.sum()
        return (each * weights).sum() / total, float(total)

    def _log(self, **values: float) -> None:
        progress = self.progress
        rate = self.plan.rate_at(progress.step, progress.tokens)
        line = {"step": progress.step, "tokens": progress.tokens, "rate": round(rate, 6), **values}
        with (self.folder / "log.jsonl").open("a") as log:
            log.write(json.dumps({**line, "seconds": round(progress.seconds)}) + os.linesep)


def _part(state: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {k.removeprefix(prefix): v for k, v in state.items() if k.startswith(prefix)}


def _contiguous(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name: tensor.contiguous() for name, tensor in state.items()}
