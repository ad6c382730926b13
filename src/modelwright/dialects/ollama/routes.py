"""Ollama's routes: parse, ask who acts, call one service, render.

Facts: Ollama, server/routes.go. Streaming is the default. Pulling and pushing stand
in transfers.py.
"""

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Coroutine, Iterator
from contextlib import aclosing, contextmanager
from functools import partial
from typing import Any, Final, TypeVar

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from modelwright.core.chat import ChatEvent, ChatRequest, Embeddings, EmbedRequest, GenerateRequest
from modelwright.core.compatibility import API_VERSION
from modelwright.core.digest import Digest
from modelwright.core.errors import Invalid, ModelwrightError, NotFound, Unsupported
from modelwright.core.grants import Principal, Verb
from modelwright.core.names import ModelRef, is_trained_id
from modelwright.core.wording import excerpt
from modelwright.dialects.answer import Answer, Writer, note_usage, while_connected
from modelwright.dialects.base import Backing, Json, json_response, needs
from modelwright.dialects.body import read, read_body, read_upload
from modelwright.dialects.failure import status_of
from modelwright.dialects.fields import Wire, documented
from modelwright.dialects.ollama import creation, listing, requests, wire
from modelwright.dialects.ollama.transfers import Transfers
from modelwright.dialects.ollama.writers import (
    JSON_TYPE,
    ChatWriter,
    CreateWriter,
    GenerateWriter,
    usage_figures,
)
from modelwright.service.transfer_events import TransferEvent
from modelwright.service.views import Created, CreateEvent, Notice, Working

_TRY_PULLING: Final = 'model "{name}" not found, try pulling it first'

W = TypeVar("W", bound=Wire)
Endpoint = Callable[[Request], Coroutine[Any, Any, Response]]


class Ollama:
    """The dialect; it also shapes the errors of paths that nobody claims."""

    name = "ollama"
    prefixes = ("/ollama", "/")

    def router(self, backing: Backing) -> APIRouter:
        router = APIRouter(tags=["Ollama"])
        routes = _Routes(backing)
        for method, path, endpoint, summary, body in routes.table():
            extra = documented(body) if body else None
            shown = method != "HEAD"
            router.add_api_route(
                path,
                endpoint,
                methods=[method],
                summary=summary,
                openapi_extra=extra,
                include_in_schema=shown,
            )
        return router

    def render_error(self, error: ModelwrightError) -> tuple[int, Json]:
        return status_of(error), {"error": str(error)}

    def parse_chat(self, body: Json) -> ChatRequest:
        return requests.parse_chat(read(wire.ChatRequest, body))

    def chat_writer(self, body: Json) -> Writer[ChatEvent]:
        return ChatWriter(read(wire.ChatRequest, body).model)


class _Routes:
    def __init__(self, backing: Backing) -> None:
        self._models = backing.services.models
        self._chat = backing.services.chat
        self._uploads = backing.services.uploads
        self._principal_of = backing.principal_of
        self._limits = backing.limits
        self._transfers = Transfers(backing)

    def table(self) -> Iterator[tuple[str, str, Endpoint, str, type[Wire] | None]]:
        for method in ("GET", "HEAD"):
            yield method, "/", self.heartbeat, "Say that the server runs", None
            yield method, "/api/version", self.version, "The version of the API", None
            yield method, "/api/tags", self.tags, "List the models", None
        yield "GET", "/api/ps", self.ps, "List the models that hold an engine", None
        yield "POST", "/api/show", self.show, "Show a model", wire.ModelRequest
        yield (
            "POST",
            "/api/create",
            self.create,
            "Create a model, or a new revision of one",
            wire.CreateRequest,
        )
        yield "POST", "/api/copy", self.copy, "Copy a model", wire.CopyRequest
        yield "DELETE", "/api/delete", self.delete, "Delete a model", wire.ModelRequest
        yield "POST", "/api/chat", self.chat, "Chat with a model", wire.ChatRequest
        yield "POST", "/api/generate", self.generate, "Answer one prompt", wire.GenerateRequest
        yield "POST", "/api/embed", self.embed, "Turn texts into vectors", wire.EmbedRequest
        yield (
            "POST",
            "/api/embeddings",
            self.embeddings,
            "Turn one text into a vector",
            wire.EmbeddingsRequest,
        )
        yield from self._transfers.table()
        yield "HEAD", "/api/blobs/{digest}", self.find_blob, "Ask for a blob", None
        yield "POST", "/api/blobs/{digest}", self.upload_blob, "Upload a blob", None

    @needs(Verb.OPEN)
    async def heartbeat(self, request: Request) -> Response:
        return PlainTextResponse("Ollama is running")

    @needs(Verb.OPEN)
    async def version(self, request: Request) -> Response:
        return _json({"version": API_VERSION})

    @needs(Verb.LIST)
    async def tags(self, request: Request) -> Response:
        return _json(listing.tags(await self._models.list_models(self._principal_of(request))))

    @needs(Verb.LIST)
    async def ps(self, request: Request) -> Response:
        return _json(listing.running(await self._chat.running(self._principal_of(request))))

    @needs(Verb.SHOW)
    async def show(self, request: Request) -> Response:
        body = await self._read(request, wire.ModelRequest)
        model = requests.model_reference(body.model or body.name)
        shown = model if is_trained_id(model) else str(ModelRef.parse(model))
        with _absent_as("model '{name}' not found", shown):
            view = await self._models.show(self._principal_of(request), model, verbose=body.verbose)
        return _json(listing.shown(view))

    @needs(Verb.CREATE)
    async def create(self, request: Request) -> Response:
        body = await self._read(request, wire.CreateRequest)
        name, draft = creation.parse_create(body)
        principal = self._principal_of(request)
        create = partial(self._models.create, principal, name, draft)
        events = self._transfers.with_base(principal, draft, create)
        if body.warm:
            events = self._warmed(events, principal, name)
        return Answer(events, CreateWriter(), stream=body.stream)

    async def _warmed(
        self, events: AsyncIterator[CreateEvent | TransferEvent], principal: Principal, name: str
    ) -> AsyncGenerator[CreateEvent | TransferEvent, None]:
        """Have the new model's prompt computed before it is said to be ready."""
        async for event in events:
            if isinstance(event, Created):
                yield Working("warming up the prompt")
                try:
                    tokens = await self._chat.warm(principal, name)
                    yield Notice(f"warm: {tokens} tokens are computed")
                except ModelwrightError as error:  # the model is there all the same
                    yield Notice(f"not warm: {error.message}")
            yield event

    @needs(Verb.DERIVE)
    async def copy(self, request: Request) -> Response:
        body = await self._read(request, wire.CopyRequest)
        source = _valid(body.source, "source")
        destination = _valid(body.destination, "destination")
        with _absent_as('model "{name}" not found'):
            await self._models.copy(self._principal_of(request), source, destination)
        return Response()

    @needs(Verb.DELETE)
    async def delete(self, request: Request) -> Response:
        body = await self._read(request, wire.ModelRequest)
        asked = body.model or body.name
        model = requests.model_reference(asked, fault=f"name {excerpt(asked)} is invalid")
        await self._models.delete(self._principal_of(request), model)
        return Response()

    @needs(Verb.USE)
    async def chat(self, request: Request) -> Response:
        body = await self._read(request, wire.ChatRequest)
        asked = requests.parse_chat(body)
        if body.debug_render_only and asked.messages:
            return await self._rendered(request, asked, ChatWriter(body.model))
        events = _able(self._chat.chat(self._principal_of(request), asked), body.model, "chat")
        return Answer(events, ChatWriter(body.model), stream=body.stream and bool(asked.messages))

    @needs(Verb.USE)
    async def generate(self, request: Request) -> Response:
        body = await self._read(request, wire.GenerateRequest)
        asked = requests.parse_generate(body)
        if body.debug_render_only and asked.prompt:
            return await self._rendered(request, asked, GenerateWriter(body.model))
        events = _able(self._chat.generate(self._principal_of(request), asked), body.model, "generate")
        return Answer(events, GenerateWriter(body.model), stream=body.stream and bool(asked.prompt))

    @needs(Verb.USE)
    async def embed(self, request: Request) -> Response:
        body = await self._read(request, wire.EmbedRequest)
        found = await self._embedded(request, requests.parse_embed(body))
        return _json({"model": body.model, "embeddings": found.vectors, **usage_figures(found.usage)})

    @needs(Verb.USE)
    async def embeddings(self, request: Request) -> Response:
        body = await self._read(request, wire.EmbeddingsRequest)
        found = await self._embedded(request, requests.parse_embeddings(body))
        return _json({"embedding": found.vectors[0] if found.vectors else []})

    @needs(Verb.UPLOAD)
    async def find_blob(self, request: Request) -> Response:
        digest = _digest(request)
        if not await self._uploads.has(self._principal_of(request), digest):
            raise NotFound("blob", str(digest))
        return Response()

    @needs(Verb.UPLOAD)
    async def upload_blob(self, request: Request) -> Response:
        digest, principal = _digest(request), self._principal_of(request)
        chunks = read_upload(request, self._uploads.limit, self._limits)
        is_new = await self._uploads.store(principal, digest, chunks)
        return Response(status_code=201 if is_new else 200)

    async def _read(self, request: Request, model: type[W]) -> W:
        return await read_body(request, model, self._limits)

    async def _rendered(
        self, request: Request, asked: ChatRequest | GenerateRequest, writer: GenerateWriter
    ) -> Response:
        """What the model would be given, instead of its answer."""
        work = self._chat.render(self._principal_of(request), asked)
        return _json(writer.rendered(await while_connected(request.receive, work)))

    async def _embedded(self, request: Request, asked: EmbedRequest) -> Embeddings:
        work = self._chat.embed(self._principal_of(request), asked)
        with _absent_as(_TRY_PULLING):
            found = await while_connected(request.receive, work)
        note_usage(request.scope, found.usage)
        return found


async def _able(
    events: AsyncGenerator[ChatEvent, None], model: str, verb: str
) -> AsyncGenerator[ChatEvent, None]:
    """Say in upstream's words that a model, for instance one that only embeds, cannot."""
    try:
        async with aclosing(events):
            async for event in events:
                yield event
    except Unsupported as error:
        if error.field == "model":
            error.message, error.hint = f"{excerpt(model)} does not support {verb}", ""
        raise


@contextmanager
def _absent_as(text: str, name: str = "", *, hint: str = "") -> Iterator[None]:
    """Say a missing model in the words that upstream has on this route."""
    try:
        yield
    except NotFound as error:
        if error.thing == "model" and not error.hint:
            error.message = text.format(name=name or error.name)
            error.hint = hint
        raise


def _valid(text: str, field: str) -> str:
    fault = f"{field} {excerpt(text)} is invalid"
    if not text.strip():
        raise Invalid(fault, field=field)
    return requests.model_reference(text, field=field, fault=fault)


def _digest(request: Request) -> Digest:
    try:
        return Digest.parse(request.path_params["digest"])
    except Invalid:
        raise Invalid("invalid digest format", field="digest") from None


def _json(tree: Json) -> Response:
    return json_response(tree, media_type=JSON_TYPE)
