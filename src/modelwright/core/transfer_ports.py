"""Transfer ports: what pull, push, export and import need from the world.

The room `registries` speaks to other machines, the store keeps what is half
here; the services in between know neither HTTP nor files.
"""

from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Protocol, TypeAlias

from modelwright.core.digest import Digest
from modelwright.core.names import Name
from modelwright.core.ports import OnBytes


@dataclass(frozen=True, slots=True)
class Repository:
    """Where a registry keeps a model's versions.

    `host` may carry a port; `insecure`: over http, which somebody has said;
    `account` is the principal whose credentials may be used.
    """

    host: str
    path: str
    insecure: bool = False
    account: str = ""

    @classmethod
    def of(cls, name: Name, *, insecure: bool = False, account: str = "") -> "Repository":
        return cls(name.host.lower(), f"{name.namespace}/{name.model}", insecure, account)


class RemoteRepository(Protocol):
    """One repository while it is spoken to.

    Raises Unavailable for what may go better next time, NotFound and Denied for
    what the registry says, Corrupt for what it should not have said.
    """

    async def manifest(self, reference: str) -> bytes:
        """The manifest of a tag or a digest, not larger than layers.LARGEST_MANIFEST.

        Asked for by digest its bytes have that digest.
        """
        ...

    def read(self, digest: Digest, start: int, stop: int, size: int) -> AsyncGenerator[bytes, None]:
        """Exactly the bytes from `start` up to `stop` of a blob of `size` bytes."""
        ...

    async def holds(self, digest: Digest) -> bool:
        """Whether the blob is there already."""
        ...

    async def mount(self, digest: Digest, origin: str) -> bool:
        """Take the blob from another repository of that registry, if it lets us."""
        ...

    async def upload(
        self,
        digest: Digest,
        size: int,
        content: Callable[[int], AsyncGenerator[bytes, None]],
        on_bytes: OnBytes,
    ) -> None:
        """Send a blob; `content` gives its bytes from an offset on."""
        ...

    async def publish(self, content: bytes, reference: str) -> None:
        """Make a manifest's bytes what a tag, or their digest, stands for."""
        ...

    async def attach(self, content: bytes, subject: Digest) -> None:
        """Publish an artifact about a manifest, so that `attached` finds it."""
        ...

    async def attached(self, subject: Digest, kind: str) -> Sequence[Digest]:
        """The artifacts of a kind that are about a manifest, the newest last."""
        ...


class Registries(Protocol):
    """Other machines that keep models."""

    def check(self, repository: Repository) -> None:
        """Raise Denied when nothing may be exchanged with that host."""
        ...

    def open(self, repository: Repository) -> AbstractAsyncContextManager[RemoteRepository]: ...

    async def login(self, host: str, account: str, user: str, password: str, *, insecure: bool) -> None:
        """Keep credentials that the registry takes; Denied when it does not."""
        ...

    async def logout(self, host: str, account: str) -> bool:
        """Forget credentials; False when there were none."""
        ...


@dataclass(frozen=True, slots=True)
class HubFile:
    """A file of a repository, as `name` there, at a path of this machine."""

    name: str
    path: str


HubEvent: TypeAlias = HubFile | str
"""A file that has come, or the name of the one that is fetched next."""


class Hub(Protocol):
    """Repositories of files that are a model together."""

    def serves(self, host: str) -> bool: ...

    @property
    def is_elsewhere(self) -> bool:
        """Whether a registry of that name is not to be asked at all."""
        ...

    def fetch(self, repository: str, revision: str) -> AsyncGenerator[HubEvent, None]:
        """The files of a model at one commit, that `revision` names now.

        A tag that ends in .gguf is one file. Raises Unsupported for what brings
        code of its own.
        """
        ...


class Signatures(Protocol):
    """Signatures of manifests, by the manifest's digest."""

    async def find(self, manifest: Digest) -> Sequence[bytes]: ...

    async def keep(self, manifest: Digest, signature: bytes) -> None: ...


class Verifier(Protocol):
    """Whose signatures count, and where one is wanted."""

    def wants(self, host: str) -> bool:
        """Whether models of that registry must be signed."""
        ...

    async def check(self, manifest: bytes, signatures: Sequence[bytes]) -> None:
        """Raise Denied unless a trusted key made one of the signatures."""
        ...


class Partial(Protocol):
    """A blob that is partly here."""

    @property
    def completed(self) -> int:
        """How many bytes are here."""
        ...

    def gaps(self) -> Sequence[tuple[int, int]]:
        """What is missing as (start, stop) in order; a gap never crosses a part."""
        ...

    async def write(self, start: int, piece: bytes) -> None:
        """Keep bytes at the start of a gap; they stay when the process is killed."""
        ...

    async def finish(self) -> None:
        """Make it a blob; raises Corrupt, and forgets it, when the digest is another."""
        ...


class Partials(Protocol):
    """Blobs that are partly here; what is there survives a restart."""

    def open(self, digest: Digest, size: int) -> AbstractAsyncContextManager[Partial]: ...


class StoredBlobs(Protocol):
    """The bytes of blobs, on their way out."""

    async def verify(self, digest: Digest) -> bool:
        """Whether the blob is here and its bytes still have this digest."""
        ...

    def pieces(self, digest: Digest, start: int = 0) -> AsyncGenerator[bytes, None]:
        """A blob's bytes from an offset on."""
        ...

    async def read(self, digest: Digest, *, limit: int = ...) -> bytes:
        """A small blob's bytes, verified; NotFound, TooLarge or Corrupt."""
        ...
