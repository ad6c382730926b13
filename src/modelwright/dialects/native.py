"""Our own dialect: what no other system has a word for, and the CLI needs.

Names hold slashes, so they stand in the query or the body, never in the path.
"""

from collections.abc import Callable, Coroutine, Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from hmac import compare_digest
from itertools import chain
from typing import Any, Final, Generic, TypeVar

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from modelwright.core.argument_schema import BadArguments
from modelwright.core.duration import parse_duration
from modelwright.core.errors import Denied, ModelwrightError
from modelwright.core.grants import Verb
from modelwright.core.revision import Move, Revision, Window
from modelwright.dialects.answer import Answer, ndjson
from modelwright.dialects.base import Backing, Json, is_local, json_response, needs, timestamp
from modelwright.dialects.body import read_body
from modelwright.dialects.deployments import DeploymentRoutes
from modelwright.dialects.failure import status_of
from modelwright.dialects.fields import Closed, Count, Flag, Text, documented
from modelwright.dialects.model_templates import TemplateRoutes
from modelwright.dialects.native_transfers import Transfers
from modelwright.dialects.people import PeopleRoutes
from modelwright.dialects.query import in_query, required, whole
from modelwright.dialects.sharing import SharingRoutes
from modelwright.dialects.training import TrainingRoutes
from modelwright.service.adoption import Adopted, AdoptionEvent, LayerRead, Skipped, Unchanged
from modelwright.service.imports import BytesRead, ImportEvent
from modelwright.service.views import History, ModelSummary

PREFIX: Final = "/api/modelwright"
_PAGE: Final = 100
_LONGEST_PAGE: Final = 1000
_PAGES: Final = in_query(limit=False, offset=False)

E = TypeVar("E")
Endpoint = Callable[[Request], Coroutine[Any, Any, Response]]


class RollbackRequest(Closed):
    """Point `model` to its revision number `revision`."""

    model: Text
    revision: Count


class CollectRequest(Closed):
    """Remove blobs that nothing needs and that came before the `grace`."""

    grace: Text = "24h"
    dry_run: Flag = False


class LocalPath(Closed):
    """A place on the server's machine, and what proves that one is its own user."""

    path: Text
    token: Text


@dataclass(frozen=True, slots=True)
class Identity:
    """What the server says of itself, so that a command can find it.

    The `token` is not said: who knows it from the data folder is the server's
    own user. Empty, nobody is.
    """

    version: str
    home: str
    pid: int
    started_at: datetime
    token: str = ""


class Native:
    """The dialect."""

    name = "modelwright"
    prefixes = (PREFIX,)

    def __init__(self, identity: Identity) -> None:
        self._identity = identity

    def router(self, backing: Backing) -> APIRouter:
        router = APIRouter(tags=["modelwright"], prefix=PREFIX)
        routes = _Routes(backing, self._identity).table()
        people, sharing = PeopleRoutes(backing).table(), SharingRoutes(backing).table()
        training, templates = TrainingRoutes(backing).table(), TemplateRoutes(backing).table()
        transfers, deployments = Transfers(backing).table(), DeploymentRoutes(backing).table()
        for method, path, endpoint, summary, extra in chain(
            routes, people, sharing, training, templates, transfers, deployments
        ):
            router.add_api_route(path, endpoint, methods=[method], summary=summary, openapi_extra=extra)
        return router

    def render_error(self, error: ModelwrightError) -> tuple[int, Json]:
        return status_of(error), {"error": _error_tree(error)}


class _Routes:
    def __init__(self, backing: Backing, identity: Identity) -> None:
        self._models = backing.services.models
        self._imports = backing.services.imports
        self._adoption = backing.services.adoption
        self._collection = backing.services.collection
        self._principal_of = backing.principal_of
        self._limits = backing.limits
        self._identity = identity

    def table(self) -> Iterator[tuple[str, str, Endpoint, str, Json | None]]:
        yield "GET", "/server", self.server, "What this server is", None
        yield "GET", "/models", self.list_models, "List the models with their revisions", _PAGES
        yield "GET", "/history", self.history, "All revisions of a model", in_query(model=True)
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
            in_query(before=True, after=True),
        )
        yield (
            "POST",
            "/blobs/link",
            self.link_blob,
            "Make a file of this machine a blob, without a copy where that can be",
            documented(LocalPath),
        )
        yield (
            "POST",
            "/adopt",
            self.adopt,
            "Take over the models of an Ollama of this machine",
            documented(LocalPath),
        )
        yield (
            "POST",
            "/gc",
            self.collect,
            "Remove blobs that nothing needs any more",
            documented(CollectRequest),
        )

    @needs(Verb.OPEN)
    async def server(self, request: Request) -> Response:
        identity = self._identity
        # Where it keeps its files is for who might read them.
        place = {"home": identity.home, "pid": identity.pid} if is_local(request) else {}
        return json_response(
            {
                "name": "modelwright",
                "version": identity.version,
                **place,
                "started_at": timestamp(identity.started_at),
            }
        )

    @needs(Verb.LIST)
    async def list_models(self, request: Request) -> Response:
        principal, asked = self._principal_of(request), request.query_params
        window = None
        if "limit" in asked or "offset" in asked:
            limit = whole(request, "limit", _PAGE, most=_LONGEST_PAGE)
            window = Window(limit, whole(request, "offset", 0, least=0))
        found = await self._models.list_models(principal, window)
        total = len(found) if window is None else await self._models.count(principal)
        return json_response({"models": [_summary(model) for model in found], "total": total})

    @needs(Verb.READ)
    async def history(self, request: Request) -> Response:
        model = required(request, "model")
        return json_response(_history(await self._models.history(self._principal_of(request), model)))

    @needs(Verb.UPDATE)
    async def rollback(self, request: Request) -> Response:
        body = await read_body(request, RollbackRequest, self._limits)
        found = await self._models.rollback(self._principal_of(request), body.model, body.revision)
        return json_response(_summary(found))

    @needs(Verb.READ)
    async def diff(self, request: Request) -> Response:
        before, after = required(request, "before"), required(request, "after")
        found = await self._models.diff(self._principal_of(request), before, after)
        changes = [{"field": c.field, "before": c.before, "after": c.after} for c in found]
        return json_response({"before": before, "after": after, "changes": changes})

    @needs(Verb.UPLOAD)
    async def link_blob(self, request: Request) -> Response:
        body = await self._read_local(request)
        return Answer(
            self._imports.take(body.path, owner=self._principal_of(request)),
            _Lines(_import_frame),
            stream=True,
        )

    @needs(Verb.ADMINISTER)
    async def adopt(self, request: Request) -> Response:
        body = await self._read_local(request)
        events = self._adoption.adopt(self._principal_of(request), body.path)
        return Answer(events, _Lines(_adoption_frame), stream=True)

    @needs(Verb.ADMINISTER)
    async def collect(self, request: Request) -> Response:
        body = await read_body(request, CollectRequest, self._limits)
        grace = timedelta(seconds=parse_duration(body.grace, field="grace"))
        found = await self._collection.collect(self._principal_of(request), grace=grace, dry=body.dry_run)
        return json_response({**asdict(found), "dry_run": body.dry_run})

    async def _read_local(self, request: Request) -> LocalPath:
        """Read a request that names a path; Denied unless the server's user asks."""
        body = await read_body(request, LocalPath, self._limits)
        known = self._identity.token
        if not (is_local(request) and known and compare_digest(known.encode(), body.token.encode())):
            raise Denied(
                "only the server's own user, on its own machine, may name files there",
                hint="Upload the file instead",
            )
        return body


class _Lines(Generic[E]):
    """Events as lines of JSON."""

    stream_type = "application/x-ndjson"
    whole_type = "application/json"

    def __init__(self, tree: Callable[[E], Json]) -> None:
        self._tree = tree

    def opening(self) -> bytes:
        return b""

    def frame(self, event: E) -> bytes:
        return ndjson(self._tree(event))

    def failure(self, error: ModelwrightError) -> bytes:
        return ndjson({"error": _error_tree(error)})

    def whole(self, events: Sequence[E]) -> Json:
        return self._tree(events[-1])


def _import_frame(event: ImportEvent) -> Json:
    if isinstance(event, BytesRead):
        return {"status": "reading", "completed": event.count}
    return {"status": "success", "digest": str(event.digest), "size": event.size}


def _adoption_frame(event: AdoptionEvent) -> Json:
    match event:
        case LayerRead():
            place = {"model": str(event.name), "digest": str(event.digest)}
            return {"status": "reading", **place, "completed": event.count, "total": event.total}
        case Adopted():
            digests = {"digest": str(event.digest), "original": str(event.original)}
            return {"status": "adopted", "model": str(event.name), **digests, "notices": list(event.notices)}
        case Unchanged():
            return {"status": "unchanged", "model": str(event.name)}
        case Skipped():
            return {"status": "skipped", "place": event.place, "reason": event.reason}


def _error_tree(error: ModelwrightError) -> Json:
    tree: Json = {"kind": error.kind, "message": error.message, "field": error.field, "hint": error.hint}
    if isinstance(error, BadArguments):
        names = ("pointer", "kind", "message")
        tree["faults"] = [{name: getattr(fault, name) for name in names} for fault in error.faults]
    return tree


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
