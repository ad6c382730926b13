"""TemplateTable: model templates and their revisions, in SQL.

It implements core.template_ports.TemplateBook, beside the catalogue and in its database.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, Row, Select, and_, func, insert, or_, select, true, update

from modelwright.core.digest import Digest
from modelwright.core.errors import NotFound
from modelwright.core.model_template import ModelTemplate, StoredTemplate
from modelwright.core.template_ports import Audience, TemplateRevision
from modelwright.store.database import Database
from modelwright.store.template_tables import model_templates, template_revisions

_T, _R = model_templates.c, template_revisions.c
_BOTH: Final[Select[Any]] = select(
    *(_T[name] for name in ("id", "name", "owner", "account", "shared", "created_at", "deleted_at")),
    _R.number,
    _R.canonical,
    _R.author,
    _R.created_at.label("updated_at"),
).join_from(model_templates, template_revisions, _R.template_id == _T.id)


class TemplateTable:
    """The templates of one store."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, stored: StoredTemplate, message: str = "") -> None:
        def work(connection: Connection) -> None:
            values = {
                "id": stored.id,
                "name": stored.name,
                "name_key": stored.name.casefold(),
                "owner": stored.owner,
                "account": stored.account,
                "shared": int(stored.shared),
                "current": stored.revision,
                "created_at": stored.created_at,
                "updated_at": stored.updated_at,
            }
            connection.execute(insert(model_templates), values)
            connection.execute(insert(template_revisions), _revision_values(stored, message))

        await self._database.write(work)

    async def find(self, template: str, revision: int | None = None) -> StoredTemplate | None:
        query = _BOTH.where(_T.id == template)
        if revision is None:
            query = query.where(_R.number == _T.current, _T.deleted_at.is_(None))
        else:
            query = query.where(_R.number == revision)
        row = await self._database.read(lambda c: c.execute(query).first())
        return None if row is None else _read(row)

    async def list_templates(
        self, audience: Audience, *, name: str = "", account: str | None = None
    ) -> Sequence[StoredTemplate]:
        seen = or_(_T.owner == audience.id, and_(_T.shared == 1, _T.account == audience.account))
        query = _BOTH.where(
            _R.number == _T.current, _T.deleted_at.is_(None), true() if audience.everything else seen
        )
        if name:
            query = query.where(_T.name_key == name.casefold())
        if account is not None:
            query = query.where(_T.account == account)
        query = query.order_by(_T.updated_at.desc(), _T.id.desc())
        return [_read(row) for row in await self._database.read(lambda c: c.execute(query).all())]

    async def append(self, stored: StoredTemplate, message: str = "") -> StoredTemplate:
        def work(connection: Connection) -> StoredTemplate:
            last = connection.execute(
                select(func.max(_R.number)).where(_R.template_id == stored.id)
            ).scalar_one_or_none()
            if last is None:
                raise NotFound("model template", stored.name, field="template")
            new = replace(stored, revision=last + 1)
            connection.execute(insert(template_revisions), _revision_values(new, message))
            values = {
                "current": new.revision,
                "updated_at": new.updated_at,
                "name": new.name,
                "name_key": new.name.casefold(),
                "shared": int(new.shared),
            }
            connection.execute(update(model_templates).where(_T.id == new.id).values(values))
            return new

        return await self._database.write(work)

    async def history(self, template: str) -> Sequence[TemplateRevision]:
        query = select(template_revisions).where(_R.template_id == template).order_by(_R.number)
        rows = await self._database.read(lambda c: c.execute(query).all())
        return [
            TemplateRevision(
                row.number, str(Digest.of(row.canonical)), row.author, row.message, row.created_at
            )
            for row in rows
        ]

    async def delete(self, template: str, at: datetime) -> bool:
        query = (
            update(model_templates)
            .where(_T.id == template, _T.deleted_at.is_(None))
            .values(deleted_at=at, updated_at=at)
        )
        return await self._database.write(lambda c: c.execute(query).rowcount > 0)


def _revision_values(stored: StoredTemplate, message: str) -> dict[str, Any]:
    return {
        "template_id": stored.id,
        "number": stored.revision,
        "canonical": stored.template.canonical(),
        "author": stored.author,
        "message": message,
        "created_at": stored.updated_at,
    }


def _read(row: Row[Any]) -> StoredTemplate:
    return StoredTemplate(
        id=row.id,
        name=row.name,
        revision=row.number,
        template=ModelTemplate.from_canonical(row.canonical),
        owner=row.owner,
        account=row.account,
        shared=bool(row.shared),
        author=row.author,
        created_at=row.created_at,
        updated_at=row.updated_at,
    )
