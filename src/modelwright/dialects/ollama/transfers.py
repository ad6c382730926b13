"""Ollama's /api/pull and /api/push, and what a create pulls.

Facts: Ollama, server/routes.go, server/images.go (the lines of progress).
"""

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Coroutine, Iterator
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from modelwright.core.draft import SpecDraft
from modelwright.core.grants import Principal, Verb
from modelwright.dialects.answer import Answer
from modelwright.dialects.base import Backing, needs
from modelwright.dialects.body import read_body
from modelwright.dialects.fields import Wire
from modelwright.dialects.ollama import requests, wire
from modelwright.dialects.ollama.writers import TransferWriter
from modelwright.service.transfer_events import TransferEvent
from modelwright.service.views import CreateEvent

Endpoint = Callable[[Request], Coroutine[Any, Any, Response]]


class Transfers:
    """The routes that move models."""

    def __init__(self, backing: Backing) -> None:
        self._pulls = backing.services.pulls
        self._pushes = backing.services.pushes
        self._principal_of = backing.principal_of
        self._limits = backing.limits

    def table(self) -> Iterator[tuple[str, str, Endpoint, str, type[Wire] | None]]:
        yield "POST", "/api/pull", self.pull, "Pull a model from a registry", wire.TransferRequest
        yield "POST", "/api/push", self.push, "Push a model to the registry in its name", wire.TransferRequest

    @needs(Verb.CREATE)
    async def pull(self, request: Request) -> Response:
        body = await read_body(request, wire.TransferRequest, self._limits)
        asked = body.model or body.name
        model = requests.model_reference(asked if asked.strip() else "/")
        events = self._pulls.pull(self._principal_of(request), model, insecure=body.insecure)
        return Answer(events, TransferWriter(), stream=body.stream)

    @needs(Verb.PUSH)
    async def push(self, request: Request) -> Response:
        body = await read_body(request, wire.TransferRequest, self._limits)
        model = requests.model_reference(body.model or body.name)
        events = self._pushes.push(self._principal_of(request), model, insecure=body.insecure)
        return Answer(events, TransferWriter(), stream=body.stream)

    def with_base(
        self, principal: Principal, draft: SpecDraft, create: Callable[[], AsyncIterator[CreateEvent]]
    ) -> AsyncGenerator[CreateEvent | TransferEvent, None]:
        """A create's events, after those of pulling a base that is not here."""
        return self._pulls.with_base(principal, draft, create)
