"""Ports: what the services need from the world, as Protocols.

Store and engines implement them, tests/contracts holds one suite for each,
app.py plugs them in. All calls are async; errors are core.errors only.
"""

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Protocol, TypeAlias

from modelwright.core.access import Viewer
from modelwright.core.card import Card
from modelwright.core.digest import Digest
from modelwright.core.grants import LOCAL_ADMIN, Principal
from modelwright.core.names import Name
from modelwright.core.responses import KeptResponse
from modelwright.core.revision import (
    Alias,
    BlobRecord,
    Committed,
    Move,
    NewRevision,
    Revision,
    StoredModel,
    Window,
)
from modelwright.core.spec import AdapterLayer, ModelSpec
from modelwright.core.weight_files import NamedBlob
from modelwright.core.weights import Anatomy, WeightFacts

SMALL_BLOB: Final = 64 * 1024
"""Bytes up to which a blob may live in the catalogue, beside the names."""


OnBytes: TypeAlias = Callable[[int], None]
"""Told, perhaps in another thread, how many bytes are done; may raise to end the work."""


class Clock(Protocol):
    """The time of day, aware, in UTC."""

    def now(self) -> datetime: ...


class Blobs(Protocol):
    """Content-addressed files."""

    async def put(
        self, chunks: AsyncIterator[bytes], *, expected: Digest | None = None, limit: int | None = None
    ) -> tuple[Digest, int]:
        """Store a stream durably; gives its digest and its size in bytes.

        Raises Invalid when the digest is not the expected one, TooLarge above
        `limit` bytes; whatever fails, nothing is left behind.
        """
        ...

    async def has(self, digest: Digest) -> bool:
        """Whether there is such a file; its bytes are not read."""
        ...


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a long piece of work is: `status` in words, the rest in bytes."""

    status: str
    completed: int = 0
    total: int = 0


@dataclass(frozen=True, slots=True)
class Made:
    """A blob that was made of others; `notes` are sentences for the author."""

    digest: Digest
    size: int
    notes: tuple[str, ...] = ()


class WeightFiles(Protocol):
    """What is inside weight files, and what can be made of them.

    Blobs are named by digest. What is made is stored and is not yet recorded.
    """

    async def facts(self, digest: Digest) -> WeightFacts:
        """Read a GGUF's header; raises Invalid, or Unsupported, for anything else."""
        ...

    async def anatomy(self, digest: Digest) -> Anatomy:
        """Read all that a GGUF's header lists; the tensors' data is not read."""
        ...

    async def check_adapter(self, adapter: Digest, base: Digest) -> None:
        """See that a GGUF adapter fits a base; raises Invalid that says what does not."""
        ...

    def convert(self, files: Sequence[NamedBlob], *, name: str) -> AsyncGenerator[Progress | Made, None]:
        """Make one GGUF of a folder of safetensors; ends with Made."""
        ...

    def convert_adapter(
        self, files: Sequence[NamedBlob], base: Digest
    ) -> AsyncGenerator[Progress | Made, None]:
        """Make a GGUF adapter for `base` of a PEFT folder; ends with Made."""
        ...

    async def unpack_adapter(self, adapter: Digest, base: Digest) -> Sequence[NamedBlob]:
        """Make a PEFT folder's files of a GGUF adapter; Unsupported if they cannot."""
        ...

    def merge(self, parts: Sequence[NamedBlob]) -> AsyncGenerator[Progress | Made, None]:
        """Make one GGUF of the parts of a split one, given in order; ends with Made."""
        ...

    def merge_adapters(
        self, base: Digest, adapters: Sequence[AdapterLayer]
    ) -> AsyncGenerator[Progress | Made, None]:
        """Make one GGUF of a base and adapters over it; ends with Made."""
        ...

    def quantize(self, source: Digest, wanted: str) -> AsyncGenerator[Progress | Made, None]:
        """Make a GGUF with fewer bits per weight; ends with Made."""
        ...


class LocalFiles(Protocol):
    """Files of the machine the server runs on, as the user it runs as sees them."""

    async def take(
        self, path: str, *, expected: Digest | None = None, on_bytes: OnBytes | None = None
    ) -> tuple[Digest, int]:
        """Make a regular file a blob, linked to it where that can be; its digest and size.

        One that has not changed since it was taken is not read again. Raises
        NotFound or Unavailable when it cannot be read, Invalid when it is not a
        regular file or not what was expected.
        """
        ...


@dataclass(frozen=True, slots=True)
class FoundManifest:
    """A manifest of another store; without a name, `fault` says why it is none."""

    place: str
    name: Name | None = None
    content: bytes = b""
    fault: str = ""


class ModelFolders(Protocol):
    """Stores of Ollama on the machine the server runs on; only read."""

    async def manifests(self, folder: str) -> Sequence[FoundManifest]:
        """What stands where manifests do; NotFound when there is no such store."""
        ...

    async def content(self, folder: str, digest: Digest) -> bytes:
        """A small blob, verified."""
        ...

    def place(self, folder: str, digest: Digest) -> str:
        """The path of a blob, for LocalFiles.take."""
        ...


class Catalogue(Protocol):
    """Names, revisions, specs and small blobs; every write is one transaction.

    A `key` is Name.key: the whole name, case-folded.
    """

    async def find(self, key: str, viewer: Viewer | None = None) -> StoredModel | None:
        """A model of this name; with a viewer, also what was granted to it.

        Whether it may be known is for the caller to ask (access.authorize).
        """
        ...

    async def list_models(self, viewer: Viewer | None = None) -> Sequence[StoredModel]:
        """The models that a viewer may know (None: all), the last changed first."""
        ...

    async def survey(
        self, viewer: Viewer | None = None, *, whole: bool = False, window: Window | None = None
    ) -> "Catalogue":
        """A catalogue that has read the models of a viewer, to make one list of them.

        Each call of `find`, `card`, `lineage` or `blob` would be a query otherwise.
        `whole`: with what all of them say themselves. `window`: only that part of the
        list; raises NotFound when the model that it begins at is not there to be seen.
        """
        ...

    async def known(self, viewer: Viewer | None, keys: Collection[str]) -> frozenset[str]:
        """Those of these keys at which there is a model that a viewer may know."""
        ...

    async def reachable(self, viewer: Viewer, digests: Collection[Digest]) -> frozenset[Digest]:
        """Those blobs that a viewer uploaded, or that models stand on which it may see."""
        ...

    async def is_legible(self, viewer: Viewer, spec: Digest) -> bool:
        """Whether a model, perhaps deleted, that the viewer may see has or had this spec."""
        ...

    async def is_reshared(self, base: int, wrapper: int) -> bool:
        """Whether a base's owner lets a wrapper's users use it through that; both by id."""
        ...

    async def owner_of_namespace(self, namespace: str) -> str | None:
        """The id of the principal whose namespace it is; it is given in lower case."""
        ...

    async def count_models(self, viewer: Viewer | None = None) -> int: ...

    async def revision(self, key: str, number: int) -> Revision | None: ...

    async def history(self, key: str) -> Sequence[Revision]:
        """All revisions of a model, oldest first; empty when it is unknown."""
        ...

    async def moves(self, key: str) -> Sequence[Move]: ...

    async def lineage(self, spec: Digest) -> Sequence[ModelSpec]:
        """A spec and its pinned ancestors, child first.

        Ends at a spec without a pinned parent, or after 17 specs. Raises
        NotFound when one is missing, Corrupt when its bytes do not match.
        """
        ...

    async def commit(self, new: NewRevision) -> Committed:
        """Append a revision and point the name to it, all or nothing.

        When the current revision has the same spec and card nothing is written
        and the flag is False; with the same spec its kind is "card". A name keeps
        the spelling it was first created with. Raises Conflict for a name that is
        not free and should be, and for an alias that another model has.
        """
        ...

    async def move(
        self, key: str, number: int, author: str, moved_at: datetime, actor: str = LOCAL_ADMIN.id
    ) -> StoredModel:
        """Point a name to one of its revisions; NotFound for either. `actor` is an id."""
        ...

    async def delete(self, key: str, by: Principal = LOCAL_ADMIN) -> bool:
        """Free a name; False when it was not there. Specs stay for children."""
        ...

    async def card(self, digest: Digest) -> Card:
        """A stored card; raises NotFound, or Corrupt when its bytes do not match."""
        ...

    async def find_aliased(
        self, alias: str, dialect: str | None = None
    ) -> Sequence[tuple[Alias, StoredModel]]:
        """The models that a dialect, or any, calls so; the oldest alias first."""
        ...

    async def aliases(self, dialect: str, key: str | None = None) -> Mapping[str, Alias]:
        """What a dialect calls the models that it names, or the one with `key`, by key."""
        ...

    async def hide(self, key: str, number: int, by: Principal = LOCAL_ADMIN) -> bool:
        """Mark a revision as not to be listed; it stays. False when it is not there."""
        ...

    async def hidden(self, key: str) -> Collection[int]: ...

    async def was_created(self, name: Name, spec: Digest) -> bool:
        """Whether a (perhaps deleted) model of this name ever had this spec."""
        ...

    async def add_blob(self, record: BlobRecord) -> None: ...

    async def add_upload(self, record: BlobRecord, owner: str, most_bytes: int | None = None) -> None:
        """Record a blob that somebody brought; Exhausted when that is more than it may."""
        ...

    async def uploaded_bytes(self, owner: str) -> int: ...

    async def blob(self, digest: Digest) -> BlobRecord | None: ...

    async def small_blob(self, digest: Digest) -> bytes | None: ...


class ResponseShelf(Protocol):
    """Answers that are kept; each is its owner's alone."""

    async def keep_response(self, response: KeptResponse) -> None: ...

    async def responses(self, owner: str, id: str, *, since: datetime, most: int) -> Sequence[KeptResponse]:
        """An answer and what it continues, newest first, at most `most`.

        Ends at one that continues nothing, or whose predecessor is gone, somebody
        else's, or older than `since`; empty when the answer itself is.
        """
        ...

    async def drop_response(self, owner: str, id: str, *, since: datetime) -> bool:
        """Remove one; False when `responses` would not find it."""
        ...

    async def drop_responses(self, before: datetime) -> int:
        """Remove all that are older; how many there were."""
        ...
