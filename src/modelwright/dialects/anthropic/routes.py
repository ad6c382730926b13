"""Anthropic's routes: parse, ask who acts, call one service, render."""

from collections.abc import Callable, Coroutine, Iterator
from typing import Any, Final, TypeVar

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from modelwright.core.chat import ChatEvent, ChatRequest
from modelwright.core.errors import Invalid, ModelwrightError, NotFound
from modelwright.core.grants import Verb
from modelwright.core.revision import Window
from modelwright.dialects.answer import Answer, Writer, while_connected
from modelwright.dialects.anthropic import requests, wire, writers
from modelwright.dialects.base import Backing, Json, json_response, needs
from modelwright.dialects.body import read, read_body
from modelwright.dialects.failure import status_of
from modelwright.dialects.fields import Wire, documented
from modelwright.dialects.query import whole
from modelwright.service.views import ModelSummary

W = TypeVar("W", bound=Wire)
Endpoint = Callable[[Request], Coroutine[Any, Any, Response]]

_PAGE: Final = 20
_LONGEST_PAGE: Final = 1000


class Anthropic:
    """The dialect."""

    name = "anthropic"
    prefixes = ("/anthropic", "/v1/messages")

    def router(self, backing: Backing) -> APIRouter:
        router = APIRouter(tags=["Anthropic"])
        routes = _Routes(backing)
        for path, endpoint, summary, body in routes.table():
            extra = documented(body)
            router.add_api_route(path, endpoint, methods=["POST"], summary=summary, openapi_extra=extra)
        # OpenAI's list stands at the same path, so these are reached by their header or prefix.
        for path, endpoint in (("", routes.list_models), ("/{model:path}", routes.find_model)):
            router.add_api_route(f"/v1/models{path}", endpoint, methods=["GET"], include_in_schema=False)
        return router

    def render_error(self, error: ModelwrightError) -> tuple[int, Json]:
        return status_of(error), writers.error_body(error)

    def parse_chat(self, body: Json) -> ChatRequest:
        return requests.parse_messages(read(wire.MessagesRequest, body))

    def chat_writer(self, body: Json) -> Writer[ChatEvent]:
        return writers.MessageWriter(_shape(read(wire.MessagesRequest, body), ""))


class _Routes:
    def __init__(self, backing: Backing) -> None:
        self._models = backing.services.models
        self._chat = backing.services.chat
        self._principal_of = backing.principal_of
        self._limits = backing.limits

    def table(self) -> Iterator[tuple[str, Endpoint, str, type[Wire]]]:
        yield "/v1/messages", self.answer, "Continue a conversation", wire.MessagesRequest
        yield "/v1/messages/count_tokens", self.count, "Count a conversation's tokens", wire.CountRequest

    @needs(Verb.USE)
    async def answer(self, request: Request) -> Response:
        body = await self._read(request, wire.MessagesRequest)
        events = self._chat.chat(self._principal_of(request), requests.parse_messages(body))
        id = writers.request_id()
        writer = writers.MessageWriter(_shape(body, id))
        return Answer(events, writer, stream=body.stream, headers={"request-id": id})

    @needs(Verb.USE)
    async def count(self, request: Request) -> Response:
        body = await self._read(request, wire.CountRequest)
        work = self._chat.count_tokens(self._principal_of(request), requests.parse_count(body))
        return _json({"input_tokens": await while_connected(request.receive, work)})

    @needs(Verb.LIST)
    async def list_models(self, request: Request) -> Response:
        window = _window(request)
        try:
            found = await self._models.list_models(self._principal_of(request), window)
        except NotFound as error:
            name = f"{error.field}_id"
            raise Invalid(f'"{name}" names no model: {error.name[:100]!r}', field=name) from error
        more = len(found) == window.limit
        page = found[1:] if more and window.before else found[: window.limit - 1]
        data = [await self._entry(request, summary) for summary in page]
        ids = [entry["id"] for entry in data] or [None]
        return _json({"data": data, "first_id": ids[0], "last_id": ids[-1], "has_more": more})

    @needs(Verb.SHOW)
    async def find_model(self, request: Request) -> Response:
        asked = request.path_params["model"]
        summary = await self._models.summary(self._principal_of(request), asked)
        return _json(await self._entry(request, summary))

    async def _entry(self, request: Request, summary: ModelSummary) -> Json:
        return writers.model(summary, await self._chat.room(self._principal_of(request), summary.key))

    async def _read(self, request: Request, model: type[W]) -> W:
        return await read_body(request, model, self._limits)


def _shape(body: wire.MessagesRequest, id: str) -> writers.Shape:
    return writers.Shape(body.model, body.stop_sequences, body.thinking.display == "omitted", id)


def _json(tree: Json) -> Response:
    return json_response(tree, headers={"request-id": writers.request_id()})


def _window(request: Request) -> Window:
    """The models after or before one, by its id, and one more: are there any?"""
    asked, limit = request.query_params, whole(request, "limit", _PAGE, most=_LONGEST_PAGE)
    return Window(limit + 1, after=asked.get("after_id", ""), before=asked.get("before_id", ""))
