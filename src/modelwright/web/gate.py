"""The gate: what is refused before anybody looks at the path.

Headers beyond a limit; a Host that is not this machine (a name that an attacker
points to the loopback address: DNS rebinding); a web page of an unknown origin.
Pages of known origins get the CORS headers that their browser asks for.
"""

import ipaddress
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from modelwright.core.errors import Denied
from modelwright.core.wording import excerpt
from modelwright.dialects.failure import HeadersTooLarge

HEADER_BYTES: Final = 16 * 1024
HEADER_FIELDS: Final = 100

_METHODS: Final = "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"
_PREFLIGHT_SECONDS: Final = "600"
_TOKENS: Final = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~, -]{1,2000}")


@dataclass(frozen=True, slots=True)
class Admission:
    """Who may come in.

    `loopback`: the server listens there only, so a Host must name this machine,
    by a name of its own or one of `hosts`. `origins` are patterns in which `*`
    stands for anything, or, as a port, for any number.
    """

    loopback: bool = True
    hosts: tuple[str, ...] = ()
    origins: tuple[str, ...] = ()


class Gate:
    """ASGI middleware; refusals are raised, for the boundary to render."""

    def __init__(self, app: ASGIApp, admission: Admission) -> None:
        self._app = app
        self._loopback = admission.loopback
        self._hosts = frozenset(host.lower() for host in admission.hosts)
        self._origins = _pattern(admission.origins)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        _check_size(headers)
        self._check_host(headers)
        origin = headers.get("origin")
        if origin is None:
            await self._app(scope, receive, send)
            return
        self._check_origin(headers, origin)
        if scope["method"] == "OPTIONS" and "access-control-request-method" in headers:
            await _preflight(headers, origin)(scope, receive, send)
            return
        await self._app(scope, receive, _with_origin(send, origin))

    def _check_host(self, headers: Headers) -> None:
        if not self._loopback:
            return
        for host in headers.getlist("host"):
            if not self._is_this_machine(_without_port(host)):
                raise Denied(
                    f"host {excerpt(host)} is not this machine",
                    field="Host",
                    hint="Use localhost or 127.0.0.1",
                )

    def _check_origin(self, headers: Headers, origin: str) -> None:
        if len(headers.getlist("origin")) == 1:
            if self._origins.fullmatch(origin.lower()):
                return
            scheme, host = _parts(origin)
            if scheme in ("http", "https") and self._is_this_machine(_without_port(host)):
                return
        raise Denied(
            f"origin {excerpt(origin)} is not allowed",
            field="Origin",
            hint="The operator can allow it with MODELWRIGHT_ORIGINS or OLLAMA_ORIGINS",
        )

    def _is_this_machine(self, host: str) -> bool:
        """Whether a host is "" (HTTP/1.0), localhost, a loopback address or a known name."""
        host = host.lower().removesuffix(".")
        if host in ("", "localhost") or host.endswith(".localhost") or host in self._hosts:
            return True
        try:
            return ipaddress.ip_address(host.strip("[]")).is_loopback
        except ValueError:
            return False


def _check_size(headers: Headers) -> None:
    if len(headers.raw) > HEADER_FIELDS:
        raise HeadersTooLarge(
            f"the request has {len(headers.raw)} header fields; the limit is {HEADER_FIELDS}"
        )
    size = sum(len(name) + len(value) + 4 for name, value in headers.raw)
    if size > HEADER_BYTES:
        limit = f"{HEADER_BYTES // 1024} KiB"
        raise HeadersTooLarge(f"the request's header fields have {size} bytes; the limit is {limit}")


def _parts(origin: str) -> tuple[str, str]:
    """Scheme and host with port of an origin; two blanks where it is none."""
    try:
        parts = urlsplit(origin)
    except ValueError:  # brackets around no address
        return "", ""
    return parts.scheme, parts.netloc


def _without_port(host: str) -> str:
    name, colon, port = host.rpartition(":")
    return name if colon and port.isdigit() and (":" not in name or name.endswith("]")) else host


def _pattern(origins: Iterable[str]) -> re.Pattern[str]:
    """One expression for all origin patterns; none at all matches nothing."""
    spelled = (re.escape(origin.lower()).replace(r":\*", ":[0-9]+") for origin in origins)
    spelled_out = [text.replace(r"\*", "[^/@]*") if text != r"\*" else ".*" for text in spelled]
    return re.compile("|".join(spelled_out) or "(?!)")


def _preflight(headers: Headers, origin: str) -> Response:
    wanted = headers.get("access-control-request-headers", "")
    answer = {
        "Access-Control-Allow-Origin": origin,
        "Access-Control-Allow-Methods": _METHODS,
        "Access-Control-Max-Age": _PREFLIGHT_SECONDS,
        "Vary": "Origin, Access-Control-Request-Headers",
    }
    if _TOKENS.fullmatch(wanted):
        answer["Access-Control-Allow-Headers"] = wanted
    return Response(status_code=204, headers=answer)


def _with_origin(send: Send, origin: str) -> Send:
    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(raw=message["headers"])
            headers["Access-Control-Allow-Origin"] = origin
            headers.add_vary_header("Origin")
        await send(message)

    return sending
