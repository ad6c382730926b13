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
from modelwright.service.adoption import Adoption
from modelwright.service.chat import Chat
from modelwright.service.datasets import Datasets
from modelwright.service.file_uploads import FileUploads
from modelwright.service.imports import Imports
from modelwright.service.models import Models
from modelwright.service.preparation import Preparation
from modelwright.service.publishing import Publishing
from modelwright.service.resolver import Resolver
from modelwright.service.responses import Responses
from modelwright.service.rights import Books, Rights, build_rights
from modelwright.service.runner import Runner
from modelwright.service.services import Services
from modelwright.service.training import Training
from modelwright.service.uploads import Uploads
from modelwright.settings import Settings
from modelwright.starter.replay import StarterReplay
from modelwright.store.audit import AuditBook
from modelwright.store.blobs import BlobStore
from modelwright.store.catalogue import Catalogue
from modelwright.store.file_uploads import UploadTable
from modelwright.store.grants import GrantBook
from modelwright.store.keys import KeyBook
from modelwright.store.links import Links
from modelwright.store.ollama_folder import OllamaFolders
from modelwright.store.responses import ResponseTable
from modelwright.store.training import DatasetTable, RunBook
from modelwright.trainers.processes import ChildTrainers
from modelwright.web.auth import Doorkeeper
from modelwright.web.gate import Admission
from modelwright.web.server import Edge, build_asgi, dialects_of
from modelwright.weights.files import WeightBlobs

CATALOGUE: Final = "catalogue.db"
PREFIXES: Final = "prefixes"
"""Where engines keep what they computed of constant prompts."""
RUNS: Final = "runs"
"""Where runs of training keep their checkpoints."""
WORKSHOP: Final = "workshop"
"""Where weight files are made, beside the blobs that they become."""
GIBIBYTE: Final = 1024**3


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
    dialects: tuple[str, ...]
    """The names of those that can have a port of their own."""


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
        imports = Imports(catalogue, links)
        adoption = Adoption(models, catalogue, blobs, links, OllamaFolders())
        responses = Responses(ResponseTable(catalogue.database), clock, keep_days=settings.keep_responses)
        await responses.drop_expired()
        datasets, file_uploads = _file_services(catalogue, blobs, clock, limit)
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
        services = Services(
            models, chat, uploads, imports, adoption, responses, rights, datasets, training, file_uploads
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
            doorkeeper=Doorkeeper(rights.accounts, rights.quotas),
            default_model=settings.default_model,
        )
        rights.audit.start()
        names = tuple(dialect.name for dialect in dialects_of(edge))
        yield App(services, build_asgi(services, edge), readiness, token, names)


def _file_services(
    catalogue: Catalogue, blobs: BlobStore, clock: Clock, limit: int | None
) -> tuple[Datasets, FileUploads]:
    """Files of training data, and those that come in parts."""
    database = catalogue.database
    datasets = Datasets(DatasetTable(database), catalogue, blobs, blobs, clock, limit=limit)
    table = UploadTable(database)
    return datasets, FileUploads(table, datasets, catalogue, blobs, blobs, clock, limit=limit)


def _is_loopback(settings: Settings) -> bool:
    """Whether only this machine can reach any of the addresses."""
    others = (Address.parse(place) for place in settings.listen.values())
    return all(each.is_loopback for each in (Address(settings.host, settings.port, True), *others))


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
        f"refused to listen on {_places(settings)}: "
        "there are no keys yet, so nobody could be let in, or everybody would be",
        field="host",
        hint="Make an admin and a key first, on this machine: modelwright key create --user NAME --role "
        "admin. Or listen on 127.0.0.1. With --insecure everybody who reaches the address is an admin",
    )


def _places(settings: Settings) -> str:
    own = f'"{settings.host or "every interface"}" ({settings.sources["host"]})'
    others = [f'"{place}" ({settings.sources["listen"]})' for place in settings.listen.values()]
    return " and ".join([own, *others])


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
