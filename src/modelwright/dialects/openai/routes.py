"""OpenAI's routes: parse, ask who acts, call one service, render."""

from collections.abc import Callable, Coroutine, Iterator
from typing import Any, TypeVar

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from modelwright.core.chat import ChatEvent, ChatRequest
from modelwright.core.errors import ModelwrightError
from modelwright.core.grants import Verb
from modelwright.dialects.answer import Answer, Writer, note_usage, while_connected
from modelwright.dialects.base import Backing, Json, json_response, needs
from modelwright.dialects.body import read, read_body
from modelwright.dialects.failure import status_of
from modelwright.dialects.fields import Wire, documented
from modelwright.dialects.openai import requests, wire, writers

W = TypeVar("W", bound=Wire)
Endpoint = Callable[[Request], Coroutine[Any, Any, Response]]


class OpenAI:
    """The dialect."""

    name = "openai"
    prefixes = ("/openai", "/v1")

    def router(self, backing: Backing) -> APIRouter:
        router = APIRouter(tags=["OpenAI"])
        for method, path, endpoint, summary, body in _Routes(backing).table():
            extra = documented(body) if body else None
            router.add_api_route(path, endpoint, methods=[method], summary=summary, openapi_extra=extra)
        return router

    def render_error(self, error: ModelwrightError) -> tuple[int, Json]:
        return status_of(error), writers.error_body(error)

    def parse_chat(self, body: Json) -> ChatRequest:
        return requests.parse_chat(read(wire.ChatRequest, body))

    def chat_writer(self, body: Json) -> Writer[ChatEvent]:
        return _chat_writer(read(wire.ChatRequest, body))


class _Routes:
    def __init__(self, backing: Backing) -> None:
        self._models = backing.services.models
        self._chat = backing.services.chat
        self._principal_of = backing.principal_of
        self._limits = backing.limits

    def table(self) -> Iterator[tuple[str, str, Endpoint, str, type[Wire] | None]]:
        yield "POST", "/v1/chat/completions", self.chat, "Chat with a model", wire.ChatRequest
        yield "POST", "/v1/completions", self.complete, "Answer one prompt", wire.CompletionRequest
        yield "POST", "/v1/embeddings", self.embed, "Turn texts into vectors", wire.EmbeddingRequest
        yield "GET", "/v1/models", self.list_models, "List the models", None
        yield "GET", "/v1/models/{model:path}", self.find_model, "Find one model", None

    @needs(Verb.USE)
    async def chat(self, request: Request) -> Response:
        body = await self._read(request, wire.ChatRequest)
        events = self._chat.chat(self._principal_of(request), requests.parse_chat(body))
        return Answer(events, _chat_writer(body), stream=body.stream)

    @needs(Verb.USE)
    async def complete(self, request: Request) -> Response:
        body = await self._read(request, wire.CompletionRequest)
        events = self._chat.generate(self._principal_of(request), requests.parse_completion(body))
        writer = writers.CompletionWriter(body.model, include_usage=body.stream_options.include_usage)
        return Answer(events, writer, stream=body.stream)

    @needs(Verb.USE)
    async def embed(self, request: Request) -> Response:
        body = await self._read(request, wire.EmbeddingRequest)
        work = self._chat.embed(self._principal_of(request), requests.parse_embedding(body))
        found = await while_connected(request.receive, work)
        note_usage(request.scope, found.usage)
        return json_response(writers.embeddings(body.model, found, body.encoding_format))

    @needs(Verb.LIST)
    async def list_models(self, request: Request) -> Response:
        found = await self._models.list_models(self._principal_of(request))
        return json_response({"object": "list", "data": [writers.model(summary) for summary in found]})

    @needs(Verb.SHOW)
    async def find_model(self, request: Request) -> Response:
        asked = request.path_params["model"]
        return json_response(writers.model(await self._models.summary(self._principal_of(request), asked)))

    async def _read(self, request: Request, model: type[W]) -> W:
        return await read_body(request, model, self._limits)


def _chat_writer(body: wire.ChatRequest) -> writers.ChatWriter:
    return writers.ChatWriter(body.model, include_usage=body.stream_options.include_usage)
