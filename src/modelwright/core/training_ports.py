"""Ports of training: what the services need to run plans, and to remember them."""

from collections.abc import AsyncGenerator, Callable, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol, TypeAlias, TypeVar

from modelwright.core.audit import Entry
from modelwright.core.dataset import Row
from modelwright.core.digest import Digest
from modelwright.core.hyperparameters import Hyperparameters, Method
from modelwright.core.runs import DatasetRecord, EventKind, Run, RunEvent, RunState
from modelwright.core.weight_files import NamedBlob

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class TrainingJob:
    """What a trainer is given: digests of blobs, and a run's settings, all of them.

    `rows`, `validation` and `replay` are blobs of token rows (core.token_rows), laid
    out and cut into tokens by the engine that will serve the result; `end` is the
    token that ends an answer. `frozen` adapters with their scales are applied and
    stay as they are; `start` is a PEFT folder's files that training goes on from, and
    `momentum` the optimizer's state that belongs to it.
    """

    run: str
    base: Digest
    method: Method
    hyperparameters: Hyperparameters
    rows: Digest
    end: int
    validation: Digest | None = None
    replay: Digest | None = None
    frozen: tuple[tuple[tuple[NamedBlob, ...], float], ...] = ()
    start: tuple[NamedBlob, ...] = ()
    momentum: Digest | None = None
    rewards: tuple[Mapping[str, Any], ...] = ()


@dataclass(frozen=True, slots=True)
class Told:
    """Something that a trainer reports, to become a RunEvent."""

    kind: EventKind
    content: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A PEFT folder's files as they were after a step, the end of an epoch."""

    step: int
    files: Sequence[NamedBlob]


@dataclass(frozen=True, slots=True)
class Trained:
    """The end of a job that went well: a PEFT folder's files, and what was measured.

    `momentum` is the optimizer's state, for a run that goes on from there;
    `checkpoints` are those that are to be kept, the oldest first, the end apart.
    """

    files: Sequence[NamedBlob]
    metrics: Mapping[str, Any]
    momentum: Digest | None = None
    checkpoints: Sequence[Checkpoint] = ()


TrainerEvent: TypeAlias = Told | Trained


class Trainers(Protocol):
    """Child processes that train; one at a time for each device."""

    def check(self) -> None:
        """Raise Unsupported, with what to install, where nothing can be trained."""
        ...

    def train(self, job: TrainingJob) -> AsyncGenerator[TrainerEvent, None]:
        """Do a job, from its last checkpoint if it has one; ends with Trained.

        Closing the iterator ends the child, which leaves a checkpoint. Raises
        Unsupported for a parent that cannot be trained, Invalid with the line for
        data it cannot use, Unavailable when the child died or the extra is missing.
        """
        ...

    async def forget(self, run: str) -> None:
        """Remove a run's checkpoints."""
        ...


class Runs(Protocol):
    """Runs and their events in the catalogue; every call is one transaction."""

    async def add(
        self,
        run: Run,
        *events: tuple[EventKind, Mapping[str, Any]],
        most: int | None = None,
        line: Entry | None = None,
    ) -> None:
        """Write a new run, and its line of the log.

        Raises Exhausted when `most` of its owner's wait or run already.
        """
        ...

    async def find(self, run: str) -> Run | None: ...

    async def list_runs(
        self,
        *,
        owner: str | None = None,
        states: Sequence[RunState] = (),
        after: str = "",
        limit: int = 100,
    ) -> Sequence[Run]:
        """The newest first, of `states` or of all; `after`: the last id before."""
        ...

    async def take(self, holder: str, at: datetime) -> Run | None:
        """Begin the queued run with the highest priority, the oldest of them.

        It is in the hand of that server then, and in no other's.
        """
        ...

    async def in_hand(self, server: str) -> Sequence[Run]:
        """What is in the hand of this server, or of none that lives."""
        ...

    async def ask(self, run: Run, wanted: RunState, line: Entry | None = None) -> None:
        """Let whoever has a run in hand know how it is to stop; `line` goes to the log."""
        ...

    async def save(
        self,
        run: Run,
        *events: tuple[EventKind, Mapping[str, Any]],
        at: datetime,
        was: RunState | None = None,
        most: int | None = None,
        line: Entry | None = None,
    ) -> None:
        """Write a run's state, and append events to it; `most` and `line` as in `add`.

        Raises Lost when its holder is not the one that it was read with, or its state
        not what it `was`.
        """
        ...

    async def events(self, run: str, *, after: int = 0, limit: int = 1000) -> Sequence[RunEvent]: ...


class DatasetBook(Protocol):
    """Whose datasets there are; the bytes are blobs."""

    async def add(self, record: DatasetRecord) -> None: ...

    async def find(self, dataset: str) -> DatasetRecord | None: ...

    async def list_datasets(
        self,
        *,
        owner: str | None = None,
        purpose: str = "",
        after: str = "",
        limit: int = 100,
        oldest: bool = False,
    ) -> Sequence[DatasetRecord]:
        """The newest first, unless `oldest`; `after` is the last id of the page before."""
        ...

    async def delete(self, dataset: str) -> bool: ...


class Lines(Protocol):
    """Blobs as lines of text."""

    async def over_lines(self, digest: Digest, work: Callable[[Iterable[bytes]], T]) -> T:
        """Do blocking work on a blob's lines, in a thread; what it raises is raised here."""
        ...


class DeviceMemory(Protocol):
    """Memory that engines and training share."""

    def lent(self, size: int) -> AbstractAsyncContextManager[None]:
        """Let training have so many bytes for as long as it is entered.

        Engines that nobody waits for make room. Raises Unsupported when there is
        not so much even without any engine.
        """
        ...


class Replay(Protocol):
    """General knowledge that comes with a base, so that it is not forgotten."""

    def rows(self, base: Digest, count: int, seed: int) -> Iterable[Row]:
        """So many fresh rows; none for a base that is not known."""
        ...
