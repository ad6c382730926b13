"""BlobStore: bytes as files that are named after their digest.

    root/blobs/sha256-<64 hex>     whole, verified, never changed (Ollama's layout)
    root/tmp/<32 hex>              being written; nothing here survives a start

A blob is written to tmp while it is hashed, synced, compared with what was
promised, renamed, and its folder synced. The rename replaces a file of that
name: the new bytes have just been verified, the old ones may have rotted, so
uploading a damaged blob again repairs it. It knows nothing of SQL; who refers
to a blob is the catalogue's affair.
"""

import errno
import fcntl
import hashlib
import os
import re
import secrets
import threading
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterable
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Final, TypeVar

from modelwright.core.digest import Digest
from modelwright.core.errors import Corrupt, Invalid, NotFound, TooLarge
from modelwright.core.ports import OnBytes
from modelwright.store.failures import explain_os
from modelwright.store.file_state import FileState
from modelwright.store.files import (
    PIECE,
    explained,
    hash_rest,
    ignore,
    in_thread,
    is_file,
    opened,
    pieces,
    sync_folder,
)

T = TypeVar("T")

SMALL: Final = 4 * 1024 * 1024
"""Bytes that `read` gives at most, unless told otherwise."""
LONGEST_LINE: Final = 8 * 1024 * 1024

_NAME: Final = re.compile(r"sha256-[0-9a-f]{64}")
_CLONE: Final = 0x40049409  # FICLONE of Linux (include/uapi/linux/fs.h)
_CANNOT_SHARE: Final = frozenset(
    {errno.EOPNOTSUPP, errno.EXDEV, errno.EINVAL, errno.ENOTTY, errno.ENOSYS, errno.EPERM, errno.EMLINK}
)


class BlobStore:
    """The blobs below one folder, which it makes.

    One process at a time may use a folder: the one that holds the catalogue.
    Errors: Unavailable when the disk is full or fails, and then nothing was
    published.
    """

    def __init__(self, root: Path) -> None:
        self._blobs = root / "blobs"
        self._temporary = root / "tmp"
        self._naming = threading.Lock()
        try:
            self._blobs.mkdir(parents=True, exist_ok=True)
            self._temporary.mkdir(exist_ok=True)
        except OSError as error:
            raise explain_os(error, root) from error

    def path(self, digest: Digest) -> Path:
        """Where a blob is, or would be."""
        return self._blobs / f"sha256-{digest.hex}"

    def clear_leftovers(self) -> int:
        """Remove what a killed process was writing; how many files that were.

        Blocks; to be called before anything is written.
        """
        with explained(self._temporary):
            leftovers = list(self._temporary.iterdir())
            for path in leftovers:
                path.unlink()
        return len(leftovers)

    async def put(
        self, chunks: AsyncIterator[bytes], *, expected: Digest | None = None, limit: int | None = None
    ) -> tuple[Digest, int]:
        """Store a stream; gives its digest and its size in bytes.

        Raises Invalid when the digest is not the expected one (in Ollama's
        words), TooLarge when there are more than `limit` bytes. An error of
        `chunks`, or being cancelled, leaves nothing behind.
        """
        draft = _Draft(self._temporary)
        try:
            waiting = bytearray()
            async for chunk in chunks:
                waiting += chunk
                if limit is not None and draft.size + len(waiting) > limit:
                    raise TooLarge(f"the blob has more than {limit} bytes, which is the limit")
                if len(waiting) >= PIECE:
                    await in_thread(draft.write, waiting)
                    waiting = bytearray()
            await in_thread(draft.write, waiting)
            return await in_thread(self._publish, draft, expected)
        except BaseException:
            await in_thread(draft.discard)
            raise

    async def adopt(
        self,
        source: Path,
        *,
        expected: Digest | None = None,
        link: bool = False,
        on_bytes: OnBytes | None = None,
    ) -> tuple[Digest, int]:
        """Store a file of this machine, without copying its bytes where that is safe.

        It is cloned where the file system can, hard-linked only when `link` says
        that nobody changes it in place, else copied; read once in any case.
        `on_bytes` is told, in a thread, how many were read; what it raises ends it.
        Raises NotFound when it is absent, Invalid when it is not a regular file
        (links are not followed), is not what was expected, or changed meanwhile.
        """
        return await in_thread(self._adopt, source, expected, link, on_bytes or ignore)

    def publish(self, path: Path, digest: Digest) -> None:
        """Give a file beside the blobs, synced and verified, its name among them; blocks."""
        with explained(self._blobs):
            with self._naming:
                path.rename(self.path(digest))
            sync_folder(self._blobs)

    async def pieces(self, digest: Digest, start: int = 0) -> AsyncGenerator[bytes, None]:
        """Give a blob's bytes from an offset on, unverified; NotFound when it is absent."""
        offset = start
        while piece := await in_thread(self._piece, digest, offset):
            offset += len(piece)
            yield piece

    async def has(self, digest: Digest) -> bool:
        """Whether there is such a file; its bytes are not read."""
        return await in_thread(is_file, self.path(digest))

    async def state(self, path: Path) -> FileState | None:
        """What tells that a file was changed or replaced; None when there is none."""
        return await in_thread(FileState.at, path)

    async def verify(self, digest: Digest) -> bool:
        """Whether the blob is there and its bytes still have this digest."""
        return await in_thread(self._verify, digest)

    async def digests(self) -> frozenset[Digest]:
        """Of all files that are there, by their names."""
        return await in_thread(self._digests)

    async def measure(self, digest: Digest, on_bytes: OnBytes | None = None) -> tuple[Digest, int]:
        """What a file's bytes really are, read anew; NotFound without it."""

        def read() -> tuple[Digest, int]:
            with opened(self.path(digest)) as file:
                return hash_rest(file, on_bytes)

        return await in_thread(read)

    async def length(self, digest: Digest) -> int:
        """A file's bytes, not read; NotFound without it."""

        def ask() -> int:
            with opened(self.path(digest)) as file:
                return os.fstat(file).st_size

        return await in_thread(ask)

    async def remove(self, digest: Digest, before: datetime) -> int:
        """Remove a file unless it came or was changed since; its bytes, 0 if it stays.

        A blob that is put meanwhile stays: it takes its name anew, at a time of its own.
        """

        def work() -> int:
            path = self.path(digest)
            with explained(path), self._naming:
                try:
                    found = path.lstat()
                except FileNotFoundError:
                    return 0
                if max(found.st_ctime, found.st_mtime) >= before.timestamp():
                    return 0
                path.unlink()
                return found.st_size

        return await in_thread(work)

    async def over_lines(self, digest: Digest, work: Callable[[Iterable[bytes]], T]) -> T:
        """Do blocking work on a blob's lines, in a thread; raises NotFound without it.

        A line longer than LONGEST_LINE bytes comes in pieces of that length.
        """

        def read() -> T:
            try:
                with self.path(digest).open("rb") as file:
                    return work(iter(partial(file.readline, LONGEST_LINE), b""))
            except FileNotFoundError:
                raise NotFound("blob", str(digest)) from None

        return await in_thread(read)

    async def read(self, digest: Digest, *, limit: int = SMALL) -> bytes:
        """Give a small blob's bytes, verified.

        Raises NotFound, TooLarge above `limit` bytes, Corrupt when they are no
        longer what the digest says.
        """
        return await in_thread(self._read, digest, limit)

    def _piece(self, digest: Digest, offset: int) -> bytes:
        with opened(self.path(digest)) as file:
            return os.pread(file, PIECE, offset)

    def _publish(self, draft: "_Draft", expected: Digest | None) -> tuple[Digest, int]:
        digest = draft.finish()
        if expected is not None and digest != expected:
            raise Invalid(f'digest mismatch, expected "{expected}", got "{digest}"')
        if draft.is_link and self._is_held_apart(digest, draft):
            return digest, draft.size
        with explained(self._blobs):
            with self._naming:
                draft.path.rename(self.path(digest))
            sync_folder(self._blobs)
        draft.discard()  # renaming one link of a file onto another of its links keeps both
        return digest, draft.size

    def _is_held_apart(self, digest: Digest, draft: "_Draft") -> bool:
        """Whether a good copy is there, which a link to a foreign file would endanger."""
        path = self.path(digest)
        return is_file(path) and not path.samefile(draft.path) and self._verify(digest)

    def _adopt(
        self, source: Path, expected: Digest | None, link: bool, on_bytes: OnBytes
    ) -> tuple[Digest, int]:
        draft = _Draft(self._temporary, on_bytes)
        try:
            with opened(source) as file:
                if not draft.clone(file) and not (link and draft.link(file, source)):
                    for piece in pieces(file):
                        draft.write(piece)
            return self._publish(draft, expected)
        finally:
            draft.discard()

    def _digests(self) -> frozenset[Digest]:
        with explained(self._blobs):
            names = [path.name for path in self._blobs.iterdir()]
        return frozenset(Digest(name.removeprefix("sha256-")) for name in names if _NAME.fullmatch(name))

    def _verify(self, digest: Digest) -> bool:
        try:
            with opened(self.path(digest)) as file:
                return hash_rest(file)[0] == digest
        except (NotFound, Invalid):
            return False

    def _read(self, digest: Digest, limit: int) -> bytes:
        path = self.path(digest)
        if not is_file(path):
            raise NotFound("blob", str(digest))
        with opened(path) as file:
            content = b"".join(bytes(piece) for piece in pieces(file, limit + 1))
        if len(content) > limit:
            raise TooLarge(f"blob {digest} has more than {limit} bytes")
        if Digest.of(content) != digest:
            raise Corrupt(f"blob {digest} is damaged on disk", hint="Upload it again to repair it")
        return content


class _Draft:
    """A file in tmp that is being written; made when first needed."""

    def __init__(self, folder: Path, on_bytes: OnBytes | None = None) -> None:
        self._on_bytes = on_bytes or ignore
        self.path = folder / secrets.token_hex(16)
        self.size = 0
        self.is_link = False
        self._made = False
        self._hash = hashlib.sha256()
        self._file: int | None = None
        self._digest: Digest | None = None

    def write(self, piece: bytes | bytearray | memoryview) -> None:
        with explained(self.path), memoryview(piece) as rest:
            file = self._open()
            self._hash.update(rest)
            self.size += len(rest)
            self._on_bytes(self.size)
            done = 0
            while done < len(rest):
                done += os.write(file, rest[done:])

    def clone(self, source: int) -> bool:
        """Share the source's bytes until either file is written; hash our own."""
        with explained(self.path):
            try:
                fcntl.ioctl(self._open(), _CLONE, source)
            except OSError as error:
                if error.errno not in _CANNOT_SHARE:
                    raise
                return False
            with opened(self.path) as file:
                self._digest, self.size = hash_rest(file, self._on_bytes)
            return True

    def link(self, source: int, path: Path) -> bool:
        """Become another link of the source, if `path` still is that file."""
        self.discard()
        before = os.fstat(source)
        with explained(self.path):
            try:
                self.path.hardlink_to(path)
            except OSError as error:
                if error.errno not in _CANNOT_SHARE:
                    raise
                return False
            self._made = self.is_link = True
            self._file = os.open(self.path, os.O_RDONLY | os.O_NOFOLLOW)
            self._digest, self.size = hash_rest(source, self._on_bytes)
            if FileState.of(before) != FileState.of(os.fstat(self._file)):
                raise Invalid(f"{path} changed while it was read", hint="Wait until it is complete")
            return True

    def finish(self) -> Digest:
        """Make the bytes durable; gives their digest."""
        with explained(self.path):
            file = self._open()
            os.fsync(file)
            written = os.fstat(file).st_size
        if written != self.size:
            raise Corrupt(f"{self.path} has {written} bytes instead of {self.size}", hint="Check the disk")
        return self._digest or Digest(self._hash.hexdigest())

    def discard(self) -> None:
        """Close it, and remove what is left of it in tmp; may be called again."""
        with explained(self.path):
            file, self._file = self._file, None
            if file is not None:
                os.close(file)
            if self._made:
                self.path.unlink(missing_ok=True)
                self._made = False

    def _open(self) -> int:
        if self._file is None:
            self._file = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            self._made = True
        return self._file
