"""Upkeep: what looking after a store finds, and what it needs for that.

Ports and plain values; the store implements the one, the service tells the other.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
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

    `strays` are files that nothing refers to: what was uploaded and not used yet,
    or what a create left that failed.
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


class BlobFiles(Protocol):
    """The files of the blobs."""

    async def digests(self) -> Collection[Digest]:
        """Of all files that are there."""
        ...

    async def measure(self, digest: Digest, on_bytes: OnBytes | None = None) -> tuple[Digest, int]:
        """What a file's bytes really are, read anew; NotFound without it."""
        ...

    async def length(self, digest: Digest) -> int:
        """A file's bytes, not read; NotFound without it."""
        ...
