"""Datasets: training data comes in, is looked at, listed and deleted.

A dataset is private to its owner. Its bytes are a blob, so the same file brought
twice is stored once.
"""

import secrets
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from modelwright.core.dataset_file import Survey, is_plain, survey
from modelwright.core.errors import NotFound
from modelwright.core.grants import Principal
from modelwright.core.ports import Blobs, Catalogue, Clock
from modelwright.core.revision import BlobRecord
from modelwright.core.runs import DatasetRecord
from modelwright.core.training_ports import DatasetBook, Lines


async def once(content: bytes) -> AsyncIterator[bytes]:
    """Bytes that are here already, as a stream."""
    yield content


class Datasets:
    """Takes datasets in; `limit` is the bytes that one may have, None = any number."""

    def __init__(
        self,
        book: DatasetBook,
        catalogue: Catalogue,
        blobs: Blobs,
        lines: Lines,
        clock: Clock,
        *,
        limit: int | None = None,
    ) -> None:
        self._book = book
        self._catalogue = catalogue
        self._blobs = blobs
        self._lines = lines
        self._clock = clock
        self._limit = limit

    async def add(
        self,
        principal: Principal,
        name: str,
        chunks: AsyncIterator[bytes],
        *,
        purpose: str = "fine-tune",
        expires_at: datetime | None = None,
        extras: Mapping[str, Any] | None = None,
    ) -> DatasetRecord:
        """Store a file; what is wrong with its lines is counted, and said when it is used."""
        digest, size = await self._blobs.put(chunks, limit=self._limit)
        await self._catalogue.add_blob(BlobRecord(digest, size, None))
        plain = is_plain(name)
        found = await self._lines.over_lines(digest, lambda lines: survey(lines, plain=plain))
        kinds = found.kinds.most_common(1)
        record = DatasetRecord(
            id=f"file-{secrets.token_hex(12)}",
            name=name,
            digest=digest,
            size=size,
            owner=principal.id,
            created_at=self._clock.now(),
            purpose=purpose,
            rows=found.rows,
            kind=kinds[0][0] if kinds else "",
            faults=found.faulty,
            expires_at=expires_at,
            extras=extras or {},
        )
        await self._book.add(record)
        return record

    async def find(self, principal: Principal, dataset: str, *, field: str = "dataset") -> DatasetRecord:
        """One's own dataset; raises NotFound for another's, too."""
        record = await self._book.find(dataset)
        if record is not None and record.expires_at is not None and record.expires_at <= self._clock.now():
            await self._book.delete(dataset)
            record = None
        if record is None or (record.owner != principal.id and not principal.is_admin):
            raise NotFound("dataset", dataset, field=field, hint="Upload it first")
        return record

    async def look(self, principal: Principal, dataset: str, method: str = "") -> Survey:
        """Look at every line: what rows there are, what is wrong, the first few."""
        record = await self.find(principal, dataset)
        plain = is_plain(record.name)
        return await self._lines.over_lines(record.digest, lambda lines: survey(lines, method, plain=plain))

    async def list_datasets(
        self,
        principal: Principal,
        *,
        purpose: str = "",
        after: str = "",
        limit: int = 100,
        oldest: bool = False,
    ) -> Sequence[DatasetRecord]:
        """One's own, the newest first unless `oldest`."""
        return await self._book.list_datasets(
            owner=principal.id, purpose=purpose, after=after, limit=limit, oldest=oldest
        )

    async def delete(self, principal: Principal, dataset: str) -> DatasetRecord:
        """Forget a dataset; runs that learned from it keep its digest."""
        record = await self.find(principal, dataset)
        await self._book.delete(dataset)
        return record

    async def content(self, principal: Principal, dataset: str) -> bytes:
        """The bytes as they were brought."""
        record = await self.find(principal, dataset)
        return await self._lines.over_lines(record.digest, b"".join)
