"""The routes of model servers: fixed places before deployments that may change."""

from collections.abc import Iterator

from starlette.requests import Request
from starlette.responses import Response

from modelwright.core.deployments import ModelServer
from modelwright.core.grants import Principal, Verb
from modelwright.dialects.base import Json, json_response, needs
from modelwright.dialects.sgp import wire
from modelwright.dialects.sgp.deployed import Deployed
from modelwright.dialects.sgp.desk import Desk, Route, path_of
from modelwright.dialects.sgp.execution import Execution
from modelwright.service.entities import home_of


class ServerRoutes:
    """Model servers; using one needs the right to use the model behind it."""

    def __init__(self, desk: Desk, deployed: Deployed, execution: Execution) -> None:
        self._desk = desk
        self._deployed = deployed
        self._execution = execution
        self._servers = desk.backing.services.servers

    def table(self) -> Iterator[Route]:
        one, alias = "/v4/serving/{server}", "/v4/serving/a/{alias}"
        yield "POST", "/v4/serving", self.create_server, "Make a model server"
        yield "GET", "/v4/serving", self.list_servers, "List the model servers"
        yield "GET", alias, self.show_alias, "Show a model server, by its alias"
        yield "POST", f"{alias}/execute", self.execute_alias, "Execute a model server, by its alias"
        yield "GET", one, self.show_server, "Show a model server"
        yield "GET", f"{one}/deployment", self.show_backend, "Which deployment is behind a model server"
        yield "PUT", f"{one}/backend", self.swap, "Put another deployment behind a model server"
        yield "POST", f"{one}/rollback", self.roll_back, "Put the former deployment back"
        yield "POST", f"{one}/execute", self.execute, "Execute a model server"

    @needs(Verb.LIST)
    async def create_server(self, request: Request) -> Response:
        principal = self._desk.who(request)
        body = await self._desk.read(request, wire.ServerRequest)
        account = await self._desk.account(request)
        server = await self._servers.create(
            principal, body.name, body.model_deployment_id, alias=body.alias or "", account=account.id
        )
        return json_response(server_tree(server))

    @needs(Verb.LIST)
    async def list_servers(self, request: Request) -> Response:
        principal, account = await self._desk.check(request), await self._desk.filter(request)
        found = await self._servers.list_servers(principal, account=account.id if account else None)
        return json_response([server_tree(server) for server in found])

    @needs(Verb.LIST)
    async def show_server(self, request: Request) -> Response:
        return json_response(server_tree((await self._found(request))[1]))

    @needs(Verb.LIST)
    async def show_alias(self, request: Request) -> Response:
        return json_response(server_tree((await self._aliased(request))[1]))

    @needs(Verb.LIST)
    async def show_backend(self, request: Request) -> Response:
        _, server = await self._found(request)
        return json_response({"model_deployment_id": server.deployment})

    @needs(Verb.LIST)
    async def swap(self, request: Request) -> Response:
        principal, server = await self._found(request)
        body = await self._desk.read(request, wire.BackendRequest)
        swapped = await self._servers.swap(principal, server.id, body.new_model_deployment_id)
        changed = {"old_model_deployment_id": swapped.before, "new_model_deployment_id": swapped.after}
        return json_response({**server_tree(swapped.server), **changed})

    @needs(Verb.LIST)
    async def roll_back(self, request: Request) -> Response:
        principal, server = await self._found(request)
        swapped = await self._servers.rollback(principal, server.id)
        tree = {"from_deployment": swapped.before, "rolled_back_to_deployment": swapped.after}
        return json_response(tree)

    @needs(Verb.USE)
    async def execute(self, request: Request) -> Response:
        return await self._execute(request, *await self._found(request))

    @needs(Verb.USE)
    async def execute_alias(self, request: Request) -> Response:
        return await self._execute(request, *await self._aliased(request))

    async def _execute(self, request: Request, principal: Principal, server: ModelServer) -> Response:
        target = await self._deployed.target(principal, server.deployment)
        return await self._execution.run(request, principal, target)

    async def _found(self, request: Request) -> tuple[Principal, ModelServer]:
        principal = await self._desk.check(request)
        return principal, await self._servers.find(principal, path_of(request, "server"))

    async def _aliased(self, request: Request) -> tuple[Principal, ModelServer]:
        principal, account = await self._desk.check(request), await self._desk.filter(request)
        home = account.id if account else home_of(principal)
        return principal, await self._servers.find_alias(principal, path_of(request, "alias"), account=home)


def server_tree(server: ModelServer) -> Json:
    """A model server as it is sent."""
    return {
        "account_id": server.account or server.owner,
        "model_server_id": server.id,
        "name": server.name,
        "alias": server.alias or None,
        "model_deployment_id": server.deployment,
    }
