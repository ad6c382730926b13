"""Routes of our own dialect about registries: who we are there."""

from collections.abc import Callable, Coroutine, Iterator
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from modelwright.dialects.base import Backing, Json, json_response
from modelwright.dialects.body import read_body
from modelwright.dialects.fields import Flag, Text, Wire, documented

Endpoint = Callable[[Request], Coroutine[Any, Any, Response]]


class LoginRequest(Wire):
    """Who one is at a registry; kept for whoever asks, when the registry agrees."""

    registry: Text
    username: Text
    password: Text
    insecure: Flag = False


class LogoutRequest(Wire):
    registry: Text


class Transfers:
    """The routes."""

    def __init__(self, backing: Backing) -> None:
        self._pushes = backing.services.pushes
        self._principal_of = backing.principal_of
        self._limits = backing.limits

    def table(self) -> Iterator[tuple[str, str, Endpoint, str, Json | None]]:
        yield "POST", "/login", self.login, "Keep credentials for a registry", documented(LoginRequest)
        yield "POST", "/logout", self.logout, "Forget credentials for a registry", documented(LogoutRequest)

    async def login(self, request: Request) -> Response:
        body = await read_body(request, LoginRequest, self._limits)
        await self._pushes.login(
            self._principal_of(request), body.registry, body.username, body.password, insecure=body.insecure
        )
        return json_response({"registry": body.registry})

    async def logout(self, request: Request) -> Response:
        body = await read_body(request, LogoutRequest, self._limits)
        await self._pushes.logout(self._principal_of(request), body.registry)
        return json_response({"registry": body.registry})
