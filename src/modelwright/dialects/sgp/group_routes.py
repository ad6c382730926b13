"""The routes of model groups: models that are alike, under one name."""

from collections.abc import Iterator
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from modelwright.core.entities import Entity
from modelwright.core.grants import Verb
from modelwright.dialects.base import Json, json_response, needs
from modelwright.dialects.sgp import wire
from modelwright.dialects.sgp.desk import Desk, People, Route, deleted, page_of, path_of

GROUP: Final = "model-group"


class GroupRoutes:
    """Groups, which an account has and all of its members see."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._entities = desk.backing.services.entities

    def table(self) -> Iterator[Route]:
        yield "POST", "/v4/model-groups", self.create_group, "Make a group of models"
        yield "GET", "/v4/model-groups", self.list_groups, "List the groups of models"
        yield "GET", "/v4/model-groups/{group}", self.show_group, "Show a group of models"
        yield "PATCH", "/v4/model-groups/{group}", self.change_group, "Change a group of models"
        yield "DELETE", "/v4/model-groups/{group}", self.delete_group, "Delete a group, not its models"

    @needs(Verb.LIST)
    async def create_group(self, request: Request) -> Response:
        body = await self._desk.read(request, wire.GroupRequest)
        account = await self._desk.account(request, body.account_id)
        content = {"name": body.name, "description": body.description, "account_id": account.label}
        principal = self._desk.who(request)
        made = await self._entities.add(principal, GROUP, content, account=account.id)
        return json_response(group_tree(made, await self._desk.people(principal)))

    @needs(Verb.LIST)
    async def list_groups(self, request: Request) -> Response:
        principal, page = await self._desk.check(request), page_of(request)
        account = await self._desk.filter(request)
        found = await self._entities.list_entities(principal, GROUP, account.id if account else "")
        people = await self._desk.people(principal)
        return json_response(page.answer(found, lambda each: group_tree(each, people)))

    @needs(Verb.LIST)
    async def show_group(self, request: Request) -> Response:
        principal = await self._desk.check(request)
        found = await self._entities.find(principal, GROUP, path_of(request, "group"))
        return json_response(group_tree(found, await self._desk.people(principal)))

    @needs(Verb.LIST)
    async def change_group(self, request: Request) -> Response:
        principal = await self._desk.check(request)
        body = await self._desk.read(request, wire.GroupPatch)
        found = await self._entities.find(principal, GROUP, path_of(request, "group"))
        content = {**found.content, **body.model_dump(exclude_none=True)}
        changed = await self._entities.change(principal, GROUP, found.id, content)
        return json_response(group_tree(changed, await self._desk.people(principal)))

    @needs(Verb.LIST)
    async def delete_group(self, request: Request) -> Response:
        principal = await self._desk.check(request)
        await self._entities.delete(principal, GROUP, path_of(request, "group"))
        return json_response(deleted())


def group_tree(group: Entity, people: People) -> Json:
    """A group as it is sent."""
    content = group.content
    made = people.made(group.id, content["account_id"], group.owner, group.created_at)
    return {**made, "name": content["name"], "description": content["description"]}
