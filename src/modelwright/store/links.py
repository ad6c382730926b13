"""Links: blobs that are one file with somebody else's, watched for changes.

A hard link costs nothing to make, but whoever has the other name can write the
bytes. So what the file was like when it was verified is recorded, looked at
before each use, and a changed file is read again: it may only have been touched.
"""

from pathlib import Path

from modelwright.core.digest import Digest
from modelwright.core.errors import Corrupt, NotFound
from modelwright.core.ports import OnBytes
from modelwright.store.blobs import BlobStore
from modelwright.store.catalogue import Catalogue


class Links:
    """Implements core.ports.LocalFiles; `locate` is for whoever opens a blob's file."""

    def __init__(self, blobs: BlobStore, catalogue: Catalogue) -> None:
        self._blobs = blobs
        self._catalogue = catalogue

    async def take(
        self, path: str, *, expected: Digest | None = None, on_bytes: OnBytes | None = None
    ) -> tuple[Digest, int]:
        """As the port says; a relative path is not found."""
        source = Path(path)
        if not source.is_absolute() or "\0" in path:
            raise NotFound("file", path)
        known = await self._known(source)
        if known is not None and expected in (None, known[0]):
            return known
        digest, size = await self._blobs.adopt(source, expected=expected, link=True, on_bytes=on_bytes)
        state = await self._blobs.state(self._blobs.path(digest))
        if state is not None and state == await self._blobs.state(source):
            await self._catalogue.add_link(digest, state)
        return digest, size

    async def locate(self, digest: Digest) -> Path:
        """Where a blob's file is; raises Corrupt when the one it is linked to was changed."""
        path = self._blobs.path(digest)
        recorded = await self._catalogue.link(digest)
        state = None if recorded is None else await self._blobs.state(path)
        if state is None or state == recorded:
            return path
        if not await self._blobs.verify(digest):
            raise Corrupt(
                f"blob {digest} is one file with another that was changed since it was linked",
                hint="Create the model again from the file as it was",
            )
        await self._catalogue.add_link(digest, state)
        return path

    async def _known(self, source: Path) -> tuple[Digest, int] | None:
        """The blob that is this very file, unchanged."""
        state = await self._blobs.state(source)
        digest = None if state is None else await self._catalogue.linked(state)
        if state is None or digest is None or await self._blobs.state(self._blobs.path(digest)) != state:
            return None
        return digest, state.size
