"""Model servers: names whose deployment can be swapped, and rolled back."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, replace

from modelwright.core.deployments import MOST_FORMER, Deployment, DeploymentBook, ModelServer
from modelwright.core.errors import Conflict, Denied, Invalid, NotFound
from modelwright.core.grants import Principal
from modelwright.core.ports import Clock
from modelwright.service.deployments import Deployments


@dataclass(frozen=True, slots=True)
class Swapped:
    """A server, and the deployments that it had before and has now."""

    server: ModelServer
    before: str
    after: str


class ModelServers:
    """Servers belong to an account; its owner and admins change them."""

    def __init__(self, book: DeploymentBook, deployments: Deployments, clock: Clock) -> None:
        self._book = book
        self._deployments = deployments
        self._clock = clock

    async def create(
        self, principal: Principal, name: str, deployment: str, *, alias: str = "", account: str | None = None
    ) -> ModelServer:
        """Raises Conflict for an alias that its account has already."""
        if not name:
            raise Invalid("a model server needs a name", field="name")
        found = await self._deployments.find(principal, deployment)
        server = ModelServer(
            id=f"ms-{secrets.token_hex(12)}",
            name=name,
            deployment=found.id,
            owner=principal.id,
            created_at=self._clock.now(),
            alias=alias,
            account=principal.account if account is None else account,
        )
        await self._book.add_server(server)
        return server

    async def find(self, principal: Principal, server: str) -> ModelServer:
        """One by its id; NotFound for another account's, too."""
        return _known(principal, await self._book.find_server(server), server)

    async def find_alias(
        self, principal: Principal, alias: str, *, account: str | None = None
    ) -> ModelServer:
        within = principal.account if account is None else account
        return _known(principal, await self._book.find_alias(alias, within), alias)

    async def list_servers(
        self, principal: Principal, *, account: str | None = None
    ) -> Sequence[ModelServer]:
        """The newest first."""
        found = await self._book.list_servers(account=account)
        return [each for each in found if _may_know(principal, each)]

    async def deployment(self, principal: Principal, server: ModelServer) -> Deployment:
        """What it stands before now; NotFound where that was deleted."""
        return await self._deployments.find(principal, server.deployment)

    async def swap(self, principal: Principal, server: str, deployment: str) -> Swapped:
        """Put another deployment behind it; what it had is remembered."""
        found = _changeable(principal, await self.find(principal, server))
        new = await self._deployments.find(principal, deployment)
        former = (found.deployment, *found.former)[:MOST_FORMER]
        return await self._put(found, replace(found, deployment=new.id, former=former))

    async def rollback(self, principal: Principal, server: str) -> Swapped:
        """Put back what it had before; Conflict where there is nothing."""
        found = _changeable(principal, await self.find(principal, server))
        if not found.former:
            raise Conflict(f'"{found.name}" had no other deployment before', hint="Swap its backend instead")
        await self._deployments.find(principal, found.former[0])
        return await self._put(found, replace(found, deployment=found.former[0], former=found.former[1:]))

    async def _put(self, before: ModelServer, after: ModelServer) -> Swapped:
        if not await self._book.save_server(after, before.deployment):
            raise Conflict(f'the deployment of "{before.name}" was swapped meanwhile', hint="Try again")
        return Swapped(after, before.deployment, after.deployment)


def _known(principal: Principal, found: ModelServer | None, asked: str) -> ModelServer:
    if found is None or not _may_know(principal, found):
        raise NotFound("model server", asked, field="model_server")
    return found


def _may_know(principal: Principal, server: ModelServer) -> bool:
    same = bool(server.account) and server.account == principal.account
    return principal.is_admin or server.owner == principal.id or same


def _changeable(principal: Principal, server: ModelServer) -> ModelServer:
    if server.owner != principal.id and not principal.is_admin:
        raise Denied(f'you may not change "{server.name}": it is not yours', field="model_server")
    return server
