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
from typing import Final, NamedTuple

from starlette.types import ASGIApp

from modelwright import __version__
from modelwright.bundle import import_starter
from modelwright.core.address import Address
from modelwright.core.duration import parse_duration
from modelwright.core.errors import Invalid
from modelwright.core.ports import Clock
from modelwright.core.queued_prompt import Room
from modelwright.dialects.ai_middleware import Stance
from modelwright.dialects.body import MEBIBYTE, Limits
from modelwright.dialects.native import Identity
from modelwright.engines.echo import EchoEngines
from modelwright.engines.pool import EngineOptions, Pool
from modelwright.external.containers import Containers
from modelwright.external.endpoints import Endpoints
from modelwright.external.runners import Runners
from modelwright.registries.traffic import Guarded, Traffic
from modelwright.service.adoption import Adoption
from modelwright.service.chat import Chat
from modelwright.service.datasets import Datasets
from modelwright.service.deployments import Deployments
from modelwright.service.entities import Entities
from modelwright.service.file_uploads import FileUploads
from modelwright.service.imports import Imports
from modelwright.service.model_servers import ModelServers
from modelwright.service.model_templates import ModelTemplates
from modelwright.service.models import Models
from modelwright.service.preparation import Preparation
from modelwright.service.prompt_queue import PromptQueue
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
from modelwright.starter.shipped import shipped_templates
from modelwright.store.audit import AuditBook
from modelwright.store.blobs import BlobStore
from modelwright.store.catalogue import Catalogue
from modelwright.store.deployments import DeploymentTable
from modelwright.store.entities import EntityTable
from modelwright.store.file_uploads import UploadTable
from modelwright.store.grants import GrantBook
from modelwright.store.keys import KeyBook
from modelwright.store.links import Links
from modelwright.store.ollama_folder import OllamaFolders
from modelwright.store.prompts import PromptTable
from modelwright.store.responses import ResponseTable
from modelwright.store.templates import TemplateTable
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
        adoption = Adoption(models, catalogue, blobs, links, OllamaFolders())
        responses = Responses(ResponseTable(catalogue.database), clock, keep_days=settings.keep_responses)
        await responses.drop_expired()
        datasets = Datasets(DatasetTable(catalogue.database), catalogue, blobs, blobs, clock, limit=limit)
        parts = Parts(catalogue, blobs, links, files, resolver, models, chat, engines, rights)
        runner, training = _training(settings, parts, datasets, clock)
        table = UploadTable(catalogue.database)
        file_uploads = FileUploads(table, datasets, catalogue, blobs, blobs, clock, limit=limit)
        queue = _queue(settings, catalogue, chat, models, clock, rights)
        deployments = await stack.enter_async_context(_deployed(settings, parts, clock))
        imports = Imports(catalogue, links)
        services = Services(
            *(models, chat, uploads, imports, adoption, responses, rights, datasets, training, file_uploads),
            queue,
            *deployments,
            Entities(EntityTable(catalogue.database), clock),
        )
        await import_starter(models, rights.sharing, catalogue, blobs)
        await stack.enter_async_context(runner.working())
        await stack.enter_async_context(queue.working())
        await _check_open(settings, rights)
        readiness = Readiness()
        identity = Identity(__version__, str(settings.home), os.getpid(), clock.now(), token)
        edge = _edge(settings, identity, rights, readiness)
        rights.audit.start()
        await deployments.deployments.revive()
        names = tuple(dialect.name for dialect in dialects_of(edge))
        yield App(services, build_asgi(services, edge), readiness, token, names)


def _edge(settings: Settings, identity: Identity, rights: Rights, readiness: Readiness) -> Edge:
    return Edge(
        identity,
        missing=lambda: readiness.missing,
        admission=_admission(settings),
        limits=Limits(body=settings.max_body * MEBIBYTE, depth=settings.max_depth),
        openwebui_errors=settings.openwebui_errors,
        ai_middleware=Stance(settings.ai_middleware_compat, settings.ai_middleware_models),
        doorkeeper=Doorkeeper(rights.accounts, rights.quotas),
        default_model=settings.default_model,
    )


@dataclass(frozen=True, slots=True)
class Parts:
    """What training is put together from."""

    catalogue: Catalogue
    blobs: BlobStore
    links: Links
    files: WeightBlobs
    resolver: Resolver
    models: Models
    chat: Chat
    engines: Pool | EchoEngines
    rights: Rights


def _training(settings: Settings, parts: Parts, datasets: Datasets, clock: Clock) -> tuple[Runner, Training]:
    blobs, resolver = parts.blobs, parts.resolver
    runs = RunBook(parts.catalogue.database)
    preparation = Preparation(parts.chat, resolver, parts.catalogue, blobs, blobs, parts.files)
    runner = Runner(
        runs,
        ChildTrainers(parts.links.locate, blobs.adopt, settings.home / RUNS),
        preparation,
        Publishing(parts.models, resolver, parts.catalogue, parts.files, parts.engines),
        resolver,
        parts.files,
        StarterReplay(),
        clock,
        parts.rights.accounts.acting,
        parts.engines,
    )
    training = Training(
        runs, datasets, blobs, resolver, resolver.access, runner, preparation, clock, parts.rights.quotas
    )
    return runner, training


class Deployed(NamedTuple):
    """What templates and deployments are served by."""

    templates: ModelTemplates
    deployments: Deployments
    servers: ModelServers


@asynccontextmanager
async def _deployed(settings: Settings, parts: Parts, clock: Clock) -> AsyncIterator[Deployed]:
    database, rights, traffic = parts.catalogue.database, parts.rights, Traffic(settings.endpoints)
    runners = Runners(Endpoints(Guarded(traffic), traffic.check), Containers(settings.container_engine))
    table = DeploymentTable(database)
    deployments = Deployments(
        table,
        parts.models,
        parts.chat,
        parts.resolver,
        runners,
        clock,
        rights.accounts.acting,
        rights.audit.write,
    )
    templates = ModelTemplates(
        TemplateTable(database), parts.models, parts.resolver.access, clock, shipped_templates()
    )
    try:
        yield Deployed(templates, deployments, ModelServers(table, deployments, clock))
    finally:
        await deployments.aclose()
        await runners.aclose()


def _queue(
    settings: Settings, catalogue: Catalogue, chat: Chat, models: Models, clock: Clock, rights: Rights
) -> PromptQueue:
    return PromptQueue(
        PromptTable(catalogue.database),
        chat,
        models,
        clock,
        rights.accounts.acting,
        quotas=rights.quotas,
        room=Room(settings.prompt_queue, max(1, settings.prompt_queue // 2)),
        workers=max(1, settings.parallel // 2),  # the other slots are for those who wait
        keep=settings.keep_prompts,
    )


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


def _engines(settings: Settings, links: Links, clock: Clock) -> Pool | EchoEngines:
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
