"""App: the composition root; which parts there are and how they fit together.

Plain constructor calls. The only place that knows every room below.
"""

import os
import secrets
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, NamedTuple

from starlette.types import ASGIApp

from modelwright import __version__
from modelwright.bundle import import_starter
from modelwright.core.errors import Invalid
from modelwright.core.ports import Clock
from modelwright.core.queued_prompt import Room
from modelwright.dialects.ai_middleware import Stance
from modelwright.dialects.body import MEBIBYTE, Limits
from modelwright.dialects.native import Identity
from modelwright.dialects.openwebui.stance import Stance as OpenWebUIStance
from modelwright.external.containers import Containers
from modelwright.external.endpoints import Endpoints
from modelwright.external.runners import Runners
from modelwright.parts import GIBIBYTE, Parts, build_parts, is_loopback
from modelwright.registries.credentials import CredentialFile
from modelwright.registries.hub import HuggingFace
from modelwright.registries.oci import OciRegistries
from modelwright.registries.traffic import Guarded, Traffic
from modelwright.service.adoption import Adoption
from modelwright.service.archive import Archive
from modelwright.service.choices import Choices
from modelwright.service.collection import Collection
from modelwright.service.deployments import Deployments
from modelwright.service.downloads import Downloads
from modelwright.service.entities import Entities
from modelwright.service.file_uploads import FileUploads
from modelwright.service.hub_models import HubModels
from modelwright.service.imports import Imports
from modelwright.service.membership import Membership
from modelwright.service.model_servers import ModelServers
from modelwright.service.model_templates import ModelTemplates
from modelwright.service.preparation import Preparation
from modelwright.service.prompt_queue import PromptQueue
from modelwright.service.publishing import Publishing
from modelwright.service.pulls import Pulls
from modelwright.service.pushes import Pushes
from modelwright.service.responses import Responses
from modelwright.service.rights import Rights
from modelwright.service.runner import Runner
from modelwright.service.services import Services
from modelwright.service.shelf import Shelf
from modelwright.service.signing import Signing
from modelwright.service.training import Training
from modelwright.service.uploads import Uploads
from modelwright.settings import Settings
from modelwright.signatures import TrustedKeys
from modelwright.starter.replay import StarterReplay
from modelwright.starter.shipped import shipped_templates
from modelwright.store.audit import AuditBook
from modelwright.store.deployments import DeploymentTable
from modelwright.store.entities import EntityTable
from modelwright.store.file_uploads import UploadTable
from modelwright.store.garbage import Garbage
from modelwright.store.inspection import Inspection
from modelwright.store.ollama_folder import OllamaFolders
from modelwright.store.partials import PartialStore
from modelwright.store.prompts import PromptTable
from modelwright.store.responses import ResponseTable
from modelwright.store.servers import ServerTable
from modelwright.store.signatures import SignatureFiles
from modelwright.store.templates import TemplateTable
from modelwright.store.training import RunBook
from modelwright.trainers.processes import ChildTrainers
from modelwright.web.auth import Doorkeeper
from modelwright.web.gate import Admission
from modelwright.web.server import Edge, build_asgi, dialects_of

RUNS: Final = "runs"
"""Where runs of training keep their checkpoints."""
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
    dialects: tuple[str, ...]
    """The names of those that can have a port of their own."""


@asynccontextmanager
async def open_app(settings: Settings) -> AsyncIterator[App]:
    """Build the server's parts, and end them in reverse order.

    Raises Unavailable when the data folder or the database cannot be used.
    """
    clock, token = SystemClock(), secrets.token_hex(32)
    async with AsyncExitStack() as stack:
        parts = await build_parts(settings, clock, token, stack)
        rights = parts.rights
        limit = settings.max_blob * GIBIBYTE or None
        membership = Membership(_servers(parts))
        runner, training = _training(settings, parts, clock, membership)
        queue = _queue(settings, parts, clock, membership)
        deployed = await stack.enter_async_context(_deployed(settings, parts, clock))
        uploads = Uploads(parts.catalogue, parts.blobs, limit=limit, quotas=rights.quotas)
        pulls, pushes, archive, signing = _transfers(settings, parts, uploads)
        services = Services(
            models=parts.models,
            chat=parts.chat,
            uploads=uploads,
            imports=Imports(parts.catalogue, parts.links),
            adoption=Adoption(parts.models, parts.catalogue, parts.blobs, parts.links, OllamaFolders()),
            responses=await _responses(settings, parts, clock),
            rights=rights,
            datasets=parts.datasets,
            training=training,
            file_uploads=_file_uploads(parts, clock, limit),
            queue=queue,
            templates=deployed.templates,
            deployments=deployed.deployments,
            servers=deployed.servers,
            entities=Entities(things := EntityTable(parts.catalogue.database), clock),
            pulls=pulls,
            pushes=pushes,
            archive=archive,
            signing=signing,
            choices=Choices(things, AuditBook(parts.catalogue.database), clock),
            collection=_collection(parts, clock),
        )
        await import_starter(parts.models, rights.sharing, parts.catalogue, parts.blobs)
        await stack.enter_async_context(membership.working())
        await stack.enter_async_context(runner.working())
        await stack.enter_async_context(queue.working())
        await _check_open(settings, rights)
        readiness = Readiness()
        identity = Identity(__version__, str(settings.home), os.getpid(), clock.now(), token)
        edge = _edge(settings, identity, rights, readiness)
        rights.audit.start()
        await deployed.deployments.revive()
        names = tuple(dialect.name for dialect in dialects_of(edge))
        yield App(services, build_asgi(services, edge), readiness, token, names)


async def _responses(settings: Settings, parts: Parts, clock: Clock) -> Responses:
    table = ResponseTable(parts.catalogue.database)
    responses = Responses(table, clock, keep_days=settings.keep_responses)
    await responses.drop_expired()
    return responses


def _file_uploads(parts: Parts, clock: Clock, limit: int | None) -> FileUploads:
    table = UploadTable(parts.catalogue.database)
    return FileUploads(table, parts.datasets, parts.catalogue, parts.blobs, parts.blobs, clock, limit=limit)


def _edge(settings: Settings, identity: Identity, rights: Rights, readiness: Readiness) -> Edge:
    return Edge(
        identity,
        missing=lambda: readiness.missing,
        admission=_admission(settings),
        limits=Limits(body=settings.max_body * MEBIBYTE, depth=settings.max_depth),
        openwebui=OpenWebUIStance(
            settings.openwebui_errors,
            settings.openwebui_permissions,
            settings.openwebui_metadata,
            settings.openwebui_params,
            settings.openwebui_fallback,
        ),
        ai_middleware=Stance(
            settings.ai_middleware_compat,
            settings.ai_middleware_models,
            settings.ai_middleware_speech_model,
        ),
        doorkeeper=Doorkeeper(rights.accounts, rights.quotas),
        default_model=settings.default_model,
    )


def _servers(parts: Parts) -> ServerTable | None:
    """Where several servers find each other; one process alone can have a SQLite open."""
    database = parts.catalogue.database
    return ServerTable(database) if database.kind == "postgresql" else None


def _training(
    settings: Settings, parts: Parts, clock: Clock, membership: Membership
) -> tuple[Runner, Training]:
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
        parts.datasets,
        membership,
    )
    training = Training(
        *(runs, parts.datasets, blobs, resolver, resolver.access, runner, preparation, clock),
        parts.rights.quotas,
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


def _queue(settings: Settings, parts: Parts, clock: Clock, membership: Membership) -> PromptQueue:
    return PromptQueue(
        PromptTable(parts.catalogue.database),
        parts.chat,
        parts.models,
        clock,
        parts.rights.accounts.acting,
        quotas=parts.rights.quotas,
        room=Room(settings.prompt_queue, max(1, settings.prompt_queue // 2)),
        workers=max(1, settings.parallel // 2),  # the other slots are for those who wait
        keep=settings.keep_prompts,
        membership=membership,
    )


def _collection(parts: Parts, clock: Clock) -> Collection:
    database = parts.catalogue.database
    return Collection(Garbage(database), Inspection(database), parts.blobs, clock, AuditBook(database))


def _transfers(settings: Settings, house: Parts, uploads: Uploads) -> tuple[Pulls, Pushes, Archive, Signing]:
    """The services that move models between machines."""
    ledger = house.rights.audit.ledger
    shelf = Shelf(house.catalogue, house.blobs)
    partials = PartialStore(settings.home, house.blobs)
    partials.clear_old(PARTIAL_SECONDS)
    registries = OciRegistries(Traffic(settings.registries), CredentialFile(settings.home))
    downloads = Downloads(registries, partials, streams=settings.transfer_streams)
    keys = TrustedKeys(settings.verify, settings.trusted_keys)
    signing = Signing(house.resolver, shelf, SignatureFiles(settings.home), keys, ledger)
    files = HuggingFace(settings.registries, os.environ)
    pulls = Pulls(
        house.models,
        house.resolver,
        registries,
        downloads,
        shelf,
        uploads,
        hub=HubModels(files, house.models, uploads, house.links),
        signing=signing,
    )
    pushes = Pushes(house.catalogue, house.resolver, registries, shelf, signing, ledger)
    archive = Archive(
        house.catalogue,
        house.resolver,
        house.blobs,
        house.files,
        shelf,
        pulls,
        uploads,
        signing,
        ledger,
    )
    return pulls, pushes, archive, signing


async def _check_open(settings: Settings, rights: Rights) -> None:
    """Refuse to listen to other machines while nobody is asked who they are."""
    if is_loopback(settings) or settings.insecure or await rights.accounts.has_keys():
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
    named = is_loopback(settings) or bool(settings.hosts)
    return Admission(named, settings.hosts, settings.origins)
