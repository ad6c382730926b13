"""Pulls: a registry's models become ours.

Rights: a pull is a create, and what is fetched counts as what the principal
uploads. What it may not refer to yet is fetched even where it is here already: a
digest in somebody's manifest proves nothing. Which hosts may be asked is the port's
to say.
"""

from collections.abc import AsyncGenerator, AsyncIterator, Callable
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
from modelwright.core.grants import Principal, Verb
from modelwright.core.manifest import Layer, Manifest
from modelwright.core.names import ModelRef, Name, split
from modelwright.core.provenance import Provenance
from modelwright.core.transfer_ports import Registries, RemoteRepository, Repository
from modelwright.service.arrivals import Arrival, check_manifest
from modelwright.service.downloads import TRIES, Downloads
from modelwright.service.hub_models import HubModels
from modelwright.service.models import Models
from modelwright.service.resolver import Resolver
from modelwright.service.shelf import Shelf
from modelwright.service.signing import Signing
from modelwright.service.transfer_events import LayerMoved, Stated, TransferEvent, Transferred
from modelwright.service.uploads import Uploads
from modelwright.service.views import CreateEvent, Notice

KIND: Final = "pull"
"""Kind of the revisions that are made here."""


class Pulls:
    """Pulls models."""

    def __init__(
        self,
        models: Models,
        resolver: Resolver,
        registries: Registries,
        downloads: Downloads,
        shelf: Shelf,
        uploads: Uploads,
        *,
        hub: HubModels | None = None,
        signing: Signing | None = None,
    ) -> None:
        self._hub = hub
        self._signing = signing
        self._models = models
        self._uploads = uploads
        self._resolver = resolver
        self._registries = registries
        self._downloads = downloads
        self._shelf = shelf

    async def pull(
        self, principal: Principal, wanted: str, *, insecure: bool = False
    ) -> AsyncGenerator[TransferEvent, None]:
        """Make a registry's model one of ours, under the name it has there.

        Ends with Transferred. Raises Denied for a registry that is not listed, NotFound,
        Unavailable, or Corrupt for what should not have been sent; then nothing is kept
        but whole blobs, and parts of one that a next pull goes on with.
        """
        name = _name(wanted, insecure)
        asked = without_scheme(wanted)
        await self._resolver.access.target(principal, asked)
        repository = Repository.of(name, insecure=insecure, account=principal.id)
        must_be_signed = self._signing is not None and self._signing.wants(name.host)
        if self._hub is None or not self._hub.serves(name) or must_be_signed:
            events = self._from_registry(principal, name.tag, asked, repository)
        else:
            registry = self._from_registry(principal, name.tag, asked, repository)
            events = self._hub.pull(principal, name, asked, registry)
        async with aclosing(events) as steps:
            async for step in steps:
                yield step

    async def _from_registry(
        self, principal: Principal, tag: str, asked: str, repository: Repository
    ) -> AsyncGenerator[TransferEvent, None]:
        self._registries.check(repository)
        async with self._registries.open(repository) as remote:
            content = await remote.manifest(tag)
            manifest, small = check_manifest(content, limit=self._uploads.limit)
            if self._signing is not None:
                await self._signing.arrived(remote, repository.host, content)
            yield Stated("pulling manifest")
            contents: dict[Digest, bytes] = {}
            reached = await self._room(principal, manifest, small)
            for layer in each_once(manifest):
                if layer in small:
                    contents[layer.digest] = await _small(remote, layer)
                    yield LayerMoved("pulling", layer.digest, layer.size, layer.size)
                    continue
                async for done in self._large(principal, repository, layer, layer.digest in reached):
                    yield LayerMoved("pulling", layer.digest, layer.size, done)
            yield Stated("verifying sha256 digest")
            history = await self._history(remote, Digest.of(content))
        arrival = Arrival.of(content, contents, history)
        yield Stated("writing manifest")
        message = f"pulled from {repository.host}"
        async for event in self.arrive(principal, asked, arrival, message=message, kind=KIND):
            yield event

    async def arrive(
        self, principal: Principal, name: str, arrival: Arrival, *, message: str, kind: str
    ) -> AsyncGenerator[TransferEvent, None]:
        """Make a model of a manifest whose large layers are here.

        Its card counts where the name is new; one that stands here was changed here.
        """
        model = arrival.model
        for notice in model.notices:
            yield Notice(notice)
        card = None if await self._is_here(principal, name) else arrival.card
        created = self._models.create(
            principal, name, arrival.draft, message=message, kind=kind, card=card, arrival=arrival
        )
        async for event in created:
            if isinstance(event, Notice):
                yield event
        summary = await self._models.summary(principal, name)
        yield Transferred(summary.name, summary.digest)

    async def with_base(
        self, principal: Principal, draft: SpecDraft, create: Callable[[], AsyncIterator[CreateEvent]]
    ) -> AsyncGenerator[CreateEvent | TransferEvent, None]:
        """A create that pulls the base it names, when that is not here (as Ollama does).

        It is tried first: a base that is here, as nearly all are, is looked for once.
        """
        begun = False
        try:
            async for event in create():
                begun = True
                yield event
            return
        except NotFound:
            if begun or draft.parent is None or not await self._is_missing(principal, draft.parent):
                raise
        try:
            async with aclosing(self.pull(principal, draft.parent)) as pulled:
                async for step in pulled:
                    if not isinstance(step, Transferred):
                        yield step
        except (NotFound, Denied, Unavailable) as error:
            raise _not_here(draft.parent, error) from error
        async for event in create():
            yield event

    async def _is_missing(self, principal: Principal, parent: str) -> bool:
        """Whether a base is one that could be pulled: no revision, and not here."""
        if await self._is_here(principal, parent):
            return False
        return ModelRef.parse(parent, field="from").revision is None

    async def _is_here(self, principal: Principal, name: str) -> bool:
        """Whether there is such a model that the principal may know."""
        try:
            await self._resolver.find(principal, name, Verb.USE, field="from")
        except NotFound:
            return False
        return True

    async def _room(
        self, principal: Principal, manifest: Manifest, small: tuple[Layer, ...]
    ) -> frozenset[Digest]:
        """The large layers that are here already; Exhausted if the others are too much."""
        large = {layer.digest: layer.size for layer in each_once(manifest) if layer not in small}
        reached = await self._uploads.reached(principal, tuple(large))
        await self._uploads.check_room(principal, sum(large[each] for each in large.keys() - reached))
        return reached

    async def _large(
        self, principal: Principal, repository: Repository, layer: Layer, may_know: bool
    ) -> AsyncGenerator[int, None]:
        """Make a layer be here; one that is, is read, and mended if it has rotted."""
        yield 0
        if not (may_know and await self._shelf.holds(layer.digest, layer.size)):
            fetching = self._downloads.fetch(repository, layer.digest, layer.size, anywhere=may_know)
            async with aclosing(fetching) as counts:
                async for count in counts:
                    yield count
            await self._uploads.record(principal, layer.digest, layer.size)
        yield layer.size

    async def _history(self, remote: RemoteRepository, subject: Digest) -> Provenance | None:
        """The model's own history, when one came along that can be read."""
        try:
            for digest in reversed(await remote.attached(subject, provenance.KIND)):
                found = provenance.read_artifact(await remote.manifest(str(digest)), provenance.KIND, subject)
                if found is not None:
                    layer = Layer(provenance.KIND, *found)
                    return Provenance.read(await _small(remote, layer))
        except (Corrupt, NotFound, Invalid, Denied, Unavailable, Unsupported):
            return None
        return None


def target(wanted: str, insecure: bool) -> ModelRef:
    """The model that is to be moved; raises Invalid for http that nobody asked for."""
    ref = ModelRef.parse(wanted)
    if (split(wanted).scheme or "").lower() == "http" and not insecure:
        raise Invalid("insecure protocol http", field="model", hint="Say insecure if that is meant")
    return ref


def without_scheme(wanted: str) -> str:
    """A name as it is looked for here; how to reach its registry is left out."""
    return wanted.partition("://")[2] or wanted


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


async def _small(remote: RemoteRepository, layer: Layer) -> bytes:
    """A small layer; never one that is here already, for it may be somebody's prompt."""
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


async def _whole(remote: RemoteRepository, layer: Layer) -> bytes:
    chunks = remote.read(layer.digest, 0, layer.size, layer.size)
    async with aclosing(chunks) as found:
        return b"".join([chunk async for chunk in found])
