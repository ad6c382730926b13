"""Shelf: the bytes of a stored model, wherever they are kept.

Small ones stand in the catalogue, large ones are files. Nothing leaves here that is
not what its digest says.
"""

from collections.abc import AsyncGenerator
from contextlib import aclosing

from modelwright.core.digest import Digest
from modelwright.core.errors import Corrupt, NotFound
from modelwright.core.layers import LARGEST_MANIFEST
from modelwright.core.ports import Catalogue
from modelwright.core.transfer_ports import StoredBlobs

_PIECE = 1024 * 1024


class Shelf:
    """Reads blobs of either kind."""

    def __init__(self, catalogue: Catalogue, blobs: StoredBlobs) -> None:
        self._catalogue = catalogue
        self._blobs = blobs

    async def small(self, digest: Digest, *, limit: int = LARGEST_MANIFEST) -> bytes:
        """A text or a manifest; NotFound, TooLarge or Corrupt."""
        content = await self._catalogue.small_blob(digest)
        return content if content is not None else await self._blobs.read(digest, limit=limit)

    async def holds(self, digest: Digest, size: int) -> bool:
        """Whether these bytes are here, and good; reads them."""
        content = await self._catalogue.small_blob(digest)
        if content is not None:
            return len(content) == size
        record = await self._catalogue.blob(digest)
        return record is not None and record.size == size and await self._blobs.verify(digest)

    async def check(self, digest: Digest) -> None:
        """Raise NotFound, or Corrupt for bytes that have rotted."""
        if await self._catalogue.small_blob(digest) is not None or await self._blobs.verify(digest):
            return
        if await self._catalogue.blob(digest) is None:
            raise NotFound("blob", str(digest))
        raise Corrupt(f"blob {digest} is damaged on disk", hint="Pull or upload it again to repair it")

    async def pieces(self, digest: Digest, start: int = 0) -> AsyncGenerator[bytes, None]:
        """The bytes from an offset on."""
        content = await self._catalogue.small_blob(digest)
        if content is not None:
            yield content[start:]
            return
        async with aclosing(self._blobs.pieces(digest, start)) as pieces:
            async for piece in pieces:
                yield piece
