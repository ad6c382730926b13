"""ServerTable: the servers on one database, and what none of them has in hand.

It implements core.servers.ServerBook. Only the database's clock counts: a server whose
own goes wrong, or stood still, is not believed. On SQLite, which one process alone can
have open, nobody enters.
"""

from typing import Final

from sqlalchemy import ColumnElement, Connection, delete, insert, or_, select, text, update

from modelwright.store.database import Database
from modelwright.store.leases import SECOND, read_clock
from modelwright.store.tables import servers

_RELAXED: Final = text("SELECT set_config('synchronous_commit', 'off', true)")


class ServerTable:
    """The servers of one store."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def enter(self, server: str, seconds: float) -> None:
        def work(connection: Connection) -> None:
            connection.execute(insert(servers).values(id=server, until=_until(connection, seconds)))

        await self._database.write(work)

    async def renew(self, server: str, seconds: float) -> bool:
        def work(connection: Connection) -> bool:
            if connection.dialect.name == "postgresql":  # a power cut ends servers, too
                connection.execute(_RELAXED)
            connection.execute(delete(servers).where(servers.c.until <= read_clock(connection)))
            mine = update(servers).where(servers.c.id == server)
            return connection.execute(mine.values(until=_until(connection, seconds))).rowcount > 0

        return await self._database.write(work)

    async def leave(self, server: str) -> None:
        statement = delete(servers).where(servers.c.id == server)
        await self._database.write(lambda connection: connection.execute(statement))

    async def lives(self, server: str) -> bool:
        def work(connection: Connection) -> bool:
            query = select(servers.c.id).where(
                servers.c.id == server, servers.c.until > read_clock(connection)
            )
            return connection.execute(query).first() is not None

        return await self._database.read(work)


def in_hand_of(holder: ColumnElement[str], server: str) -> ColumnElement[bool]:
    """Whether a thing is in the hand of this server, or of none that lives."""
    return or_(holder == server, holder.not_in(select(servers.c.id)))


def _until(connection: Connection, seconds: float) -> int:
    return read_clock(connection) + int(seconds * SECOND)
