"""Loop: step after step, from the first or from a checkpoint, to the last.

Reports what happens through `tell`; stops after the running step when asked to.
"""

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import torch
import torch.distributed as distributed

from modelwright.trainers.child import checkpoint
from modelwright.trainers.child.job import Job
from modelwright.trainers.child.network import Network
from modelwright.trainers.child.objectives import Measures, Objective
from modelwright.trainers.child.order import Order

TELL_SECONDS: Final = 0.25
"""Progress is told at most this often."""

PARTS: Final = ("loss", "accuracy", "margin", "kl")
"""What each process measures of its own share; their sum is the whole step's."""

Tell = Callable[[str, Mapping[str, Any]], None]


class NotFinite(Exception):
    """The loss is no number any more; carries the step."""


@dataclass(slots=True)
class Stop:
    """Set by a signal; looked at after each step."""

    asked: bool = False


@dataclass(slots=True)
class _Best:
    """The best measurement so far, and how many came after it."""

    loss: float = math.inf
    since: int = 0
    adapter: Mapping[str, Any] = field(default_factory=dict)


class Loop:
    """One run's steps, of which `epoch` go through all rows once."""

    def __init__(
        self,
        job: Job,
        network: Network,
        objective: Objective,
        order: Order,
        steps: int,
        epoch: int,
        tell: Tell,
        stop: Stop,
    ) -> None:
        self._job = job
        self._network = network
        self._objective = objective
        self._order = order
        self._steps = steps
        self._epoch = epoch
        self._tell = tell
        self._stop = stop
        self._stops = False  # what all processes know: they stop after the same step
        self._held = job.validation is not None
        self._optimizer = torch.optim.AdamW(
            network.taught, lr=job["learning_rate"], weight_decay=job["weight_decay"]
        )
        self._best = _Best()
        self._tokens = 0
        self._spent = 0.0
        self._measures: Measures = {}
        self._passed: list[Measures] = []

    def run(self) -> Mapping[str, Any] | None:
        """Learn; gives the last figures, or None when it was asked to stop.

        `processor_seconds` are those of the steps, in this process.
        """
        first = self._resume()
        started, told, before = time.monotonic(), 0.0, self._tokens
        self._spent -= time.process_time()
        for step in range(first, self._steps):
            self._step(step)
            now = time.monotonic()
            ends_epoch = self._keeps(step + 1)
            is_due = now - told > TELL_SECONDS or ends_epoch
            if step + 1 == self._steps or (is_due and not self._stops):  # who stops it hears no more
                told = now
                speed = (self._tokens - before) / (now - started)
                self._progress(step + 1, speed, (now - started) / (step + 1 - first))
            else:
                self._passed.append({"step": step + 1, **self._figures()})
            if self._evaluated(step + 1) and self._is_over():
                break
            if ends_epoch and self._job.rank == 0:
                checkpoint.keep(
                    self._job.folder, step + 1, self._job["kept_checkpoints"] - 1, self._network.save
                )
            if self._stops and step + 1 < self._steps:
                self._save(step + 1)
                return None
            if (step + 1) % self._job["checkpoint_steps"] == 0 and step + 1 < self._steps:
                self._save(step + 1)
        if self._best.adapter:
            self._network.restore(self._best.adapter)
        spent = round(self._spent + time.process_time(), 2)
        return {**self._measures, "tokens": self._tokens, "processor_seconds": spent}

    def optimizer_state(self) -> dict[str, Any]:
        state: dict[str, Any] = self._optimizer.state_dict()
        return state

    def _resume(self) -> int:
        job = self._job
        if job.momentum is not None:
            self._take_momentum(torch.load(job.momentum, weights_only=True))
        content = checkpoint.load(job.folder) if job.rank == 0 else None
        if job.world > 1:
            content = _from_first(content)
        if content is None:
            return 0
        self._network.restore(content["adapter"])
        self._optimizer.load_state_dict(content["optimizer"])
        self._objective.restore(content["objective"])
        self._best = _Best(**content["best"])
        self._tokens, self._measures = content["tokens"], content["measures"]
        self._spent = content["spent"]
        self._passed = content.get("passed", [])
        self._tell("note", {"text": f"going on from step {content['step']}"})
        step: int = content["step"]
        return step

    def _take_momentum(self, state: dict[str, Any]) -> None:
        """Go on with an optimizer's averages, where they are of these numbers."""
        known = [tuple(state["state"][n]["exp_avg"].shape) for n in sorted(state["state"])]
        if known == [tuple(p.shape) for p in self._network.taught]:
            groups = self._optimizer.state_dict()["param_groups"]
            self._optimizer.load_state_dict({"state": state["state"], "param_groups": groups})

    def _step(self, step: int) -> None:
        # What is left out at random follows from the step alone, in each process and on each device.
        torch.manual_seed(hash((self._job["seed"], self._job.rank, step)) % 2**63)
        for group in self._optimizer.param_groups:
            group["lr"] = self._rate(step)
        self._optimizer.zero_grad(set_to_none=False)
        self._measures = self._objective.learn(self._order.rows(self._batch(step)), step)
        if self._job.world > 1:
            self._add_up()
        else:
            self._stops = self._stop.asked
        if not math.isfinite(self._measures["loss"]):
            raise NotFinite(step + 1)
        torch.nn.utils.clip_grad_norm_(self._network.taught, self._job["clip"])
        self._optimizer.step()
        self._tokens += int(self._measures["tokens"])

    def _batch(self, step: int) -> int:
        """Which batch of the order a step learns from."""
        return step // self._job["learning_steps"] if self._job.method == "reward" else step

    def _add_up(self) -> None:
        for parameter in self._network.taught:
            if parameter.grad is None:
                parameter.grad = torch.zeros_like(parameter)
            distributed.all_reduce(parameter.grad)
        parts = [name for name in PARTS if name in self._measures]
        sums = torch.tensor(
            [float(self._stop.asked), *(self._measures[name] for name in parts)], dtype=torch.float64
        )
        distributed.all_reduce(sums)
        asked, *added = sums.tolist()
        self._stops = asked > 0
        self._measures = {**self._measures, **dict(zip(parts, added, strict=True))}

    def _rate(self, step: int) -> float:
        job = self._job
        rate = float(job["learning_rate"])
        warm: int = min(job["warmup_steps"], self._steps // 2)
        if job.method == "reward":
            return rate  # a call is short, and the next one goes on from it
        if step < warm:
            return rate * (step + 1) / (warm + 1)
        done = (step - warm) / max(self._steps - warm, 1)
        falls = {"linear": 1 - done, "cosine": 0.5 * (1 + math.cos(math.pi * done)), "constant": 1.0}
        return rate * falls[str(job["schedule"])]

    def _progress(self, step: int, speed: float, seconds: float) -> None:
        """Tell the last step's figures, tokens a second and seconds a step until now."""
        left = seconds * (self._steps - step)
        rate = float(f"{self._rate(step - 1):.6g}")
        place = {"step": step, "steps": self._steps, "learning_rate": rate}
        times = {"tokens_per_second": round(speed, 1), "seconds_left": round(left, 1)}
        passed = {"passed": self._passed} if self._passed else {}
        self._tell("progress", {**self._figures(), **place, **times, **passed})
        self._passed = []

    def _figures(self) -> Measures:
        return {name: round(value, 6) for name, value in self._measures.items()}

    def _keeps(self, step: int) -> bool:
        """Whether the adapter is kept as it is now: an epoch ends, and is not the last."""
        return self._job["kept_checkpoints"] > 1 and step % self._epoch == 0 and step < self._steps

    def _evaluated(self, step: int) -> bool:
        """Measure now, when it is time; whether it was."""
        every = self._job["evaluate_steps"] or max(1, self._steps // 10)
        if not self._held or (step % every and step != self._steps):
            return False
        found = self._objective.measure()
        self._tell("evaluation", {"step": step, **{name: round(value, 6) for name, value in found.items()}})
        if found["loss"] < self._best.loss:
            kept = self._network.state() if self._job["patience"] else {}
            self._best = _Best(found["loss"], 0, kept)
        else:
            self._best.since += 1
        return True

    def _is_over(self) -> bool:
        patience = self._job["patience"]
        over = bool(patience) and self._best.since >= patience
        if over:
            self._tell("note", {"text": f"no progress in {patience} measurements: it ends with the best one"})
        return over

    def _save(self, step: int) -> None:
        if self._job.rank:
            return
        best = {"loss": self._best.loss, "since": self._best.since, "adapter": dict(self._best.adapter)}
        content = {
            "adapter": self._network.state(),
            "optimizer": self.optimizer_state(),
            "objective": self._objective.state(),
            "best": best,
            "tokens": self._tokens,
            "spent": self._spent + time.process_time(),
            "measures": dict(self._measures),
            "passed": [dict(each) for each in self._passed],
        }
        checkpoint.save(self._job.folder, step, content)
        self._tell("checkpoint", {"step": step})


def _from_first(content: dict[str, Any] | None) -> dict[str, Any] | None:
    """What the first process read, for all of them."""
    held = [content]
    distributed.broadcast_object_list(held, src=0)
    return held[0]
