"""The routes about groups: for admins, and for members to see theirs.

Facts: open-webui 0.12.4, routers/groups.py. What a group lets its members do is kept
as it came; permission_tree says which parts of it are looked at. Groups stand in no
other groups.
"""

from collections.abc import Iterator, Sequence
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response

from modelwright.core.grants import Verb
from modelwright.core.people import Group
from modelwright.dialects.base import Json, json_response, needs
from modelwright.dialects.openwebui import wire
from modelwright.dialects.openwebui.entry import DIALECT
from modelwright.dialects.openwebui.people import absent, group_tree, user_tree
from modelwright.dialects.openwebui.refusals import NOT_FOUND, Refusal
from modelwright.dialects.openwebui.routing import Desk, Route
from modelwright.service.rights import Rights

_SHARED: Final[Json] = {"config": {"share": True}}
"""What the product writes into every new group."""


class GroupRoutes:
    """Groups, under /api/v1/groups."""

    def __init__(self, desk: Desk, rights: Rights) -> None:
        self._desk = desk
        self._accounts = rights.accounts
        self._particulars = rights.particulars

    def table(self) -> Iterator[Route]:
        one = "/groups/id/{group}"
        yield "GET", "/groups/", self.groups, "List one's groups, all for an admin"
        yield "POST", "/groups/create", self.add_group, "Add a group, for an admin"
        yield "GET", one, self.group, "Show a group, for an admin"
        yield "GET", f"{one}/info", self.about, "Show a group to its members"
        yield "GET", f"{one}/export", self.group, "Show a group with its members, for an admin"
        yield "POST", f"{one}/update", self.update_group, "Change a group, for an admin"
        yield "POST", f"{one}/users", self.members, "List who is in a group, for an admin"
        yield "POST", f"{one}/users/add", self.add_members, "Let users join a group"
        yield "POST", f"{one}/users/remove", self.remove_members, "Let users leave a group"
        yield "DELETE", f"{one}/delete", self.delete_group, "Delete a group, for an admin"

    @needs(Verb.SELF)
    async def groups(self, request: Request) -> Response:
        principal = self._desk.who(request)
        found = await self._accounts.groups("" if principal.is_admin else principal.id)
        return json_response([group_tree(group) for group in found])

    @needs(Verb.ADMINISTER)
    async def add_group(self, request: Request) -> Response:
        form, _ = await self._desk.read(request, wire.GroupForm)
        principal = self._desk.admin(request)
        group = await self._accounts.add_group(principal, form.name, form.description)
        told = _told(form, _SHARED)
        changed = await self._particulars.change_group(principal, group, extras={DIALECT: told})
        return json_response(group_tree(changed))

    @needs(Verb.ADMINISTER)
    async def group(self, request: Request) -> Response:
        self._desk.admin(request)
        return json_response(group_tree(await self._named(request)))

    @needs(Verb.SELF)
    async def about(self, request: Request) -> Response:
        principal, group = self._desk.who(request), await self._named(request)
        if not (principal.is_admin or principal.id in group.members):
            raise Refusal(404, NOT_FOUND)
        kept = ("parent_group_id", "id", "user_id", "name", "description", "member_count")
        tree = group_tree(group)
        return json_response({name: tree[name] for name in (*kept, "created_at", "updated_at")})

    @needs(Verb.ADMINISTER)
    async def update_group(self, request: Request) -> Response:
        """Permissions take the place of those there are; data is laid over them."""
        form, _ = await self._desk.read(request, wire.GroupForm)
        principal, group = self._desk.admin(request), await self._named(request)
        before = group.extras.get(DIALECT, {})
        told = {**before, **_told(form, before.get("data", _SHARED))}
        if form.permissions is None and "permissions" in before:
            told["permissions"] = before["permissions"]
        changed = await self._particulars.change_group(
            principal,
            group,
            name=form.name,
            description=form.description if "description" in form.model_fields_set else None,
            extras={DIALECT: told},
        )
        return json_response(group_tree(changed))

    @needs(Verb.ADMINISTER)
    async def members(self, request: Request) -> Response:
        self._desk.admin(request)
        among = (await self._named(request)).members
        return json_response([user_tree(user) for user in await self._accounts.users() if user.id in among])

    @needs(Verb.ADMINISTER)
    async def add_members(self, request: Request) -> Response:
        form, _ = await self._desk.read(request, wire.MembersForm)
        return await self._change(request, add=form.user_ids)

    @needs(Verb.ADMINISTER)
    async def remove_members(self, request: Request) -> Response:
        form, _ = await self._desk.read(request, wire.MembersForm)
        return await self._change(request, remove=form.user_ids)

    @needs(Verb.ADMINISTER)
    async def delete_group(self, request: Request) -> Response:
        with absent():
            await self._accounts.delete_group(self._desk.admin(request), request.path_params["group"])
        return json_response(True)

    async def _change(
        self, request: Request, *, add: Sequence[str] = (), remove: Sequence[str] = ()
    ) -> Response:
        principal, group = self._desk.admin(request), request.path_params["group"]
        with absent():
            changed = await self._accounts.change_members(principal, group, add=add, remove=remove)
        return json_response(group_tree(changed))

    async def _named(self, request: Request) -> Group:
        with absent():
            return await self._accounts.group(request.path_params["group"])


def _told(form: wire.GroupForm, data: Json) -> dict[str, Any]:
    """What this dialect alone keeps of a group; its data is laid over `data`."""
    given = form.data or {}
    config = {**(data.get("config") or {}), **(given.get("config") or {})}
    return {"permissions": form.permissions, "data": {**data, **given, "config": config}}
