"""Adoption: the models of an Ollama's store become ours, their weights linked.

Nothing there is changed. What is broken there is skipped and named; what was
adopted before is left alone, so it can be done again at any time.
"""

from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

from modelwright.core.adopted import derived_draft, draft_of
from modelwright.core.digest import Digest
from modelwright.core.draft import SpecDraft
from modelwright.core.errors import Conflict, Invalid, ModelwrightError
from modelwright.core.grants import Principal
from modelwright.core.layers import LayeredModel, needed, read_layers, read_manifest
from modelwright.core.manifest import Layer
from modelwright.core.names import Name
from modelwright.core.ports import Blobs, Catalogue, FoundManifest, LocalFiles, ModelFolders
from modelwright.core.revision import BlobRecord
from modelwright.service.counted import counted
from modelwright.service.models import Models
from modelwright.service.views import Notice

KIND: Final = "adopt"
"""Kind of the revisions that are made here."""

_LONGEST_CHAIN: Final = 100
"""Models that stand on each other; beyond it their order is left as it is."""


@dataclass(frozen=True, slots=True)
class LayerRead:
    """How many bytes of a model's weight file were read, of `total`."""

    name: Name
    digest: Digest
    count: int
    total: int


@dataclass(frozen=True, slots=True)
class Adopted:
    """A model is ours; `original` is the digest of its manifest there."""

    name: Name
    digest: Digest
    original: Digest
    notices: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Unchanged:
    """A model was adopted before as it is there."""

    name: Name


@dataclass(frozen=True, slots=True)
class Skipped:
    """What stands at `place` below "manifests" was not adopted."""

    place: str
    reason: str


AdoptionEvent: TypeAlias = LayerRead | Adopted | Unchanged | Skipped


@dataclass(frozen=True, slots=True)
class _Candidate:
    place: str
    name: Name
    original: Digest
    model: LayeredModel

    @property
    def message(self) -> str:
        return f"adopted from Ollama, {self.original}"


@dataclass(frozen=True, slots=True)
class _Here:
    """A model that was adopted, and the revision it is."""

    model: LayeredModel
    revision: str


class Adoption:
    """Takes over stores."""

    def __init__(
        self,
        models: Models,
        catalogue: Catalogue,
        blobs: Blobs,
        files: LocalFiles,
        folders: ModelFolders,
    ) -> None:
        self._models = models
        self._catalogue = catalogue
        self._blobs = blobs
        self._files = files
        self._folders = folders

    async def adopt(self, principal: Principal, folder: str) -> AsyncGenerator[AdoptionEvent, None]:
        """Take over all models of a store, bases before what stands on them.

        Raises NotFound when there is none, or none that may be read.
        """
        candidates: dict[str, _Candidate] = {}
        for found in await self._folders.manifests(folder):
            try:
                candidate = await self._candidate(folder, found)
                same = candidates.setdefault(candidate.name.key, candidate)
                if same is not candidate:
                    raise Conflict(f"it has the name of {same.place}, but for capital letters")
            except ModelwrightError as error:
                yield Skipped(found.place, str(error))
        here: dict[str, _Here] = {}
        for candidate in _bases_first(candidates):
            try:
                async for event in self._take(principal, folder, candidate, here):
                    yield event
                number = await self._adopted_as(candidate)
                here[candidate.name.key] = _Here(candidate.model, f"{candidate.name.full}@{number}")
            except ModelwrightError as error:
                yield Skipped(candidate.place, str(error))

    async def _candidate(self, folder: str, found: FoundManifest) -> _Candidate:
        if found.name is None:
            raise Invalid(found.fault)
        manifest = read_manifest(found.content)
        contents = {digest: await self._folders.content(folder, digest) for digest in needed(manifest)}
        return _Candidate(found.place, found.name, Digest.of(found.content), read_layers(manifest, contents))

    async def _take(
        self, principal: Principal, folder: str, candidate: _Candidate, here: Mapping[str, _Here]
    ) -> AsyncGenerator[AdoptionEvent, None]:
        draft = _draft(candidate, here)
        if await self._adopted_as(candidate) is not None:
            yield Unchanged(candidate.name)
            return
        for layer in candidate.model.weights:
            async for count in self._store(folder, layer):
                yield LayerRead(candidate.name, layer.digest, count, layer.size)
        created = self._models.create(
            principal, candidate.name.full, draft, message=candidate.message, kind=KIND
        )
        notices = list(candidate.model.notices)
        async for event in created:
            if isinstance(event, Notice):
                notices.append(event.text)
        made = await self._models.summary(principal, candidate.name.full)
        yield Adopted(made.name, made.digest, candidate.original, tuple(notices))

    async def _adopted_as(self, candidate: _Candidate) -> int | None:
        """The revision it was adopted as; Conflict when the name is another model's."""
        stored = await self._catalogue.find(candidate.name.key)
        if stored is None:
            return None
        history = await self._catalogue.history(candidate.name.key)
        for each in history:
            if each.kind == KIND and each.message == candidate.message:
                return each.number
        if stored.revision.kind != KIND:
            raise Conflict(
                f"{stored.name.short} is here already, and another model",
                hint="Give one of them another name with cp, and remove it",
            )
        return None

    async def _store(self, folder: str, layer: Layer) -> AsyncGenerator[int, None]:
        """Link a weight file; yields the bytes read."""
        record = await self._catalogue.blob(layer.digest)
        if record is not None and await self._blobs.has(layer.digest):
            return
        place = self._folders.place(folder, layer.digest)
        async for done in counted(lambda tell: self._files.take(place, expected=layer.digest, on_bytes=tell)):
            if isinstance(done, int):
                yield done
            else:
                digest, size = done
                yield size
                await self._catalogue.add_blob(BlobRecord(digest, size, None))


def _draft(candidate: _Candidate, here: Mapping[str, _Here]) -> SpecDraft:
    base = here.get(_origin(candidate))
    if base is not None:
        draft = derived_draft(candidate.model, base.model, base.revision)
        if draft is not None:
            return draft
    return draft_of(candidate.model)


def _bases_first(candidates: Mapping[str, _Candidate]) -> Sequence[_Candidate]:
    """Each after the one it was derived from; a circle is cut somewhere."""
    ordered: dict[str, _Candidate] = {}

    def place(key: str, depth: int) -> None:
        candidate = candidates.get(key)
        if candidate is None or key in ordered or depth > _LONGEST_CHAIN:
            return
        origin = _origin(candidate)
        if origin != key:
            place(origin, depth + 1)
        ordered.setdefault(key, candidate)

    for key in candidates:
        place(key, 0)
    return tuple(ordered.values())


def _origin(candidate: _Candidate) -> str:
    """The key of the model it was derived from; "" for none."""
    try:
        return Name.parse(candidate.model.origin).key if candidate.model.origin else ""
    except Invalid:
        return ""
