"""DeploymentTable: deployments, model servers and what was counted of use, in SQL.

It implements core.deployments.DeploymentBook, beside the catalogue and in its database.
"""

import json
from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Row, Select, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from modelwright.core.deployments import Deployment, ModelServer, Used, Workers
from modelwright.core.errors import Conflict
from modelwright.core.external import External
from modelwright.core.names import Name
from modelwright.store.database import Database
from modelwright.store.tables import audit, models
from modelwright.store.template_tables import deployments, model_servers

_D, _S = deployments.c, model_servers.c
_ALL: Final[Select[Any]] = select(
    deployments, models.c.host, models.c.namespace, models.c.model, models.c.tag
).join_from(deployments, models, models.c.id == _D.model_id)
_LIVE: Final = _ALL.where(models.c.deleted_at.is_(None))
_ORPHANS: Final = _ALL.where(models.c.deleted_at.is_not(None))


class DeploymentTable:
    """The deployments and servers of one store."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, deployment: Deployment) -> None:
        await self._database.write(lambda c: c.execute(insert(deployments).values(_values(deployment))))

    async def find(self, deployment: str) -> Deployment | None:
        query = _LIVE.where(_D.id == deployment)
        row = await self._database.read(lambda c: c.execute(query).first())
        return None if row is None else _read(row)

    async def list_deployments(
        self, *, models: Collection[int] | None = None, account: str | None = None
    ) -> Sequence[Deployment]:
        query = _LIVE.order_by(_D.created_at.desc(), _D.id.desc())
        if models is not None:
            query = query.where(_D.model_id.in_(models))
        if account is not None:
            query = query.where(_D.account == account)
        return [_read(row) for row in await self._database.read(lambda c: c.execute(query).all())]

    async def save(self, deployment: Deployment) -> bool:
        query = update(deployments).where(_D.id == deployment.id).values(_values(deployment))
        return await self._database.write(lambda c: c.execute(query).rowcount > 0)

    async def delete(self, deployment: str) -> bool:
        query = delete(deployments).where(_D.id == deployment)
        return await self._database.write(lambda c: c.execute(query).rowcount > 0)

    async def orphans(self) -> Sequence[Deployment]:
        return [_read(row) for row in await self._database.read(lambda c: c.execute(_ORPHANS).all())]

    async def add_server(self, server: ModelServer) -> None:
        def work(connection: Any) -> None:
            try:
                connection.execute(insert(model_servers).values(_server_values(server)))
            except IntegrityError as error:
                raise Conflict(f'the alias "{server.alias}" is taken', field="alias") from error

        await self._database.write(work)

    async def find_server(self, server: str) -> ModelServer | None:
        return await self._one_server(select(model_servers).where(_S.id == server))

    async def find_alias(self, alias: str, account: str) -> ModelServer | None:
        return await self._one_server(select(model_servers).where(_S.alias == alias, _S.account == account))

    async def list_servers(self, *, account: str | None = None) -> Sequence[ModelServer]:
        query = select(model_servers).order_by(_S.created_at.desc(), _S.id.desc())
        if account is not None:
            query = query.where(_S.account == account)
        rows = await self._database.read(lambda c: c.execute(query).all())
        return [_read_server(row) for row in rows]

    async def save_server(self, server: ModelServer, before: str) -> bool:
        values = {"deployment": server.deployment, "former": json.dumps(server.former)}
        query = update(model_servers).where(_S.id == server.id, _S.deployment == before).values(values)
        return await self._database.write(lambda c: c.execute(query).rowcount > 0)

    async def used(self, ids: Sequence[int], since: datetime, until: datetime) -> Sequence[Used]:
        query = select(audit.c.at, audit.c.revision, audit.c.detail).where(
            audit.c.action == "use", audit.c.model_id.in_(ids), audit.c.at >= since, audit.c.at < until
        )
        return [_read_use(row) for row in await self._database.read(lambda c: c.execute(query).all())]

    async def _one_server(self, query: Select[Any]) -> ModelServer | None:
        row = await self._database.read(lambda c: c.execute(query).first())
        return None if row is None else _read_server(row)


def _values(deployment: Deployment) -> dict[str, Any]:
    names = ("id", "name", "model_id", "revision", "owner", "account", "status", "reason")
    return {name: getattr(deployment, name) for name in names} | {
        "automatic": int(deployment.automatic),
        "min_workers": deployment.workers.least,
        "max_workers": deployment.workers.most,
        "per_worker": deployment.workers.each,
        "external": None if deployment.external is None else json.dumps(deployment.external.as_tree()),
        "extras": json.dumps(dict(deployment.extras)),
        "created_at": deployment.created_at,
        "updated_at": deployment.updated_at,
    }


def _read(row: Row[Any]) -> Deployment:
    return Deployment(
        id=row.id,
        name=row.name,
        model_id=row.model_id,
        model=Name(row.host, row.namespace, row.model, row.tag).full,
        revision=row.revision,
        owner=row.owner,
        created_at=row.created_at,
        updated_at=row.updated_at,
        account=row.account,
        automatic=bool(row.automatic),
        status=row.status,
        reason=row.reason,
        workers=Workers(row.min_workers, row.max_workers, row.per_worker),
        external=External.of(json.loads(row.external)) if row.external else None,
        extras=json.loads(row.extras),
    )


def _server_values(server: ModelServer) -> dict[str, Any]:
    names = ("id", "name", "deployment", "owner", "account", "created_at")
    kept = {name: getattr(server, name) for name in names}
    return kept | {"alias": server.alias or None, "former": json.dumps(server.former)}


def _read_server(row: Row[Any]) -> ModelServer:
    return ModelServer(
        id=row.id,
        name=row.name,
        deployment=row.deployment,
        owner=row.owner,
        created_at=row.created_at,
        alias=row.alias or "",
        account=row.account,
        former=tuple(json.loads(row.former)),
    )


def _read_use(row: Any) -> Used:
    figures = json.loads(row.detail)
    names = ("prompt_tokens", "completion_tokens", "requests")
    read, written, requests = (figures.get(name, 0) for name in names)
    return Used(row.at, row.revision or 0, read, written, figures.get("deployment", ""), requests)
