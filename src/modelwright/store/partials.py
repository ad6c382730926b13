"""Partials: blobs that are on their way here, and survive a kill at any byte.

    root/partial/sha256-<hex>          the blob at its full length, with holes
    root/partial/sha256-<hex>.parts    for each part, how many bytes of it are there

The count is written after the bytes that it counts, so a process that is killed
between the two fetches some again and never believes too much. What a power cut
makes of both is found by the digest, which is computed along the way: over what
has just been written where it follows what is hashed, else read back.
"""

import hashlib
import os
import struct
import threading
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

from modelwright.core.digest import Digest
from modelwright.core.errors import Corrupt
from modelwright.store.blobs import BlobStore
from modelwright.store.files import PIECE, explained, in_thread

PART: Final = 64 * 1024 * 1024
"""Bytes that one request fetches."""
_AHEAD: Final = 16 * PIECE
"""Bytes that one write hashes at most, so that its stream is not held up for long."""
_COUNT: Final = struct.Struct("<Q")


class PartialStore:
    """Implements core.transfer_ports.Partials; at most one at a time opens a digest."""

    def __init__(self, root: Path, blobs: BlobStore, *, part: int = PART) -> None:
        self._folder = root / "partial"
        self._blobs = blobs
        self._part = part
        with explained(self._folder):
            self._folder.mkdir(parents=True, exist_ok=True)

    def clear_old(self, seconds: float) -> int:
        """Remove what nobody went on with for so long; how many files that were.

        Blocks; to be called before anything is written.
        """
        with explained(self._folder):
            oldest = time.time() - seconds
            old = [path for path in self._folder.iterdir() if path.lstat().st_mtime < oldest]
            for path in old:
                path.unlink()
        return len(old)

    @asynccontextmanager
    async def open(self, digest: Digest, size: int) -> AsyncIterator["_Partial"]:
        partial = await in_thread(_Partial, self._folder, digest, size, self._part, self._blobs)
        try:
            yield partial
        finally:
            await in_thread(partial.close)


class _Partial:
    def __init__(self, folder: Path, digest: Digest, size: int, part: int, blobs: BlobStore) -> None:
        self._digest = digest
        self._size = size
        self._part = part
        self._blobs = blobs
        self._path = folder / f"sha256-{digest.hex}"
        self._counts_path = folder / f"sha256-{digest.hex}.parts"
        self._hash = hashlib.sha256()
        self._hashed = 0
        self._turn = threading.Lock()
        self._done = [0] * -(-size // part)
        with explained(self._path):
            self._file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
            self._counts = os.open(self._counts_path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
            self._resume()

    @property
    def completed(self) -> int:
        return sum(self._done)

    def gaps(self) -> Sequence[tuple[int, int]]:
        return [
            (number * self._part + done, number * self._part + self._length(number))
            for number, done in enumerate(self._done)
            if done < self._length(number)
        ]

    async def write(self, start: int, piece: bytes) -> None:
        await in_thread(self._write, start, piece)

    async def finish(self) -> None:
        await in_thread(self._finish)

    def close(self) -> None:
        for file in (self._file, self._counts):
            os.close(file)

    def _length(self, number: int) -> int:
        return min(self._part, self._size - number * self._part)

    def _resume(self) -> None:
        """Read the counts that fit a file of this length; else begin anew."""
        if os.fstat(self._file).st_size != self._size:
            os.ftruncate(self._counts, 0)
            os.ftruncate(self._file, 0)
            os.ftruncate(self._file, self._size)
        counts = os.pread(self._counts, _COUNT.size * len(self._done), 0)
        for number, (count,) in enumerate(_COUNT.iter_unpack(counts[: len(counts) // 8 * 8])):
            self._done[number] = count if count <= self._length(number) else 0

    def _write(self, start: int, piece: bytes) -> None:
        number, within = divmod(start, self._part)
        with explained(self._path):
            written = 0
            while written < len(piece):
                written += os.pwrite(self._file, memoryview(piece)[written:], start + written)
            self._done[number] = within + len(piece)
            os.pwrite(self._counts, _COUNT.pack(self._done[number]), number * _COUNT.size)
            if self._turn.acquire(blocking=False):
                try:
                    self._follow(start, piece)
                finally:
                    self._turn.release()

    def _follow(self, start: int, piece: bytes) -> None:
        """Hash on, as far as everything before is there."""
        if start == self._hashed:
            self._hash.update(piece)
            self._hashed += len(piece)
        self._catch_up(self._hashed + _AHEAD)

    def _catch_up(self, limit: int) -> None:
        while self._hashed < min(limit, self._size):
            number, within = divmod(self._hashed, self._part)
            there = self._done[number] - within
            if there <= 0:
                return
            piece = os.pread(self._file, min(PIECE, there), self._hashed)
            if not piece:
                return
            self._hash.update(piece)
            self._hashed += len(piece)

    def _finish(self) -> None:
        with explained(self._path):
            self._catch_up(self._size)
            os.fsync(self._file)
            found = Digest(self._hash.hexdigest())
            if self._hashed != self._size or found != self._digest:
                self._path.unlink(missing_ok=True)
                self._counts_path.unlink(missing_ok=True)
                raise Corrupt(
                    "digest mismatch, file must be downloaded again: "
                    f"want {self._digest}, got {found if self._hashed == self._size else 'fewer bytes'}"
                )
            self._blobs.publish(self._path, self._digest)
            self._counts_path.unlink(missing_ok=True)
