"""Ports: what the services need from the world, as Protocols.

Store and engines implement them, tests/contracts holds one suite for each,
app.py plugs them in. All calls are async; errors are core.errors only.
"""

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, Literal, Protocol, TypeAlias

from modelwright.core.chat import ChatEvent, Embeddings, Message
from modelwright.core.digest import Digest
from modelwright.core.names import Name
from modelwright.core.parameters import Parameters
from modelwright.core.revision import BlobRecord, Committed, Move, NewRevision, Revision, StoredModel
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

    async def find(self, key: str) -> StoredModel | None: ...

    async def list_models(self) -> Sequence[StoredModel]:
        """All models, the last changed first."""
        ...

    async def count_models(self) -> int: ...

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

        When the current revision has the same spec nothing is written and the
        flag is False. A name keeps the spelling it was first created with.
        """
        ...

    async def move(self, key: str, number: int, author: str, moved_at: datetime) -> StoredModel:
        """Point a name to one of its revisions; NotFound for either."""
        ...

    async def delete(self, key: str) -> bool:
        """Free a name; False when it was not there. Specs stay for children."""
        ...

    async def was_created(self, name: Name, spec: Digest) -> bool:
        """Whether a (perhaps deleted) model of this name ever had this spec."""
        ...

    async def add_blob(self, record: BlobRecord) -> None: ...

    async def blob(self, digest: Digest) -> BlobRecord | None: ...

    async def small_blob(self, digest: Digest) -> bytes | None: ...


@dataclass(frozen=True, slots=True)
class EngineNeeds:
    """Which engine a request needs.

    An engine with the same base, adapters and kind and at least `context`
    tokens a slot will do; how strongly each adapter applies, `scales`, is said
    with each request. `user` is the model's display name: what `ps` lists
    and what keeps the engine alive. `pooled`: the weights say how a text's vectors
    become one (WeightFacts.pooled), else it is their mean. `start_parameters` are
    those fixed when an engine starts (num_gpu, num_thread, ...); neither forces a
    reload.
    """

    user: str
    base: Digest
    context: int
    kind: Literal["chat", "embed"] = "chat"
    adapters: tuple[Digest, ...] = ()
    scales: tuple[float, ...] = ()
    pooled: bool = False
    start_parameters: Parameters = field(default_factory=Parameters)
    keep_alive: float | None = None


@dataclass(frozen=True, slots=True)
class RunningModel:
    """A model that holds an engine; sizes in bytes, `expires_at` None = never."""

    user: str
    base: Digest
    size: int
    size_vram: int
    context: int
    expires_at: datetime | None


class Engines(Protocol):
    """Processes that compute answers; started when needed, shared by base."""

    def chat(
        self, needs: EngineNeeds, messages: Sequence[Message], parameters: Parameters
    ) -> AsyncGenerator[ChatEvent, None]:
        """Answer a conversation with the base's own prompt template.

        Closing the iterator stops the engine's work. Raises Unavailable when
        the queue is full or the engine died, Invalid when it does not fit.
        """
        ...

    def complete(
        self, needs: EngineNeeds, prompt: str, parameters: Parameters
    ) -> AsyncGenerator[ChatEvent, None]:
        """Continue raw text; the base's opening token is put before it once."""
        ...

    async def render(self, needs: EngineNeeds, messages: Sequence[Message]) -> str:
        """The text that `chat` would continue."""
        ...

    async def embed(self, needs: EngineNeeds, inputs: Sequence[str], *, truncate: bool) -> Embeddings:
        """Unnormalised vectors, mean-pooled for chat bases."""
        ...

    async def load(self, needs: EngineNeeds) -> int:
        """Make the engine ready; nanoseconds it took (0 when it ran)."""
        ...

    async def unload(self, user: str) -> bool:
        """Let go of a model's engines; False when it held none."""
        ...

    def running(self) -> Sequence[RunningModel]: ...
