"""EntityTable: things that one dialect alone knows, in SQL.

It implements core.entities.EntityBook, beside the catalogue and in its database.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

from sqlalchemy import Connection, Row, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from modelwright.core.entities import Entity
from modelwright.core.errors import Conflict
from modelwright.store.database import Database
from modelwright.store.tables import entities

_ALL: Final = select(entities).order_by(entities.c.created_at, entities.c.id)


class EntityTable:
    """The entities of one store."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, entity: Entity) -> None:
        values = {
            "id": entity.id,
            "kind": entity.kind,
            "account": entity.account,
            "owner": entity.owner,
            "created_at": entity.created_at,
            "content": _written(entity.content),
            "alias": entity.alias,
        }

        def work(connection: Connection) -> None:
            try:
                connection.execute(insert(entities), values)
            except IntegrityError as error:
                raise Conflict(f'the alias "{entity.alias}" is taken', field="alias") from error

        await self._database.write(work)

    async def find(self, kind: str, id: str) -> Entity | None:
        query = _ALL.where(entities.c.kind == kind, entities.c.id == id)
        row = await self._database.read(lambda c: c.execute(query).first())
        return None if row is None else _read(row)

    async def find_alias(self, kind: str, alias: str) -> Sequence[Entity]:
        query = _ALL.where(entities.c.kind == kind, entities.c.alias == alias)
        return await self._database.read(lambda c: [_read(row) for row in c.execute(query)])

    async def list_entities(self, kind: str, account: str | None = None) -> Sequence[Entity]:
        query = _ALL.where(entities.c.kind == kind)
        if account is not None:
            query = query.where(entities.c.account == account)
        return await self._database.read(lambda c: [_read(row) for row in c.execute(query)])

    async def change(self, kind: str, id: str, content: Mapping[str, Any]) -> bool:
        where = (entities.c.kind == kind) & (entities.c.id == id)
        statement = update(entities).where(where).values(content=_written(content))
        return await self._database.write(lambda c: c.execute(statement).rowcount) > 0

    async def delete(self, kind: str, id: str) -> bool:
        statement = delete(entities).where(entities.c.kind == kind, entities.c.id == id)
        return await self._database.write(lambda c: c.execute(statement).rowcount) > 0


def _written(content: Mapping[str, Any]) -> str:
    return json.dumps(dict(content), sort_keys=True, allow_nan=False)


def _read(row: Row[Any]) -> Entity:
    content = json.loads(row.content)
    return Entity(row.id, row.kind, row.account, row.owner, row.created_at, content, row.alias)
