"""The routes that answer: chats, completions, embeddings, rerankings.

Of models by name or id, and of deployments by id.
"""

from collections.abc import AsyncGenerator, Callable, Iterator
from typing import TypeVar

from starlette.requests import Request
from starlette.responses import Response

from modelwright.core.chat import ChatEvent
from modelwright.core.grants import Principal, Verb
from modelwright.core.parameters import Parameters
from modelwright.dialects.answer import Answer
from modelwright.dialects.base import json_response, needs
from modelwright.dialects.sgp import answer_wire as wire
from modelwright.dialects.sgp import questions, writers
from modelwright.dialects.sgp.deployed import Deployed, Target
from modelwright.dialects.sgp.desk import Desk, Route, path_of
from modelwright.dialects.sgp.execution import Execution

F = TypeVar("F", bound=wire.CompletionRequest)
Q = TypeVar("Q")


class AnswerRoutes:
    """Answers of a known shape, whatever the type of the model."""

    def __init__(self, desk: Desk, deployed: Deployed, execution: Execution) -> None:
        self._desk = desk
        self._deployed = deployed
        self._execution = execution

    def table(self) -> Iterator[Route]:
        one = "/v4/models/{model:path}"
        yield "POST", "/v4/chat-completions", self.chat_with, "Chat with a model, by name or id"
        yield "POST", "/v4/completions", self.complete_with, "Let a model complete a prompt, by name or id"
        yield "POST", f"{one}/completions", self.complete, "Let a deployment complete a prompt"
        yield "POST", f"{one}/chat-completions", self.converse, "Chat with a deployment"
        yield "POST", f"{one}/embeddings", self.embed, "Turn texts into vectors with a deployment"
        yield "POST", f"{one}/rerankings", self.rerank, "Judge chunks with a deployment"

    @needs(Verb.USE)
    async def chat_with(self, request: Request) -> Response:
        body = await self._desk.read(request, wire.AccountChatRequest)
        principal, target = await self._named(request, body.model, body.account_id)
        asked = questions.account_chat(body, target.ref)
        events = self._execution.chat(principal, target, asked)
        return Answer(events, writers.AccountChat(asked.messages[-1].content), stream=body.stream)

    @needs(Verb.USE)
    async def complete_with(self, request: Request) -> Response:
        body = await self._desk.read(request, wire.AccountCompletionRequest)
        principal, target = await self._named(request, body.model, body.account_id)
        asked = questions.account_completion(body, target.ref)
        events = self._execution.generate(principal, target, asked)
        return Answer(events, writers.AccountCompletion(body.prompt), stream=body.stream)

    @needs(Verb.USE)
    async def complete(self, request: Request) -> Response:
        form, ask = wire.CompletionRequest, questions.completion
        return await self._said(request, form, ask, self._execution.generate)

    @needs(Verb.USE)
    async def converse(self, request: Request) -> Response:
        form, ask = wire.ChatCompletionRequest, questions.chat
        return await self._said(request, form, ask, self._execution.chat)

    @needs(Verb.USE)
    async def embed(self, request: Request) -> Response:
        principal, target = await self._found(request)
        body = await self._desk.read(request, wire.EmbeddingRequest)
        return json_response(await self._execution.embed(request, principal, target, body))

    @needs(Verb.USE)
    async def rerank(self, request: Request) -> Response:
        principal, target = await self._found(request)
        body = await self._desk.read(request, wire.RerankingRequest)
        return json_response(await self._execution.rerank(request, principal, target, body))

    async def _said(
        self,
        request: Request,
        form: type[F],
        ask: Callable[[F, str, Parameters], Q],
        answer: Callable[[Principal, Target, Q], AsyncGenerator[ChatEvent, None]],
    ) -> Response:
        """What a deployment says to a prompt, whatever came before that."""
        principal, target = await self._found(request)
        body = await self._desk.read(request, form)
        asked = ask(body, target.ref, self._execution.bound(target, body.model_request_parameters))
        writer = writers.Completion(body.prompt, logprobs=body.logprobs)
        return Answer(answer(principal, target, asked), writer, stream=body.stream)

    async def _found(self, request: Request) -> tuple[Principal, Target]:
        principal = await self._desk.check(request)
        return principal, await self._deployed.target(principal, path_of(request, "model"))

    async def _named(self, request: Request, model: str, account: str | None) -> tuple[Principal, Target]:
        if account:
            await self._desk.account(request, account)
        principal = await self._desk.check(request)
        return principal, await self._deployed.target(principal, model)
