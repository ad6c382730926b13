"""Uploads: blobs that come before the model that is made of them.

Stored under their digest and recorded; nothing refers to them until a create does.
"""

from collections.abc import AsyncIterator

from modelwright.core.digest import Digest
from modelwright.core.grants import Principal
from modelwright.core.ports import Blobs, Catalogue
from modelwright.core.revision import BlobRecord


class Uploads:
    """Takes blobs in; `limit` is the bytes that one may have, None = any number."""

    def __init__(self, catalogue: Catalogue, blobs: Blobs, *, limit: int | None = None) -> None:
        self._catalogue = catalogue
        self._blobs = blobs
        self.limit = limit

    async def has(self, principal: Principal, digest: Digest) -> bool:
        """Whether a create can refer to this blob."""
        return await self._catalogue.blob(digest) is not None and await self._blobs.has(digest)

    async def store(self, principal: Principal, digest: Digest, chunks: AsyncIterator[bytes]) -> bool:
        """Store a blob; says whether it is new.

        One that is here already is stored again: bytes that rotted are mended so.
        Raises Invalid when the bytes have another digest, TooLarge above the limit;
        whatever fails, nothing is left behind.
        """
        known = await self.has(principal, digest)
        stored, size = await self._blobs.put(chunks, expected=digest, limit=self.limit)
        await self._catalogue.add_blob(BlobRecord(stored, size, None))
        return not known
