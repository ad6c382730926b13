"""The server: every dialect on one port, as one ASGI application.

Each dialect stands at its own paths and again, in its pure form, under its
name: /api/chat and /ollama/api/chat, /v1/models and /openai/v1/models. Around
them, from the outside in: the crossroads, the meter, the error boundary, the gate.
"""

import platform
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

from fastapi import Depends, FastAPI
from prometheus_client import CollectorRegistry
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response

from modelwright.core.grants import Verb
from modelwright.dialects.ai_middleware import AIMiddleware, Stance
from modelwright.dialects.anthropic import Anthropic
from modelwright.dialects.base import Backing, Dialect, json_response, needs
from modelwright.dialects.body import Limits
from modelwright.dialects.native import Identity, Native
from modelwright.dialects.ollama import Ollama
from modelwright.dialects.openai import OpenAI
from modelwright.dialects.openwebui import OpenWebUI
from modelwright.dialects.openwebui.stance import Stance as OpenWebUIStance
from modelwright.dialects.sgp import SGP
from modelwright.dialects.tigercity import TigerCity
from modelwright.service.services import Services
from modelwright.web.auth import Doorkeeper, Turnstile, known_principal, principal_of
from modelwright.web.boundary import SPEAKER, Boundary, unrouted
from modelwright.web.collision import add_collision, add_shared_delete
from modelwright.web.credentials import credential_of
from modelwright.web.crossroads import Crossroads
from modelwright.web.gate import Admission, Gate
from modelwright.web.meter import CONTENT_TYPE, Meter, Metered
from modelwright.web.pages.docs import docs_page
from modelwright.web.pages.home import home_page

_HTML_HEADERS = {"Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'"}


@dataclass(frozen=True, slots=True)
class Edge:
    """What the web side is told about the server it is the edge of.

    `missing` says in words what keeps the server from being ready; empty when
    it is.
    """

    identity: Identity
    missing: Callable[[], str] = str
    admission: Admission = field(default_factory=Admission)
    limits: Limits = field(default_factory=Limits)
    doorkeeper: Doorkeeper = field(default_factory=Doorkeeper)
    openwebui: OpenWebUIStance = field(default_factory=OpenWebUIStance)
    default_model: str = ""
    ai_middleware: Stance = field(default_factory=Stance)
    registry: CollectorRegistry = field(default_factory=CollectorRegistry)


def dialects_of(edge: Edge) -> tuple[Dialect, ...]:
    """All of them; where two have one path, it is the first one's."""
    anthropic = Anthropic()
    return (
        Ollama(),
        OpenAI(),
        anthropic,
        OpenWebUI(edge.openwebui, anthropic),
        TigerCity(edge.default_model),
        AIMiddleware(edge.ai_middleware),
        SGP(),
        Native(edge.identity),
    )


def build_asgi(services: Services, edge: Edge) -> FastAPI:
    """Put the application together; nothing runs yet."""
    dialects = dialects_of(edge)
    backing = Backing(services, principal_of, credential_of, edge.limits)
    meter = Meter(edge.registry)
    app = FastAPI(
        title="modelwright",
        version=edge.identity.version,
        description="Makes custom language models, and runs them.",
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        exception_handlers={HTTPException: unrouted},
        middleware=[
            Middleware(Crossroads),
            Middleware(Metered, meter=meter),
            Middleware(Turnstile),
            Middleware(Boundary, dialects=dialects),
            Middleware(Gate, admission=_with_own_name(edge.admission)),
            # Inside the gate too, so that a page of a known origin can read an error.
            Middleware(Boundary, dialects=dialects),
        ],
    )
    _add_pages(app, services, edge)
    _add_operations(app, services, edge, meter)
    _add_dialects(app, dialects, backing, edge.doorkeeper)
    return app


def _add_dialects(
    app: FastAPI, dialects: Sequence[Dialect], backing: Backing, doorkeeper: Doorkeeper
) -> None:
    routers = {dialect.name: dialect.router(backing) for dialect in dialects}
    add_collision(app, routers, doorkeeper, backing.limits)
    add_shared_delete(app, routers, doorkeeper)
    for dialect in dialects:
        router, door = routers[dialect.name], [Depends(_door(dialect, doorkeeper))]
        app.include_router(router, dependencies=door)
        app.include_router(router, dependencies=door, prefix=f"/{dialect.name}", include_in_schema=False)


def _door(dialect: Dialect, doorkeeper: Doorkeeper) -> Callable[[Request], Awaitable[None]]:
    """The door of a dialect's routes; errors behind it are told in its words."""
    admit = doorkeeper.door(dialect.name)

    async def enter(request: Request) -> None:
        request.scope[SPEAKER] = dialect.prefixes[0]
        await admit(request)

    return enter


def _add_operations(app: FastAPI, services: Services, edge: Edge, meter: Meter) -> None:
    @needs(Verb.OPEN)
    async def healthz() -> Response:
        return json_response({"status": "ok"})

    @needs(Verb.OPEN)
    async def readyz() -> Response:
        missing = edge.missing()
        if missing:
            return json_response(
                {"status": "starting", "missing": missing}, status=503, headers={"Retry-After": "1"}
            )
        return json_response({"status": "ready"})

    @needs(Verb.LIST)
    async def metrics(request: Request) -> Response:
        principal = principal_of(request)
        meter.models.set(await services.models.count(principal))
        meter.engines.set(len({view.running.base for view in await services.chat.running(principal)}))
        return Response(meter.text(), media_type=CONTENT_TYPE)

    door = [Depends(edge.doorkeeper.door("operations"))]
    for path, endpoint, summary in (
        ("/healthz", healthz, "Say that the process runs"),
        ("/readyz", readyz, "Say whether models can be used"),
        ("/metrics", metrics, "Figures for Prometheus"),
    ):
        app.add_api_route(
            path, endpoint, methods=["GET"], summary=summary, tags=["Operations"], dependencies=door
        )


def _add_pages(app: FastAPI, services: Services, edge: Edge) -> None:
    """The pages for people; "/" answers clients as Ollama does."""

    @needs(Verb.OPEN)
    async def home(request: Request) -> Response:
        if "text/html" not in request.headers.get("accept", ""):
            return PlainTextResponse("Ollama is running", headers={"Vary": "Accept"})
        principal = known_principal(request)
        found = await services.models.list_models(principal) if principal else ()
        page = home_page(edge.identity.version, found)
        return HTMLResponse(page, headers={**_HTML_HEADERS, "Vary": "Accept"})

    @needs(Verb.OPEN)
    async def docs() -> Response:
        return HTMLResponse(docs_page(app.openapi()), headers=_HTML_HEADERS)

    door = [Depends(edge.doorkeeper.door("pages"))]
    app.add_api_route("/", home, methods=["GET"], include_in_schema=False, dependencies=door)
    app.add_api_route("/docs", docs, methods=["GET"], include_in_schema=False, dependencies=door)


def _with_own_name(admission: Admission) -> Admission:
    """The machine's own name is a name for it, too."""
    own = platform.node()
    return Admission(admission.loopback, (*admission.hosts, *([own] if own else [])), admission.origins)
