"""Downloads: blobs come here in several parts at once, each of them once only.

Whoever wants a blob that is on its way already waits with the others; it is given
up when the last of them has left, and what is there stays for the next.
"""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Final

from modelwright.core.digest import Digest
from modelwright.core.errors import Corrupt, Unavailable
from modelwright.core.transfer_ports import Partial, Partials, Registries, RemoteRepository, Repository

PIECE: Final = 1024 * 1024
"""Bytes that are written at a time."""
TRIES: Final = 6
"""How often in a row a part may break off without a byte (Ollama, server/download.go)."""
TICK: Final = 0.1
"""Seconds between two counts."""


class Downloads:
    """Fetches blobs, `streams` parts at once.

    `pause`: seconds before the first repetition of a part that broke off.
    """

    def __init__(
        self, registries: Registries, partials: Partials, *, streams: int = 4, pause: float = 0.5
    ) -> None:
        self._registries = registries
        self._partials = partials
        self._streams = streams
        self._pause = pause
        self._running: dict[Digest, _Download] = {}

    async def fetch(
        self, repository: Repository, digest: Digest, size: int, *, anywhere: bool = True
    ) -> AsyncGenerator[int, None]:
        """Make a blob be here, whole and right; yields the bytes that are.

        Unless it may come from `anywhere`, only what comes from this repository counts.
        Raises Corrupt, and keeps nothing, when the bytes are not what was promised.
        """
        while (download := self._running.get(digest)) is not None and not (
            download.may_be_joined and (anywhere or download.is_of(repository))
        ):
            await asyncio.wait([download.task])
        if download is None:
            download = _Download(repository, digest, size)
            self._running[digest] = download
            download.task = asyncio.create_task(self._run(download))
        download.waiting += 1
        try:
            while not (await asyncio.wait([download.task], timeout=TICK))[0]:
                yield min(download.done, size)
            download.task.result()
            yield size
        finally:
            download.waiting -= 1
            if not download.waiting and not download.task.done():
                download.may_be_joined = False
                download.task.cancel()
                await asyncio.wait([download.task])
            if download.task.done() and not download.task.cancelled():
                download.task.exception()  # perhaps nobody is left to hear of it

    async def _run(self, download: "_Download") -> None:
        try:
            async with self._registries.open(download.repository) as remote:
                if not await self._attempt(download, remote):
                    await self._attempt(download, remote)
        finally:
            del self._running[download.digest]

    async def _attempt(self, download: "_Download", remote: RemoteRepository) -> bool:
        """Fetch what is missing; False when what was there before has rotted."""
        async with self._partials.open(download.digest, download.size) as partial:
            before = download.done = partial.completed
            gaps = deque(partial.gaps())
            try:
                async with asyncio.TaskGroup() as group:
                    for _ in range(min(self._streams, len(gaps))):
                        group.create_task(self._work(download, remote, partial, gaps))
            except ExceptionGroup as failed:
                raise failed.exceptions[0] from None
            try:
                await partial.finish()
            except Corrupt:
                if before:
                    return False
                raise
            return True

    async def _work(
        self,
        download: "_Download",
        remote: RemoteRepository,
        partial: Partial,
        gaps: deque[tuple[int, int]],
    ) -> None:
        while gaps:
            start, stop = gaps.popleft()
            tries = 0
            while start < stop:
                part = _Part(remote.read(download.digest, start, stop, download.size))
                async with aclosing(part.pieces()) as pieces:
                    async for piece in pieces:
                        await partial.write(start, piece)
                        start, tries = start + len(piece), 0
                        download.done += len(piece)
                if part.failure is None:
                    continue
                tries += 1
                if tries == TRIES:
                    raise part.failure
                await asyncio.sleep(self._pause * 2 ** (tries - 1))


class _Download:
    """A blob on its way, and how many wait for it."""

    def __init__(self, repository: Repository, digest: Digest, size: int) -> None:
        self.repository = repository
        self.digest = digest
        self.size = size
        self.done = 0
        self.waiting = 0
        self.may_be_joined = True
        self.task: asyncio.Future[None]

    def is_of(self, repository: Repository) -> bool:
        return (self.repository.host, self.repository.path) == (repository.host, repository.path)


class _Part:
    """A stream of bytes in larger pieces; what came before it broke off counts."""

    def __init__(self, chunks: AsyncGenerator[bytes, None]) -> None:
        self._chunks = chunks
        self.failure: Unavailable | None = None

    async def pieces(self) -> AsyncGenerator[bytes, None]:
        waiting = bytearray()
        async with aclosing(self._chunks) as chunks:
            try:
                async for chunk in chunks:
                    waiting += chunk
                    if len(waiting) >= PIECE:
                        yield bytes(waiting)
                        waiting.clear()
            except Unavailable as failure:
                self.failure = failure
        if waiting:
            yield bytes(waiting)
