"""The routes of a model's history: its versions are our revisions, spec and card.

Deleting a version hides it; setting one makes it the current one again.
"""

from collections.abc import Iterator, Sequence

from starlette.requests import Request
from starlette.responses import Response

from modelwright.core.errors import Conflict
from modelwright.core.grants import Principal, Verb
from modelwright.core.revision import Revision
from modelwright.dialects.base import Json, json_response, needs
from modelwright.dialects.openwebui import entry, listing, wire
from modelwright.dialects.openwebui.entries import Found
from modelwright.dialects.openwebui.refusals import (
    CURRENT_VERSION,
    NO_BASE,
    NO_VERSION,
    NOT_FOUND,
    PROHIBITED,
    Refusal,
    Said,
    said,
)
from modelwright.dialects.openwebui.routing import Desk, Route, asked, page_of
from modelwright.service.models import Models

_ABSENT: Said = (404, NOT_FOUND)
_DENIED: Said = (403, PROHIBITED)


class HistoryRoutes:
    """Versions of a model."""

    def __init__(self, desk: Desk, models: Models) -> None:
        self._desk = desk
        self._models = models

    def table(self) -> Iterator[Route]:
        yield "GET", "/model/history", self.history, "List a model's versions, the newest first"
        yield "GET", "/model/history/{version}", self.version, "Show a version of a model"
        yield "DELETE", "/model/history/{version}", self.delete, "Leave a version out of the list"
        yield "POST", "/model/update/version", self.choose, "Make a version the current one"

    @needs(Verb.UPDATE)
    async def history(self, request: Request) -> Response:
        principal, page = self._desk.who(request), page_of(request)
        with said(_ABSENT, _DENIED):
            found, revisions = await self._revisions(principal, request)
        first = (page - 1) * listing.HISTORY_PAGE
        rows = [listing.version(found, revision, before) for revision, before in _newest_first(revisions)]
        return json_response(rows[first : first + listing.HISTORY_PAGE])

    @needs(Verb.UPDATE)
    async def version(self, request: Request) -> Response:
        principal = self._desk.who(request)
        with said(_ABSENT, _DENIED):
            found, revisions = await self._revisions(principal, request)
            revision, before = _version(found, revisions, request.path_params["version"])
            tree = await self._tree(principal, found, revision)
        return json_response({**listing.version(found, revision, before), "snapshot": listing.snapshot(tree)})

    @needs(Verb.UPDATE)
    async def delete(self, request: Request) -> Response:
        principal = self._desk.who(request)
        with said(_ABSENT, _DENIED):
            found, revisions = await self._revisions(principal, request)
            revision, _ = _version(found, revisions, request.path_params["version"])
            if revision.number == found.version:
                raise Refusal(400, CURRENT_VERSION)
            try:
                await self._models.hide_revision(principal, found.name, revision.number)
            except Conflict as error:
                raise Refusal(400, CURRENT_VERSION) from error
        return json_response(True)

    @needs(Verb.UPDATE)
    async def choose(self, request: Request) -> Response:
        """The version's name, base, params and meta; whether it is offered stays."""
        principal = self._desk.who(request)
        form, _ = await self._desk.read(request, wire.VersionForm)
        with said(_ABSENT, _DENIED):
            found, revisions = await self._revisions(principal, request)
            revision, _ = _version(found, revisions, form.version_id)
            await self._check_base(principal, found, revision)
            await self._models.rollback(principal, found.name, revision.number)
            changed = await self._desk.entries.find(principal, found.name)
            if changed.card.active != found.card.active:
                await self._desk.entries.set_active(principal, changed, found.card.active)
                changed = await self._desk.entries.find(principal, found.name)
            return json_response(await self._desk.row(principal, changed))

    async def _check_base(self, principal: Principal, found: Found, revision: Revision) -> None:
        """Raises Refusal for a version that nobody could use, or that loses its base."""
        base = (await self._tree(principal, found, revision))["base_model_id"]
        if base is None and found.is_preset and not principal.is_admin:
            raise Refusal(*_DENIED)
        if base and await self._desk.entries.find_or_none(principal, base) is None:
            raise Refusal(400, NO_BASE)

    async def _revisions(self, principal: Principal, request: Request) -> tuple[Found, Sequence[Revision]]:
        found = await self._desk.entries.find(principal, asked(request, "id"))
        if not found.is_writable:
            raise Refusal(*_DENIED)
        revisions = (await self._models.history(principal, found.name)).revisions
        return found, [each for each in revisions if await self._is_version(principal, found, each)]

    async def _is_version(self, principal: Principal, found: Found, revision: Revision) -> bool:
        """Whether it says more than that the model is offered, or no longer."""
        if revision.kind != "card":
            return True
        card = (await self._models.summary(principal, f"{found.name}@{revision.number}")).card
        return entry.version_of(card, revision.number) == revision.number

    async def _tree(self, principal: Principal, found: Found, revision: Revision) -> Json:
        view = await self._models.show(principal, f"{found.name}@{revision.number}")
        old = Found(found.identifier, view)
        return listing.row(old, await self._desk.entries.base_of(principal, old), ())


def _newest_first(revisions: Sequence[Revision]) -> Iterator[tuple[Revision, Revision | None]]:
    """Each revision with the one before it."""
    before = [None, *revisions[:-1]]
    return zip(reversed(revisions), reversed(before), strict=True)


def _version(found: Found, revisions: Sequence[Revision], wanted: str) -> tuple[Revision, Revision | None]:
    for revision, before in _newest_first(revisions):
        if listing.version_id(found.summary.key, revision.number) == wanted:
            return revision, before
    raise Refusal(404, NO_VERSION)
