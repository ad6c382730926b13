"""Open WebUI's dialect: which paths there are, and how an error looks.

Facts: open-webui 0.12.4, main.py. Model routes stand under /api/v1/models and
/api/models; where another dialect has the same path without a prefix, ours is
found under /openwebui.
"""

from base64 import b64decode
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Final

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from modelwright.core.chat import ChatEvent, ChatRequest
from modelwright.core.errors import Denied, ModelwrightError, Unauthenticated
from modelwright.core.grants import Verb
from modelwright.dialects.answer import Writer
from modelwright.dialects.base import Backing, ChatDialect, Json, json_response, needs
from modelwright.dialects.failure import status_of
from modelwright.dialects.fields import documented
from modelwright.dialects.openwebui import wire
from modelwright.dialects.openwebui.account_routes import AccountRoutes
from modelwright.dialects.openwebui.chat_routes import ChatRoutes
from modelwright.dialects.openwebui.conversation import read_chat
from modelwright.dialects.openwebui.default_routes import DefaultRoutes
from modelwright.dialects.openwebui.entries import Entries
from modelwright.dialects.openwebui.group_routes import GroupRoutes
from modelwright.dialects.openwebui.history_routes import HistoryRoutes
from modelwright.dialects.openwebui.message_routes import MessageRoutes
from modelwright.dialects.openwebui.model_routes import FAVICON, ModelRoutes
from modelwright.dialects.openwebui.people import People
from modelwright.dialects.openwebui.profile_routes import ProfileRoutes
from modelwright.dialects.openwebui.refusals import EXPIRED, NO_CREDENTIAL, PROHIBITED, Refusal
from modelwright.dialects.openwebui.routing import Desk, Route
from modelwright.dialects.openwebui.stance import Stance
from modelwright.dialects.openwebui.standing import Standing
from modelwright.dialects.openwebui.writers import ChatWriter

VERSION: Final = "0.12.4"
"""The version of Open WebUI whose API this is."""
MODEL_PREFIXES: Final = ("/api/v1/models", "/api/models")
OTHERWISE: Final = ("/api/models", "/base")
"""What only under the longer prefix is the list of the workspace."""
SHARED: Final = ("/api/version", "/api/embeddings")
"""Paths that another dialect has too; here they are not in the OpenAPI document."""

FORMS: Final[Mapping[str, type[wire.Form]]] = MappingProxyType(
    {
        "create": wire.ModelForm,
        "update": wire.ModelForm,
        "share": wire.AccessForm,
        "delete": wire.IdForm,
        "take_in": wire.ImportForm,
        "sync": wire.SyncForm,
        "choose": wire.VersionForm,
        "unload": wire.UnloadForm,
        "sign_in": wire.SignInForm,
        "add_user": wire.UserForm,
        "add_group": wire.GroupForm,
        "add_members": wire.MembersForm,
        "remove_members": wire.MembersForm,
        "update_group": wire.GroupForm,
        "update_profile": wire.ProfileForm,
        "update_timezone": wire.TimezoneForm,
        "update_variables": wire.VariablesForm,
        "update_user": wire.UserUpdateForm,
        "update_password": wire.PasswordForm,
        "set_permissions": wire.PermissionsForm,
        "set_model_settings": wire.ModelSettingsForm,
    }
)
"""What endpoints read, for the OpenAPI document."""

_PIXEL: Final = b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR42mNoAAAAggCB2kUIOwAAAABJRU5ErkJggg=="
)
"""A picture of one grey pixel: the product's own is its makers'."""


def _here() -> datetime:
    return datetime.now().astimezone()


class OpenWebUI:
    """The dialect; `messages` speaks Anthropic's form of a chat, if anybody does."""

    name = "openwebui"
    prefixes = (
        "/openwebui",
        "/api/v1",
        "/api/models",
        "/api/chat/completions",
        "/api/message",
        "/health",
        "/static",
    )

    def __init__(
        self,
        stance: Stance | None = None,
        messages: ChatDialect | None = None,
        now: Callable[[], datetime] = _here,
    ) -> None:
        self._stance = stance or Stance()
        self._messages = messages
        self._now = now

    def router(self, backing: Backing) -> APIRouter:
        router = APIRouter(tags=["Open WebUI"])
        for method, path, endpoint, summary in self._table(backing):
            shown = path not in SHARED and not path.startswith("/api/models/")
            form = FORMS.get(getattr(endpoint, "__name__", "")) if method == "POST" else None
            router.add_api_route(
                path,
                endpoint,
                methods=[method],
                summary=summary,
                include_in_schema=shown,
                openapi_extra=documented(form) if form else None,
            )
        return router

    def render_error(self, error: ModelwrightError) -> tuple[int, Json]:
        if isinstance(error, Unauthenticated):
            error = Refusal(401, EXPIRED if error.field == "credential" else NO_CREDENTIAL)
        elif isinstance(error, Denied) and error.field == "role":
            error = Refusal(401, PROHIBITED)
        if isinstance(error, Refusal):
            status, detail = error.worded(self._stance.wording)
            return status, {"detail": detail}
        return status_of(error), {"detail": str(error)}

    def parse_chat(self, body: Json) -> ChatRequest:
        asked = read_chat(body)
        return asked.request(asked.model, {}, "")

    def chat_writer(self, body: Json) -> Writer[ChatEvent]:
        return ChatWriter(str(body["model"]), include_usage=False)

    def _table(self, backing: Backing) -> Iterator[Route]:
        services = backing.services
        standing = Standing(self._stance, services.choices)
        people = People(services.rights, standing)
        desk = Desk(backing, Entries(services.models), people, standing)
        models, history = ModelRoutes(desk), HistoryRoutes(desk, services.models)
        for prefix in MODEL_PREFIXES:
            for method, path, endpoint, summary in (*models.table(), *history.table()):
                if (prefix, path) != OTHERWISE:
                    yield method, prefix + path, endpoint, summary
        chats = ChatRoutes(desk, services, self._now)
        yield from chats.table()
        if self._messages is not None:
            yield from MessageRoutes(chats, self._messages).table()
        profiles, groups = ProfileRoutes(desk, services.rights), GroupRoutes(desk, services.rights)
        accounts, defaults = AccountRoutes(desk, services.rights), DefaultRoutes(desk)
        # "/users/permissions" comes before "/users/{user}", which would take it.
        for method, path, endpoint, summary in (
            *profiles.table(),
            *defaults.table(),
            *groups.table(),
            *accounts.table(),
        ):
            yield method, f"/api/v1{path}", endpoint, summary
        yield "GET", "/api/version", _version, "The version of Open WebUI whose API this is"
        yield "GET", "/health", _health, "Say that the server runs"
        yield "GET", FAVICON, _favicon, "The picture of a model that has none"


@needs(Verb.OPEN)
async def _version(request: Request) -> Response:
    return json_response({"version": VERSION, "deployment_id": ""})


@needs(Verb.OPEN)
async def _health(request: Request) -> Response:
    return json_response({"status": True})


@needs(Verb.OPEN)
async def _favicon(request: Request) -> Response:
    return Response(_PIXEL, media_type="image/png", headers={"Cache-Control": "max-age=86400"})
