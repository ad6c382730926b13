"""The error boundary: whatever fails, the client reads it in its own dialect.

The only place that turns an exception into a response. An unforeseen one
becomes status 500 with an id that stands in the log, and nothing else of it.
"""

import asyncio
from collections.abc import Sequence
from typing import Final

from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from modelwright.core.errors import Invalid, NotFound, Unavailable
from modelwright.dialects.answer import ClientGone
from modelwright.dialects.base import Dialect, json_response
from modelwright.dialects.failure import WrongMethod, headers_of, known

SPEAKER: Final = "modelwright.speaker"
"""Where in a request's scope stands the path of the dialect that is spoken, if not its own."""


class Boundary:
    """ASGI middleware around everything that may fail."""

    def __init__(self, app: ASGIApp, dialects: Sequence[Dialect]) -> None:
        self._app = app
        self._dialects = dialects

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        begun = False

        async def watched(message: Message) -> None:
            nonlocal begun
            begun = True
            await send(message)

        try:
            await self._app(scope, receive, watched)
        except (ClientDisconnect, ClientGone):
            return
        except asyncio.CancelledError:
            if begun:
                raise
            # Only the server's end cancels a request; uvicorn would answer 500 in plain text.
            stopping = Unavailable("the server is stopping", retry_after=30)
            await self._rendered(scope.get(SPEAKER, scope["path"]), stopping)(scope, receive, send)
        except Exception as error:
            if begun:
                raise
            await self._rendered(scope.get(SPEAKER, scope["path"]), error)(scope, receive, send)

    def _rendered(self, path: str, error: Exception) -> Response:
        shown = known(error)
        status, body = dialect_of(path, self._dialects).render_error(shown)
        headers = headers_of(shown)
        if "request_id" in body:  # Anthropic's clients read it from the header
            headers["request-id"] = body["request_id"]
        return json_response(
            body, status=status, media_type="application/json; charset=utf-8", headers=headers
        )


def dialect_of(path: str, dialects: Sequence[Dialect]) -> Dialect:
    """The dialect with the longest prefix of a path; one of them claims "/".

    What a request asks for may also be "*" or a whole URL (RFC 9112, 3.2): no route is.
    """
    path = path if path.startswith("/") else "/"
    claims = [(prefix, dialect) for dialect in dialects for prefix in dialect.prefixes]
    fitting = [claim for claim in claims if f"{path}/".startswith(f"{claim[0].rstrip('/')}/")]
    return max(fitting, key=lambda claim: len(claim[0]))[1]


async def unrouted(request: Request, error: Exception) -> Response:
    """Give the router's own refusals their place in the error tree."""
    status = error.status_code if isinstance(error, HTTPException) else 500
    if status == 404:
        raise NotFound("route", request.url.path, hint="/docs lists what there is")
    if status == 405 and isinstance(error, HTTPException):
        raise WrongMethod(request.method, request.url.path, (error.headers or {}).get("Allow", ""))
    raise Invalid(str(error))
