"""What a dialect is.

A dialect binds paths to use-cases: each route reads a request, asks who acts,
calls one service and renders what comes back. It keeps no state and knows no
engine, store or file.
"""

import ipaddress
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final, Protocol, TypeAlias, TypeVar

import orjson
from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from modelwright.core.chat import ChatEvent, ChatRequest
from modelwright.core.errors import ModelwrightError
from modelwright.core.grants import Principal, Verb
from modelwright.dialects.answer import Writer
from modelwright.dialects.body import Limits
from modelwright.service.services import Services

Json: TypeAlias = dict[str, Any]
F = TypeVar("F", bound=Callable[..., Any])

_VERB: Final = "modelwright_verb"
_FORWARDED: Final = ("forwarded", "x-forwarded-for", "x-real-ip", "via")


def needs(verb: Verb) -> Callable[[F], F]:
    """Declare what an endpoint does; one that does not say so is never let in."""

    def declared(endpoint: F) -> F:
        setattr(endpoint, _VERB, verb)
        return endpoint

    return declared


def verb_of(endpoint: object) -> Verb | None:
    """What an endpoint declares, a bound method included."""
    found: Verb | None = getattr(endpoint, _VERB, None)
    return found


def is_local(request: Request) -> bool:
    """Whether the peer is this machine, and no proxy speaks for another one."""
    try:
        near = request.client is not None and ipaddress.ip_address(request.client.host).is_loopback
    except ValueError:
        near = False
    return near and not any(name in request.headers for name in _FORWARDED)


@dataclass(frozen=True, slots=True)
class Backing:
    """What stands behind a dialect: the services, who is asking, the limits."""

    services: Services
    principal_of: Callable[[Request], Principal]
    credential_of: Callable[[Request], str]
    limits: Limits = field(default_factory=Limits)


class Dialect(Protocol):
    """One system's API."""

    @property
    def name(self) -> str: ...

    @property
    def prefixes(self) -> tuple[str, ...]:
        """The beginnings of the paths whose errors it shapes."""
        ...

    def router(self, backing: Backing) -> APIRouter: ...

    def render_error(self, error: ModelwrightError) -> tuple[int, Json]:
        """The status and body of an error; the body holds the message."""
        ...


class ChatDialect(Dialect, Protocol):
    """A dialect in which one can chat."""

    def parse_chat(self, body: Json) -> ChatRequest:
        """Read a JSON body; raises Invalid or Unsupported."""
        ...

    def chat_writer(self, body: Json) -> Writer[ChatEvent]:
        """What renders the answer to that body."""
        ...


def json_response(
    tree: Any,
    *,
    status: int = 200,
    media_type: str = "application/json",
    headers: Mapping[str, str] | None = None,
) -> Response:
    """A JSON body; `tree` may hold tuples, and no NaN."""
    return Response(
        orjson.dumps(tree),
        status_code=status,
        media_type=media_type,
        headers=dict(headers) if headers else None,
    )


def timestamp(moment: datetime | None = None) -> str:
    """A moment, now by default, as RFC 3339 in UTC, ending in Z."""
    at = datetime.now(UTC) if moment is None else moment.astimezone(UTC)
    return at.isoformat().removesuffix("+00:00") + "Z"
