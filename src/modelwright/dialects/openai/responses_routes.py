"""The routes of responses: ask, find again, list what was asked, delete."""

from collections.abc import AsyncGenerator, Callable, Coroutine, Iterator, Sequence
from contextlib import aclosing
from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import Response

from modelwright.core.chat import ChatEvent, Done
from modelwright.core.errors import Corrupt, Invalid, Unsupported
from modelwright.core.grants import Principal, Verb
from modelwright.core.responses import KeptResponse
from modelwright.dialects.answer import Answer, while_connected
from modelwright.dialects.base import Backing, json_response, needs
from modelwright.dialects.body import read_body
from modelwright.dialects.fields import Wire
from modelwright.dialects.openai.paging import limit_of
from modelwright.dialects.openai.responses_items import Item, read_items
from modelwright.dialects.openai.responses_requests import check_response, parameters_of, parse_asking
from modelwright.dialects.openai.responses_wire import CountRequest, ResponseRequest
from modelwright.dialects.openai.responses_writer import ResponseWriter

Row = tuple[str, str, Callable[[Request], Coroutine[Any, Any, Response]], str, type[Wire] | None]


class ResponsesRoutes:
    """What stands under /v1/responses."""

    def __init__(self, backing: Backing) -> None:
        self._chat = backing.services.chat
        self._responses = backing.services.responses
        self._principal_of = backing.principal_of
        self._limits = backing.limits

    def table(self) -> Iterator[Row]:
        one = "/v1/responses/{response}"
        yield "POST", "/v1/responses", self.create, "Answer, and keep the answer", ResponseRequest
        yield "POST", "/v1/responses/input_tokens", self.count, "Count the tokens of input", CountRequest
        yield "GET", one, self.find, "Find an answer again", None
        yield "DELETE", one, self.drop, "Forget an answer", None
        yield "GET", f"{one}/input_items", self.list_items, "List what an answer answers", None
        yield "POST", f"{one}/cancel", self.cancel, "Refused: nothing runs in the background", None

    @needs(Verb.USE)
    async def create(self, request: Request) -> Response:
        body = await read_body(request, ResponseRequest, self._limits)
        check_response(body)
        principal = self._principal_of(request)
        items = read_items(body.input)
        before = await self._before(principal, body.previous_response_id)
        asked = parse_asking(body, [*before, *items], parameters_of(body))
        stored = body.store and self._responses.keeps
        writer = ResponseWriter(body, stored=stored)
        events: AsyncGenerator[ChatEvent, None] = self._chat.chat(principal, asked)
        if stored:
            events = self._keeping(principal, events, writer, items, body.previous_response_id)
        return Answer(events, writer, stream=body.stream)

    @needs(Verb.USE)
    async def count(self, request: Request) -> Response:
        body = await read_body(request, CountRequest, self._limits)
        principal = self._principal_of(request)
        before = await self._before(principal, body.previous_response_id)
        asked = parse_asking(body, [*before, *read_items(body.input)])
        work = self._chat.count_tokens(principal, asked)
        tokens = await while_connected(request.receive, work)
        return json_response({"object": "response.input_tokens", "input_tokens": tokens})

    @needs(Verb.SELF)
    async def find(self, request: Request) -> Response:
        if request.query_params.get("stream") == "true":
            raise Unsupported('"stream" of a kept response is not supported', field="stream")
        return json_response((await self._kept(request))["response"])

    @needs(Verb.SELF)
    async def drop(self, request: Request) -> Response:
        id = request.path_params["response"]
        await self._responses.drop(self._principal_of(request), id)
        return json_response({"id": id, "object": "response", "deleted": True})

    @needs(Verb.SELF)
    async def list_items(self, request: Request) -> Response:
        items: list[Item] = (await self._kept(request))["input"]
        if request.query_params.get("order", "desc") != "asc":
            items.reverse()
        return json_response(_page(items, request.query_params.get("after"), limit_of(request)))

    @needs(Verb.SELF)
    async def cancel(self, request: Request) -> Response:
        await self._kept(request)
        raise Invalid("only a response that runs in the background can be cancelled", field="response")

    async def _before(self, principal: Principal, previous: str) -> list[Item]:
        """The items that an answer is to continue."""
        if not previous:
            return []
        trees = map(_tree, await self._responses.history(principal, previous))
        return [item for tree in trees for item in (*tree["input"], *tree["response"]["output"])]

    async def _keeping(
        self,
        principal: Principal,
        events: AsyncGenerator[ChatEvent, None],
        writer: ResponseWriter,
        items: Sequence[Item],
        previous: str,
    ) -> AsyncGenerator[ChatEvent, None]:
        """The events; the answer is kept before its end is told."""
        found: list[ChatEvent] = []
        async with aclosing(events) as answer:
            async for event in answer:
                found.append(event)
                if isinstance(event, Done):
                    content = orjson.dumps({"response": writer.whole(found), "input": items})
                    await self._responses.keep(principal, writer.id, content, previous=previous)
                yield event

    async def _kept(self, request: Request) -> dict[str, Any]:
        return _tree(await self._responses.find(self._principal_of(request), request.path_params["response"]))


def _tree(kept: KeptResponse) -> dict[str, Any]:
    try:
        tree: dict[str, Any] = orjson.loads(kept.content)
    except orjson.JSONDecodeError as error:
        raise Corrupt(f"the kept response {kept.id} is damaged") from error
    return tree


def _page(items: Sequence[Item], after: str | None, limit: int) -> dict[str, Any]:
    """The items after the one with this id; Invalid when there is none such."""
    start = 0
    if after:
        places = [index for index, item in enumerate(items) if item["id"] == after]
        if not places:
            raise Invalid(f'"after" names no item of this response: {after[:100]!r}', field="after")
        start = places[0] + 1
    page = items[start : start + limit]
    return {
        "object": "list",
        "data": page,
        "first_id": page[0]["id"] if page else None,
        "last_id": page[-1]["id"] if page else None,
        "has_more": start + limit < len(items),
    }
