"""The routes that use models: what there is to use, chats, embeddings."""

from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from modelwright.core.chat import ChatRequest
from modelwright.core.errors import NotFound
from modelwright.core.grants import Principal, Verb
from modelwright.dialects.answer import Answer, note_usage, while_connected
from modelwright.dialects.base import json_response, needs
from modelwright.dialects.body import read_tree
from modelwright.dialects.openwebui import conversation, entry, listing, wire, writers
from modelwright.dialects.openwebui.conversation import Asked
from modelwright.dialects.openwebui.entries import Found
from modelwright.dialects.openwebui.refusals import NO_MODEL, said
from modelwright.dialects.openwebui.routing import Desk, Route
from modelwright.dialects.openwebui.variables import render_system
from modelwright.service.services import Services

_MODEL_GONE = (400, NO_MODEL)


class ChatRoutes:
    """Models in use; `now` is the time where the server stands."""

    def __init__(self, desk: Desk, services: Services, now: Callable[[], datetime]) -> None:
        self._desk = desk
        self._entries = desk.entries
        self._models = services.models
        self._chat = services.chat
        self._now = now

    def table(self) -> Iterator[Route]:
        for prefix in ("/api/models", "/api/v1/models"):
            yield "GET", prefix, self.offered, "List the models that can be used"
        yield "POST", "/api/models/unload", self.unload, "Let go of a model's engine"
        for prefix in ("/api", "/api/v1"):
            yield "POST", f"{prefix}/chat/completions", self.chat, "Chat with a model"
            yield "POST", f"{prefix}/embeddings", self.embed, "Turn texts into vectors"

    @needs(Verb.LIST)
    async def offered(self, request: Request) -> Response:
        principal = self._desk.who(request)
        desk, data = await self._desk.survey(principal), []
        for found in await desk.entries.listed(principal):
            if found.card.active:
                data.append(listing.offered(found, await desk.row(principal, found), {}))
        return json_response({"data": data})

    @needs(Verb.LIST)
    async def unload(self, request: Request) -> Response:
        principal = self._desk.admin(request)
        form, _ = await self._desk.read(request, wire.UnloadForm)
        with said(_MODEL_GONE, _MODEL_GONE):
            found = await self._entries.find(principal, form.model)
            asked = ChatRequest(found.name, (), keep_alive=0)
            events = [event async for event in self._chat.chat(principal, asked)]
        return json_response({"status": bool(events)})

    @needs(Verb.USE)
    async def chat(self, request: Request) -> Response:
        principal = self._desk.who(request)
        asked = conversation.read_chat(await read_tree(request, self._desk.backing.limits))
        with said(_MODEL_GONE, _MODEL_GONE):
            wanted = await self._request(principal, asked)
        writer = writers.ChatWriter(asked.model, include_usage=asked.include_usage)
        return Answer(_there(self._chat.chat(principal, wanted)), writer, stream=asked.stream)

    @needs(Verb.USE)
    async def embed(self, request: Request) -> Response:
        principal = self._desk.who(request)
        asked = conversation.read_embeddings(await read_tree(request, self._desk.backing.limits))
        with said(_MODEL_GONE, _MODEL_GONE):
            found = await self._usable(principal, asked.model)
            wanted = conversation.embedding_of(found.name, asked)
            vectors = await while_connected(request.receive, self._chat.embed(principal, wanted))
        note_usage(request.scope, vectors.usage)
        return json_response(writers.embeddings(asked.model, vectors))

    async def _usable(self, principal: Principal, identifier: str) -> Found:
        """A model that is offered; raises NotFound for one that is not."""
        found = await self._entries.find(principal, identifier)
        if not found.card.active:
            raise NotFound("model", identifier)
        return found

    async def _request(self, principal: Principal, asked: Asked) -> ChatRequest:
        found = await self._usable(principal, asked.model)
        kept = found.card.extra(entry.DIALECT).get("params", {})
        text = asked.system or await self._models.instructions(principal, found.name)
        system = ""
        if text:
            system = render_system(
                text,
                await self._desk.people.speaker(principal),
                self._now(),
                chat=asked.chat_variables,
                literal=asked.variables,
            )
        return asked.request(found.name, kept, system)


async def _there(events: Any) -> Any:
    """Say in the product's words that a model, or what it stands on, is gone."""
    with said(_MODEL_GONE, _MODEL_GONE):
        async for event in events:
            yield event
