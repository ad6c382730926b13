"""Uploads: blobs that come before the model that is made of them.

Stored under their digest and recorded; nothing refers to them until a create does.
"""

from collections.abc import AsyncIterator

from modelwright.core.access import viewer_of
from modelwright.core.digest import Digest
from modelwright.core.grants import Level, Principal
from modelwright.core.ports import Blobs, Catalogue
from modelwright.core.revision import BlobRecord
from modelwright.service.quotas import Quotas


class Uploads:
    """Takes blobs in; `limit` is the bytes that one may have, None = any number."""

    def __init__(
        self,
        catalogue: Catalogue,
        blobs: Blobs,
        *,
        limit: int | None = None,
        quotas: Quotas | None = None,
    ) -> None:
        self._catalogue = catalogue
        self._blobs = blobs
        self.limit = limit
        self._quotas = quotas

    async def has(self, principal: Principal, digest: Digest) -> bool:
        """Whether a create of this principal's can refer to this blob."""
        viewer = viewer_of(principal, Level.DERIVE)
        if viewer is not None and digest not in await self._catalogue.reachable(viewer, (digest,)):
            return False
        return await self._catalogue.blob(digest) is not None and await self._blobs.has(digest)

    async def store(self, principal: Principal, digest: Digest, chunks: AsyncIterator[bytes]) -> bool:
        """Store a blob; says whether it is new to the principal.

        One that is here already is stored again: bytes that rotted are mended so, and
        nobody learns what others have. Raises Invalid when the bytes have another
        digest, TooLarge above the limit, Exhausted above what the principal may have;
        whatever fails, nothing is left behind.
        """
        known = await self.has(principal, digest)
        most = (await self._quotas.limits(principal)).get("bytes") if self._quotas else None
        stored, size = await self._blobs.put(chunks, expected=digest, limit=self.limit)
        record = BlobRecord(stored, size, None)
        if principal.is_admin and most is None:
            await self._catalogue.add_blob(record)
        else:
            await self._catalogue.add_upload(record, principal.id, most)
        return not known
