"""HubModels: a repository of files becomes a model, as any other files do.

A registry of the same name is asked first where there is one; what it does not have
as a model is fetched as files.
"""

from collections.abc import AsyncGenerator
from contextlib import aclosing

from modelwright.core.digest import Digest
from modelwright.core.draft import SpecDraft
from modelwright.core.errors import Invalid, NotFound
from modelwright.core.grants import Principal
from modelwright.core.names import Name
from modelwright.core.ports import LocalFiles
from modelwright.core.transfer_ports import Hub, HubFile
from modelwright.core.weight_files import NamedBlob
from modelwright.service.models import Models
from modelwright.service.transfer_events import LayerMoved, Stated, TransferEvent, Transferred
from modelwright.service.uploads import Uploads
from modelwright.service.views import Notice, Working


class HubModels:
    """Pulls from a hub."""

    def __init__(self, hub: Hub, models: Models, uploads: Uploads, files: LocalFiles) -> None:
        self._hub = hub
        self._models = models
        self._uploads = uploads
        self._files = files

    def serves(self, name: Name) -> bool:
        return self._hub.serves(name.host)

    async def pull(
        self, principal: Principal, name: Name, wanted: str, registry: AsyncGenerator[TransferEvent, None]
    ) -> AsyncGenerator[TransferEvent, None]:
        """Pull from the registry, or make `wanted` of the repository's files."""
        async with aclosing(registry):
            if not self._hub.is_elsewhere:
                begun = False
                try:
                    async for event in registry:
                        begun = True
                        yield event
                    return
                except (NotFound, Invalid):
                    if begun:
                        raise
        async for event in self._from_files(principal, name, wanted):
            yield event

    async def _from_files(
        self, principal: Principal, name: Name, wanted: str
    ) -> AsyncGenerator[TransferEvent, None]:
        repository = f"{name.namespace}/{name.model}"
        found: list[NamedBlob] = []
        async with aclosing(self._hub.fetch(repository, name.tag)) as events:
            async for event in events:
                if isinstance(event, HubFile):
                    digest, size = await self._taken(principal, event.path)
                    found.append(NamedBlob(event.name, digest))
                    yield LayerMoved("pulling", digest, size, size)
                else:
                    yield Stated(f"pulling {event}")
        draft = SpecDraft(files=tuple(found))
        message = f"pulled from {name.host}"
        async for step in self._models.create(principal, wanted, draft, message=message, kind="pull"):
            if isinstance(step, Notice):
                yield step
            elif isinstance(step, Working):
                yield Stated(step.status)
        made = await self._models.summary(principal, wanted)
        yield Transferred(made.name, made.digest)

    async def _taken(self, principal: Principal, path: str) -> tuple[Digest, int]:
        digest, size = await self._files.take(path)
        await self._uploads.record(principal, digest, size)
        return digest, size
