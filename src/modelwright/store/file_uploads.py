"""UploadTable: files that come in parts, in SQL.

Implements core.file_upload.UploadBook. Knows no blob.
"""

from collections.abc import Sequence
from dataclasses import asdict

from sqlalchemy import insert, select, update

from modelwright.core.file_upload import FileUpload, UploadPart
from modelwright.store.database import Database
from modelwright.store.tables import file_uploads, upload_parts


class UploadTable:
    """The uploads of one store."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, upload: FileUpload) -> None:
        await self._database.write(lambda c: c.execute(insert(file_uploads).values(asdict(upload))))

    async def find(self, upload: str) -> FileUpload | None:
        query = select(file_uploads).where(file_uploads.c.id == upload)
        row = await self._database.read(lambda c: c.execute(query).first())
        return None if row is None else FileUpload(**row._mapping)

    async def end(self, upload: FileUpload) -> bool:
        waiting = (file_uploads.c.id == upload.id) & (file_uploads.c.state == "pending")
        statement = update(file_uploads).where(waiting).values(state=upload.state, file=upload.file)
        return await self._database.write(lambda c: c.execute(statement).rowcount) > 0

    async def add_part(self, part: UploadPart) -> None:
        values = {**asdict(part), "digest": part.digest}
        await self._database.write(lambda c: c.execute(insert(upload_parts).values(values)))

    async def parts(self, upload: str) -> Sequence[UploadPart]:
        query = (
            select(upload_parts).where(upload_parts.c.upload == upload).order_by(upload_parts.c.created_at)
        )
        rows = await self._database.read(lambda c: c.execute(query).all())
        return [UploadPart(**row._mapping) for row in rows]
