"""Grants in SQL: who may do what with a model, and what follows for blobs.

It does not decide: core.access does, from what is read here.
"""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Boolean, Connection, Select, bindparam, delete, func, insert, or_, select, true
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.sql.elements import ColumnElement

from modelwright.core.access import Viewer
from modelwright.core.digest import Digest
from modelwright.core.grants import Grant, Level, Subject
from modelwright.store.database import Database
from modelwright.store.tables import grants, models, principals, reshares, revisions, uploads

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
_BASES: Final[Select[Any]] = _SEEN.where(
    revisions.c.base_digest.in_(bindparam("digests", expanding=True)), VISIBLE
)
_UPLOADED: Final[Select[Any]] = select(uploads.c.digest).where(
    uploads.c.digest.in_(bindparam("digests", expanding=True)), uploads.c.principal_id == bindparam("viewer")
)
_LEGIBLE: Final[Select[Any]] = _SEEN.where(revisions.c.spec_digest == bindparam("spec"), VISIBLE).limit(1)
_RESHARED: Final[Select[Any]] = select(reshares.c.base_id).where(
    reshares.c.base_id == bindparam("base"), reshares.c.wrapper_id == bindparam("wrapper")
)
_NAMESPACE: Final[Select[Any]] = select(principals.c.id).where(
    principals.c.namespace == bindparam("namespace")
)


def reachable(connection: Connection, viewer: Viewer, digests: Collection[Digest]) -> frozenset[Digest]:
    """Those that the viewer uploaded, or that a model stands on which it may see."""
    values = {**bindings(viewer), "digests": list(digests)}
    bases = _BASES.where(AMONG) if viewer.only else _BASES
    found = set(connection.execute(bases, values).scalars())
    uploaded = connection.execute(_UPLOADED, {"digests": list(digests), "viewer": viewer.id}).scalars()
    return frozenset(found.union(uploaded))


def is_legible(connection: Connection, viewer: Viewer, spec: Digest) -> bool:
    """Whether a model that has or had this spec, perhaps a deleted one, may be seen."""
    query = _LEGIBLE.where(AMONG) if viewer.only else _LEGIBLE
    return connection.execute(query, {**bindings(viewer), "spec": spec}).first() is not None


def is_reshared(connection: Connection, base: int, wrapper: int) -> bool:
    return connection.execute(_RESHARED, {"base": base, "wrapper": wrapper}).first() is not None


def owner_of_namespace(connection: Connection, namespace: str) -> str | None:
    found: str | None = connection.execute(_NAMESPACE, {"namespace": namespace}).scalar()
    return found


class GrantBook:
    """Grants and re-shares, written and read; models are named by their id."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def grants_of(self, model: int) -> Sequence[Grant]:
        query = select(grants).where(grants.c.model_id == model).order_by(grants.c.subject)
        return await self._database.read(
            lambda c: [Grant(Subject.parse(row.subject), Level(row.level)) for row in c.execute(query)]
        )

    async def put(self, model: int, grant: Grant, by: str, at: datetime) -> None:
        """Give somebody a level, in place of the one it had."""
        values = {"level": int(grant.level), "granted_by": by, "granted_at": at}
        into = postgresql.insert if self._database.kind == "postgresql" else sqlite.insert
        statement = into(grants).values(model_id=model, subject=str(grant.subject), **values)
        written = statement.on_conflict_do_update(index_elements=["model_id", "subject"], set_=values)
        await self._database.write(lambda c: c.execute(written))

    async def replace(self, model: int, wanted: Sequence[Grant], by: str, at: datetime) -> None:
        """Make these the grants of a model, and no others; all or nothing."""
        rows = [
            {
                "model_id": model,
                "subject": str(grant.subject),
                "level": int(grant.level),
                "granted_by": by,
                "granted_at": at,
            }
            for grant in wanted
        ]

        def work(connection: Connection) -> None:
            connection.execute(delete(grants).where(grants.c.model_id == model))
            if rows:
                connection.execute(insert(grants), rows)

        await self._database.write(work)

    async def remove(self, model: int, subject: Subject) -> bool:
        statement = delete(grants).where(grants.c.model_id == model, grants.c.subject == str(subject))
        return await self._database.write(lambda c: c.execute(statement).rowcount > 0)

    async def reshare(self, base: int, wrapper: int, by: str, at: datetime) -> None:
        """Let the users of a wrapper use its base through it."""
        into = postgresql.insert if self._database.kind == "postgresql" else sqlite.insert
        statement = into(reshares).values(base_id=base, wrapper_id=wrapper, allowed_by=by, allowed_at=at)
        await self._database.write(lambda c: c.execute(statement.on_conflict_do_nothing()))

    async def end_reshare(self, base: int, wrapper: int) -> bool:
        statement = delete(reshares).where(reshares.c.base_id == base, reshares.c.wrapper_id == wrapper)
        return await self._database.write(lambda c: c.execute(statement).rowcount > 0)

    async def reshares_of(self, base: int) -> Sequence[int]:
        """The ids of the wrappers that share a base."""
        query = (
            select(reshares.c.wrapper_id).where(reshares.c.base_id == base).order_by(reshares.c.wrapper_id)
        )
        return await self._database.read(lambda c: list(c.execute(query).scalars()))
