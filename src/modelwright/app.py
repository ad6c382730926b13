"""App: the composition root; which parts there are and how they fit together.

Plain constructor calls. The only place that knows every room below.
"""

import os
import secrets
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Final

from starlette.types import ASGIApp

from modelwright import __version__
from modelwright.bundle import import_starter
from modelwright.core.duration import parse_duration
from modelwright.core.ports import Clock, Engines
from modelwright.dialects.body import MEBIBYTE, Limits
from modelwright.dialects.native import Identity
from modelwright.engines.echo import EchoEngines
from modelwright.engines.pool import EngineOptions, Pool
from modelwright.registries.credentials import CredentialFile
from modelwright.registries.hub import HuggingFace
from modelwright.registries.oci import OciRegistries
from modelwright.registries.traffic import Traffic
from modelwright.service.adoption import Adoption
from modelwright.service.archive import Archive
from modelwright.service.chat import Chat
from modelwright.service.downloads import Downloads
from modelwright.service.hub_models import HubModels
from modelwright.service.imports import Imports
from modelwright.service.models import Models
from modelwright.service.pulls import Pulls
from modelwright.service.pushes import Pushes
from modelwright.service.resolver import Resolver
from modelwright.service.services import Services
from modelwright.service.shelf import Shelf
from modelwright.service.signing import Signing
from modelwright.service.uploads import Uploads
from modelwright.settings import Settings
from modelwright.signatures import TrustedKeys
from modelwright.store.blobs import BlobStore
from modelwright.store.catalogue import Catalogue
from modelwright.store.links import Links
from modelwright.store.ollama_folder import OllamaFolders
from modelwright.store.partials import PartialStore
from modelwright.store.signatures import SignatureFiles
from modelwright.web.gate import Admission
from modelwright.web.server import Edge, build_asgi
from modelwright.weights.files import WeightBlobs

CATALOGUE: Final = "catalogue.db"
WORKSHOP: Final = "workshop"
"""Where weight files are made, beside the blobs that they become."""
GIBIBYTE: Final = 1024**3
PARTIAL_SECONDS: Final = 7 * 24 * 3600
"""How long parts of a blob wait for somebody to pull the rest."""


class SystemClock:
    """The time of day."""

    def now(self) -> datetime:
        return datetime.now(UTC)


class Readiness:
    """What keeps the server from being ready, in words; empty when it is."""

    def __init__(self) -> None:
        self.missing = "the server is starting"


@dataclass(frozen=True, slots=True)
class App:
    """Everything that serves, in order of use."""

    services: Services
    asgi: ASGIApp
    readiness: Readiness
    token: str
    """What only those who may read the data folder are told."""


@asynccontextmanager
async def open_app(settings: Settings) -> AsyncIterator[App]:
    """Build the server's parts, and end them in reverse order.

    Raises Unavailable when the data folder or the database cannot be used.
    """
    clock = SystemClock()
    async with AsyncExitStack() as stack:
        catalogue = await Catalogue.open(settings.database or f"sqlite:///{settings.home / CATALOGUE}")
        stack.push_async_callback(catalogue.close)
        blobs = BlobStore(settings.home)
        blobs.clear_leftovers()
        links = Links(blobs, catalogue)
        engines = _engines(settings, links, clock)
        if isinstance(engines, Pool):
            stack.push_async_callback(engines.aclose)
        resolver = Resolver(catalogue)
        files = WeightBlobs(blobs.path, partial(blobs.adopt, link=True), settings.home / WORKSHOP)
        models = Models(catalogue, blobs, files, resolver, clock)
        chat = Chat(resolver, models, engines, clock, context_length=settings.context_length)
        uploads = Uploads(catalogue, blobs, limit=settings.max_blob * GIBIBYTE or None)
        imports = Imports(catalogue, links)
        adoption = Adoption(models, catalogue, blobs, links, OllamaFolders())
        house = _House(catalogue, blobs, resolver, models, files, links)
        services = Services(models, chat, uploads, imports, adoption, *_transfers(settings, house))
        await import_starter(models, catalogue, blobs)
        readiness, token = Readiness(), secrets.token_hex(32)
        edge = Edge(
            Identity(__version__, str(settings.home), os.getpid(), clock.now(), token),
            missing=lambda: readiness.missing,
            admission=Admission(loopback=True, origins=settings.origins),
            limits=Limits(body=settings.max_body * MEBIBYTE, depth=settings.max_depth),
        )
        yield App(services, build_asgi(services, edge), readiness, token)


@dataclass(frozen=True, slots=True)
class _House:
    """What moving models needs of the rest."""

    catalogue: Catalogue
    blobs: BlobStore
    resolver: Resolver
    models: Models
    files: WeightBlobs
    links: Links


def _transfers(settings: Settings, house: _House) -> tuple[Pulls, Pushes, Archive, Signing]:
    """The services that move models between machines."""
    shelf = Shelf(house.catalogue, house.blobs)
    partials = PartialStore(settings.home, house.blobs)
    partials.clear_old(PARTIAL_SECONDS)
    registries = OciRegistries(Traffic(settings.registries), CredentialFile(settings.home))
    downloads = Downloads(registries, partials, streams=settings.transfer_streams)
    keys = TrustedKeys(settings.verify, settings.trusted_keys)
    signing = Signing(house.resolver, shelf, SignatureFiles(settings.home), keys)
    files = HuggingFace(settings.registries, os.environ)
    pulls = Pulls(
        house.models,
        house.catalogue,
        house.resolver,
        registries,
        downloads,
        shelf,
        hub=HubModels(files, house.models, house.catalogue, house.links),
        signing=signing,
        limit=settings.max_blob * GIBIBYTE or None,
    )
    pushes = Pushes(house.catalogue, house.resolver, registries, shelf, signing)
    archive = Archive(house.catalogue, house.resolver, house.blobs, house.files, shelf, pulls)
    return pulls, pushes, archive, signing


def _engines(settings: Settings, links: Links, clock: Clock) -> Engines:
    kind, _, pace = settings.engine.partition(":")
    if kind == "echo":
        return EchoEngines(clock, delay=parse_duration(pace or "0"))
    options = EngineOptions(
        parallel=settings.parallel,
        max_queue=settings.max_queue,
        max_engines=settings.max_engines,
        threads=settings.threads,
        keep_alive=settings.keep_alive,
        cache_ram_mib=settings.cache_ram,
        watchdog_seconds=settings.watchdog,
        load_seconds=settings.load_timeout,
        drain_seconds=settings.drain,
    )
    return Pool(links.locate, clock, options)
