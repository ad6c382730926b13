"""Execution: a body of the kind that a model's type takes becomes an answer.

A generic model of an engine takes any of these bodies, told apart by their keys;
what is no engine gets the body as it is.
"""

from collections.abc import AsyncGenerator, Callable, Mapping
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response

from modelwright.core.chat import ChatEvent, ChatRequest, GenerateRequest
from modelwright.core.deployments import Deployment
from modelwright.core.errors import Invalid
from modelwright.core.grants import Principal
from modelwright.core.parameters import Parameters
from modelwright.dialects.answer import Answer, note_usage, sse, while_connected
from modelwright.dialects.base import Backing, Json, json_response
from modelwright.dialects.body import read_tree
from modelwright.dialects.sgp import answer_wire as wire
from modelwright.dialects.sgp import creation, questions, writers
from modelwright.dialects.sgp.deployed import Target
from modelwright.dialects.sgp.refusals import checked
from modelwright.service.several import several

GENERIC: Final = ("GENERIC", "BUNDLE")
REQUEST: Final = "request_parameters"
"""Where a model's extras keep what its template says of a request's parameters."""

_BY_KEYS: Final = (
    ("AGENT", {"messages", "tools"}),
    ("CHAT_COMPLETION", {"messages"}),
    ("COMPLETION", {"prompts"}),
    ("EMBEDDING", {"texts"}),
    ("RERANKING", {"query", "chunks"}),
)


class Execution:
    """Answers with deployments, and with models as they are now."""

    def __init__(self, backing: Backing) -> None:
        self._limits = backing.limits
        self._chat = backing.services.chat
        self._deployments = backing.services.deployments

    async def run(self, request: Request, principal: Principal, target: Target) -> Response:
        """Execute with the body of a request."""
        tree = await read_tree(request, self._limits)
        deployment = target.deployment
        if deployment is not None and deployment.external is not None:
            return await self._outside(request, principal, deployment, tree)
        kind = target.entry.model_type
        if kind in GENERIC:
            kind, tree = _kind_of(tree)
        found: Response = await self._runs[kind](self, request, principal, target, tree)
        return found

    def bound(self, target: Target, bindings: wire.Bindings) -> Parameters:
        """What a request's bindings set."""
        return creation.bound(bindings.bindings, target.entry.extra.get(REQUEST))

    def chat(
        self, principal: Principal, target: Target, asked: ChatRequest
    ) -> AsyncGenerator[ChatEvent, None]:
        if target.deployment is not None:
            return self._deployments.chat(principal, target.deployment.id, asked)
        return self._chat.chat(principal, asked)

    def generate(
        self, principal: Principal, target: Target, asked: GenerateRequest
    ) -> AsyncGenerator[ChatEvent, None]:
        if target.deployment is not None:
            return self._deployments.generate(principal, target.deployment.id, asked)
        return self._chat.generate(principal, asked)

    async def embed(
        self, request: Request, principal: Principal, target: Target, body: wire.EmbeddingRequest
    ) -> Json:
        """Vectors of texts, as they are sent."""
        bound = self.bound(target, body.model_request_parameters)
        asked = questions.embedding(body.texts, target.ref, bound)
        if target.deployment is not None:
            work = self._deployments.embed(principal, target.deployment.id, asked)
        else:
            work = self._chat.embed(principal, asked)
        found = await while_connected(request.receive, work)
        note_usage(request.scope, found.usage)
        return writers.embeddings(body.texts, found)

    async def rerank(
        self, request: Request, principal: Principal, target: Target, body: wire.RerankingRequest
    ) -> Json:
        """Scores of chunks, as they are sent."""
        bound = self.bound(target, body.model_request_parameters)
        asked = questions.reranking(body, target.ref, bound)
        if target.deployment is not None:
            work = self._deployments.rerank(principal, target.deployment.id, asked)
        else:
            work = self._chat.rerank(principal, asked)
        found = await while_connected(request.receive, work)
        note_usage(request.scope, found.usage)
        return writers.ranking(found)

    async def _outside(
        self, request: Request, principal: Principal, deployment: Deployment, tree: Json
    ) -> Response:
        body = {name: value for name, value in tree.items() if name != "stream"}
        if tree.get("stream") is True:
            pieces = self._deployments.predict_pieces(principal, deployment.id, body)
            return Answer(pieces, writers.Pieces(), stream=True)
        work = self._deployments.predict(principal, deployment.id, body)
        return json_response(await while_connected(request.receive, work))

    async def _complete(self, request: Request, principal: Principal, target: Target, tree: Json) -> Response:
        body = checked(wire.ExecuteCompletion, tree)
        parameters = self.bound(target, body.model_request_parameters).merged(questions.sampling(body))
        answers = [
            self.generate(principal, target, GenerateRequest(target.ref, prompt, parameters=parameters))
            for prompt in body.prompts
        ]
        return Answer(several(answers), writers.ExecuteCompletions(body.prompts), stream=body.stream)

    async def _converse(self, request: Request, principal: Principal, target: Target, tree: Json) -> Response:
        body = checked(wire.ExecuteChat, tree)
        parameters = self.bound(target, body.model_request_parameters).merged(questions.sampling(body))
        asked = ChatRequest(target.ref, questions.read_messages(body.messages), parameters)
        return Answer(self.chat(principal, target, asked), writers.ExecuteChat(), stream=body.stream)

    async def _act(self, request: Request, principal: Principal, target: Target, tree: Json) -> Response:
        body = checked(wire.ExecuteAgent, tree)
        bound = self.bound(target, body.model_request_parameters)
        asked = questions.agent(body, target.ref, bound)
        return Answer(self.chat(principal, target, asked), writers.ExecuteAgent(), stream=body.stream)

    async def _embed(self, request: Request, principal: Principal, target: Target, tree: Json) -> Response:
        body = checked(wire.ExecuteEmbedding, tree)
        wanted = wire.EmbeddingRequest(
            texts=body.texts, model_request_parameters=body.model_request_parameters
        )
        return _whole(await self.embed(request, principal, target, wanted), tree)

    async def _rerank(self, request: Request, principal: Principal, target: Target, tree: Json) -> Response:
        body = checked(wire.ExecuteReranking, tree)
        wanted = wire.RerankingRequest(
            query=body.query,
            chunks=body.chunks,
            model_request_parameters=body.model_request_parameters,
        )
        return _whole(await self.rerank(request, principal, target, wanted), tree)

    _runs: Final[Mapping[str, Callable[..., Any]]] = {
        "COMPLETION": _complete,
        "CHAT_COMPLETION": _converse,
        "AGENT": _act,
        "EMBEDDING": _embed,
        "RERANKING": _rerank,
    }


class _Event(Response):
    """One server-sent event, for an answer that comes in one piece."""

    media_type = "text/event-stream"


def _whole(tree: Any, asked: Mapping[str, Any]) -> Response:
    """An answer that has no pieces, in the form that was asked for."""
    if asked.get("stream") is True:
        return _Event(sse(tree))
    return json_response(tree)


def _kind_of(tree: Json) -> tuple[str, Json]:
    """The type of model that a body is for; raises Invalid for one that is for none."""
    if "prompt" in tree and "prompts" not in tree:
        tree = {
            **{name: value for name, value in tree.items() if name != "prompt"},
            "prompts": [tree["prompt"]],
        }
    for kind, keys in _BY_KEYS:
        if keys <= tree.keys():
            return kind, tree
    raise Invalid(
        "an engine answers this model, and cannot tell what the body asks for",
        field="body",
        hint="Send messages, prompts (or prompt), texts, or query with chunks",
    )
