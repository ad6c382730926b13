"""What the routes of this dialect share: who asks, for which account, pages.

An `account_id` is an account of ours, by id or name. Whoever is in no account has
one alone, under whatever name nobody else's account has.
"""

from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, TypeAlias, TypeVar

from starlette.requests import Request
from starlette.responses import Response

from modelwright.core.errors import Denied, NotFound
from modelwright.core.grants import Principal
from modelwright.dialects.base import Backing, Json, timestamp
from modelwright.dialects.fields import Wire
from modelwright.dialects.sgp.refusals import Unprocessable, read_request
from modelwright.service.entities import home_of

W = TypeVar("W", bound=Wire)
T = TypeVar("T")
Endpoint: TypeAlias = Callable[[Request], Coroutine[Any, Any, Response]]
Route: TypeAlias = tuple[str, str, Endpoint, str]
"""Method, path, endpoint, what it does."""

SELECTED: Final = "x-selected-account-id"
LIMIT: Final = 100
MOST: Final = 10_000


@dataclass(frozen=True, slots=True)
class Account:
    """An account, by our id and as a request names it."""

    id: str
    label: str


@dataclass(frozen=True, slots=True)
class Page:
    """Which part of a list is wanted; numbers begin with 1."""

    number: int
    limit: int

    @property
    def start(self) -> int:
        """The place of its first, counted from 0."""
        return (self.number - 1) * self.limit

    def answer(self, found: Sequence[T], render: Callable[[T], Json]) -> Json:
        """The part as it is sent; past the end it is empty."""
        part = found[self.start : self.start + self.limit]
        return self.envelope([render(each) for each in part], len(found))

    def envelope(self, items: list[Json], total: int) -> Json:
        return {
            "items": items,
            "total_item_count": total,
            "current_page": self.number,
            "items_per_page": self.limit,
        }


class People:
    """Who made things: roles by id, looked up once for a request."""

    def __init__(self, roles: Mapping[str, str]) -> None:
        self._roles = roles

    def made(self, id: str, account: str, owner: str, at: datetime) -> Json:
        """The fields that everything has."""
        service = self._roles.get(owner) == "service"
        return {
            "id": id,
            "account_id": account,
            "created_at": timestamp(at),
            "created_by_user_id": owner,
            "created_by_identity_type": "service_account" if service else "user",
        }


@dataclass(frozen=True, slots=True)
class Desk:
    """Reads requests for all routes of the dialect."""

    backing: Backing

    def who(self, request: Request) -> Principal:
        return self.backing.principal_of(request)

    async def read(self, request: Request, model: type[W]) -> W:
        return await read_request(request, model, self.backing.limits)

    async def people(self, principal: Principal) -> People:
        roles = {user.id: user.role for user in await self.backing.services.rights.accounts.users()}
        return People({principal.id: principal.role} | roles)

    async def account(self, request: Request, given: str | None = None) -> Account:
        """The account that something is made for; raises Denied for another's."""
        principal, asked = self.who(request), given or request.headers.get(SELECTED, "")
        found = await self._known(asked) if asked else None
        if found is None:
            if asked and principal.account and not principal.is_admin:
                raise _not_theirs(asked, principal)
            return Account(home_of(principal), asked or home_of(principal))
        if not principal.is_admin and found != principal.account:
            raise _not_theirs(asked, principal)
        return Account(found, asked)

    async def filter(self, request: Request) -> Account | None:
        """The account that a list is limited to, if it is; Denied for another's."""
        asked = request.query_params.get("account_id") or request.headers.get(SELECTED)
        return await self.account(request, asked) if asked else None

    async def check(self, request: Request) -> Principal:
        """Who asks, once it is sure that the selected account is theirs."""
        if request.headers.get(SELECTED):
            await self.account(request)
        return self.who(request)

    async def _known(self, asked: str) -> str | None:
        try:
            return (await self.backing.services.rights.accounts.account(asked)).id
        except NotFound:
            return None


def page_of(request: Request) -> Page:
    """Which page is asked for; raises Unprocessable."""
    return Page(_number(request, "page", 1, 10**9), _number(request, "limit", LIMIT, MOST))


def listed(request: Request, name: str, allowed: Sequence[str]) -> list[str]:
    """Comma-joined words of a query, each one of those allowed; raises Unprocessable."""
    words = [word for text in request.query_params.getlist(name) for word in text.split(",") if word]
    for word in words:
        if word not in allowed:
            raise Unprocessable.of(("query", name), f"one of {', '.join(allowed)}", word)
    return words


def required(request: Request, name: str) -> str:
    """A query parameter that must be there; raises Unprocessable."""
    value = request.query_params.get(name)
    if not value:
        raise Unprocessable([{"loc": ["query", name], "msg": "Field required", "type": "missing"}])
    return value


def deleted() -> Json:
    """What is answered when something was deleted."""
    return {"count": 1, "success": True}


def path_of(request: Request, name: str) -> str:
    """What stands in the path under that name."""
    return str(request.path_params[name])


def _number(request: Request, name: str, usual: int, most: int) -> int:
    text = request.query_params.get(name)
    if text is None:
        return usual
    if not (text.isascii() and text.isdigit()) or len(text) > 10 or not 1 <= int(text) <= most:
        raise Unprocessable.of(("query", name), f"a whole number from 1 to {most}", text)
    return int(text)


def _not_theirs(asked: str, principal: Principal) -> Denied:
    own = principal.account or principal.id
    return Denied(f'you are not in the account "{asked[:100]}"', field="account_id", hint=f'Yours is "{own}"')
