"""The audit log, quotas and counted tokens, in SQL. The log is only ever added to."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Row, delete, insert, select
from sqlalchemy.dialects import postgresql, sqlite

from modelwright.core.audit import Entry, Tokens
from modelwright.store.database import Database
from modelwright.store.quota_tables import quotas, tokens_of_days
from modelwright.store.tables import audit


def note(connection: Connection, *entries: Entry) -> None:
    """Write lines as a part of the transaction that does what they tell of."""
    if entries:
        connection.execute(insert(audit), [_values(entry) for entry in entries])


class AuditBook:
    """The log, and what is counted beside it."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def append(self, entries: Sequence[Entry], tokens: Sequence[Tokens] = ()) -> None:
        def work(connection: Connection) -> None:
            note(connection, *entries)
            for used in tokens:
                add_tokens(connection, used)

        await self._database.write(work)

    async def entries(
        self, *, limit: int, before: int | None = None, model: str = "", principal: str = ""
    ) -> Sequence[Entry]:
        query = select(audit).order_by(audit.c.id.desc()).limit(limit)
        if before is not None:
            query = query.where(audit.c.id < before)
        if model:
            query = query.where(audit.c.thing == model)
        if principal:
            query = query.where(audit.c.principal_id == principal)
        return await self._database.read(lambda c: [_read(row) for row in c.execute(query)])

    async def tokens(self, principal: str, day: int) -> int:
        query = select(tokens_of_days.c.tokens).where(
            tokens_of_days.c.principal_id == principal, tokens_of_days.c.day == day
        )
        return await self._database.read(lambda c: c.execute(query).scalar() or 0)

    async def quotas(self, principal: str) -> Mapping[str, int]:
        query = select(quotas.c.quota, quotas.c.most).where(quotas.c.principal_id == principal)
        return await self._database.read(lambda c: {row.quota: row.most for row in c.execute(query)})

    async def set_quota(self, principal: str, quota: str, most: int | None, line: Entry) -> None:
        def work(connection: Connection) -> None:
            where = (quotas.c.principal_id == principal, quotas.c.quota == quota)
            connection.execute(delete(quotas).where(*where))
            if most is not None:
                connection.execute(insert(quotas).values(principal_id=principal, quota=quota, most=most))
            note(connection, line)

        await self._database.write(work)


def add_tokens(connection: Connection, used: Tokens) -> None:
    """Add to what somebody used on a day."""
    into = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    statement = into(tokens_of_days).values(principal_id=used.principal, day=used.day, tokens=used.count)
    more = tokens_of_days.c.tokens + used.count
    connection.execute(
        statement.on_conflict_do_update(index_elements=["principal_id", "day"], set_={"tokens": more})
    )


def _values(entry: Entry) -> dict[str, Any]:
    return {
        "at": entry.at,
        "principal_id": entry.principal,
        "principal": entry.name,
        "action": entry.action,
        "thing": entry.thing,
        "model_id": entry.model,
        "revision": entry.revision,
        "detail": json.dumps(dict(entry.detail), sort_keys=True),
    }


def _read(row: Row[Any]) -> Entry:
    return Entry(
        at=row.at,
        principal=row.principal_id,
        name=row.principal,
        action=row.action,
        thing=row.thing,
        model=row.model_id,
        revision=row.revision,
        detail=json.loads(row.detail),
        id=row.id,
    )
