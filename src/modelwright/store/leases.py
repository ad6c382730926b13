"""Leases in SQL: quotas that several servers on one database count together.

Implements core.leases.LeaseBook. The database's clock is the only one that counts.
What a server that died held ends by itself, so nothing here need survive a power cut.
"""

import time
from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import Connection, Select, bindparam, delete, func, insert, select, text, update

from modelwright.core.audit import Tokens
from modelwright.core.leases import Claim, Held, Refusal, find_refused, split
from modelwright.store.audit import add_tokens
from modelwright.store.database import Database
from modelwright.store.quota_tables import leases, tokens_of_days

SECOND: Final = 1_000_000
"""Of what `read_clock` gives."""
_BEGIN: Final = text(
    "SELECT set_config('synchronous_commit', 'off', true), "
    "pg_advisory_xact_lock(hashtextextended(:key, 0)), "
    "(extract(epoch FROM clock_timestamp()) * 1000000)::bigint AS now"
)
_NOW: Final = text("SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint AS now")
_HELD: Final[Select[Any]] = (
    select(leases.c.quota, func.sum(leases.c.weight).label("weight"), func.min(leases.c.until).label("until"))
    .where(leases.c.principal_id == bindparam("principal"), leases.c.until > bindparam("now"))
    .group_by(leases.c.quota)
)
_OVER: Final = delete(leases).where(
    leases.c.principal_id == bindparam("principal"), leases.c.until <= bindparam("now")
)


class LeaseTable:
    """The leases of one store."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def take(self, principal: str, claims: Sequence[Claim], holder: str) -> Refusal | None:
        def work(connection: Connection) -> Refusal | None:
            now = _begin(connection, principal)
            connection.execute(_OVER, {"principal": principal, "now": now})
            rows = connection.execute(_HELD, {"principal": principal, "now": now})
            held = {row.quota: Held(int(row.weight), (row.until - now) / SECOND) for row in rows}
            refusal = find_refused(claims, held, _used(connection, principal, claims))
            values = [_values(claim, principal, holder, now) for claim in split(claims, refusal)]
            if values:
                connection.execute(insert(leases), values)
            return refusal

        return await self._database.write(work)

    async def end(self, ended: Sequence[str], tokens: Sequence[Tokens] = ()) -> None:
        def work(connection: Connection) -> None:
            for used in tokens:
                add_tokens(connection, used)
            connection.execute(delete(leases).where(leases.c.id.in_(ended)))

        await self._database.write(work)

    async def renew(self, holder: str, seconds: float) -> None:
        def work(connection: Connection) -> None:
            until = read_clock(connection) + int(seconds * SECOND)
            mine = update(leases).where(leases.c.holder == holder)
            connection.execute(mine.values(until=until))

        await self._database.write(work)


def _begin(connection: Connection, principal: str) -> int:
    """Wait for others who count for the same principal; gives the time then."""
    if connection.dialect.name != "postgresql":
        return read_clock(connection)
    return int(connection.execute(_BEGIN, {"key": f"leases of {principal}"}).one().now)


def read_clock(connection: Connection) -> int:
    """The database's time in microseconds since 1970; the process's own on SQLite."""
    if connection.dialect.name != "postgresql":
        return int(time.time() * SECOND)
    return int(connection.execute(_NOW).one().now)


def _used(connection: Connection, principal: str, claims: Sequence[Claim]) -> dict[int, int]:
    days = [claim.day for claim in claims if claim.day is not None]
    if not days:
        return {}
    query = select(tokens_of_days.c.day, tokens_of_days.c.tokens).where(
        tokens_of_days.c.principal_id == principal, tokens_of_days.c.day.in_(days)
    )
    return {row.day: row.tokens for row in connection.execute(query)}


def _values(claim: Claim, principal: str, holder: str, now: int) -> dict[str, object]:
    """A row; what lasts belongs to no server, so that none renews it."""
    return {
        "id": claim.id,
        "principal_id": principal,
        "quota": claim.quota,
        "weight": claim.weight,
        "until": now + int(claim.seconds * SECOND),
        "holder": "" if claim.lasting else holder,
    }
