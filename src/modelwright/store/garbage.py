"""Garbage: blobs that nothing needs any more, found in SQL and forgotten there.

What is needed is found in one transaction that no create can run beside: all
that models which exist stand on, and every digest that any other table spells.
So a table that comes later is looked through unless it is named here.
Knows no file.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Final

from sqlalchemy import Connection, delete, func, inspect, select, table, text

from modelwright.core.digest import Digest
from modelwright.core.errors import Conflict
from modelwright.core.runs import ENDED
from modelwright.core.upkeep import Held
from modelwright.store.database import Database
from modelwright.store.living import Living, read_living
from modelwright.store.tables import blobs, layers, linked_blobs, runs, small_blobs, uploads

_SWEPT: Final = (blobs, linked_blobs, uploads)
"""What is forgotten of a blob that nothing needs."""
_FOLLOWED: Final = frozenset({"models", "revisions", "specs", "layers", "small_blobs"})
"""What is read from the models that exist on: the rest of it needs nothing."""
_SILENT: Final = frozenset({"audit", "run_events", "responses", "prompts", "cards", "migrations"})
"""What tells of digests without needing them, or cannot name any."""
_HEX: Final = re.compile(r"(?<![0-9a-f])[0-9a-f]{64}(?![0-9a-f])")
_AT_ONCE: Final = 500


class Garbage:
    """Implements core.upkeep.Litter."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def large_manifests(self) -> Sequence[Digest]:
        return await self._database.read(
            lambda connection: sorted(_large(connection, read_living(connection, strict=True)))
        )

    async def needed(self, manifests: Mapping[Digest, bytes]) -> frozenset[Digest]:
        return await self._database.read(lambda connection: _needed(connection, manifests))

    async def forget(
        self, before: datetime, manifests: Mapping[Digest, bytes], *, keep: bool
    ) -> Sequence[Held]:
        """As the port says; `keep` only looks."""

        def look(connection: Connection) -> list[Held]:
            found = list(_garbage(connection, before, manifests))
            if not keep:
                _forget(connection, [held.digest for held in found])
            return found

        return await (self._database.read(look) if keep else self._database.write(look))

    async def unfinished_since(self) -> datetime | None:
        return await self._database.read(_unfinished_since)


def _garbage(connection: Connection, before: datetime, manifests: Mapping[Digest, bytes]) -> Iterator[Held]:
    if connection.dialect.name == "postgresql":
        # Waits for creates under way and lets none begin (changes.commit says that it is one).
        connection.execute(text("LOCK TABLE revisions IN SHARE MODE"))
    began = _unfinished_since(connection)
    before = before if began is None else min(before, began)  # a run needs what it made of its datasets
    old = select(blobs.c.digest, blobs.c.size).where(blobs.c.created_at < before).order_by(blobs.c.digest)
    rows = connection.execute(old).all()
    needed = _needed(connection, manifests) if rows else frozenset()
    for row in rows:
        if row.digest not in needed:
            yield Held(row.digest, row.size)


def _needed(connection: Connection, manifests: Mapping[Digest, bytes]) -> frozenset[Digest]:
    living = read_living(connection, strict=True)
    if missing := _large(connection, living) - manifests.keys():
        raise Conflict(f"model manifests changed meanwhile, such as {min(missing)}", hint="Try again")
    found = {*living.bases, *living.manifests}
    for content in (*living.specs.values(), *manifests.values(), *_small(connection, living.manifests)):
        found.update(_spelled(content))
    for row in connection.execute(select(layers)):
        if row.spec_digest in living.specs:
            found.add(row.digest)
    known = {table.name for table in _SWEPT} | _FOLLOWED | _SILENT
    for name in set(inspect(connection).get_table_names()) - known:
        found.update(_told(connection, name))
    return frozenset(found)


def _large(connection: Connection, living: Living) -> frozenset[Digest]:
    """Manifests that are blobs of their own, since they are too large for a row."""
    small = frozenset(connection.scalars(select(small_blobs.c.digest)))
    return living.manifests - small


def _small(connection: Connection, digests: Iterable[Digest]) -> Iterator[bytes]:
    wanted = sorted(digests)
    for start in range(0, len(wanted), _AT_ONCE):
        some = small_blobs.c.digest.in_(wanted[start : start + _AT_ONCE])
        yield from connection.scalars(select(small_blobs.c.content).where(some))


def _told(connection: Connection, name: str) -> Iterator[Digest]:
    """Every digest that a table's values spell."""
    for row in connection.execute(select(text("*")).select_from(table(name))):
        for value in row:
            if isinstance(value, str | bytes):
                yield from _spelled(value)


def _spelled(value: str | bytes) -> Iterator[Digest]:
    written = value if isinstance(value, str) else value.decode("utf-8", "replace")
    yield from map(Digest, _HEX.findall(written))


def _forget(connection: Connection, digests: Sequence[Digest]) -> None:
    for swept in _SWEPT:
        for start in range(0, len(digests), _AT_ONCE):
            some = swept.c.digest.in_(digests[start : start + _AT_ONCE])
            connection.execute(delete(swept).where(some))


def _unfinished_since(connection: Connection) -> datetime | None:
    query = select(func.min(runs.c.created_at)).where(runs.c.state.not_in(sorted(ENDED)))
    began: datetime | None = connection.execute(query).scalar()
    return began
