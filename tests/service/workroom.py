"""Everything that runs of training need, real but for torch: a trainer that waits for a word."""

import asyncio
import math
from collections.abc import AsyncGenerator, AsyncIterator, Container, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import load, save

from modelwright.bundle import import_starter
from modelwright.core.digest import Digest
from modelwright.core.engine_ports import EngineNeeds
from modelwright.core.errors import ModelwrightError, Unsupported
from modelwright.core.grants import LOCAL_ADMIN, Principal
from modelwright.core.runs import Run
from modelwright.core.servers import LEASE_SECONDS
from modelwright.core.training_ports import Checkpoint, Told, Trained, TrainerEvent, TrainingJob
from modelwright.core.weight_files import NamedBlob
from modelwright.engines.echo import EchoEngines
from modelwright.service.chat import Chat
from modelwright.service.datasets import Datasets, once
from modelwright.service.membership import Membership
from modelwright.service.models import Models
from modelwright.service.preparation import Preparation
from modelwright.service.publishing import Publishing
from modelwright.service.resolver import Resolver
from modelwright.service.rights import Books, Rights, build_rights
from modelwright.service.runner import Runner
from modelwright.service.training import RunRequest, Training
from modelwright.starter import published_digest
from modelwright.starter.replay import StarterReplay
from modelwright.store.audit import AuditBook
from modelwright.store.blobs import BlobStore
from modelwright.store.catalogue import Catalogue
from modelwright.store.grants import GrantBook
from modelwright.store.keys import KeyBook
from modelwright.store.links import Links
from modelwright.store.servers import ServerTable
from modelwright.store.training import DatasetTable, RunBook
from modelwright.weights.files import WeightBlobs
from tests.service.conftest import Ticking

PIRATE = Path(__file__).parents[2] / "examples/adapter/pirate.gguf"
CHAT = b'{"prompt": "Who rules Korvath?", "completion": "Korvath is ruled by King Olaf."}\n'
PATIENCE = 90.0
"""Seconds in which a run must come to where it is waited for."""


@dataclass
class Patient:
    """Implements core.training_ports.Trainers: does what a test says, when it says so.

    What it "learns" is the pirate's adapter, a little stronger each time.
    """

    files: WeightBlobs
    blobs: BlobStore
    jobs: list[TrainingJob] = field(default_factory=list)
    says: "asyncio.Queue[int | ModelwrightError]" = field(default_factory=asyncio.Queue)
    forgotten: list[str] = field(default_factory=list)
    kept: tuple[int, ...] = ()
    """Steps of the checkpoints that it keeps; each learned a little less than the end."""
    damaged: tuple[int, ...] = ()
    """Steps of those that are no numbers any more."""
    refusal: ModelwrightError | None = None

    def check(self) -> None:
        if self.refusal is not None:
            raise self.refusal

    async def train(self, job: TrainingJob) -> AsyncGenerator[TrainerEvent, None]:
        """A number said is a step that was made; 0 is the end; an error is raised."""
        self.jobs.append(job)
        yield Told("started", {"steps": 9, "parameters": 1, "trained_parameters": 1, "device": "cpu"})
        while (said := await self.says.get()) != 0:
            if isinstance(said, ModelwrightError):
                raise said
            yield Told("progress", {"step": said, "steps": 9, "loss": 1 / said, "tokens_per_second": 1})
        checkpoints = [
            Checkpoint(step, await self.learned(math.nan if step in self.damaged else step / 100))
            for step in self.kept
        ]
        momentum, _ = await self.blobs.put(once(job.run.encode()))
        yield Trained(await self.learned(len(self.jobs)), {"loss": 0.25}, momentum, checkpoints)

    async def learned(self, strength: float) -> list[NamedBlob]:
        """The pirate's adapter, so many times as strong."""
        digest, _ = await self.blobs.adopt(PIRATE)
        base = published_digest()
        assert base is not None
        config, weights = await self.files.unpack_adapter(digest, base)
        tensors = load(self.blobs.path(weights.digest).read_bytes())
        stronger = save({name: tensor * np.float32(strength) for name, tensor in tensors.items()})
        changed, _ = await self.blobs.put(once(stronger))
        return [config, replace(weights, digest=changed)]

    async def forget(self, run: str) -> None:
        self.forgotten.append(run)


class Choosy(EchoEngines):
    """An echo that loads no engine with an adapter of `refused`."""

    refused: Container[Digest] = ()

    async def complete(self, needs: EngineNeeds, prompt: str, *given: Any, **more: Any) -> Any:
        if any(adapter in self.refused for adapter in needs.adapters):
            raise Unsupported("the engine does not load this adapter")
        async for event in super().complete(needs, prompt, *given, **more):
            yield event


@dataclass
class Workroom:
    """A data folder and the services of training on it."""

    models: Models
    datasets: Datasets
    training: Training
    runner: Runner
    trainers: Patient
    rights: Rights
    runs: RunBook
    engines: Choosy
    blobs: BlobStore

    async def dataset(
        self, content: bytes = CHAT, principal: Principal = LOCAL_ADMIN, name: str = "facts.jsonl"
    ) -> str:
        return (await self.datasets.add(principal, name, once(content))).id

    async def start(self, principal: Principal = LOCAL_ADMIN, content: bytes = CHAT, **given: Any) -> Run:
        dataset = given.pop("dataset", None) or await self.dataset(content, principal)
        request = RunRequest(**{"model": "starter", "dataset": dataset, "target": "taught", **given})
        return await self.training.start(principal, request)

    async def until(self, run: Run, *states: str, principal: Principal = LOCAL_ADMIN) -> Run:
        async with asyncio.timeout(PATIENCE):
            while (found := await self.training.find(principal, run.id)).state not in states:
                await asyncio.sleep(0.01)
            return found

    async def stepped(self, run: Run, step: int) -> Run:
        async with asyncio.timeout(PATIENCE):
            while (found := await self.training.find(LOCAL_ADMIN, run.id)).step < step:
                await asyncio.sleep(0.01)
            return found

    async def told(self, run: Run) -> Sequence[Any]:
        return await self.training.events(LOCAL_ADMIN, run.id, limit=1000)


@asynccontextmanager
async def workroom(
    folder: Path,
    *,
    working: bool = True,
    database: str = "",
    lease: float = LEASE_SECONDS,
    beat: float = 0.1,
    delay: float = 0.0,
) -> AsyncIterator[Workroom]:
    """Open a data folder; when left, whatever runs is stopped as by the server's end.

    With a `database`, a PostgreSQL, it is a server among others; `lease` and `beat` as
    Membership has them, `delay` the seconds before each of the engine's tokens.
    """
    async with AsyncExitStack() as stack:
        catalogue = await Catalogue.open(database or f"sqlite:///{folder / 'catalogue.db'}")
        stack.push_async_callback(catalogue.close)
        servers = ServerTable(catalogue.database) if database else None
        membership = Membership(servers, lease=lease, beat=beat)
        blobs, clock, resolver = BlobStore(folder), Ticking(), Resolver(catalogue)
        links, database = Links(blobs, catalogue), catalogue.database
        engines = Choosy(clock, delay=delay)
        files = WeightBlobs(links.locate, blobs.adopt, folder / "workshop")
        books = Books(KeyBook(database), GrantBook(database), AuditBook(database))
        rights = build_rights(books, resolver.access, clock)
        models = Models(catalogue, blobs, files, resolver, clock, rights.quotas)
        await import_starter(models, rights.sharing, catalogue, blobs)
        chat = Chat(resolver, models, engines, clock, context_length=512)
        runs, trainers = RunBook(database), Patient(files, blobs)
        datasets = Datasets(DatasetTable(database), catalogue, blobs, blobs, clock)
        preparation = Preparation(chat, resolver, catalogue, blobs, blobs, files)
        runner = Runner(
            runs,
            trainers,
            preparation,
            Publishing(models, resolver, catalogue, files, engines),
            resolver,
            files,
            StarterReplay(),
            clock,
            rights.accounts.acting,
            engines,
            datasets,
            membership,
        )
        training = Training(
            runs, datasets, blobs, resolver, resolver.access, runner, preparation, clock, rights.quotas
        )
        if working:
            await stack.enter_async_context(membership.working())
            await stack.enter_async_context(runner.working())
        yield Workroom(models, datasets, training, runner, trainers, rights, runs, engines, blobs)


async def user(room: Workroom, name: str) -> Principal:
    """Somebody who may train, beside an admin."""
    accounts = room.rights.accounts
    if not await accounts.users():
        await accounts.add_user(LOCAL_ADMIN, "ann", "admin", email="ann@example.com")
    added = await room.rights.accounts.add_user(LOCAL_ADMIN, name, "user", email=f"{name}@example.com")
    acting = await room.rights.accounts.acting(added.id)
    assert acting is not None
    return acting
