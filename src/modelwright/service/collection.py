"""Collection: what nothing needs any more is removed, while everything goes on.

First the catalogue forgets a blob, in a transaction beside which no model can be
made of it, then its file goes: killed in between, the file belongs to nothing and
goes the next time, as does one that was put again meanwhile and not used. Knows no
SQL and no file.
"""

from collections.abc import Set
from datetime import datetime, timedelta
from typing import Final

from modelwright.core.audit import AuditLog, Entry
from modelwright.core.digest import Digest
from modelwright.core.errors import Invalid
from modelwright.core.grants import Principal
from modelwright.core.layers import LARGEST_MANIFEST
from modelwright.core.ports import Clock
from modelwright.core.upkeep import BlobFiles, Collected, Litter, Records

GRACE: Final = timedelta(hours=24)
"""How long a blob waits for somebody to make a model of it."""
LEAST: Final = timedelta(minutes=1)


class Collection:
    """Collects the garbage of one store."""

    def __init__(
        self, litter: Litter, records: Records, files: BlobFiles, clock: Clock, log: AuditLog
    ) -> None:
        self._litter = litter
        self._records = records
        self._files = files
        self._clock = clock
        self._log = log

    async def collect(
        self, principal: Principal, *, grace: timedelta = GRACE, dry: bool = False
    ) -> Collected:
        """Remove blobs that nothing needs and that came before the `grace`.

        `dry`: only say what would go. All revisions of all models keep what they stand
        on. Raises Invalid for a grace under a minute: a client that uploads needs some time.
        """
        if grace < LEAST:
            raise Invalid(
                f"a grace of {grace.total_seconds():g} s", field="grace", hint="It is a minute at least"
            )
        now = self._clock.now()
        before = now - grace
        large = await self._litter.large_manifests()
        manifests = {digest: await self._files.read(digest, limit=LARGEST_MANIFEST) for digest in large}
        needed = await self._litter.needed(manifests)
        gone = await self._litter.forget(before, manifests, keep=dry)
        size = sum(held.size for held in gone)
        if not dry:
            for held in gone:
                await self._files.remove(held.digest, before)  # not what is put again just now
        known = {*needed, *(held.digest for held in gone)}
        strays, stray_size = await self._strays(known, before, dry=dry)
        found = Collected(len(gone), strays, size + stray_size)
        if not dry and (found.blobs or found.strays):
            detail = {"blobs": found.blobs, "strays": found.strays, "bytes": found.size}
            await self._log.append(
                [Entry(now, principal.id, principal.name, "collect", "blobs", detail=detail)]
            )
        return found

    async def _strays(self, known: Set[Digest], before: datetime, *, dry: bool) -> tuple[int, int]:
        """Files that are no recorded blob and not `known`: how many, and their bytes."""
        if await self._litter.unfinished_since() is not None:
            return 0, 0  # a run may be about to use one
        recorded = {held.digest for held in await self._records.blobs()}
        strays = set(await self._files.digests()) - recorded - known
        removed = [await self._removed(digest, before, dry=dry) for digest in strays]
        return sum(size > 0 for size in removed), sum(removed)

    async def _removed(self, digest: Digest, before: datetime, *, dry: bool) -> int:
        if dry:
            return await self._files.length(digest)
        if await self._records.is_promised(digest):
            return 0
        return await self._files.remove(digest, before)
