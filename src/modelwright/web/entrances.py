"""Entrances: addresses where one dialect alone is spoken.

A request that came in there is led to the dialect's pure form. What asks whether
the server lives is the same everywhere.
"""

from collections.abc import Mapping
from typing import Final

from starlette.types import ASGIApp, Receive, Scope, Send

COMMON: Final = frozenset({"/", "/healthz", "/readyz"})


class Entrances:
    """ASGI application around the whole; `dialects` by the port that is theirs."""

    def __init__(self, app: ASGIApp, dialects: Mapping[int, str]) -> None:
        self._app = app
        self._dialects = dialects

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        server = scope.get("server")
        dialect = self._dialects.get(server[1]) if server else None
        if dialect is not None and scope["type"] == "http" and scope["path"] not in COMMON:
            prefix, raw = f"/{dialect}", scope.get("raw_path")
            scope = {**scope, "path": prefix + scope["path"], "raw_path": raw and prefix.encode() + raw}
        await self._app(scope, receive, send)
