"""The routes by which users tell of themselves, and see what they may.

Facts: open-webui 0.12.4, routers/auths.py and users.py, utils/chat_variables.py. What
is told here is kept for this dialect alone, and stands in system texts.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final

import orjson
from starlette.requests import Request
from starlette.responses import Response

from modelwright.core.grants import Principal, Verb
from modelwright.core.people import User
from modelwright.dialects.base import json_response, needs
from modelwright.dialects.body import read_tree
from modelwright.dialects.openwebui import wire
from modelwright.dialects.openwebui.entry import DIALECT
from modelwright.dialects.openwebui.people import absent, keep_name, told_of, user_tree
from modelwright.dialects.openwebui.refusals import Refusal
from modelwright.dialects.openwebui.routing import Desk, Route
from modelwright.dialects.openwebui.stance import permission_tree
from modelwright.dialects.openwebui.variables import is_key
from modelwright.service.rights import Rights

_LONGEST: Final = 20_000
_MOST: Final = 100_000
_PROFILE: Final = ("profile_image_url", "bio", "gender", "date_of_birth")


class ProfileRoutes:
    """What one says of oneself, under /api/v1."""

    def __init__(self, desk: Desk, rights: Rights) -> None:
        self._desk = desk
        self._accounts = rights.accounts
        self._particulars = rights.particulars

    def table(self) -> Iterator[Route]:
        yield "POST", "/auths/update/profile", self.update_profile, "Tell of oneself"
        yield "POST", "/auths/update/timezone", self.update_timezone, "Tell where one's clock stands"
        yield "GET", "/users/user/info", self.info, "What one told of oneself freely"
        yield "POST", "/users/user/info/update", self.update_info, "Tell more of oneself"
        yield "GET", "/users/user/variables", self.variables, "One's own variables of system texts"
        yield "POST", "/users/user/variables/update", self.update_variables, "Set one's own variables"
        yield "GET", "/users/permissions", self.permissions, "What one may do with models"

    @needs(Verb.SELF)
    async def update_profile(self, request: Request) -> Response:
        """All but the name, by which rights and models are found."""
        form, _ = await self._desk.read(request, wire.ProfileForm)
        principal = self._desk.who(request)
        keep_name(form.name, await self._user(principal))
        user = await self._tell(principal, {name: getattr(form, name) for name in _PROFILE})
        return json_response(_profile(user))

    @needs(Verb.SELF)
    async def update_timezone(self, request: Request) -> Response:
        form, _ = await self._desk.read(request, wire.TimezoneForm)
        await self._tell(self._desk.who(request), {"timezone": form.timezone})
        return json_response({"status": True})

    @needs(Verb.SELF)
    async def info(self, request: Request) -> Response:
        user = await self._user(self._desk.who(request))
        return json_response(told_of(user).get("info"))

    @needs(Verb.SELF)
    async def update_info(self, request: Request) -> Response:
        told, principal = await read_tree(request, self._desk.backing.limits), self._desk.who(request)
        before = told_of(await self._user(principal)).get("info") or {}
        user = await self._tell(principal, {"info": {**before, **told}})
        return json_response(told_of(user)["info"])

    @needs(Verb.SELF)
    async def variables(self, request: Request) -> Response:
        user = await self._user(self._desk.who(request))
        return json_response({"variables": told_of(user).get("variables", {})})

    @needs(Verb.SELF)
    async def update_variables(self, request: Request) -> Response:
        form, _ = await self._desk.read(request, wire.VariablesForm)
        variables = _checked(form.variables)
        await self._tell(self._desk.who(request), {"variables": variables})
        return json_response({"variables": variables})

    @needs(Verb.SELF)
    async def permissions(self, request: Request) -> Response:
        held = await self._desk.people.permissions(self._desk.who(request))
        return json_response(permission_tree(held))

    async def _tell(self, principal: Principal, told: Mapping[str, Any]) -> User:
        """Keep this beside what was told before."""
        before = told_of(await self._user(principal))
        return await self._particulars.tell(principal, DIALECT, {**before, **told})

    async def _user(self, principal: Principal) -> User:
        """The user that acts; the local admin of a keyless server has no entry of its own."""
        with absent():
            return await self._accounts.user(principal.id)


def _profile(user: User) -> dict[str, Any]:
    told = told_of(user)
    kept = {name: told.get(name) for name in _PROFILE}
    return {**user_tree(user), **kept, "timezone": told.get("timezone"), "info": told.get("info")}


def _checked(variables: Mapping[str, Any]) -> dict[str, str]:
    """Variables that can stand in a text; raises Refusal in the product's words."""
    if len(orjson.dumps(variables)) > _MOST:
        raise Refusal(400, "User variables are too large.")
    found = {}
    for name, value in variables.items():
        if not is_key(name):
            raise Refusal(400, f"Invalid user variable key: {name[:100]}")
        if not isinstance(value, str):
            raise Refusal(400, f"User variable must be a string: {name}")
        found[name] = value.replace("\r\n", "\n")
        if len(found[name]) > _LONGEST:
            raise Refusal(400, f"User variable is too long: {name}")
    return found
