"""ResponseTable: kept answers, in SQL.

It implements core.ports.ResponseShelf, beside the catalogue and in its database.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, Row, Select, bindparam, delete, insert, select

from modelwright.core.responses import KeptResponse
from modelwright.store.database import Database
from modelwright.store.tables import responses

_KEPT: Final = (
    (responses.c.id == bindparam("wanted"))
    & (responses.c.owner == bindparam("of"))
    & (responses.c.created_at >= bindparam("since"))
)
_FIND: Final[Select[Any]] = select(responses).where(_KEPT)


class ResponseTable:
    """The kept answers of one store."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def keep_response(self, response: KeptResponse) -> None:
        values = {
            "id": response.id,
            "owner": response.owner,
            "previous": response.previous,
            "created_at": response.created_at,
            "content": response.content,
        }
        await self._database.write(lambda connection: connection.execute(insert(responses), values))

    async def responses(self, owner: str, id: str, *, since: datetime, most: int) -> Sequence[KeptResponse]:
        return await self._database.read(lambda connection: _chain(connection, owner, id, since, most))

    async def drop_response(self, owner: str, id: str, *, since: datetime) -> bool:
        values = {"wanted": id, "of": owner, "since": since}
        statement = delete(responses).where(_KEPT)
        return await self._database.write(lambda c: c.execute(statement, values).rowcount) > 0

    async def drop_responses(self, before: datetime) -> int:
        statement = delete(responses).where(responses.c.created_at < before)
        return await self._database.write(lambda connection: connection.execute(statement).rowcount)


def _chain(connection: Connection, owner: str, id: str, since: datetime, most: int) -> list[KeptResponse]:
    found: list[KeptResponse] = []
    while id and len(found) < most:
        row = connection.execute(_FIND, {"wanted": id, "of": owner, "since": since}).first()
        if row is None:
            break
        found.append(_response(row))
        id = row.previous
    return found


def _response(row: Row[Any]) -> KeptResponse:
    return KeptResponse(row.id, row.owner, row.created_at, row.content, row.previous)
