"""Collision: paths that two dialects have.

`POST /api/embeddings` is Ollama's with `prompt` and Open WebUI's with `input`.
`DELETE /v1/models/{id}` is OpenAI's and TigerCity's, and answers the fields of both.
Knows no dialect's forms, only which key is whose.
"""

from collections.abc import Callable, Coroutine, Mapping
from typing import Any, Final, TypeAlias

import orjson
from fastapi import APIRouter, Depends, FastAPI
from fastapi.routing import APIRoute
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Message, Receive

from modelwright.core.errors import ModelwrightError
from modelwright.core.grants import Verb
from modelwright.dialects.base import json_response, needs
from modelwright.dialects.body import Limits, parse_json, read_content
from modelwright.web.auth import Doorkeeper
from modelwright.web.boundary import SPEAKER

Endpoint: TypeAlias = Callable[[Request], Coroutine[Any, Any, Response]]

PATH: Final = "/api/embeddings"
DELETED: Final = "/v1/models/{model:path}"
_USUAL: Final = "ollama"
_OTHER: Final = "openwebui"


def add_collision(
    app: FastAPI, routers: Mapping[str, APIRouter], doorkeeper: Doorkeeper, limits: Limits
) -> None:
    """Add the shared path; must stand before the dialects' own routes."""
    doors = {name: doorkeeper.door(name) for name in (_USUAL, _OTHER)}
    endpoints = {name: _endpoint(routers[name], "POST", PATH) for name in (_USUAL, _OTHER)}

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


def add_shared_delete(app: FastAPI, routers: Mapping[str, APIRouter], doorkeeper: Doorkeeper) -> None:
    """Add the path that deletes a model for both; must stand before their own."""
    endpoint = _endpoint(routers["tigercity"], "DELETE", DELETED)

    @needs(Verb.DELETE)
    async def delete_model(request: Request) -> Response:
        answer = await endpoint(request)
        tree = orjson.loads(bytes(answer.body))
        return json_response({**tree, "object": "model", "deleted": True})

    app.add_api_route(
        DELETED,
        delete_model,
        methods=["DELETE"],
        include_in_schema=False,
        dependencies=[Depends(doorkeeper.door("openai"))],
    )


def _speaker(content: bytes, limits: Limits) -> str:
    try:
        tree = parse_json(content, limits)
    except ModelwrightError:  # whoever is asked then says what is wrong with it
        return _USUAL
    return _OTHER if "input" in tree and "prompt" not in tree else _USUAL


def _endpoint(router: APIRouter, method: str, path: str) -> Endpoint:
    for route in router.routes:
        if isinstance(route, APIRoute) and route.path == path and route.methods == {method}:
            return route.endpoint
    raise LookupError(path)


def _replayed(content: bytes, receive: Receive) -> Receive:
    """Give a body that was read once more, then what else comes."""
    left: list[Message] = [{"type": "http.request", "body": content, "more_body": False}]

    async def replay() -> Message:
        return left.pop() if left else await receive()

    return replay
