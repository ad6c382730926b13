"""What the routes of this dialect have in common: bodies, who asks, answers."""

from collections.abc import Callable, Coroutine
from dataclasses import dataclass, replace
from typing import Any, TypeAlias, TypeVar

from starlette.requests import Request
from starlette.responses import Response

from modelwright.core.grants import Principal
from modelwright.dialects.base import Backing, Json
from modelwright.dialects.body import read_tree
from modelwright.dialects.openwebui import listing, wire
from modelwright.dialects.openwebui.entries import Entries, Found
from modelwright.dialects.openwebui.grants import shown_grants
from modelwright.dialects.openwebui.people import People
from modelwright.dialects.openwebui.refusals import PROHIBITED, UNAUTHORIZED, Refusal
from modelwright.dialects.openwebui.standing import Standing

F = TypeVar("F", bound=wire.Form)
Endpoint: TypeAlias = Callable[[Request], Coroutine[Any, Any, Response]]
Route: TypeAlias = tuple[str, str, Endpoint, str]
"""Method, path, endpoint, what it does."""


@dataclass(frozen=True, slots=True)
class Desk:
    """Reads requests and renders models, for all routes of the dialect."""

    backing: Backing
    entries: Entries
    people: People
    standing: Standing

    def who(self, request: Request) -> Principal:
        return self.backing.principal_of(request)

    def admin(self, request: Request) -> Principal:
        """Who asks; raises Refusal for anybody but an admin."""
        principal = self.who(request)
        if not principal.is_admin:
            raise Refusal(401, PROHIBITED)
        return principal

    async def check_may(self, principal: Principal, permission: str) -> None:
        """Raises Refusal for somebody without a permission."""
        if permission not in await self.people.permissions(principal):
            raise Refusal(401, UNAUTHORIZED)

    async def read(self, request: Request, form: type[F]) -> tuple[F, Json]:
        """A body, checked, and as it came."""
        tree = await read_tree(request, self.backing.limits)
        return wire.read_form(form, tree), tree

    async def survey(self, principal: Principal) -> "Desk":
        """The same over what there is now, read at once: for a list, and for no changes."""
        entries, people = await self.entries.survey(principal), await self.people.survey()
        return replace(self, entries=entries, people=people)

    async def row(self, principal: Principal, found: Found) -> Json:
        """A model as the product's table has it."""
        base = await self.entries.base_of(principal, found)
        grants = await self.people.grants(principal, found) if found.is_writable else ()
        return listing.row(found, base, shown_grants(grants, found.identifier, found.summary.created_at))


def asked(request: Request, name: str) -> str:
    """A query parameter that must be there; raises Refusal as FastAPI does."""
    value = request.query_params.get(name)
    if value is None:
        fault = {"type": "missing", "loc": ["query", name], "msg": "Field required", "input": None}
        raise Refusal(422, [fault])
    return value


def page_of(request: Request) -> int:
    """The query's page, from 1; raises Refusal for what is no number."""
    text = request.query_params.get("page", "1")
    if not text.lstrip("+-").isdigit() or len(text) > 9:
        msg = "Input should be a valid integer, unable to parse string as an integer"
        fault = {"type": "int_parsing", "loc": ["query", "page"], "msg": msg, "input": text}
        raise Refusal(422, [fault])
    return max(1, int(text))
