"""Collision: one path that two dialects have, told apart by the body.

`POST /api/embeddings` is Ollama's with `prompt` and Open WebUI's with `input`
(DESIGN of the edges). Knows no dialect's forms, only which key is whose.
"""

from collections.abc import Callable, Coroutine, Mapping
from typing import Any, Final, TypeAlias

from fastapi import APIRouter, Depends, FastAPI
from fastapi.routing import APIRoute
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Message, Receive

from modelwright.core.errors import ModelwrightError
from modelwright.core.grants import Verb
from modelwright.dialects.base import needs
from modelwright.dialects.body import Limits, parse_json, read_content
from modelwright.web.auth import Doorkeeper
from modelwright.web.boundary import SPEAKER

Endpoint: TypeAlias = Callable[[Request], Coroutine[Any, Any, Response]]

PATH: Final = "/api/embeddings"
_USUAL: Final = "ollama"
_OTHER: Final = "openwebui"


def add_collision(
    app: FastAPI, routers: Mapping[str, APIRouter], doorkeeper: Doorkeeper, limits: Limits
) -> None:
    """Add the shared path; must stand before the dialects' own routes."""
    doors = {name: doorkeeper.door(name) for name in (_USUAL, _OTHER)}
    endpoints = {name: _endpoint(routers[name]) for name in (_USUAL, _OTHER)}

    async def admit(request: Request) -> None:
        content = await read_content(request, limits)
        speaker = _speaker(content, limits)
        request.state.content, request.state.speaker = content, speaker
        request.scope[SPEAKER] = f"/{speaker}"
        await doors[speaker](request)

    @needs(Verb.USE)
    async def embeddings(request: Request) -> Response:
        again = Request(request.scope, _replayed(request.state.content, request.receive))
        return await endpoints[request.state.speaker](again)

    app.add_api_route(
        PATH, embeddings, methods=["POST"], include_in_schema=False, dependencies=[Depends(admit)]
    )


def _speaker(content: bytes, limits: Limits) -> str:
    try:
        tree = parse_json(content, limits)
    except ModelwrightError:  # whoever is asked then says what is wrong with it
        return _USUAL
    return _OTHER if "input" in tree and "prompt" not in tree else _USUAL


def _endpoint(router: APIRouter) -> Endpoint:
    for route in router.routes:
        if isinstance(route, APIRoute) and route.path == PATH and route.methods == {"POST"}:
            return route.endpoint
    raise LookupError(PATH)


def _replayed(content: bytes, receive: Receive) -> Receive:
    """Give a body that was read once more, then what else comes."""
    left: list[Message] = [{"type": "http.request", "body": content, "more_body": False}]

    async def replay() -> Message:
        return left.pop() if left else await receive()

    return replay
