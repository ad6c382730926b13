"""Imports: files of the server's own machine become blobs.

For those who are the server's own user, which is for the caller to make sure.
"""

from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import TypeAlias

from modelwright.core.digest import Digest
from modelwright.core.errors import Invalid, NotFound, Unavailable
from modelwright.core.grants import LOCAL_ADMIN, Principal
from modelwright.core.ports import Catalogue, LocalFiles
from modelwright.core.revision import BlobRecord
from modelwright.service.counted import counted


@dataclass(frozen=True, slots=True)
class BytesRead:
    """How many bytes of the file in hand were read."""

    count: int


@dataclass(frozen=True, slots=True)
class BlobReady:
    """The file is a blob."""

    digest: Digest
    size: int


ImportEvent: TypeAlias = BytesRead | BlobReady


class Imports:
    """Takes files by their paths."""

    def __init__(self, catalogue: Catalogue, files: LocalFiles) -> None:
        self._catalogue = catalogue
        self._files = files

    async def take(
        self, path: str, *, expected: Digest | None = None, owner: Principal = LOCAL_ADMIN
    ) -> AsyncGenerator[ImportEvent, None]:
        """Make a file a blob; the last event is BlobReady.

        A path that cannot be used is not found, whatever is there: the error of
        one that may not be read is that of one that is absent.
        """
        try:
            async for done in counted(lambda tell: self._files.take(path, expected=expected, on_bytes=tell)):
                if isinstance(done, int):
                    yield BytesRead(done)
                else:
                    digest, size = done
                    record = BlobRecord(digest, size, None)
                    if owner.is_admin:
                        await self._catalogue.add_blob(record)
                    else:
                        await self._catalogue.add_upload(record, owner.id)
                    yield BlobReady(digest, size)
        except (NotFound, Unavailable, Invalid):
            raise NotFound("file", path, field="path", hint="It must be a regular file") from None
