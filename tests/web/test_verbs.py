"""Every route says what it does; one that does not is never let in."""

import httpx2
import pytest
from fastapi import Depends, FastAPI
from fastapi.routing import iter_route_contexts

from modelwright.app import App
from modelwright.core.errors import Denied
from modelwright.core.grants import Verb
from modelwright.dialects.base import verb_of
from modelwright.web.auth import Doorkeeper

pytestmark = pytest.mark.anyio


async def test_every_route_declares_its_verb_and_has_a_door(app: App) -> None:
    assert isinstance(app.asgi, FastAPI)
    routes = [route for route in iter_route_contexts(app.asgi.routes) if route.path != app.asgi.openapi_url]
    assert len(routes) > 100
    silent = [f"{route.path} {route.methods}" for route in routes if verb_of(route.endpoint) is None]
    assert not silent, "decorate the endpoint with dialects.base.needs"
    doors = [route.path for route in routes if not route.dependencies]
    assert not doors, "a route of a dialect is included with the doorkeeper's door"
    assert {verb_of(route.endpoint) for route in routes} <= set(Verb)


async def test_a_route_without_a_verb_lets_nobody_in() -> None:
    app = FastAPI()

    async def careless() -> str:
        return "secret"

    app.add_api_route("/careless", careless, dependencies=[Depends(Doorkeeper().door("new"))])
    transport = httpx2.ASGITransport(app=app)
    async with httpx2.AsyncClient(transport=transport, base_url="http://localhost") as client:
        with pytest.raises(Denied, match="does not say what it does"):
            await client.get("/careless")
