"""Uploads: blobs that come before the model that is made of them.

Stored under their digest and recorded; nothing refers to them until a create does.
"""

from collections.abc import AsyncIterator, Collection

from modelwright.core.access import viewer_of
from modelwright.core.digest import Digest
from modelwright.core.errors import Exhausted
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
        if digest not in await self.reached(principal, (digest,)):
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
        stored, size = await self._blobs.put(chunks, expected=digest, limit=self.limit)
        await self.record(principal, stored, size)
        return not known

    async def record(self, principal: Principal, digest: Digest, size: int) -> None:
        """Note that the principal brought a stored blob, however it came.

        Raises Exhausted above what it may have.
        """
        most, record = await self._most(principal), BlobRecord(digest, size, None)
        if principal.is_admin and most is None:
            await self._catalogue.add_blob(record)
        else:
            await self._catalogue.add_upload(record, principal.id, most)

    async def reached(self, principal: Principal, digests: Collection[Digest]) -> frozenset[Digest]:
        """Those that the principal need not bring any more, if they are here."""
        viewer = viewer_of(principal, Level.DERIVE)
        if viewer is None:
            return frozenset(digests)
        return await self._catalogue.reachable(viewer, digests) if digests else frozenset()

    async def check_room(self, principal: Principal, size: int) -> None:
        """Raise Exhausted when so many bytes more would be too many."""
        most = await self._most(principal)
        if most is not None and await self._catalogue.uploaded_bytes(principal.id) + size > most:
            raise Exhausted(
                f"the quota of {most} bytes has no room for {size} more",
                retry_after=60,
                field="bytes",
                hint="Ask an admin for more",
            )

    async def _most(self, principal: Principal) -> int | None:
        return (await self._quotas.limits(principal)).get("bytes") if self._quotas else None
