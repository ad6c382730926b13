"""Maintenance: whether a store is whole, down to the last byte.

Looks and tells; it repairs nothing and changes nothing, so it may run at any
time, beside a server too. Knows no SQL and no file.
"""

from collections.abc import AsyncGenerator
from typing import Final

from modelwright.core.errors import Invalid, ModelwrightError, NotFound
from modelwright.core.ports import OnBytes
from modelwright.core.upkeep import BlobFiles, Checked, CheckEvent, Fault, Held, Plan, Records

REPAIR: Final = "Upload, pull or import it again: good bytes take the place of bad ones"


class Maintenance:
    """Looks after one store."""

    def __init__(self, records: Records, files: BlobFiles) -> None:
        self._records = records
        self._files = files

    async def check(
        self, *, read: bool = True, on_bytes: OnBytes | None = None
    ) -> AsyncGenerator[CheckEvent, None]:
        """Compare the catalogue with itself and with every byte it promises.

        `read` False: blobs' sizes only. `on_bytes` is told of all bytes read so far, in
        a thread. Ends with Checked.
        """
        faults = list(await self._records.faults())
        held = await self._records.blobs()
        yield Plan(len(held), sum(each.size for each in held))
        for fault in faults:
            yield fault
        done = 0
        for each in held:
            found = await self._look(each, read, _after(done, on_bytes))
            done += each.size
            if found is not None and await self._records.is_promised(each.digest):
                faults.append(found)
                yield found
        strays = len(set(await self._files.digests()) - {each.digest for each in held})
        models, revisions = await self._records.counts()
        yield Checked(models, revisions, len(held), done, len(faults), strays)

    async def _look(self, held: Held, read: bool, on_bytes: OnBytes | None) -> Fault | None:
        """What is wrong with a blob, if anything."""
        thing = f"blob {held.digest}"
        if held.users:
            thing += f" ({', '.join(held.users)})"
        try:
            if not read:
                size, digest = await self._files.length(held.digest), held.digest
            else:
                digest, size = await self._files.measure(held.digest, on_bytes)
        except NotFound:
            return Fault(thing, "its file is missing", REPAIR)
        except Invalid as error:
            return Fault(thing, error.message, REPAIR)
        except ModelwrightError as error:
            return Fault(thing, f"its file cannot be read: {error.message}", "Look after the disk")
        if size != held.size:
            return Fault(thing, f"its file has {size} bytes instead of {held.size}", REPAIR)
        if digest != held.digest:
            return Fault(thing, f"its bytes are damaged: their digest is {digest}", REPAIR)
        return None


def _after(done: int, on_bytes: OnBytes | None) -> OnBytes | None:
    """Count on from what was read before."""
    return None if on_bytes is None else lambda size: on_bytes(done + size)
