"""OpenAI's routes: parse, ask who acts, call one service, render."""

from collections.abc import AsyncGenerator, Callable, Coroutine, Iterator
from dataclasses import replace
from typing import Any, TypeVar

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from modelwright.core.chat import ChatEvent, ChatRequest, GenerateRequest
from modelwright.core.errors import Denied, ModelwrightError
from modelwright.core.grants import Verb
from modelwright.dialects.answer import Answer, Writer, note_usage, while_connected
from modelwright.dialects.base import Backing, Json, json_response, needs
from modelwright.dialects.body import read, read_body
from modelwright.dialects.failure import status_of
from modelwright.dialects.fields import Wire, documented
from modelwright.dialects.openai import objects, requests, wire, writers
from modelwright.dialects.openai.file_routes import FileRoutes
from modelwright.dialects.openai.job_routes import JobRoutes, PermissionRoutes
from modelwright.dialects.openai.responses_routes import ResponsesRoutes
from modelwright.dialects.openai.transcriptions import TranscriptionRoutes
from modelwright.service.several import best, several

W = TypeVar("W", bound=Wire)
Endpoint = Callable[[Request], Coroutine[Any, Any, Response]]
Row = tuple[str, str, Endpoint, str, type[Wire] | None]


class OpenAI:
    """The dialect."""

    name = "openai"
    prefixes = ("/openai", "/v1")

    def router(self, backing: Backing) -> APIRouter:
        router = APIRouter(tags=["OpenAI"])
        for method, path, endpoint, summary, body in (
            *_Routes(backing).table(),
            *ResponsesRoutes(backing).table(),
            *TranscriptionRoutes(backing).table(),
            *FileRoutes(backing).table(),
            *JobRoutes(backing).table(),
            *PermissionRoutes(backing).table(),
        ):
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

    def table(self) -> Iterator[Row]:
        yield "POST", "/v1/chat/completions", self.chat, "Chat with a model", wire.ChatRequest
        yield "POST", "/v1/completions", self.complete, "Answer prompts", wire.CompletionRequest
        yield "POST", "/v1/embeddings", self.embed, "Turn texts into vectors", wire.EmbeddingRequest
        yield "POST", "/v1/rerank", self.rerank, "Order documents by a query", wire.RerankRequest
        yield "POST", "/v1/reranking", self.rerank, "The same as /v1/rerank", wire.RerankRequest
        yield "GET", "/v1/models", self.list_models, "List the models", None
        yield "GET", "/v1/models/{model:path}", self.find_model, "Find one model", None
        yield "DELETE", "/v1/models/{model:path}", self.delete_model, "Delete a model that was made", None

    @needs(Verb.USE)
    async def chat(self, request: Request) -> Response:
        body = await self._read(request, wire.ChatRequest)
        asked = requests.parse_chat(body)
        answers = [self._answer(request, asked, number) for number in range(body.n)]
        events = answers[0] if len(answers) == 1 else several(answers, per_prompt=body.n)
        return Answer(events, _chat_writer(body), stream=body.stream)

    @needs(Verb.USE)
    async def complete(self, request: Request) -> Response:
        body = await self._read(request, wire.CompletionRequest)
        prompts, count = requests.parse_completion(body), body.best_of or body.n
        groups = [[self._answer(request, each, number) for number in range(count)] for each in prompts]
        events: AsyncGenerator[writers.AnyEvent, None]
        if count > body.n:
            events = best(groups, body.n)
        elif len(groups) * count > 1:
            events = several([answer for group in groups for answer in group], per_prompt=count)
        else:
            events = groups[0][0]
        shape = _shape(body, choices=len(prompts) * body.n, logprobs=body.logprobs is not None)
        return Answer(events, writers.CompletionWriter(shape), stream=body.stream)

    @needs(Verb.USE)
    async def embed(self, request: Request) -> Response:
        body = await self._read(request, wire.EmbeddingRequest)
        work = self._chat.embed(self._principal_of(request), requests.parse_embedding(body))
        found = await while_connected(request.receive, work)
        note_usage(request.scope, found.usage)
        return json_response(objects.embeddings(body.model, found, body.encoding_format))

    @needs(Verb.USE)
    async def rerank(self, request: Request) -> Response:
        body = await self._read(request, wire.RerankRequest)
        asked = requests.parse_rerank(body)
        work = self._chat.rerank(self._principal_of(request), asked)
        found = await while_connected(request.receive, work)
        note_usage(request.scope, found.usage)
        with_text = body.return_documents or body.return_text
        return json_response(
            objects.ranking(body.model, found, asked.documents, most=body.top_n, with_text=with_text)
        )

    @needs(Verb.LIST)
    async def list_models(self, request: Request) -> Response:
        found = await self._models.list_models(self._principal_of(request))
        aliased = await self._models.aliases.all("openai")
        data = [objects.model(summary, aliased) for summary in found]
        return json_response({"object": "list", "data": data})

    @needs(Verb.SHOW)
    async def find_model(self, request: Request) -> Response:
        asked = request.path_params["model"]
        summary = await self._models.summary(self._principal_of(request), asked)
        return json_response(objects.model(summary, await self._models.aliases.all("openai")))

    @needs(Verb.DELETE)
    async def delete_model(self, request: Request) -> Response:
        principal, asked = self._principal_of(request), request.path_params["model"]
        summary = await self._models.summary(principal, asked)
        if not summary.parent:
            raise Denied(f'"{asked}" is a base, not a model that was made from one', field="model")
        await self._models.delete(principal, asked)
        return json_response({"id": asked, "object": "model", "deleted": True})

    def _answer(
        self, request: Request, asked: ChatRequest | GenerateRequest, number: int
    ) -> AsyncGenerator[ChatEvent, None]:
        """The answer with this number to one question."""
        parameters = requests.numbered(asked.parameters, number)
        principal = self._principal_of(request)
        if isinstance(asked, ChatRequest):
            return self._chat.chat(principal, replace(asked, parameters=parameters))
        return self._chat.generate(principal, replace(asked, parameters=parameters))

    async def _read(self, request: Request, model: type[W]) -> W:
        return await read_body(request, model, self._limits)


def _chat_writer(body: wire.ChatRequest) -> writers.ChatWriter:
    shape = _shape(body, choices=body.n, logprobs=body.logprobs)
    return writers.ChatWriter(replace(shape, functions=bool(body.functions)))


def _shape(body: wire.ChatRequest | wire.CompletionRequest, *, choices: int, logprobs: bool) -> writers.Shape:
    return writers.Shape(body.model, body.stream_options.include_usage, choices, logprobs)
