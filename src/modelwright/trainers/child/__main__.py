"""The training child: `python -m modelwright.trainers.child`.

Takes one job, reports events, leaves a PEFT folder. Ends with a checkpoint when
it is told to (SIGTERM), and at once when its parent dies.
"""

import errno
import os
import signal
import sys
from collections.abc import Mapping
from importlib.metadata import version
from typing import Any

import torch
import torch.distributed as distributed
from safetensors import SafetensorError

from modelwright.core.token_rows import GroupRow, PairRow, QuestionRow, TaughtRow, TokenRow
from modelwright.trainers.child import checkpoint
from modelwright.trainers.child.answering import AnsweredGroups, GivenGroups
from modelwright.trainers.child.job import Job, read_rows
from modelwright.trainers.child.loop import Loop, NotFinite, Stop, Tell
from modelwright.trainers.child.network import Network
from modelwright.trainers.child.objectives import Examples, Limits, Objective, Preferences, Rewards, Share
from modelwright.trainers.child.order import Order
from modelwright.worker.child import Parent

ADAPTER, MOMENTUM = "adapter", "momentum.pt"
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def main() -> None:
    """Do the job; the last event says how it ended."""
    parent = Parent.attach()
    job = Job.of(parent.task)
    stop = Stop()
    signal.signal(signal.SIGTERM, lambda *_: setattr(stop, "asked", True))

    def tell(kind: str, content: Mapping[str, Any]) -> None:
        if job.rank == 0:
            parent.send({"kind": kind, **content})

    try:
        ended = _train(job, tell, stop)
    except NotFinite as error:
        tell("failed", {"error": f"the loss is no number any more at step {error}", "step": error.args[0]})
    except (MemoryError, torch.OutOfMemoryError):
        tell("failed", {"error": "the memory is not enough", "hint": "Lower batch_tokens or max_length"})
    except (OSError, RuntimeError, IndexError, KeyError, ValueError, SafetensorError) as error:
        tell("failed", _fault(error))
    else:
        tell("done" if ended is not None else "stopped", {"metrics": ended or {}})
    sys.stdout.flush()
    os._exit(0)  # torch takes seconds to take itself apart


def _fault(error: Exception) -> Mapping[str, Any]:
    """What to say of a failure that is not the child's own."""
    text = str(error)
    if getattr(error, "errno", None) in _FULL or "No space left" in text or "iostream error" in text:
        return {"error": "the disk is full", "hint": "Free some space and resume the run"}
    if "can't allocate memory" in text or "out of memory" in text:
        return {"error": "the memory is not enough", "hint": "Lower batch_tokens or max_length"}
    return {"error": text.splitlines()[0][:400] if text else type(error).__name__}


def _train(job: Job, tell: Tell, stop: Stop) -> Mapping[str, Any] | None:
    _prepare(job)
    network = Network(job)
    rows, held = read_rows(job.rows), read_rows(job.validation)
    replay = read_rows(job.replay)
    order = (
        _Mixed(job, len(rows), len(replay)) if replay else Order(len(rows), job["batch_size"], job["seed"])
    )
    steps = _steps(job, len(rows), order)
    objective = _objective(job, network, [*rows, *replay], held)
    tell(
        "started",
        {
            "parameters": network.size,
            "trained_parameters": sum(parameter.numel() for parameter in network.taught),
            "device": network.device.type,
            "precision": network.precision,
            "steps": steps,
            "rows": len(rows),
        },
    )
    loop = Loop(job, network, objective, order, steps, order.steps(1) * _inner(job), tell, stop)
    ended = loop.run()
    if ended is None:
        return None
    if job.rank == 0:
        network.save(job.folder / ADAPTER)
        checkpoint.write(job.folder / MOMENTUM, loop.optimizer_state())
    return {**ended, "libraries": {name: version(name) for name in ("torch", "transformers", "peft")}}


def _prepare(job: Job) -> None:
    """Threads, and the same numbers each time where that can be had."""
    if job["threads"]:
        torch.set_num_threads(job["threads"])
    torch.use_deterministic_algorithms(True, warn_only=True)
    torch.utils.deterministic.fill_uninitialized_memory = False  # costs 7 %, and nothing here reads any
    if job.world > 1:
        distributed.init_process_group(
            "gloo", init_method=f"tcp://{job.meeting}", rank=job.rank, world_size=job.world
        )


class _Mixed(Order):
    """An order in which a share of each step is general knowledge, the last rows."""

    def __init__(self, job: Job, own: int, general: int) -> None:
        batch = job["batch_size"]
        repeated = min(max(1, round(batch * job["replay"])), batch - 1) if batch > 1 else 0
        super().__init__(own, batch - repeated, job["seed"])
        self._own = own
        self._general = Order(general, repeated or 1, job["seed"] + 1) if repeated else None

    def rows(self, step: int) -> list[tuple[int, int]]:
        rows = super().rows(step)
        if self._general is not None:
            rows += [(self._own + index, epoch) for index, epoch in self._general.rows(step)]
        return rows


def _steps(job: Job, rows: int, order: Order) -> int:
    if job["steps"]:
        return int(job["steps"])
    return order.steps(job["epochs"]) * _inner(job)


def _inner(job: Job) -> int:
    """Steps that are made of one batch."""
    return int(job["learning_steps"]) if job.method == "reward" else 1


def _objective(job: Job, network: Network, rows: list[TokenRow], held: list[TokenRow]) -> Objective:
    limits = Limits(job["batch_tokens"], job["max_length"])
    share = Share(job.rank, job.world)
    if job.method == "sft":
        return Examples(network, _of(TaughtRow, rows), _of(TaughtRow, held), limits, share)
    if job.method == "dpo":
        return Preferences(network, _of(PairRow, rows), _of(PairRow, held), limits, share, job["beta"])
    if isinstance(rows[0], GroupRow):
        groups: Any = GivenGroups(_of(GroupRow, rows))
    else:
        questions = _of(QuestionRow, rows)
        groups = AnsweredGroups(network, questions, job.weights, job.end, job.rewards, job.settings)
    return Rewards(network, groups, limits, share, job.settings)


def _of(kind: Any, rows: list[TokenRow]) -> list[Any]:
    """The rows, which are all of one kind; a dataset with two was refused before."""
    return [row for row in rows if isinstance(row, kind)]


if __name__ == "__main__":
    main()
