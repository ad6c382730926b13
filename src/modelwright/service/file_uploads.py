"""File uploads: large files come in parts, and become datasets.

An upload is its owner's alone. A part is a blob as soon as it is here; the file
is put together when its parts are named, in their order.
"""

import hashlib
import secrets
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Final

from modelwright.core.errors import Conflict, Invalid, NotFound, TooLarge
from modelwright.core.file_upload import FileUpload, UploadBook, UploadPart
from modelwright.core.grants import Principal
from modelwright.core.ports import Blobs, Catalogue, Clock
from modelwright.core.revision import BlobRecord
from modelwright.core.runs import DatasetRecord
from modelwright.core.training_ports import Lines
from modelwright.service.datasets import Datasets

LIFETIME: Final = timedelta(hours=1)
"""How long an upload waits for its parts."""
MOST_PART: Final = 64 * 1024 * 1024
MOST_PARTS: Final = 10_000


class FileUploads:
    """Takes files in by parts; `limit` is the bytes of a file, None = any number."""

    def __init__(
        self,
        book: UploadBook,
        datasets: Datasets,
        catalogue: Catalogue,
        blobs: Blobs,
        lines: Lines,
        clock: Clock,
        *,
        limit: int | None = None,
    ) -> None:
        self._book = book
        self._datasets = datasets
        self._catalogue = catalogue
        self._blobs = blobs
        self._lines = lines
        self._clock = clock
        self._limit = limit

    async def start(
        self,
        principal: Principal,
        name: str,
        purpose: str,
        size: int,
        media_type: str,
        keep_seconds: int | None = None,
    ) -> FileUpload:
        """Announce a file; raises TooLarge for one that would not be taken."""
        if self._limit is not None and size > self._limit:
            raise TooLarge(f"the file has {size} bytes, the limit is {self._limit}", hint="Raise max_blob")
        now = self._clock.now()
        upload = FileUpload(
            id=f"upload_{secrets.token_hex(12)}",
            owner=principal.id,
            name=name,
            purpose=purpose,
            size=size,
            media_type=media_type,
            created_at=now,
            expires_at=now + LIFETIME,
            keep_seconds=keep_seconds,
        )
        await self._book.add(upload)
        return upload

    async def find(self, principal: Principal, upload: str) -> FileUpload:
        """One's own upload; raises NotFound for another's, too."""
        found = await self._book.find(upload)
        if found is None or (found.owner != principal.id and not principal.is_admin):
            raise NotFound("upload", upload, field="upload_id")
        if found.state == "pending" and found.expires_at <= self._clock.now():
            return replace(found, state="expired")
        return found

    async def add_part(self, principal: Principal, upload: str, chunks: AsyncIterator[bytes]) -> UploadPart:
        """Take a part; raises Conflict when the upload has ended, TooLarge over a limit."""
        found = await self._pending(principal, upload)
        parts = await self._book.parts(upload)
        left = found.size - sum(part.size for part in parts)
        if len(parts) >= MOST_PARTS:
            raise Invalid(f"an upload has at most {MOST_PARTS} parts", field="data")
        digest, size = await self._blobs.put(chunks, limit=min(MOST_PART, max(left, 0)))
        if not size:
            raise Invalid("the part is empty", field="data")
        await self._catalogue.add_blob(BlobRecord(digest, size, None))
        part = UploadPart(f"part_{secrets.token_hex(12)}", upload, digest, size, self._clock.now())
        await self._book.add_part(part)
        return part

    async def complete(
        self, principal: Principal, upload: str, order: Sequence[str], md5: str = ""
    ) -> tuple[FileUpload, DatasetRecord]:
        """Put the parts together; raises Invalid when they are another file."""
        found = await self._pending(principal, upload)
        parts = self._ordered({part.id: part for part in await self._book.parts(upload)}, order)
        size = sum(part.size for part in parts)
        if size != found.size:
            raise Invalid(
                f"the parts have {size} bytes, and {found.size} were announced",
                field="part_ids",
                hint="Name every part once, in its order",
            )
        if md5 and await self._md5(parts) != md5.lower():
            raise Invalid("the parts have another MD5 checksum", field="md5", hint="Upload the file again")
        keep = timedelta(seconds=found.keep_seconds) if found.keep_seconds else None
        record = await self._datasets.add(
            principal,
            found.name,
            self._content(parts),
            purpose=found.purpose,
            expires_at=self._clock.now() + keep if keep else None,
        )
        done = replace(found, state="completed", file=record.id)
        if not await self._book.end(done):
            await self._datasets.delete(principal, record.id)
            raise _ended(upload, "completed")
        return done, record

    async def cancel(self, principal: Principal, upload: str) -> FileUpload:
        """Want no further parts; raises Conflict when the upload has ended."""
        cancelled = replace(await self._pending(principal, upload), state="cancelled")
        if not await self._book.end(cancelled):
            raise _ended(upload, "completed")
        return cancelled

    async def _pending(self, principal: Principal, upload: str) -> FileUpload:
        found = await self.find(principal, upload)
        if found.state != "pending":
            raise _ended(upload, found.state)
        return found

    def _ordered(self, known: dict[str, UploadPart], order: Sequence[str]) -> list[UploadPart]:
        for part in order:
            if part not in known:
                raise Invalid(f'"{part[:40]}" is no part of this upload', field="part_ids")
        if len(set(order)) != len(order):
            raise Invalid("a part is named twice", field="part_ids")
        return [known[part] for part in order]

    async def _md5(self, parts: Sequence[UploadPart]) -> str:
        found = hashlib.md5(usedforsecurity=False)
        async for piece in self._content(parts):
            found.update(piece)
        return found.hexdigest()

    async def _content(self, parts: Sequence[UploadPart]) -> AsyncIterator[bytes]:
        for part in parts:
            yield await self._lines.over_lines(part.digest, b"".join)


def _ended(upload: str, state: str) -> Conflict:
    return Conflict(f'upload "{upload}" is {state}', field="upload_id", hint="Begin another one")
