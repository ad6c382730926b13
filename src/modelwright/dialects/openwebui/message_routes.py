"""Chats in Anthropic's form, with the models of this dialect.

Facts: open-webui 0.12.4, main.py (generate_messages). The form itself is another
dialect's, handed in; which model is meant, what it adds and who may use it is decided
here, and refusals are in this dialect's words.
"""

from collections.abc import Iterator
from dataclasses import replace

from starlette.requests import Request
from starlette.responses import Response

from modelwright.core.chat import ChatRequest
from modelwright.core.grants import Verb
from modelwright.dialects.answer import Answer, while_connected
from modelwright.dialects.base import ChatDialect, Json, json_response, needs
from modelwright.dialects.openwebui.chat_routes import ChatRoutes, Prepared
from modelwright.dialects.openwebui.conversation import Asked
from modelwright.dialects.openwebui.routing import Route


class MessageRoutes:
    """The routes; `speaker` reads and writes Anthropic's form."""

    def __init__(self, chats: ChatRoutes, speaker: ChatDialect) -> None:
        self._chats = chats
        self._speaker = speaker

    def table(self) -> Iterator[Route]:
        for place in ("/api/v1/messages", "/api/message"):
            yield "POST", place, self.answer, "Chat with a model, in Anthropic's form"
            yield "POST", f"{place}/count_tokens", self.count, "Count the tokens of such a chat"

    @needs(Verb.USE)
    async def answer(self, request: Request) -> Response:
        body = await self._chats.body(request)
        prepared = await self._prepared(request, body)
        events = self._chats.events(request, prepared.request)
        return Answer(events, self._speaker.chat_writer(body), stream=prepared.stream)

    @needs(Verb.USE)
    async def count(self, request: Request) -> Response:
        body = await self._chats.body(request)
        prepared = await self._prepared(request, {"max_tokens": 1, **body})
        work = self._chats.count_tokens(request, prepared.request)
        return json_response({"input_tokens": await while_connected(request.receive, work)})

    async def _prepared(self, request: Request, body: Json) -> Prepared:
        """What is asked; an id may be what no name is, so another stands in its place."""
        model = body.get("model")
        named = isinstance(model, str) and bool(model)
        given = self._speaker.parse_chat({**body, "model": "model"} if named else body)
        asked = Asked(
            model=str(model),
            messages=given.messages,
            stream=body.get("stream") is True,
            include_usage=False,
            values={},
            tools=given.options.tools,
            tool_choice=given.options.tool_choice,
        )
        prepared = await self._chats.prepared(request, asked)
        return replace(prepared, request=_over(given, prepared.request))


def _over(given: ChatRequest, prepared: ChatRequest) -> ChatRequest:
    """What the request says, over what its model adds."""
    options, below = given.options, prepared.options
    return replace(
        prepared,
        parameters=prepared.parameters.merged(given.parameters),
        options=replace(
            options,
            format=options.format or below.format,
            think=below.think if options.think is None else options.think,
            logit_bias=options.logit_bias or below.logit_bias,
        ),
    )
