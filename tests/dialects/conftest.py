"""A whole server in this process: real store, real services, echo as the engine."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path

import httpx2
import pytest
from starlette.types import ASGIApp

from modelwright.core.digest import Digest
from modelwright.core.draft import SpecDraft
from modelwright.core.grants import LOCAL_ADMIN, Grant, Level, Subject
from modelwright.core.revision import BlobRecord
from modelwright.core.weight_files import NamedBlob
from modelwright.core.weights import WeightFacts
from modelwright.dialects.body import Limits
from modelwright.dialects.native import Identity
from modelwright.dialects.openwebui.stance import Stance
from modelwright.engines.echo import EchoEngines
from modelwright.external.containers import Containers
from modelwright.external.endpoints import Endpoints
from modelwright.external.runners import Runners
from modelwright.registries.credentials import CredentialFile
from modelwright.registries.oci import OciRegistries
from modelwright.registries.traffic import Guarded, Traffic
from modelwright.service.adoption import Adoption
from modelwright.service.archive import Archive
from modelwright.service.chat import Chat
from modelwright.service.choices import Choices
from modelwright.service.collection import Collection
from modelwright.service.datasets import Datasets
from modelwright.service.deployments import Deployments
from modelwright.service.downloads import Downloads
from modelwright.service.entities import Entities
from modelwright.service.file_uploads import FileUploads
from modelwright.service.imports import Imports
from modelwright.service.model_servers import ModelServers
from modelwright.service.model_templates import ModelTemplates
from modelwright.service.models import Models
from modelwright.service.passwords import hashed
from modelwright.service.preparation import Preparation
from modelwright.service.prompt_queue import PromptQueue
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
from modelwright.signatures import TrustedKeys
from modelwright.starter.replay import StarterReplay
from modelwright.starter.shipped import shipped_templates
from modelwright.store.audit import AuditBook
from modelwright.store.blobs import BlobStore
from modelwright.store.catalogue import Catalogue
from modelwright.store.deployments import DeploymentTable
from modelwright.store.entities import EntityTable
from modelwright.store.file_uploads import UploadTable
from modelwright.store.garbage import Garbage
from modelwright.store.grants import GrantBook
from modelwright.store.inspection import Inspection
from modelwright.store.keys import KeyBook
from modelwright.store.links import Links
from modelwright.store.ollama_folder import OllamaFolders
from modelwright.store.partials import PartialStore
from modelwright.store.prompts import PromptTable
from modelwright.store.responses import ResponseTable
from modelwright.store.signatures import SignatureFiles
from modelwright.store.templates import TemplateTable
from modelwright.store.training import DatasetTable, RunBook
from modelwright.trainers.processes import ChildTrainers
from modelwright.web.auth import Doorkeeper
from modelwright.web.gate import Admission
from modelwright.web.server import Edge, build_asgi
from modelwright.weights.files import WeightBlobs

PASSWORD = "correct horse battery"
TOKEN = "only who reads the data folder knows it"
UPLOAD_LIMIT = 4 * 1024 * 1024
BORN = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)

CHATTY = WeightFacts(
    kind="model",
    format="gguf",
    architecture="llama",
    parameter_count=3_934_464,
    file_type="F16",
    context_length=512,
    embedding_length=192,
    metadata={"general.architecture": "llama", "llama.context_length": 512, "tokenizer.ggml.tokens": None},
)
BERT = WeightFacts(
    kind="model",
    format="gguf",
    architecture="bert",
    parameter_count=22_000_000,
    file_type="F16",
    context_length=64,
    embedding_length=384,
    pooled=True,
)
RANKER = replace(BERT, metadata={"bert.pooling_type": 4})


@dataclass
class Ticking:
    """A clock that is a second later each time it is asked."""

    moment: datetime = BORN

    def now(self) -> datetime:
        self.moment += timedelta(seconds=1)
        return self.moment


@dataclass
class House:
    """A running server and what is behind it."""

    edge: Edge
    services: Services
    engine: EchoEngines
    missing: list[str]
    catalogue: Catalogue
    blobs: BlobStore

    @cached_property
    def app(self) -> ASGIApp:
        """Put together when it is first asked for: some tests have another edge."""
        return build_asgi(self.services, self.edge)

    @cached_property
    def client(self) -> httpx2.AsyncClient:
        transport = httpx2.ASGITransport(app=self.app)
        return httpx2.AsyncClient(transport=transport, base_url="http://127.0.0.1:11434")

    async def add_ranker(self) -> None:
        """Add a base whose head ranks, as "ranker"."""
        await _add_base("ranker", RANKER, self.catalogue, self.services.models)

    async def create(self, name: str, **fields: object) -> None:
        """Create a model through Ollama's API."""
        answer = await self.client.post("/api/create", json={"model": name, "stream": False, **fields})
        assert answer.status_code == 200, answer.text


@asynccontextmanager
async def _open(
    folder: Path,
    engines: type[EchoEngines],
    admission: Admission,
    limits: Limits,
    openwebui: Stance | None = None,
) -> AsyncIterator[House]:
    """Serve two bases: "test", that chats, and "bert", that embeds only."""
    async with AsyncExitStack() as stack:
        catalogue = await Catalogue.open(f"sqlite:///{folder / 'catalogue.db'}")
        stack.push_async_callback(catalogue.close)
        clock = Ticking()
        resolver = Resolver(catalogue)
        database = catalogue.database
        books = Books(KeyBook(database), GrantBook(database), AuditBook(database))
        rights = build_rights(books, resolver.access, clock, token=TOKEN)
        blobs = BlobStore(folder)
        links = Links(blobs, catalogue)
        files = WeightBlobs(links.locate, blobs.adopt, folder / "workshop")
        models = Models(catalogue, blobs, files, resolver, clock)
        engine = engines(clock)
        shelf = Shelf(catalogue, blobs)
        registries = OciRegistries(Traffic(()), CredentialFile(folder))
        downloads = Downloads(registries, PartialStore(folder, blobs))
        signing = Signing(resolver, shelf, SignatureFiles(folder), TrustedKeys((), ()), rights.audit.ledger)
        uploads = Uploads(catalogue, blobs, limit=UPLOAD_LIMIT)
        pulls = Pulls(models, resolver, registries, downloads, shelf, uploads)
        ledger = rights.audit.ledger
        chat = Chat(resolver, models, engine, clock, context_length=4096, ledger=ledger)
        datasets = Datasets(DatasetTable(database), catalogue, blobs, blobs, clock, limit=UPLOAD_LIMIT)
        parts = Parts(catalogue, blobs, links, files, resolver, models, chat, engine, rights, datasets)
        queue = PromptQueue(PromptTable(database), chat, models, clock, rights.accounts.acting)
        await stack.enter_async_context(queue.working())
        templates, deployments, servers = _deploying(parts, clock)
        stack.push_async_callback(deployments.aclose)  # making one ready goes on after its answer
        services = Services(
            models,
            chat,
            uploads,
            Imports(catalogue, links),
            Adoption(models, catalogue, blobs, links, OllamaFolders()),
            Responses(ResponseTable(catalogue.database), clock, keep_days=30),
            rights,
            datasets,
            _training(folder, parts, clock),
            FileUploads(UploadTable(database), datasets, catalogue, blobs, blobs, clock, limit=UPLOAD_LIMIT),
            queue,
            templates,
            deployments,
            servers,
            Entities(EntityTable(database), clock),
            pulls,
            Pushes(catalogue, resolver, registries, shelf, signing, ledger),
            Archive(catalogue, resolver, blobs, files, shelf, pulls, uploads, signing, ledger),
            signing,
            Choices(EntityTable(database), books.log, clock),
            Collection(Garbage(database), Inspection(database), blobs, clock, AuditBook(database)),
        )
        for name, facts in (("bert", BERT), ("test", CHATTY)):
            await _add_base(name, facts, catalogue, models)
        missing: list[str] = []
        edge = Edge(
            identity=Identity("1.2.3", str(folder), 42, BORN, TOKEN),
            missing=lambda: " ".join(missing),
            admission=admission,
            limits=limits,
            openwebui=openwebui or Stance(),
        )
        yield House(edge, services, engine, missing, catalogue, blobs)


def _deploying(parts: "Parts", clock: Ticking) -> tuple[ModelTemplates, Deployments, ModelServers]:
    table = DeploymentTable(parts.catalogue.database)
    traffic = Traffic(())
    runners = Runners(Endpoints(Guarded(traffic), traffic.check), Containers(""))
    acting, write = parts.rights.accounts.acting, parts.rights.audit.write
    deployments = Deployments(table, parts.models, parts.chat, parts.resolver, runners, clock, acting, write)
    book, access = TemplateTable(parts.catalogue.database), parts.resolver.access
    templates = ModelTemplates(book, parts.models, access, clock, shipped_templates())
    return templates, deployments, ModelServers(table, deployments, clock)


@dataclass(frozen=True)
class Parts:
    """What training is made of."""

    catalogue: Catalogue
    blobs: BlobStore
    links: Links
    files: WeightBlobs
    resolver: Resolver
    models: Models
    chat: Chat
    engine: EchoEngines
    rights: Rights
    datasets: Datasets


def _training(folder: Path, parts: Parts, clock: Ticking) -> Training:
    """Takes runs and begins none."""
    blobs, resolver, files = parts.blobs, parts.resolver, parts.files
    runs = RunBook(parts.catalogue.database)
    preparation = Preparation(parts.chat, resolver, parts.catalogue, blobs, blobs, files)
    runner = Runner(
        runs,
        ChildTrainers(parts.links.locate, blobs.adopt, folder / "runs", needed=()),
        preparation,
        Publishing(parts.models, resolver, parts.catalogue, files, parts.engine),
        resolver,
        files,
        StarterReplay(),
        clock,
        parts.rights.accounts.acting,
        parts.engine,
        parts.datasets,
    )
    return Training(
        runs,
        parts.datasets,
        blobs,
        resolver,
        resolver.access,
        runner,
        preparation,
        clock,
        parts.rights.quotas,
    )


async def _add_base(name: str, facts: WeightFacts, catalogue: Catalogue, models: Models) -> None:
    digest = Digest.of(name.encode())
    await catalogue.add_blob(BlobRecord(digest, len(name), facts))
    async for _ in models.create(LOCAL_ADMIN, name, SpecDraft(files=(NamedBlob("", digest),))):
        pass


@pytest.fixture
def opening(tmp_path: Path) -> Callable[..., AbstractAsyncContextManager[House]]:
    """Open a house of one's own, with another engine or other limits."""

    def opened(
        engines: type[EchoEngines] = EchoEngines,
        admission: Admission | None = None,
        limits: Limits | None = None,
        openwebui: Stance | None = None,
    ) -> AbstractAsyncContextManager[House]:
        folder = tmp_path / "opened"
        folder.mkdir()
        return _open(folder, engines, admission or Admission(), limits or Limits(), openwebui)

    return opened


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    async with _open(tmp_path, EchoEngines, Admission(), Limits()) as opened:
        yield opened


@pytest.fixture
def client(house: House) -> httpx2.AsyncClient:
    return house.client


@dataclass
class Town:
    """A server that asks who is there, and a client for each of its people."""

    house: House
    clients: dict[str, httpx2.AsyncClient]
    ids: dict[str, str]

    def __getitem__(self, name: str) -> httpx2.AsyncClient:
        return self.clients[name]


@pytest.fixture(scope="session")
def stored_password() -> str:
    """What is stored of PASSWORD: slow on purpose, and so made once."""
    return asyncio.run(hashed(PASSWORD))


@pytest.fixture
async def town(house: House, stored_password: str) -> AsyncIterator[Town]:
    """Ann is an admin, bob and eve are users, devs is a group with eve in it."""
    rights = house.services.rights
    edge = Edge(Identity("1", "", 1, BORN, TOKEN), doorkeeper=Doorkeeper(rights.accounts))
    app = build_asgi(house.services, edge)
    clients, ids = {}, {}
    for name, role in (("ann", "admin"), ("bob", "user"), ("eve", "user")):
        user = await rights.accounts.add_user(LOCAL_ADMIN, name, role, email=f"{name}@example.com")
        await KeyBook(house.catalogue.database).change_user(user, stored_password)
        new = await rights.accounts.add_key(LOCAL_ADMIN, user)
        headers = {"Authorization": f"Bearer {new.secret}"}
        transport = httpx2.ASGITransport(app=app)
        clients[name] = httpx2.AsyncClient(transport=transport, base_url="http://localhost", headers=headers)
        ids[name] = user.id
    clients["nobody"] = httpx2.AsyncClient(
        transport=httpx2.ASGITransport(app=app), base_url="http://localhost"
    )
    ids["devs"] = (await rights.accounts.add_group(LOCAL_ADMIN, "devs")).id
    await rights.accounts.change_members(LOCAL_ADMIN, "devs", add=["eve"])
    await rights.sharing.replace(LOCAL_ADMIN, "test", [Grant(Subject("everyone"), Level.DERIVE)])
    yield Town(house, clients, ids)
    for client in clients.values():
        await client.aclose()
