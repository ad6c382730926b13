"""The book of users, groups and accounts, in SQL.

It implements half of core.people.People; keys.py has the other. Names are
compared without regard to case. Who is deleted keeps its row, so that what it
made and did can still be attributed, and its namespace, so that nobody inherits it.
"""

import json
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, Row, Select, delete, func, insert, or_, select, text, update

from modelwright.core.errors import Conflict
from modelwright.core.people import Account, Group, User, namespaces_for
from modelwright.store.database import Database
from modelwright.store.tables import accounts, grants, groups, keys, members, models, principals

_HERE: Final = principals.c.deleted_at.is_(None)
_LOCK: Final = text("SELECT pg_advisory_xact_lock(hashtextextended('people', 0))")


class PeopleBook:
    """Users, groups, accounts."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def has_anybody(self) -> bool:
        query = select(principals.c.id).limit(1)
        return await self._database.read(lambda c: c.execute(query).first() is not None)

    async def add_user(self, user: User, password: str | None) -> User:
        return await self._database.write(lambda c: _add_user(c, user, password))

    async def users(self) -> Sequence[User]:
        query = select(principals).where(_HERE).order_by(principals.c.created_at, principals.c.id)
        return await self._database.read(lambda c: [read_user(row) for row in c.execute(query)])

    async def find_user(self, text: str) -> User | None:
        key = text.casefold()
        wanted = or_(principals.c.id == text, principals.c.name_key == key, principals.c.email_key == key)
        query = select(principals).where(wanted, _HERE).order_by(principals.c.name_key != key)
        row = await self._database.read(lambda c: c.execute(query).first())
        return None if row is None else read_user(row)

    async def password_of(self, email: str) -> tuple[User, str] | None:
        query = select(principals).where(principals.c.email_key == email.casefold(), _HERE)
        row = await self._database.read(lambda c: c.execute(query).first())
        return None if row is None or row.password is None else (read_user(row), row.password)

    async def change_user(self, user: User, password: str | None = None) -> None:
        await self._database.write(lambda c: _change_user(c, user, password))

    async def put_extras(self, user: str, dialect: str, content: Mapping[str, Any]) -> bool:
        def work(connection: Connection) -> bool:
            _one_at_a_time(connection)
            row = connection.execute(
                select(principals.c.extras).where(principals.c.id == user, _HERE)
            ).first()
            if row is None:
                return False
            kept = _written({**json.loads(row.extras), dialect: dict(content)})
            connection.execute(update(principals).where(principals.c.id == user).values(extras=kept))
            return True

        return await self._database.write(work)

    async def delete_user(self, id: str, at: datetime) -> bool:
        return await self._database.write(lambda c: _delete_user(c, id, at))

    async def add_group(self, group: Group) -> None:
        values = {"id": group.id, "created_at": group.created_at, **_told(group)}

        def work(connection: Connection) -> None:
            _refuse_taken(connection, groups, group.name, "group")
            connection.execute(insert(groups), values)

        await self._database.write(work)

    async def groups(self, member: str = "") -> Sequence[Group]:
        query = select(groups).order_by(groups.c.name_key)
        if member:
            query = query.join_from(groups, members, members.c.group_id == groups.c.id).where(
                members.c.principal_id == member
            )
        return await self._database.read(lambda c: [_read_group(c, row) for row in c.execute(query).all()])

    async def find_group(self, text: str) -> Group | None:
        query = select(groups).where(or_(groups.c.id == text, groups.c.name_key == text.casefold()))

        def work(connection: Connection) -> Group | None:
            row = connection.execute(query).first()
            return None if row is None else _read_group(connection, row)

        return await self._database.read(work)

    async def change_group(self, group: Group) -> None:
        def work(connection: Connection) -> None:
            _refuse_taken(connection, groups, group.name, "group", but=group.id)
            connection.execute(update(groups).where(groups.c.id == group.id).values(**_told(group)))

        await self._database.write(work)

    async def delete_group(self, id: str) -> bool:
        def work(connection: Connection) -> bool:
            connection.execute(delete(grants).where(grants.c.subject == f"group:{id}"))
            connection.execute(delete(members).where(members.c.group_id == id))
            return connection.execute(delete(groups).where(groups.c.id == id)).rowcount > 0

        return await self._database.write(work)

    async def put_members(self, group: str, users: Collection[str]) -> None:
        def work(connection: Connection) -> None:
            known = set(connection.scalars(_members(group)))
            rows = [{"group_id": group, "principal_id": user} for user in sorted(set(users) - known)]
            if rows:
                connection.execute(insert(members), rows)

        await self._database.write(work)

    async def remove_members(self, group: str, users: Collection[str]) -> None:
        statement = delete(members).where(
            members.c.group_id == group, members.c.principal_id.in_(list(users))
        )
        await self._database.write(lambda c: c.execute(statement))

    async def add_account(self, account: Account) -> None:
        values = {"id": account.id, "name": account.name, "created_at": account.created_at}

        def work(connection: Connection) -> None:
            _refuse_taken(connection, accounts, account.name, "account")
            connection.execute(insert(accounts), {**values, "name_key": account.name.casefold()})

        await self._database.write(work)

    async def accounts(self) -> Sequence[Account]:
        query = select(accounts).order_by(accounts.c.name_key)
        return await self._database.read(
            lambda c: [Account(row.id, row.name, row.created_at) for row in c.execute(query)]
        )

    async def find_account(self, text: str) -> Account | None:
        query = select(accounts).where(or_(accounts.c.id == text, accounts.c.name_key == text.casefold()))
        row = await self._database.read(lambda c: c.execute(query).first())
        return None if row is None else Account(row.id, row.name, row.created_at)


def read_user(row: Row[Any]) -> User:
    extras = json.loads(row.extras)
    return User(
        row.id, row.name, row.role, row.namespace, row.created_at, row.email or "", row.account, extras
    )


def _read_group(connection: Connection, row: Row[Any]) -> Group:
    among = tuple(connection.scalars(_members(row.id)))
    return Group(row.id, row.name, row.created_at, among, row.description, json.loads(row.extras))


def _told(group: Group) -> dict[str, str]:
    return {
        "name": group.name,
        "name_key": group.name.casefold(),
        "description": group.description,
        "extras": _written(group.extras),
    }


def _written(extras: Mapping[str, Any]) -> str:
    return json.dumps(dict(extras), sort_keys=True, allow_nan=False)


def _members(group: str) -> Select[Any]:
    return select(members.c.principal_id).where(members.c.group_id == group).order_by(members.c.principal_id)


def _add_user(connection: Connection, user: User, password: str | None) -> User:
    _one_at_a_time(connection)
    _refuse_taken(connection, principals, user.name, "user")
    _refuse_taken_email(connection, user)
    namespace = _free_namespace(connection, user.name)
    values = {
        "id": user.id,
        "name": user.name,
        "name_key": user.name.casefold(),
        "role": user.role,
        **_mail(user),
        "password": password,
        "account": user.account,
        "namespace": namespace,
        "created_at": user.created_at,
    }
    connection.execute(insert(principals), values)
    return User(user.id, user.name, user.role, namespace, user.created_at, user.email, user.account)


def _change_user(connection: Connection, user: User, password: str | None) -> None:
    _one_at_a_time(connection)
    _refuse_taken_email(connection, user)
    if user.role != "admin":
        _keep_an_admin(connection, user.id)
    values = {"role": user.role, **_mail(user), "account": user.account}
    if password is not None:
        values["password"] = password
    connection.execute(update(principals).where(principals.c.id == user.id).values(**values))


def _delete_user(connection: Connection, id: str, at: datetime) -> bool:
    _one_at_a_time(connection)
    _keep_an_admin(connection, id)
    here = (
        update(principals)
        .where(principals.c.id == id, _HERE)
        .values(deleted_at=at, password=None, extras="{}")
    )
    gone = connection.execute(here).rowcount > 0
    if gone:
        connection.execute(delete(members).where(members.c.principal_id == id))
        connection.execute(delete(grants).where(grants.c.subject == f"user:{id}"))
        ended = update(keys).where(keys.c.principal_id == id, keys.c.revoked_at.is_(None))
        connection.execute(ended.values(revoked_at=at))
    return gone


def _keep_an_admin(connection: Connection, id: str) -> None:
    admins = select(principals.c.id).where(principals.c.role == "admin", _HERE)
    if list(connection.scalars(admins)) == [id]:
        raise Conflict("this is the last admin", field="role", hint="Make another user an admin first")


def _mail(user: User) -> dict[str, str | None]:
    return {"email": user.email or None, "email_key": user.email.casefold() or None}


def _refuse_taken(connection: Connection, table: Any, name: str, thing: str, but: str = "") -> None:
    _one_at_a_time(connection)
    query = select(table.c.id).where(table.c.name_key == name.casefold(), table.c.id != but)
    if table is principals:
        query = query.where(_HERE)
    if connection.execute(query).first():
        raise Conflict(f'there is a {thing} "{name}" already', field="name", hint="Choose another name")


def _refuse_taken_email(connection: Connection, user: User) -> None:
    query = select(principals.c.id).where(
        principals.c.email_key == user.email.casefold(), _HERE, principals.c.id != user.id
    )
    if user.email and connection.execute(query).first():
        raise Conflict(f'somebody has the email "{user.email}" already', field="email")


def _free_namespace(connection: Connection, name: str) -> str:
    """The nicest namespace that nobody has or had, and no model stands in."""
    for wanted in namespaces_for(name):
        people = select(principals.c.id).where(principals.c.namespace == wanted)
        stored = select(models.c.id).where(func.lower(models.c.namespace) == wanted).limit(1)
        if not connection.execute(people).first() and not connection.execute(stored).first():
            return wanted
    raise Conflict(f'there are too many users called "{name}"', field="name")


def _one_at_a_time(connection: Connection) -> None:
    """On PostgreSQL, let changes of people wait; SQLite has one writer anyway."""
    if connection.dialect.name == "postgresql":
        connection.execute(_LOCK)
