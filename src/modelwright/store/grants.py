"""Grants in SQL: who may do what with a model, and what follows for blobs.

It does not decide: core.access does, from what is read here.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from sqlalchemy import (
    Boolean,
    Connection,
    Executable,
    Select,
    bindparam,
    delete,
    func,
    insert,
    or_,
    select,
    text,
    true,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.sql.elements import ColumnElement

from modelwright.core.access import Viewer
from modelwright.core.audit import Entry
from modelwright.core.digest import Digest
from modelwright.core.errors import Exhausted
from modelwright.core.grants import Grant, Level, Principal, Subject
from modelwright.core.revision import BlobRecord, StoredModel
from modelwright.store import audit
from modelwright.store.database import Database
from modelwright.store.tables import grants, layers, models, principals, reshares, revisions, uploads

GRANTED: Final = func.coalesce(
    select(func.max(grants.c.level))
    .where(grants.c.model_id == models.c.id, grants.c.subject.in_(bindparam("subjects", expanding=True)))
    .scalar_subquery(),
    0,
)
"""The highest level on a model that one of `subjects` was given, 0 = none."""

VISIBLE: Final[ColumnElement[bool]] = or_(
    bindparam("everything", type_=Boolean) == true(),
    models.c.owner == bindparam("viewer"),
    bindparam("least") <= GRANTED,
)
"""Whether a model may be seen; bound to what `bindings` gives."""

AMONG: Final[ColumnElement[bool]] = models.c.key.in_(bindparam("only", expanding=True))
"""Whether a model is one of `only`, where a key is narrowed to some."""


def bindings(viewer: Viewer | None) -> dict[str, object]:
    """What the filters are bound to."""
    if viewer is None:
        return {}
    values: dict[str, object] = {
        "viewer": viewer.id,
        "subjects": viewer.subjects,
        "everything": viewer.everything,
        "least": int(viewer.level),
    }
    return values | ({"only": tuple(viewer.only)} if viewer.only else {})


_SEEN: Final = select(revisions.c.base_digest).join_from(
    models, revisions, revisions.c.model_id == models.c.id
)
_BASES: Final[Select[Any]] = _SEEN.where(revisions.c.base_digest == bindparam("digest"), VISIBLE).limit(1)
_LAYERS: Final[Select[Any]] = (
    _SEEN.join(layers, layers.c.spec_digest == revisions.c.spec_digest)
    .where(layers.c.digest == bindparam("digest"), VISIBLE)
    .limit(1)
)
_UPLOADED: Final[Select[Any]] = select(uploads.c.digest).where(
    uploads.c.digest.in_(bindparam("digests", expanding=True)), uploads.c.principal_id == bindparam("viewer")
)
_LEGIBLE: Final[Select[Any]] = _SEEN.where(revisions.c.spec_digest == bindparam("spec"), VISIBLE).limit(1)
_IS_SOMEBODYS: Final[Select[Any]] = (
    select(revisions.c.number).where(revisions.c.spec_digest == bindparam("spec")).limit(1)
)
_RESHARED: Final[Select[Any]] = select(reshares.c.base_id).where(
    reshares.c.base_id == bindparam("base"), reshares.c.wrapper_id == bindparam("wrapper")
)
_NAMESPACE: Final[Select[Any]] = select(principals.c.id).where(
    principals.c.namespace == bindparam("namespace")
)


_LOCK: Final = text("SELECT pg_advisory_xact_lock(hashtextextended(:key, 0))")


def reachable(connection: Connection, viewer: Viewer, digests: Collection[Digest]) -> frozenset[Digest]:
    """Those that the viewer uploaded, or that a model stands on which it may see."""
    found = set(connection.execute(_UPLOADED, {"digests": list(digests), "viewer": viewer.id}).scalars())
    queries = [query.where(AMONG) if viewer.only else query for query in (_BASES, _LAYERS)]
    for digest in set(digests) - found:
        values = {**bindings(viewer), "digest": digest}
        if any(connection.execute(query, values).first() for query in queries):
            found.add(digest)
    return frozenset(found)


def is_legible(connection: Connection, viewer: Viewer, spec: Digest) -> bool:
    """Whether a model that has or had this spec, perhaps a deleted one, may be seen.

    A spec that no model ever had came along with its child, and hides nothing more.
    """
    query = _LEGIBLE.where(AMONG) if viewer.only else _LEGIBLE
    if connection.execute(query, {**bindings(viewer), "spec": spec}).first() is not None:
        return True
    return connection.execute(_IS_SOMEBODYS, {"spec": spec}).first() is None


def is_reshared(connection: Connection, base: int, wrapper: int) -> bool:
    return connection.execute(_RESHARED, {"base": base, "wrapper": wrapper}).first() is not None


def owner_of_namespace(connection: Connection, namespace: str) -> str | None:
    found: str | None = connection.execute(_NAMESPACE, {"namespace": namespace}).scalar()
    return found


def uploaded_bytes(connection: Connection, owner: str) -> int:
    query = select(func.coalesce(func.sum(uploads.c.size), 0)).where(uploads.c.principal_id == owner)
    return int(connection.execute(query).scalar_one())


def add_upload(connection: Connection, record: BlobRecord, owner: str, most: int | None) -> None:
    """Remember who brought a blob; Exhausted when it would be more bytes than allowed."""
    if connection.dialect.name == "postgresql":
        connection.execute(_LOCK, {"key": f"uploads of {owner}"})
    known = select(uploads.c.digest).where(uploads.c.digest == record.digest, uploads.c.principal_id == owner)
    if connection.execute(known).first():
        return
    if most is not None and uploaded_bytes(connection, owner) + record.size > most:
        raise Exhausted(
            f"the quota of {most} bytes has no room for {record.size} more",
            retry_after=60,
            hint="Ask an admin for more",
        )
    values = {"principal_id": owner, "size": record.size, "uploaded_at": datetime.now(UTC)}
    connection.execute(insert(uploads).values(digest=record.digest, **values))


class GrantBook:
    """Grants and re-shares, written and read; models are named by their id."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._into = postgresql.insert if database.kind == "postgresql" else sqlite.insert

    async def grants_of(self, model: int) -> Sequence[Grant]:
        query = select(grants).where(grants.c.model_id == model).order_by(grants.c.subject)
        return await self._database.read(
            lambda c: [Grant(Subject.parse(row.subject), Level(row.level)) for row in c.execute(query)]
        )

    async def every(self) -> Mapping[str, Sequence[Grant]]:
        """The grants of all models, by the key of their names."""
        query = (
            select(models.c.key, grants.c.subject, grants.c.level)
            .join_from(grants, models, grants.c.model_id == models.c.id)
            .where(models.c.deleted_at.is_(None))
            .order_by(grants.c.subject)
        )

        def work(connection: Connection) -> Mapping[str, Sequence[Grant]]:
            found: dict[str, list[Grant]] = {}
            for row in connection.execute(query):
                found.setdefault(row.key, []).append(Grant(Subject.parse(row.subject), Level(row.level)))
            return found

        return await self._database.read(work)

    async def put(self, model: StoredModel, grant: Grant, by: Principal, at: datetime) -> None:
        """Give somebody a level, in place of the one it had."""
        values = {"level": int(grant.level), "granted_by": by.id, "granted_at": at}
        statement = self._into(grants).values(model_id=model.id, subject=str(grant.subject), **values)
        written = statement.on_conflict_do_update(index_elements=["model_id", "subject"], set_=values)
        line = _line(at, by, "grant", model, {"to": str(grant.subject), "level": grant.level.word})
        await self._write(written, line)

    async def replace(self, model: StoredModel, wanted: Sequence[Grant], by: Principal, at: datetime) -> None:
        """Make these the grants of a model, and no others; all or nothing."""
        given = {"model_id": model.id, "granted_by": by.id, "granted_at": at}
        rows = [{**given, "subject": str(each.subject), "level": int(each.level)} for each in wanted]
        told = {str(each.subject): each.level.word for each in wanted}

        def work(connection: Connection) -> None:
            connection.execute(delete(grants).where(grants.c.model_id == model.id))
            if rows:
                connection.execute(insert(grants), rows)
            audit.note(connection, _line(at, by, "grant", model, told))

        await self._database.write(work)

    async def remove(self, model: StoredModel, subject: Subject, by: Principal, at: datetime) -> bool:
        statement = delete(grants).where(grants.c.model_id == model.id, grants.c.subject == str(subject))
        return await self._write(statement, _line(at, by, "revoke", model, {"from": str(subject)}))

    async def reshare(self, base: StoredModel, wrapper: StoredModel, by: Principal, at: datetime) -> None:
        """Let the users of a wrapper use its base through it."""
        statement = self._into(reshares).values(
            base_id=base.id, wrapper_id=wrapper.id, allowed_by=by.id, allowed_at=at
        )
        line = _line(at, by, "reshare", base, {"through": str(wrapper.name)})
        await self._write(statement.on_conflict_do_nothing(), line)

    async def end_reshare(self, base: StoredModel, wrapper: StoredModel, by: Principal, at: datetime) -> bool:
        statement = delete(reshares).where(reshares.c.base_id == base.id, reshares.c.wrapper_id == wrapper.id)
        return await self._write(statement, _line(at, by, "revoke", base, {"through": str(wrapper.name)}))

    async def reshares_of(self, base: int) -> Sequence[str]:
        """The names of the wrappers that share a base, as they are keyed."""
        query = (
            select(models.c.key)
            .join_from(reshares, models, models.c.id == reshares.c.wrapper_id)
            .where(reshares.c.base_id == base, models.c.deleted_at.is_(None))
            .order_by(models.c.key)
        )
        return await self._database.read(lambda c: list(c.execute(query).scalars()))

    async def transfer(self, model: StoredModel, to: Principal, by: Principal, at: datetime) -> None:
        """Make somebody else the owner."""
        statement = update(models).where(models.c.id == model.id).values(owner=to.id)
        await self._write(statement, _line(at, by, "transfer", model, {"to": f"user:{to.id}"}))

    async def _write(self, statement: Executable, line: Entry) -> bool:
        """Run a statement and note it, unless it changed nothing."""

        def work(connection: Connection) -> bool:
            # PostgreSQL's driver gives -1 for an insert, which has happened.
            changed = connection.execute(statement).rowcount != 0
            if changed:
                audit.note(connection, line)
            return changed

        return await self._database.write(work)


def _line(at: datetime, by: Principal, action: str, model: StoredModel, detail: Mapping[str, str]) -> Entry:
    return Entry(at, by.id, by.name, action, str(model.name), model.id, None, detail)
