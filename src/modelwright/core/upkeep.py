"""Upkeep: what looking after a store finds, and what it needs for that.

Ports and plain values; the store implements the one, the service tells the other.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol, TypeAlias

from modelwright.core.digest import Digest
from modelwright.core.ports import OnBytes


@dataclass(frozen=True, slots=True)
class Fault:
    """Something that is not as it must be: what, what is wrong with it, what to do."""

    thing: str
    wrong: str
    remedy: str = ""


@dataclass(frozen=True, slots=True)
class Collected:
    """What was removed, or would be: blobs, and files that belong to nothing."""

    blobs: int
    strays: int
    size: int


@dataclass(frozen=True, slots=True)
class Held:
    """A blob that the catalogue promises; `size` in bytes, `users` are for people."""

    digest: Digest
    size: int
    users: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Plan:
    """What is going to be read."""

    blobs: int
    size: int


@dataclass(frozen=True, slots=True)
class Checked:
    """The end: what there is, and what of it was found good.

    `strays` are files that are recorded as no blob: what a create left that failed, or
    what a run of training keeps for the next.
    """

    models: int
    revisions: int
    blobs: int
    size: int
    faults: int
    strays: int


CheckEvent: TypeAlias = Plan | Fault | Checked


class Records(Protocol):
    """What the catalogue says, looked through without changing it."""

    async def faults(self) -> Sequence[Fault]:
        """Everything in it that contradicts itself or is damaged."""
        ...

    async def counts(self) -> tuple[int, int]:
        """Models that there are, and their revisions."""
        ...

    async def blobs(self) -> Sequence[Held]:
        """Every blob that there should be a file of."""
        ...

    async def is_promised(self, digest: Digest) -> bool:
        """Whether the catalogue still promises a blob."""
        ...


class Litter(Protocol):
    """What the catalogue holds and nothing needs."""

    async def large_manifests(self) -> Sequence[Digest]:
        """Manifests that are files, whose content has to be brought to `forget`."""
        ...

    async def needed(self, manifests: Mapping[Digest, bytes]) -> Collection[Digest]:
        """Whatever models, datasets and runs name, recorded as a blob or not.

        Raises Conflict as `forget` does.
        """
        ...

    async def forget(
        self, before: datetime, manifests: Mapping[Digest, bytes], *, keep: bool
    ) -> Sequence[Held]:
        """Forget blobs that nothing needs and that were last put here `before`.

        `keep`: only look. A blob whose row is gone is absent for everybody. What an
        unfinished run of training may need stays. Raises Conflict when a large manifest
        is not among `manifests`: a model was made meanwhile.
        """
        ...

    async def unfinished_since(self) -> datetime | None:
        """When the oldest run of training that has not ended was asked for."""
        ...


class BlobFiles(Protocol):
    """The files of the blobs."""

    async def digests(self) -> Collection[Digest]:
        """Of all files that are there."""
        ...

    async def measure(self, digest: Digest, on_bytes: OnBytes | None = None) -> tuple[Digest, int]:
        """What a file's bytes really are, read anew; NotFound without it."""
        ...

    async def read(self, digest: Digest, *, limit: int) -> bytes:
        """A small file's bytes, verified; Corrupt when they are damaged."""
        ...

    async def length(self, digest: Digest) -> int:
        """A file's bytes, not read; NotFound without it."""
        ...

    async def remove(self, digest: Digest, before: datetime) -> int:
        """Remove a file unless it came or was changed since; its bytes, 0 if it stays."""
        ...
