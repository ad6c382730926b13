"""Services over a real SQLite and the echo engine, with a base to derive from."""

from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from modelwright.core.chat import PLAIN, AnswerOptions, ChatEvent, Message
from modelwright.core.digest import Digest
from modelwright.core.draft import SpecDraft
from modelwright.core.engine_ports import EngineNeeds
from modelwright.core.grants import LOCAL_ADMIN
from modelwright.core.parameters import Parameters
from modelwright.core.revision import BlobRecord
from modelwright.core.weight_files import NamedBlob
from modelwright.core.weights import WeightFacts
from modelwright.engines.echo import EchoEngines
from modelwright.service.chat import Chat
from modelwright.service.models import Models
from modelwright.service.resolver import Resolver
from modelwright.service.views import Created, CreateEvent
from modelwright.store.blobs import BlobStore
from modelwright.store.catalogue import Catalogue
from modelwright.store.links import Links
from modelwright.weights.files import WeightBlobs

BASE = Digest.of(b"weights")
FACTS = WeightFacts("model", "gguf", "llama", 3_934_464, "F16", context_length=2048, embedding_length=256)


@dataclass
class Ticking:
    """A clock that goes on by a second whenever somebody looks."""

    at: datetime = datetime(2026, 1, 1, tzinfo=UTC)

    def now(self) -> datetime:
        self.at += timedelta(seconds=1)
        return self.at


@dataclass
class Asked:
    """What a service asked an engine for."""

    needs: EngineNeeds
    messages: Sequence[Message]
    parameters: Parameters


class Listening(EchoEngines):
    """The echo engine, which also remembers what it was asked."""

    asked: list[Asked]

    async def chat(
        self,
        needs: EngineNeeds,
        messages: Sequence[Message],
        parameters: Parameters,
        options: AnswerOptions = PLAIN,
    ) -> AsyncGenerator[ChatEvent, None]:
        self.asked.append(Asked(needs, messages, parameters))
        async for event in super().chat(needs, messages, parameters, options):
            yield event


@dataclass
class World:
    """Everything a service test speaks to."""

    catalogue: Catalogue
    blobs: BlobStore
    engines: Listening
    models: Models
    chat: Chat
    principal: object = field(default=LOCAL_ADMIN)

    async def create(self, name: str, **draft: object) -> list[CreateEvent]:
        made = SpecDraft(**({"parent": "starter"} | draft))
        return [event async for event in self.models.create(LOCAL_ADMIN, name, made)]

    async def created(self, name: str, **draft: object) -> Created:
        last = (await self.create(name, **draft))[-1]
        assert isinstance(last, Created)
        return last


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    catalogue = await Catalogue.open(f"sqlite:///{tmp_path / 'modelwright.db'}")
    blobs, clock = BlobStore(tmp_path), Ticking()
    engines = Listening(clock)
    engines.asked = []
    resolver = Resolver(catalogue)
    files = WeightBlobs(Links(blobs, catalogue).locate, blobs.adopt, tmp_path / "workshop")
    models = Models(catalogue, blobs, files, resolver, clock)
    chat = Chat(resolver, models, engines, clock, context_length=4096)
    await catalogue.add_blob(BlobRecord(BASE, 7, FACTS))
    found = World(catalogue, blobs, engines, models, chat)
    await found.create(
        "starter",
        parent=None,
        files=(NamedBlob("", BASE),),
        parameters=Parameters.of({"temperature": 0, "num_predict": 128}),
    )
    yield found
    await catalogue.close()
