"""Crossroads: paths that two dialects have, and who of them a request means.

Such a path is its first owner's; the other's clients send a header of theirs and
are led to that dialect's pure form.
"""

from typing import Final

from starlette.types import ASGIApp, Receive, Scope, Send

_SHARED: Final = (("/v1/models", b"anthropic-version", "/anthropic"),)
"""The beginning of a path, the header that tells, the prefix of the pure form."""


class Crossroads:
    """ASGI middleware around whatever looks at paths."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        prefix = _prefix(scope) if scope["type"] == "http" else ""
        if prefix:
            raw = scope.get("raw_path")
            scope = {**scope, "path": prefix + scope["path"], "raw_path": raw and prefix.encode() + raw}
        await self._app(scope, receive, send)


def _prefix(scope: Scope) -> str:
    for path, header, prefix in _SHARED:
        if f"{scope['path']}/".startswith(f"{path}/") and any(name == header for name, _ in scope["headers"]):
            return prefix
    return ""
