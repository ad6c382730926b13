"""App: the composition root; which parts there are and how they fit together.

Plain constructor calls. The only place that knows every room below.
"""

import os
import secrets
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Final

from starlette.types import ASGIApp

from modelwright import __version__
from modelwright.bundle import import_starter
from modelwright.core.address import Address
from modelwright.core.duration import parse_duration
from modelwright.core.errors import Invalid
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
from modelwright.service.audit import Ledger
from modelwright.service.chat import Chat
from modelwright.service.datasets import Datasets
from modelwright.service.downloads import Downloads
from modelwright.service.hub_models import HubModels
from modelwright.service.imports import Imports
from modelwright.service.models import Models
from modelwright.service.preparation import Preparation
from modelwright.service.publishing import Publishing
from modelwright.service.pulls import Pulls
from modelwright.service.pushes import Pushes
from modelwright.service.resolver import Resolver
from modelwright.service.responses import Responses
from modelwright.service.rights import Books, Rights, build_rights
from modelwright.service.runner import Runner
from modelwright.service.services import Services
from modelwright.service.shelf import Shelf
from modelwright.service.signing import Signing
from modelwright.service.training import Training
from modelwright.service.uploads import Uploads
from modelwright.settings import Settings
from modelwright.signatures import TrustedKeys
from modelwright.starter.replay import StarterReplay
from modelwright.store.audit import AuditBook
from modelwright.store.blobs import BlobStore
from modelwright.store.catalogue import Catalogue
from modelwright.store.grants import GrantBook
from modelwright.store.keys import KeyBook
from modelwright.store.links import Links
from modelwright.store.ollama_folder import OllamaFolders
from modelwright.store.partials import PartialStore
from modelwright.store.responses import ResponseTable
from modelwright.store.signatures import SignatureFiles
from modelwright.store.training import DatasetTable, RunBook
from modelwright.trainers.processes import ChildTrainers
from modelwright.web.auth import Doorkeeper
from modelwright.web.gate import Admission
from modelwright.web.server import Edge, build_asgi
from modelwright.weights.files import WeightBlobs

CATALOGUE: Final = "catalogue.db"
PREFIXES: Final = "prefixes"
"""Where engines keep what they computed of constant prompts."""
RUNS: Final = "runs"
"""Where runs of training keep their checkpoints."""
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
        files = WeightBlobs(links.locate, partial(blobs.adopt, link=True), settings.home / WORKSHOP)
        token = secrets.token_hex(32)
        rights = _rights(settings, catalogue, resolver, clock, token)
        stack.push_async_callback(rights.audit.close)
        models = Models(catalogue, blobs, files, resolver, clock, rights.quotas)
        ledger = rights.audit.ledger
        chat = Chat(resolver, models, engines, clock, context_length=settings.context_length, ledger=ledger)
        limit = settings.max_blob * GIBIBYTE or None
        uploads = Uploads(catalogue, blobs, limit=limit, quotas=rights.quotas)
        adoption = Adoption(models, catalogue, blobs, links, OllamaFolders())
        responses = Responses(ResponseTable(catalogue.database), clock, keep_days=settings.keep_responses)
        await responses.drop_expired()
        datasets = Datasets(DatasetTable(catalogue.database), catalogue, blobs, blobs, clock, limit=limit)
        runs = RunBook(catalogue.database)
        runner = Runner(
            runs,
            ChildTrainers(links.locate, blobs.adopt, settings.home / RUNS),
            Preparation(chat, resolver, catalogue, blobs, blobs, files),
            Publishing(models, resolver, catalogue, files, engines),
            resolver,
            files,
            StarterReplay(),
            clock,
            rights.accounts.acting,
        )
        training = Training(runs, datasets, blobs, resolver, resolver.access, runner, clock)
        house = _House(catalogue, blobs, resolver, models, files, links, uploads, ledger)
        services = Services(
            models,
            chat,
            uploads,
            Imports(catalogue, links),
            adoption,
            responses,
            rights,
            datasets,
            training,
            *_transfers(settings, house),
        )
        await import_starter(models, rights.sharing, catalogue, blobs)
        await stack.enter_async_context(runner.working())
        await _check_open(settings, rights)
        readiness = Readiness()
        edge = Edge(
            Identity(__version__, str(settings.home), os.getpid(), clock.now(), token),
            missing=lambda: readiness.missing,
            admission=_admission(settings),
            limits=Limits(body=settings.max_body * MEBIBYTE, depth=settings.max_depth),
            openwebui_errors=settings.openwebui_errors,
            doorkeeper=Doorkeeper(rights.accounts, rights.quotas),
        )
        rights.audit.start()
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
    uploads: Uploads
    ledger: Ledger


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
        house.resolver,
        registries,
        downloads,
        shelf,
        house.uploads,
        hub=HubModels(files, house.models, house.uploads, house.links),
        signing=signing,
    )
    pushes = Pushes(house.catalogue, house.resolver, registries, shelf, signing, house.ledger)
    archive = Archive(
        house.catalogue,
        house.resolver,
        house.blobs,
        house.files,
        shelf,
        pulls,
        house.uploads,
        signing,
        house.ledger,
    )
    return pulls, pushes, archive, signing


def _is_loopback(settings: Settings) -> bool:
    return Address(settings.host, settings.port, True).is_loopback


def _rights(settings: Settings, catalogue: Catalogue, resolver: Resolver, clock: Clock, token: str) -> Rights:
    database = catalogue.database
    return build_rights(
        Books(KeyBook(database), GrantBook(database), AuditBook(database)),
        resolver.access,
        clock,
        token=token,
        keyless=_is_loopback(settings) or settings.insecure,
        quotas=settings.quotas,
        session=timedelta(seconds=settings.session),
    )


async def _check_open(settings: Settings, rights: Rights) -> None:
    """Refuse to listen to other machines while nobody is asked who they are."""
    if _is_loopback(settings) or settings.insecure or await rights.accounts.has_keys():
        return
    raise Invalid(
        f'refused to listen on "{settings.host or "every interface"}" ({settings.sources["host"]}): '
        "there are no keys yet, so nobody could be let in, or everybody would be",
        field="host",
        hint="Make an admin and a key first, on this machine: modelwright key create --user NAME --role "
        "admin. Or listen on 127.0.0.1. With --insecure everybody who reaches the address is an admin",
    )


def _admission(settings: Settings) -> Admission:
    named = _is_loopback(settings) or bool(settings.hosts)
    return Admission(named, settings.hosts, settings.origins)


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
        max_adapters=settings.max_adapters,
        prefix_dir=settings.home / PREFIXES,
        prefix_bytes=settings.prefix_cache * MEBIBYTE,
        watchdog_seconds=settings.watchdog,
        load_seconds=settings.load_timeout,
        drain_seconds=settings.drain,
        sleep_seconds=settings.sleep,
        memory_bytes=settings.memory * MEBIBYTE or None,
        cache_type=settings.cache_type,
        tensor_split=settings.tensor_split,
        split_mode=settings.split_mode,
    )
    return Pool(links.locate, clock, options)
