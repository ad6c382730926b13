"""The routes that use models: what there is to use, chats, embeddings."""

from collections.abc import AsyncGenerator, Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime

from starlette.requests import Request
from starlette.responses import Response

from modelwright.core.chat import ChatEvent, ChatRequest
from modelwright.core.errors import NotFound
from modelwright.core.grants import Principal, Verb
from modelwright.dialects.answer import Answer, note_usage, while_connected
from modelwright.dialects.base import Json, json_response, needs
from modelwright.dialects.body import read_tree
from modelwright.dialects.openwebui import conversation, entry, listing, wire, writers
from modelwright.dialects.openwebui.conversation import Asked, weaker
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
        yield "GET", "/api/models/base", self.providers, "List what models can stand on, for an admin"
        yield "POST", "/api/models/unload", self.unload, "Let go of a model's engine"
        for prefix in ("/api", "/api/v1"):
            yield "POST", f"{prefix}/chat/completions", self.chat, "Chat with a model"
            yield "POST", f"{prefix}/embeddings", self.embed, "Turn texts into vectors"

    @needs(Verb.LIST)
    async def offered(self, request: Request) -> Response:
        principal = self._desk.who(request)
        desk, metadata = await self._desk.survey(principal), (await self._desk.standing.now()).metadata
        data = []
        for found in await desk.entries.listed(principal):
            if found.card.active:
                data.append(listing.offered(found, await desk.row(principal, found), metadata))
        return json_response({"data": data})

    @needs(Verb.LIST)
    async def providers(self, request: Request) -> Response:
        principal = self._desk.admin(request)
        found = await (await self._entries.survey(principal)).listed(principal)
        return json_response({"data": [listing.provider(each) for each in found if each.is_provider]})

    @needs(Verb.LIST)
    async def unload(self, request: Request) -> Response:
        principal = self._desk.admin(request)
        form, _ = await self._desk.read(request, wire.UnloadForm)
        gone = (404, f'Model "{form.model}" not found')
        with said(gone, gone):
            found = await self._entries.find(principal, form.model)
            asked = ChatRequest(found.name, (), keep_alive=0)
            events = [event async for event in self._chat.chat(principal, asked)]
        return json_response({"status": bool(events)})

    @needs(Verb.USE)
    async def chat(self, request: Request) -> Response:
        asked = conversation.read_chat(await self.body(request))
        prepared = await self.prepared(request, asked)
        writer = writers.ChatWriter(asked.model, include_usage=prepared.include_usage)
        return Answer(self.events(request, prepared.request), writer, stream=prepared.stream)

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

    async def body(self, request: Request) -> Json:
        return await read_tree(request, self._desk.backing.limits)

    def events(self, request: Request, wanted: ChatRequest) -> AsyncGenerator[ChatEvent, None]:
        return _there(self._chat.chat(self._desk.who(request), wanted))

    async def count_tokens(self, request: Request, wanted: ChatRequest) -> int:
        with said(_MODEL_GONE, _MODEL_GONE):
            return await self._chat.count_tokens(self._desk.who(request), wanted)

    async def prepared(self, request: Request, asked: Asked) -> "Prepared":
        """The request for the model that is meant, with what that and the settings add."""
        principal, stance = self._desk.who(request), await self._desk.standing.now()
        with said(_MODEL_GONE, _MODEL_GONE):
            found = await self._usable(principal, asked.model)
            own, resolved = await self._models.in_use(principal, found.name)
            model = found.name
            if resolved.base is None:
                model = await self._fallback(principal, asked.model, stance.fallback)
        kept = found.card.extra(entry.DIALECT).get("params", {})
        text = asked.system or resolved.system or _text(stance.params.get("system"))
        system = await self._rendered(principal, asked, text) if text else ""
        wanted = asked.request(model, kept, system, weaker(stance.params, kept, own))
        if resolved.base is None:
            wanted = replace(wanted, parameters=resolved.parameters.merged(wanted.parameters))
        forced = kept.get("stream_response", stance.params.get("stream_response"))
        stream = asked.stream if forced is None else bool(forced)
        abilities = {**(stance.metadata.get("capabilities") or {}), **found.card.capabilities}
        return Prepared(wanted, stream, asked.include_usage or bool(abilities.get("usage")))

    async def _fallback(self, principal: Principal, asked: str, other: str) -> str:
        """The model that answers where a base is gone; raises NotFound when none does."""
        if not other:
            raise NotFound("base of model", asked)
        return (await self._usable(principal, other)).name

    async def _rendered(self, principal: Principal, asked: Asked, text: str) -> str:
        speaker = await self._desk.people.speaker(principal)
        return render_system(text, speaker, self._now(), chat=asked.chat_variables, literal=asked.variables)


@dataclass(frozen=True, slots=True)
class Prepared:
    """A chat that is ready to be had, and the form that its answer is to have."""

    request: ChatRequest
    stream: bool
    include_usage: bool


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


async def _there(events: AsyncGenerator[ChatEvent, None]) -> AsyncGenerator[ChatEvent, None]:
    """Say in the product's words that a model, or what it stands on, is gone."""
    with said(_MODEL_GONE, _MODEL_GONE):
        async for event in events:
            yield event
