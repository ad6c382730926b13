"""The routes by which admins say what holds for all users and for all models.

Facts: open-webui 0.12.4, routers/users.py and configs.py. What is said here stands
over the settings that the server was started with, and is kept.
"""

from collections.abc import Iterator

from starlette.requests import Request
from starlette.responses import Response

from modelwright.core.grants import Verb
from modelwright.dialects.base import json_response, needs
from modelwright.dialects.openwebui import entry, wire
from modelwright.dialects.openwebui.routing import Desk, Route
from modelwright.dialects.openwebui.stance import permission_tree


class DefaultRoutes:
    """Default permissions and default models, under /api/v1."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._standing = desk.standing

    def table(self) -> Iterator[Route]:
        permissions, models = "/users/default/permissions", "/configs/models"
        yield "GET", permissions, self.permissions, "What users may, for an admin"
        yield "POST", permissions, self.set_permissions, "Say what users may, for an admin"
        yield "GET", f"{permissions}/defaults", self.usual, "What users may that nobody changed"
        yield "GET", f"{models}/defaults", self.model_defaults, "What models have that say nothing"
        yield "GET", models, self.model_settings, "The same with parameters, for an admin"
        yield "POST", models, self.set_model_settings, "Say what models have, for an admin"

    @needs(Verb.ADMINISTER)
    async def permissions(self, request: Request) -> Response:
        self._desk.admin(request)
        return json_response(await self._standing.permissions())

    @needs(Verb.ADMINISTER)
    async def set_permissions(self, request: Request) -> Response:
        form, _ = await self._desk.read(request, wire.PermissionsForm)
        tree = form.model_dump()
        await self._standing.set_permissions(self._desk.admin(request), tree)
        return json_response(tree)

    @needs(Verb.ADMINISTER)
    async def usual(self, request: Request) -> Response:
        self._desk.admin(request)
        return json_response(permission_tree(self._standing.operators.permissions))

    @needs(Verb.SELF)
    async def model_defaults(self, request: Request) -> Response:
        metadata = (await self._standing.models())["DEFAULT_MODEL_METADATA"]
        return json_response({"DEFAULT_MODEL_METADATA": metadata})

    @needs(Verb.ADMINISTER)
    async def model_settings(self, request: Request) -> Response:
        self._desk.admin(request)
        return json_response(await self._standing.models())

    @needs(Verb.ADMINISTER)
    async def set_model_settings(self, request: Request) -> Response:
        """Raises Invalid for params that no model could have."""
        form, _ = await self._desk.read(request, wire.ModelSettingsForm)
        entry.read_params(form.DEFAULT_MODEL_PARAMS or {})
        told = form.model_dump(exclude_unset=True)
        await self._standing.set_models(self._desk.admin(request), told)
        return json_response(await self._standing.models())
