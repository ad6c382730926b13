"""Files: opened without following links, read and hashed in pieces, in threads.

What every book of the store that keeps files needs; it knows no folder of its own.
"""

import asyncio
import errno
import hashlib
import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final, TypeVar, TypeVarTuple, Unpack

import anyio
import anyio.to_thread

from modelwright.core.digest import Digest
from modelwright.core.errors import Invalid
from modelwright.core.ports import OnBytes
from modelwright.store.failures import explain_os

T = TypeVar("T")
P = TypeVarTuple("P")

PIECE: Final = 1024 * 1024
"""Bytes that are read, hashed and written at a time."""


async def in_thread(work: Callable[[Unpack[P]], T], *arguments: *P) -> T:
    """Run blocking work in a thread and, even when cancelled, wait for its end.

    A thread cannot be stopped: going on without it would close or remove a
    file under its hands.
    """
    task = asyncio.ensure_future(anyio.to_thread.run_sync(work, *arguments))
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        with anyio.CancelScope(shield=True):
            while not task.done():
                with suppress(asyncio.CancelledError):
                    await asyncio.wait([task])
        task.exception()  # nobody is left to hear of it
        raise


@contextmanager
def explained(place: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise explain_os(error, place) from error


@contextmanager
def opened(path: Path) -> Iterator[int]:
    """A descriptor of a regular file, for reading; links are not followed."""
    with explained(path):
        try:
            # Without O_NONBLOCK a named pipe would wait for its writer for ever.
            file = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        except OSError as error:
            if error.errno != errno.ELOOP:
                raise
            raise Invalid(f"{path} is a symbolic link", hint="Name the file itself") from error
        try:
            if not stat.S_ISREG(os.fstat(file).st_mode):
                raise Invalid(f"{path} is not a regular file")
            yield file
        finally:
            os.close(file)


def pieces(file: int, limit: int | None = None) -> Iterator[memoryview]:
    """The rest of a file, about `limit` bytes at most; a piece lives until the next."""
    room = memoryview(bytearray(PIECE))
    left = limit
    while (got := os.readv(file, [room])) and (left is None or left > 0):
        left = None if left is None else left - got
        yield room[:got]


def hash_rest(file: int, on_bytes: OnBytes | None = None) -> tuple[Digest, int]:
    found = hashlib.sha256()
    size = 0
    for piece in pieces(file):
        found.update(piece)
        size += len(piece)
        (on_bytes or ignore)(size)
    return Digest(found.hexdigest()), size


def is_file(path: Path) -> bool:
    try:
        return stat.S_ISREG(path.lstat().st_mode)
    except FileNotFoundError:
        return False


def sync_folder(path: Path) -> None:
    folder = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def ignore(size: int) -> None:
    """Nobody wants to know."""
