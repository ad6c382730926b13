"""The routes of deployments: made, shown, changed, listed, deleted, executed."""

from collections.abc import Callable, Iterator
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from modelwright.core.deployments import Deployment, Wanted
from modelwright.core.errors import NotFound, Unsupported
from modelwright.core.grants import Principal, Verb
from modelwright.dialects.base import Json, json_response, needs
from modelwright.dialects.sgp import creation, wire
from modelwright.dialects.sgp.deployed import Deployed, Target, external_of, kept_of, key_of
from modelwright.dialects.sgp.desk import (
    SELECTED,
    Account,
    Desk,
    Route,
    deleted,
    listed,
    page_of,
    path_of,
)
from modelwright.dialects.sgp.entries import DIALECT, Entries, Entry
from modelwright.dialects.sgp.execution import Execution
from modelwright.dialects.sgp.shelf import deployment_tree

VENDOR = "vendor_configuration"
SORTS = tuple(
    f"{name}:{way}"
    for name in (
        "model_creation_parameters",
        "model_endpoint_id",
        "model_instance_id",
        "vendor_configuration",
        "deployment_metadata",
        "status",
        "id",
        "created_at",
        "account_id",
        "created_by_user_id",
        "created_by_identity_type",
        "name",
    )
    for way in ("asc", "desc")
)


class DeploymentRoutes:
    """Deployments of models."""

    def __init__(self, desk: Desk, entries: Entries, deployed: Deployed, execution: Execution) -> None:
        self._desk = desk
        self._entries = entries
        self._deployed = deployed
        self._execution = execution
        self._deployments = desk.backing.services.deployments

    def table(self) -> Iterator[Route]:
        path = "/v4/models/{model:path}/deployments"
        one = f"{path}/{{deployment}}"
        yield "POST", f"{one}/execute", self.execute, "Execute a deployment with what its model's type takes"
        yield "POST", path, self.create_deployment, "Deploy a model as it is now"
        yield "GET", path, self.list_deployments, "List a model's deployments"
        yield "GET", one, self.show_deployment, "Show a deployment"
        yield "PATCH", one, self.change_deployment, "Change a deployment"
        yield "DELETE", one, self.delete_deployment, "End a deployment"
        yield "GET", "/v4/model-deployments", self.list_all, "List the deployments of all models"

    @needs(Verb.UPDATE)
    async def create_deployment(self, request: Request) -> Response:
        principal, model = self._desk.who(request), path_of(request, "model")
        entry = await self._entries.writable(principal, model)
        body = await self._desk.read(request, wire.DeploymentRequest)
        account = await self._account(request, entry, body.account_id)
        await self._check_parameters(principal, entry, body)
        wanted = _wanted(body, {"account_id": account.label}, external=external_of(entry))
        made = await self._deployments.create(
            principal, entry.name, wanted, account=account.id, wait=body.wait_for_ready
        )
        return json_response(deployment_tree(made, entry.id, await self._desk.people(principal)))

    @needs(Verb.SHOW)
    async def list_deployments(self, request: Request) -> Response:
        principal = await self._desk.check(request)
        entry = await self._entries.find(principal, path_of(request, "model"))
        return await self._listed(request, principal, await self._deployed.of(principal, entry))

    @needs(Verb.LIST)
    async def list_all(self, request: Request) -> Response:
        principal = await self._desk.check(request)
        return await self._listed(request, principal, await self._deployed.all(principal))

    @needs(Verb.SHOW)
    async def show_deployment(self, request: Request) -> Response:
        principal, entry, found = await self._found(request)
        return json_response(deployment_tree(found, entry.id, await self._desk.people(principal)))

    @needs(Verb.UPDATE)
    async def change_deployment(self, request: Request) -> Response:
        principal, entry, found = await self._found(request)
        entry = await self._entries.writable(principal, entry.name)
        body = await self._desk.read(request, wire.DeploymentPatch)
        await self._check_parameters(principal, entry, body)
        wanted = _wanted(body, kept_of(found))
        changed = await self._deployments.update(principal, found.id, wanted, wait=body.wait_for_ready)
        return json_response(deployment_tree(changed, entry.id, await self._desk.people(principal)))

    @needs(Verb.UPDATE)
    async def delete_deployment(self, request: Request) -> Response:
        principal, _, found = await self._found(request)
        await self._deployments.delete(principal, found.id)
        return json_response(deleted())

    @needs(Verb.USE)
    async def execute(self, request: Request) -> Response:
        principal, entry, found = await self._found(request)
        return await self._execution.run(request, principal, Target(entry, found.ref, found))

    async def _account(self, request: Request, entry: Entry, given: str | None) -> Account:
        """That of its model, where a request names none."""
        account = await self._desk.account(request, given)
        if given or SELECTED in request.headers:
            return account
        return Account(entry.scope or account.id, entry.account or account.label)

    async def _found(self, request: Request) -> tuple[Principal, Entry, Deployment]:
        """A deployment of the model in the path; raises NotFound for another's."""
        principal, id = await self._desk.check(request), path_of(request, "deployment")
        entry = await self._entries.find(principal, path_of(request, "model"))
        found = await self._deployed.find(principal, id)
        if key_of(found) != entry.key:
            raise NotFound("deployment", id, field="deployment")
        return principal, entry, found

    async def _listed(self, request: Request, principal: Principal, found: Any) -> Response:
        page, orders = page_of(request), listed(request, "sort_by", SORTS)
        account, people = await self._desk.filter(request), await self._desk.people(principal)
        ids = {entry.key: entry.id for entry in await self._entries.all(principal)}
        trees = [
            deployment_tree(each, ids.get(key_of(each), each.model), people)
            for each in found
            if account is None or each.account == account.id
        ]
        for order in reversed(orders):
            name, _, way = order.partition(":")
            trees = sorted(trees, key=_text_at(name), reverse=way == "desc")
        return json_response(page.answer(trees, lambda tree: tree))

    async def _check_parameters(self, principal: Principal, entry: Entry, body: wire.DeploymentPatch) -> None:
        """Refuse creation parameters that are not the model's own."""
        given = body.model_creation_parameters or {}
        view = await self._entries.view(principal, entry)
        own = creation.shown(entry.extra.get(creation.FIELD, {}), view.spec, only_kept=False)
        if any(own.get(name) != value for name, value in given.items()):
            raise Unsupported(
                "creation parameters of a deployment that are not those of its model are not supported",
                field=creation.FIELD,
                hint="Change the model, then deploy it: a deployment keeps what it was made from",
            )


def _wanted(body: wire.DeploymentPatch, kept: Any, *, external: Any = None) -> Wanted:
    scaling = body.vendor_configuration
    tree = body.model_dump(mode="json", exclude_none=True)
    names = (creation.FIELD, "deployment_metadata")
    extras: Json = {**kept, **{name: tree[name] for name in names if name in tree}}
    if scaling is not None:
        extras[VENDOR] = _configured(kept.get(VENDOR, {}), scaling)
    return Wanted(
        name=body.name,
        least=scaling.min_workers if scaling else None,
        most=scaling.max_workers if scaling else None,
        each=scaling.per_worker if scaling else None,
        external=external,
        extras={DIALECT: extras},
    )


def _configured(kept: Json, wanted: wire.Scaling) -> Json:
    """How a deployment runs: as before where nothing is said, by the same vendor."""
    told = wanted.model_dump(mode="json", exclude_unset=True, exclude_none=True)
    same = "vendor" not in told or told["vendor"] == kept.get("vendor", "LAUNCH")
    return {**(kept if same else {}), **told}


def _text_at(name: str) -> Callable[[Json], str]:
    return lambda tree: str(tree.get(name, ""))
