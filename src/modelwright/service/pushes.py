"""Pushes: our models go to registries.

Rights: a push sends away what its owner owns, and tells of each blob that leaves.
It names the principal; what may be exchanged with which host is the port's to say.
"""

from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing

from modelwright.core import provenance
from modelwright.core.card import Card
from modelwright.core.digest import Digest
from modelwright.core.errors import Invalid, NotFound, Unsupported
from modelwright.core.grants import Principal, Verb
from modelwright.core.layers import read_manifest
from modelwright.core.names import Name
from modelwright.core.ports import Catalogue
from modelwright.core.provenance import Artifact, Provenance
from modelwright.core.revision import Revision, StoredModel
from modelwright.core.spec import ModelSpec, PinnedParent
from modelwright.core.transfer_ports import Registries, RemoteRepository, Repository
from modelwright.service.audit import Ledger
from modelwright.service.counted import counted
from modelwright.service.pulls import each_once, target, without_scheme
from modelwright.service.resolver import Resolver
from modelwright.service.shelf import Shelf
from modelwright.service.signing import Signing
from modelwright.service.transfer_events import LayerMoved, Stated, TransferEvent, Transferred


class Pushes:
    """Pushes models, and keeps what lets them in."""

    def __init__(
        self,
        catalogue: Catalogue,
        resolver: Resolver,
        registries: Registries,
        shelf: Shelf,
        signing: Signing,
        ledger: Ledger,
    ) -> None:
        self._ledger = ledger
        self._signing = signing
        self._catalogue = catalogue
        self._resolver = resolver
        self._registries = registries
        self._shelf = shelf

    async def push(
        self, principal: Principal, wanted: str, *, insecure: bool = False
    ) -> AsyncGenerator[TransferEvent, None]:
        """Send a model to the registry that its name says, but for what is there already.

        Raises Denied for a registry that is not listed or does not let us in.
        """
        target(wanted, insecure)
        stored, revision = await self._resolver.find(principal, without_scheme(wanted), Verb.PUSH)
        name = stored.name
        if revision.manifest is None:
            raise Unsupported(f"{name.short} follows another model, so there is nothing fixed to push")
        repository = Repository.of(name, insecure=insecure, account=principal.id)
        self._registries.check(repository)
        lineage = tuple(await self._catalogue.lineage(revision.spec))
        await self._resolver.access.check_whole_legible(principal, lineage)
        content = await self._shelf.small(revision.manifest)
        manifest = read_manifest(content)
        async with self._registries.open(repository) as remote:
            origins = _origins(stored, lineage)
            yield Stated("retrieving manifest")
            await self._ledger.tell_of_leaving(principal, "push", stored, revision, repository.host)
            for layer in each_once(manifest):
                async for done in self._send(remote, layer.digest, layer.size, origins):
                    yield LayerMoved("pushing", layer.digest, layer.size, done)
            yield Stated("pushing manifest")
            await remote.publish(content, name.tag)
            card = await self._resolver.card(revision)
            await self._attach(remote, history_of(stored, revision, lineage, card, content), content)
        yield Transferred(stored.name, revision.manifest)

    async def login(
        self, principal: Principal, host: str, user: str, password: str, *, insecure: bool
    ) -> None:
        """Keep a registry's credentials for this principal; Denied when it takes none."""
        self._registries.check(Repository(host, "", insecure))
        await self._registries.login(host, principal.id, user, password, insecure=insecure)

    async def logout(self, principal: Principal, host: str) -> None:
        if not await self._registries.logout(host, principal.id):
            raise NotFound("login", host, field="registry")

    async def _send(
        self, remote: RemoteRepository, digest: Digest, size: int, origins: tuple[str, ...]
    ) -> AsyncGenerator[int, None]:
        yield 0
        if not await remote.holds(digest) and not await self._mounted(remote, digest, origins):
            await self._shelf.check(digest)

            async def work(tell: Callable[[int], None]) -> str:
                await remote.upload(digest, size, lambda start: self._shelf.pieces(digest, start), tell)
                return "sent"

            async with aclosing(counted(work)) as counts:
                async for count in counts:
                    if isinstance(count, int):
                        yield count
        yield size

    async def _mounted(self, remote: RemoteRepository, digest: Digest, origins: tuple[str, ...]) -> bool:
        for origin in origins:
            if await remote.mount(digest, origin):
                return True
        return False

    async def _attach(self, remote: RemoteRepository, history: Artifact, content: bytes) -> None:
        """Send history and signatures beside it; a registry that takes none has none."""
        try:
            for artifact in (history, *await self._signing.artifacts(content)):
                for blob in (artifact.layer, provenance.EMPTY):
                    digest = Digest.of(blob)
                    if not await remote.holds(digest):
                        await remote.upload(digest, len(blob), _from(blob), _nobody)
                await remote.attach(artifact.content, Digest.of(content))
        except (Invalid, NotFound):
            return


def _origins(stored: StoredModel, lineage: tuple[ModelSpec, ...]) -> tuple[str, ...]:
    """Repositories of that registry that may have the layers: those of its ancestors."""
    found: dict[str, None] = {}
    own = Repository.of(stored.name).path
    for spec in lineage:
        if isinstance(spec.parent, PinnedParent):
            name = Name.parse(spec.parent.name)
            path = Repository.of(name).path
            if name.host.lower() == stored.name.host.lower() and path != own:
                found[path] = None
    return tuple(found)


def history_of(
    stored: StoredModel, revision: Revision, lineage: tuple[ModelSpec, ...], card: Card, content: bytes
) -> Artifact:
    """A model's history as an artifact about its manifest."""
    layer = Provenance.of(str(stored.name), revision, lineage, card).content
    return provenance.artifact(provenance.KIND, layer, Digest.of(content), len(content))


def _from(content: bytes) -> Callable[[int], AsyncGenerator[bytes, None]]:
    async def pieces(start: int) -> AsyncGenerator[bytes, None]:
        yield content[start:]

    return pieces


def _nobody(done: int) -> None:
    """Nobody is told of what is this small."""
