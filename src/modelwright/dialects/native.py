"""Our own dialect: what no other system has a word for, and the CLI needs.

Names hold slashes, so they stand in the query or the body, never in the path.
"""

from collections.abc import Callable, Coroutine, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from modelwright.core.errors import Invalid, ModelwrightError
from modelwright.core.revision import Move, Revision
from modelwright.dialects.base import Backing, Json, json_response, timestamp
from modelwright.dialects.body import read_body
from modelwright.dialects.failure import status_of
from modelwright.dialects.fields import Count, Text, Wire, documented
from modelwright.service.views import History, ModelSummary

PREFIX: Final = "/api/modelwright"

Endpoint = Callable[[Request], Coroutine[Any, Any, Response]]


class RollbackRequest(Wire):
    """Point `model` to its revision number `revision`."""

    model: Text
    revision: Count


@dataclass(frozen=True, slots=True)
class Identity:
    """What the server says of itself, so that a command can find it."""

    version: str
    home: str
    pid: int
    started_at: datetime


class Native:
    """The dialect."""

    name = "modelwright"
    prefixes = (PREFIX,)

    def __init__(self, identity: Identity) -> None:
        self._identity = identity

    def router(self, backing: Backing) -> APIRouter:
        router = APIRouter(tags=["modelwright"], prefix=PREFIX)
        routes = _Routes(backing, self._identity)
        for method, path, endpoint, summary, extra in routes.table():
            router.add_api_route(path, endpoint, methods=[method], summary=summary, openapi_extra=extra)
        return router

    def render_error(self, error: ModelwrightError) -> tuple[int, Json]:
        tree = {"kind": error.kind, "message": error.message, "field": error.field, "hint": error.hint}
        return status_of(error), {"error": tree}


class _Routes:
    def __init__(self, backing: Backing, identity: Identity) -> None:
        self._models = backing.services.models
        self._principal_of = backing.principal_of
        self._limits = backing.limits
        self._identity = identity

    def table(self) -> Iterator[tuple[str, str, Endpoint, str, Json | None]]:
        yield "GET", "/server", self.server, "What this server is", None
        yield "GET", "/models", self.list_models, "List the models with their revisions", None
        yield "GET", "/history", self.history, "All revisions of a model", _query("model")
        yield (
            "POST",
            "/rollback",
            self.rollback,
            "Go back to a revision; none is lost",
            documented(RollbackRequest),
        )
        yield (
            "GET",
            "/diff",
            self.diff,
            "What differs between two models or revisions",
            _query("before", "after"),
        )

    async def server(self, request: Request) -> Response:
        identity = self._identity
        return json_response(
            {
                "name": "modelwright",
                "version": identity.version,
                "home": identity.home,
                "pid": identity.pid,
                "started_at": timestamp(identity.started_at),
            }
        )

    async def list_models(self, request: Request) -> Response:
        found = await self._models.list_models(self._principal_of(request))
        return json_response({"models": [_summary(model) for model in found]})

    async def history(self, request: Request) -> Response:
        model = _asked(request, "model")
        return json_response(_history(await self._models.history(self._principal_of(request), model)))

    async def rollback(self, request: Request) -> Response:
        body = await read_body(request, RollbackRequest, self._limits)
        found = await self._models.rollback(self._principal_of(request), body.model, body.revision)
        return json_response(_summary(found))

    async def diff(self, request: Request) -> Response:
        before, after = _asked(request, "before"), _asked(request, "after")
        found = await self._models.diff(self._principal_of(request), before, after)
        changes = [{"field": c.field, "before": c.before, "after": c.after} for c in found]
        return json_response({"before": before, "after": after, "changes": changes})


def _asked(request: Request, name: str) -> str:
    value = request.query_params.get(name, "")
    if not value:
        raise Invalid(f'the query parameter "{name}" is required', field=name)
    return value


def _query(*names: str) -> Json:
    """What a route adds to the OpenAPI document for its query."""
    return {
        "parameters": [
            {"name": name, "in": "query", "required": True, "schema": {"type": "string"}} for name in names
        ]
    }


def _summary(model: ModelSummary) -> Json:
    return {
        "name": str(model.name),
        "revision": model.revision,
        "latest": model.latest,
        "digest": str(model.digest),
        "size": model.size,
        "modified_at": timestamp(model.modified_at),
        "parent": model.parent,
        "capabilities": list(model.capabilities),
    }


def _history(history: History) -> Json:
    return {
        "name": str(history.name),
        "current": history.current,
        "revisions": [_revision(revision) for revision in history.revisions],
        "moves": [_move(move) for move in history.moves],
    }


def _revision(revision: Revision) -> Json:
    return {
        "number": revision.number,
        "spec": str(revision.spec),
        "digest": str(revision.manifest) if revision.manifest else None,
        "size": revision.size,
        "author": revision.author,
        "message": revision.message,
        "kind": revision.kind,
        "created_at": timestamp(revision.created_at),
    }


def _move(move: Move) -> Json:
    return {
        "before": move.before,
        "after": move.after,
        "author": move.author,
        "moved_at": timestamp(move.moved_at),
    }
