"""Runs: one execution of a training plan, its states and what it tells.

A run is data: which parent, which dataset, which method, which hyperparameters.
Knows neither processes nor tables nor what a dialect calls a job.

    queued -> running -> succeeded
       |        |  ^  `-> failed
       |        v  |
       |      paused (goes on from its checkpoint)
       `------> cancelled
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType
from typing import Any, Final, Literal, TypeAlias

from modelwright.core.digest import Digest
from modelwright.core.errors import Conflict
from modelwright.core.hyperparameters import Hyperparameters, Method

RunState: TypeAlias = Literal["queued", "running", "paused", "succeeded", "failed", "cancelled"]
EventKind: TypeAlias = Literal[
    "queued", "started", "progress", "evaluation", "checkpoint", "note", "published", "failed", "cancelled"
]

ENDED: Final = frozenset({"succeeded", "failed", "cancelled"})
_MOVES: Final[Mapping[str, frozenset[str]]] = MappingProxyType(
    {
        "queued": frozenset({"running", "paused", "cancelled", "failed"}),
        "running": frozenset({"succeeded", "failed", "cancelled", "paused", "queued"}),
        "paused": frozenset({"queued", "cancelled"}),
        "failed": frozenset({"queued"}),
        "cancelled": frozenset({"queued"}),
    }
)
"""State -> what may follow. Back to "queued" leads a resume, or a server that died."""


@dataclass(frozen=True, slots=True)
class TrainingPlan:
    """What a run is to do; equal plans give equal adapters on one thread.

    `model` is the parent as it was asked for, `spec` what it pointed to;
    `target` names the model that gets the new revision. `rewards` are declared
    reward functions (core.rewards), for the method "reward" alone. `plain` names those
    of its datasets that are plain text.
    """

    model: str
    spec: Digest
    target: str
    method: Method
    dataset: Digest
    hyperparameters: Hyperparameters = field(default_factory=Hyperparameters)
    validation: Digest | None = None
    replay: Digest | None = None
    rewards: tuple[Mapping[str, Any], ...] = ()
    plain: tuple[str, ...] = ()

    def as_tree(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "model": self.model,
            "spec": str(self.spec),
            "target": self.target,
            "method": self.method,
            "dataset": str(self.dataset),
            "hyperparameters": self.hyperparameters.as_dict(),
            "validation": str(self.validation) if self.validation else None,
            "replay": str(self.replay) if self.replay else None,
            "rewards": [dict(reward) for reward in self.rewards],
            "plain": list(self.plain),
        }

    @classmethod
    def of_tree(cls, tree: Mapping[str, Any]) -> "TrainingPlan":
        """Read what `as_tree` gives."""
        digests = {
            name: Digest.parse(tree[name]) if tree[name] else None for name in ("validation", "replay")
        }
        return cls(
            model=tree["model"],
            spec=Digest.parse(tree["spec"]),
            target=tree["target"],
            method=tree["method"],
            dataset=Digest.parse(tree["dataset"]),
            hyperparameters=Hyperparameters.of(tree["hyperparameters"]),
            rewards=tuple(tree["rewards"]),
            plain=tuple(tree.get("plain", ())),
            **digests,
        )


@dataclass(frozen=True, slots=True)
class Run:
    """A plan and how far it is; `metrics` are those of its end.

    `owner` is the principal's id. `revision` is the number that the target got.
    `extras` are a dialect's own fields, returned unchanged. While it runs, `holder` is
    the server that has it in hand, and `wanted` the state that it was asked to stop in.
    """

    id: str
    plan: TrainingPlan
    state: RunState
    owner: str
    created_at: datetime
    priority: int = 0
    started_at: datetime | None = None
    ended_at: datetime | None = None
    step: int = 0
    steps: int = 0
    error: str = ""
    revision: int | None = None
    metrics: Mapping[str, Any] = field(default_factory=dict)
    extras: Mapping[str, Any] = field(default_factory=dict)
    holder: str = ""
    wanted: RunState | Literal[""] = ""


@dataclass(frozen=True, slots=True)
class Hold:
    """That a server has a run in hand; what comes of it is made only while it has."""

    run: str
    holder: str


@dataclass(frozen=True, slots=True)
class DatasetRecord:
    """A file of training data that somebody brought; `id` begins with "file-".

    `rows` and `kind` are what a first look found, `faults` the lines that no method
    can read. `extras` are a dialect's own fields, returned unchanged.
    """

    id: str
    name: str
    digest: Digest
    size: int
    owner: str
    created_at: datetime
    purpose: str = "fine-tune"
    rows: int = 0
    kind: str = ""
    faults: int = 0
    expires_at: datetime | None = None
    extras: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RunEvent:
    """The next thing a run told; `number` counts from 1 within it.

    Of "progress": step, steps, loss, learning_rate, tokens, tokens_per_second,
    seconds_left. Of "evaluation": step, loss, and what the method measures.
    """

    number: int
    at: datetime
    kind: EventKind
    content: Mapping[str, Any] = field(default_factory=dict)


def check_move(run: Run, wanted: RunState) -> None:
    """See that a run may change to a state; raises Conflict that says what it is in."""
    if wanted not in _MOVES.get(run.state, frozenset()):
        raise Conflict(f'run "{run.id}" is {run.state} and cannot become {wanted}', field="run")
