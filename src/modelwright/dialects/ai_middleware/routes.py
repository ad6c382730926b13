"""AI-middleware's routes: models made and deleted, prompts left and answered.

Facts: fernanclok/AI-middleware, commit 727f26c. The key comes in the header `Token`.
"""

import logging
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import replace
from typing import Any, Final, TypeAlias
from uuid import uuid4

from anyio import to_thread
from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from modelwright.core.draft import SpecDraft
from modelwright.core.errors import (
    Conflict,
    Invalid,
    ModelwrightError,
    NotFound,
    TooLarge,
    Unsupported,
)
from modelwright.core.grants import Principal, Verb
from modelwright.core.names import DEFAULT_NAMESPACE
from modelwright.core.revision import Alias
from modelwright.dialects.ai_middleware import creation, prompting, wire
from modelwright.dialects.ai_middleware.creation import Wanted
from modelwright.dialects.ai_middleware.refusals import (
    BAD_JSON,
    NO_MODEL,
    NOT_READY,
    TAKEN,
    Refusal,
    Spoken,
    corrected,
    exact,
)
from modelwright.dialects.ai_middleware.speech import read_speech, transcribed
from modelwright.dialects.ai_middleware.stance import Stance
from modelwright.dialects.base import Backing, Json, json_response, needs
from modelwright.dialects.body import MEBIBYTE, Limits, parse_json, read, read_content, read_tree
from modelwright.dialects.fields import Wire, documented
from modelwright.service.views import Notice

DIALECT: Final = "ai_middleware"
EXACT_BODY: Final = 10 * MEBIBYTE
"""Bytes that the original takes."""

_TRIES: Final = 5
_JSON: Final = "application/json"
_NOT_JSON: Final = "Content-type is not application/json"
_LOG = logging.getLogger(__name__)

Endpoint: TypeAlias = Callable[[Request], Coroutine[Any, Any, Response]]
Row: TypeAlias = tuple[str, str, Endpoint, str, type[Wire] | None]


class AIMiddleware:
    """The dialect."""

    name = DIALECT
    prefixes = ("/ai_middleware", "/create-model", "/delete-model", "/ai")

    def __init__(self, stance: Stance | None = None) -> None:
        self._stance = stance or Stance()

    def router(self, backing: Backing) -> APIRouter:
        router = APIRouter(tags=["AI-middleware"])
        for method, path, endpoint, summary, body in _Routes(backing, self._stance).table():
            extra = documented(body) if body else None
            router.add_api_route(path, endpoint, methods=[method], summary=summary, openapi_extra=extra)
        return router

    def render_error(self, error: ModelwrightError) -> tuple[int, Json]:
        return exact(error) if self._stance.is_exact else corrected(error)


class _Routes:
    def __init__(self, backing: Backing, stance: Stance) -> None:
        self._models = backing.services.models
        self._queue = backing.services.queue
        self._chat = backing.services.chat
        self._principal_of = backing.principal_of
        self._limits = backing.limits
        self._stance = stance

    def table(self) -> Iterator[Row]:
        yield "POST", "/create-model", self.create, "Create a model", wire.CreateRequest
        yield "DELETE", "/delete-model/{model:path}", self.delete, "Delete a model", None
        yield "POST", "/ai", self.ask, "Leave a prompt to be answered", wire.PromptRequest
        yield "GET", "/ai/result/{id}", self.result, "The answer to a prompt", None
        yield "POST", "/ai/speech-to-text", self.listen, "Turn speech into text", None

    @needs(Verb.CREATE)
    async def create(self, request: Request) -> Response:
        tree = await self._tree(request)
        principal = self._principal_of(request)
        notices: list[str] = []
        if self._stance.is_exact:
            creation.check_exactly(tree)
            await self._create_silently(principal, tree)
        else:
            notices = await self._create(principal, creation.read_create(tree))
        text = f"Model created, creation may take 3 minutes, model name: {tree['fileName']}"
        return json_response({"message": text, **({"notices": notices} if notices else {})})

    @needs(Verb.DELETE)
    async def delete(self, request: Request) -> Response:
        identifier = request.path_params["model"]
        principal = self._principal_of(request)
        try:
            await self._models.delete(principal, await self._located(principal, identifier))
        except (NotFound, Invalid) as error:
            raise Refusal(404, NO_MODEL) from error
        return json_response({"message": f"Model {identifier} deleted successfully"})

    @needs(Verb.USE)
    async def ask(self, request: Request) -> Response:
        tree = await self._tree(request)
        if self._stance.is_exact:
            prompting.check_exactly(tree)
        if not tree:
            raise Invalid("Empty input")
        principal = self._principal_of(request)
        try:
            id = await self._queued(principal, read(wire.PromptRequest, tree))
        except (Invalid, NotFound, Unsupported) as error:
            if not self._stance.is_exact:
                raise
            _LOG.warning("a prompt was not queued: %s", error)
            id = str(uuid4())  # the original finds out later, and tells nobody
        return json_response({"message": id})

    @needs(Verb.SELF)
    async def result(self, request: Request) -> Response:
        try:
            prompt = await self._queue.find(self._principal_of(request), request.path_params["id"])
        except NotFound as error:
            if self._stance.is_exact:
                raise Refusal(404, NOT_READY) from error
            raise
        return json_response(prompting.shown(prompt, exact=self._stance.is_exact))

    @needs(Verb.USE)
    async def listen(self, request: Request) -> Response:
        principal = self._principal_of(request)
        try:
            question = await read_speech(request, self._stance, self._limits)
            model = await self._located(principal, question.model)
            text = await transcribed(self._chat, principal, replace(question, model=model))
        except ModelwrightError as error:
            if self._stance.is_exact:
                raise Spoken(str(error), {"message": "An error occurred", "error": str(error)}) from error
            raise
        return json_response({"message": "Speech converted to text", "data": {"text": text}})

    async def _tree(self, request: Request) -> Json:
        """A body; the original wants its Content-Type to the letter."""
        if not self._stance.is_exact:
            return await read_tree(request, self._limits)
        kind = request.headers.get("content-type", "")
        if not kind.startswith(_JSON):  # it does not even read it
            raise Spoken(_NOT_JSON)
        try:
            limits = replace(self._limits, body=min(self._limits.body, EXACT_BODY))
            tree = await _tree_of(await read_content(request, limits), limits)
        except (Invalid, TooLarge) as error:
            raise Spoken(BAD_JSON, {"message": BAD_JSON}) from error
        if kind != _JSON:
            raise Spoken(_NOT_JSON)
        return tree

    async def _located(self, principal: Principal, identifier: str) -> str:
        """The name that a fileName stands for."""
        return await self._models.aliases.locate(principal, DIALECT, identifier.strip())

    async def _queued(self, principal: Principal, body: wire.PromptRequest) -> str:
        """Leave a prompt; gives its id."""
        model = await self._located(principal, self._stance.meant(body.model))
        asked = prompting.read_prompt(body, model)
        return await self._queue.submit(principal, asked, asked=body.model, priority=body.priority)

    async def _create_silently(self, principal: Principal, tree: Json) -> None:
        """Make a model as the original does, which looks at a duplicate alone."""
        try:
            await self._create(principal, creation.read_create(tree))
        except Refusal:
            raise
        except ModelwrightError as error:
            _LOG.warning("the model %.100r was not created: %s", tree["fileName"], error)

    async def _create(self, principal: Principal, wanted: Wanted) -> list[str]:
        """Make a model; gives what there is to say of it. Raises Refusal for a duplicate."""
        if self._stance.meant(wanted.file_name) != wanted.file_name:
            raise Refusal(400, TAKEN)  # by the model it stands for, which would answer in its place
        base = await self._located(principal, self._stance.meant(wanted.model_name))
        draft = replace(wanted.draft, parent=base)
        if wanted.is_name:
            try:
                return await self._make(principal, wanted.file_name, draft)
            except Conflict as error:
                raise Refusal(400, TAKEN) from error
        alias = Alias(DIALECT, wanted.file_name, principal.namespace or DEFAULT_NAMESPACE)
        for _ in range(_TRIES):
            name = await self._models.aliases.mint(principal, wanted.file_name)
            try:
                return await self._make(principal, name.full, draft, alias)
            except Conflict as error:
                if error.field == "id":
                    raise Refusal(400, TAKEN) from error
        raise Refusal(400, TAKEN)

    async def _make(self, principal: Principal, name: str, draft: SpecDraft, *aliases: Alias) -> list[str]:
        events = self._models.create(principal, name, draft, aliases=aliases, fresh=True)
        return [event.text async for event in events if isinstance(event, Notice)]


async def _tree_of(content: bytes, limits: Limits) -> Json:
    """What Express makes of a body: none is an empty object, and null is no JSON."""
    if content.strip() == b"null":
        raise Invalid("the body must be a JSON object, not null")
    return await to_thread.run_sync(parse_json, content, limits) if content else {}
