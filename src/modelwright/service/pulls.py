"""Pulls: a registry's models become ours.

Rights: a pull is a create. It names the principal; what may be exchanged with
which host is the port's to say.
"""

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from typing import Final

from modelwright.core import provenance
from modelwright.core.digest import Digest
from modelwright.core.draft import SpecDraft
from modelwright.core.errors import (
    Corrupt,
    Denied,
    Invalid,
    ModelwrightError,
    NotFound,
    Unavailable,
    Unsupported,
)
from modelwright.core.grants import Principal
from modelwright.core.manifest import Layer, Manifest
from modelwright.core.names import ModelRef, Name, split
from modelwright.core.ports import Catalogue
from modelwright.core.provenance import Provenance
from modelwright.core.revision import BlobRecord
from modelwright.core.transfer_ports import Registries, RemoteRepository, Repository
from modelwright.service.arrivals import Arrival, check_manifest
from modelwright.service.downloads import TRIES, Downloads
from modelwright.service.hub_models import HubModels
from modelwright.service.models import Models
from modelwright.service.resolver import Resolver
from modelwright.service.shelf import Shelf
from modelwright.service.signing import Signing
from modelwright.service.transfer_events import LayerMoved, Stated, TransferEvent, Transferred
from modelwright.service.views import CreateEvent, Notice

KIND: Final = "pull"
"""Kind of the revisions that are made here."""


class Pulls:
    """Pulls models; `limit` is the bytes that one blob may have, None = any number."""

    def __init__(
        self,
        models: Models,
        catalogue: Catalogue,
        resolver: Resolver,
        registries: Registries,
        downloads: Downloads,
        shelf: Shelf,
        *,
        hub: HubModels | None = None,
        signing: Signing | None = None,
        limit: int | None = None,
    ) -> None:
        self._hub = hub
        self._signing = signing
        self._models = models
        self._catalogue = catalogue
        self._resolver = resolver
        self._registries = registries
        self._downloads = downloads
        self._shelf = shelf
        self.limit = limit

    async def pull(
        self, principal: Principal, wanted: str, *, insecure: bool = False
    ) -> AsyncGenerator[TransferEvent, None]:
        """Make a registry's model one of ours, under the name it has there.

        Ends with Transferred. Raises Denied for a registry that is not listed, NotFound,
        Unavailable, or Corrupt for what should not have been sent; then nothing is kept
        but whole blobs, and parts of one that a next pull goes on with.
        """
        name = _name(wanted, insecure)
        repository = Repository.of(name, insecure=insecure, account=principal.name)
        must_be_signed = self._signing is not None and self._signing.wants(name.host)
        if self._hub is None or not self._hub.serves(name) or must_be_signed:
            events = self._from_registry(principal, name, repository)
        else:
            events = self._hub.pull(principal, name, self._from_registry(principal, name, repository))
        async with aclosing(events) as steps:
            async for step in steps:
                yield step

    async def _from_registry(
        self, principal: Principal, name: Name, repository: Repository
    ) -> AsyncGenerator[TransferEvent, None]:
        self._registries.check(repository)
        async with self._registries.open(repository) as remote:
            content = await remote.manifest(name.tag)
            manifest, small = check_manifest(content, limit=self.limit)
            if self._signing is not None:
                await self._signing.arrived(remote, repository.host, content)
            yield Stated("pulling manifest")
            contents: dict[Digest, bytes] = {}
            for layer in each_once(manifest):
                if layer in small:
                    contents[layer.digest] = await self._small(remote, layer)
                    yield LayerMoved("pulling", layer.digest, layer.size, layer.size)
                    continue
                async for done in self._large(repository, layer):
                    yield LayerMoved("pulling", layer.digest, layer.size, done)
            yield Stated("verifying sha256 digest")
            history = await self._history(remote, Digest.of(content))
        arrival = Arrival(content, contents, () if history is None else history.lineage)
        yield Stated("writing manifest")
        message = f"pulled from {repository.host}"
        async for event in self.arrive(principal, name, arrival, message=message, kind=KIND):
            yield event

    async def arrive(
        self, principal: Principal, name: Name, arrival: Arrival, *, message: str, kind: str
    ) -> AsyncGenerator[TransferEvent, None]:
        """Make a model of a manifest whose large layers are here."""
        model = arrival.model
        for notice in model.notices:
            yield Notice(notice)
        created = self._models.create(
            principal, name.full, arrival.draft, message=message, kind=kind, arrival=arrival
        )
        async for event in created:
            if isinstance(event, Notice):
                yield event
        summary = await self._models.summary(principal, name.full)
        yield Transferred(summary.name, summary.digest)

    async def with_base(
        self, principal: Principal, draft: SpecDraft, events: AsyncIterator[CreateEvent]
    ) -> AsyncGenerator[CreateEvent | TransferEvent, None]:
        """A create that pulls the base it names, when that is not here (as Ollama does)."""
        if draft.parent is not None and await self._is_missing(draft.parent):
            try:
                async with aclosing(self.pull(principal, draft.parent)) as pulled:
                    async for step in pulled:
                        if not isinstance(step, Transferred):
                            yield step
            except (NotFound, Denied, Unavailable) as error:
                raise _not_here(draft.parent, error) from error
        async for event in events:
            yield event

    async def _is_missing(self, parent: str) -> bool:
        """Whether a base is one that could be pulled: no revision, and not here."""
        try:
            await self._resolver.find(parent, field="from")
        except NotFound:
            return ModelRef.parse(parent, field="from").revision is None
        return False

    async def _small(self, remote: RemoteRepository, layer: Layer) -> bytes:
        known = await self._catalogue.small_blob(layer.digest)
        if known is not None:
            return known
        content = b""
        for last in range(TRIES):
            try:
                content = await _whole(remote, layer)
                break
            except Unavailable:
                if last == TRIES - 1:
                    raise
        if (found := Digest.of(content)) != layer.digest:
            raise _mismatch(layer.digest, found)
        return content

    async def _large(self, repository: Repository, layer: Layer) -> AsyncGenerator[int, None]:
        """Make a layer be here; one that is, is read, and mended if it has rotted."""
        yield 0
        if not await self._shelf.holds(layer.digest, layer.size):
            async with aclosing(self._downloads.fetch(repository, layer.digest, layer.size)) as counts:
                async for count in counts:
                    yield count
            await self._catalogue.add_blob(BlobRecord(layer.digest, layer.size, None))
        yield layer.size

    async def _history(self, remote: RemoteRepository, subject: Digest) -> Provenance | None:
        """The model's own history, when one came along that can be read."""
        try:
            for digest in reversed(await remote.attached(subject, provenance.KIND)):
                found = provenance.read_artifact(await remote.manifest(str(digest)), provenance.KIND, subject)
                if found is not None:
                    layer = Layer(provenance.KIND, *found)
                    return Provenance.read(await self._small(remote, layer))
        except (Corrupt, NotFound, Invalid, Denied, Unavailable, Unsupported):
            return None
        return None


def target(wanted: str, insecure: bool) -> ModelRef:
    """The model that is to be moved; raises Invalid for http that nobody asked for."""
    ref = ModelRef.parse(wanted)
    if (split(wanted).scheme or "").lower() == "http" and not insecure:
        raise Invalid("insecure protocol http", field="model", hint="Say insecure if that is meant")
    return ref


def _name(wanted: str, insecure: bool) -> Name:
    ref = target(wanted, insecure)
    if ref.revision is not None:
        raise Invalid(f'"{wanted}" names a revision, which a registry does not have', field="model")
    return ref.name


def each_once(manifest: Manifest) -> tuple[Layer, ...]:
    """The layers, then the config, as Ollama goes through them."""
    everything = (*manifest.layers, manifest.config)
    return tuple({layer.digest: layer for layer in everything}.values())


def _not_here(parent: str, error: ModelwrightError) -> NotFound:
    found = NotFound("model", parent, field="from", hint='See what is here with "modelwright ls"')
    found.message = f'model "{parent}" not found: it is not here, and it cannot be pulled: {error}'
    return found


def _mismatch(wanted: Digest, found: Digest) -> Corrupt:
    return Corrupt(f"digest mismatch, file must be downloaded again: want {wanted}, got {found}")


async def _whole(remote: RemoteRepository, layer: Layer) -> bytes:
    chunks = remote.read(layer.digest, 0, layer.size, layer.size)
    async with aclosing(chunks) as found:
        return b"".join([chunk async for chunk in found])
