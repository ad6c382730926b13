"""The book of keys, in SQL: the other half of core.people.People.

A secret is never here, only its hash; a key that was revoked keeps its row.
"""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, bindparam, insert, select, update

from modelwright.core.grants import Scopes
from modelwright.core.people import HeldKey, Key
from modelwright.store.people import PeopleBook, read_user
from modelwright.store.tables import keys, members, principals

_COLUMNS = tuple(column.label(f"key_{column.name}") for column in keys.c)


class KeyBook(PeopleBook):
    """Users, groups, accounts, and their keys."""

    async def add_key(self, key: Key, hash: str) -> None:
        values = {
            "id": key.id,
            "hash": hash,
            "principal_id": key.user,
            "label": key.label,
            "session": int(key.session),
            "scopes": _write_scopes(key.scopes),
            "created_at": key.created_at,
            "expires_at": key.expires_at,
        }
        await self._database.write(lambda c: c.execute(insert(keys), values))

    async def keys(self, user: str = "") -> Sequence[Key]:
        query = select(*_COLUMNS).order_by(keys.c.created_at, keys.c.id)
        if user:
            query = query.where(keys.c.principal_id == user)
        return await self._database.read(lambda c: [_read_key(row) for row in c.execute(query)])

    async def held_key(self, id: str) -> HeldKey | None:
        query = (
            select(principals, *_COLUMNS)
            .join_from(keys, principals, principals.c.id == keys.c.principal_id)
            .where(keys.c.id == id, principals.c.deleted_at.is_(None))
        )

        def work(connection: Connection) -> HeldKey | None:
            row = connection.execute(query).first()
            if row is None:
                return None
            joined = select(members.c.group_id).where(members.c.principal_id == row.id)
            groups = tuple(sorted(connection.scalars(joined)))
            return HeldKey(_read_key(row), row.key_hash, read_user(row), groups)

        return await self._database.read(work)

    async def revoke_key(self, id: str, at: datetime) -> bool:
        statement = update(keys).where(keys.c.id == id, keys.c.revoked_at.is_(None)).values(revoked_at=at)
        return await self._database.write(lambda c: c.execute(statement).rowcount > 0)

    async def note_uses(self, uses: Mapping[str, datetime]) -> None:
        if not uses:
            return
        statement = update(keys).where(keys.c.id == bindparam("used_key")).values(used_at=bindparam("at"))
        rows = [{"used_key": id, "at": at} for id, at in sorted(uses.items())]
        await self._database.write(lambda c: c.execute(statement, rows))


def _read_key(row: Row[Any]) -> Key:
    return Key(
        id=row.key_id,
        user=row.key_principal_id,
        label=row.key_label,
        created_at=row.key_created_at,
        scopes=_read_scopes(row.key_scopes),
        session=bool(row.key_session),
        expires_at=row.key_expires_at,
        used_at=row.key_used_at,
        revoked_at=row.key_revoked_at,
    )


def _write_scopes(scopes: Scopes) -> str:
    tree = {name: sorted(getattr(scopes, name)) for name in ("dialects", "verbs", "models")}
    return json.dumps({name: words for name, words in tree.items() if words})


def _read_scopes(text: str) -> Scopes:
    return Scopes(**{name: frozenset(words) for name, words in json.loads(text).items()})
