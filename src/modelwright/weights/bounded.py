"""BoundedFile: reads an untrusted file forwards, never more than is there.

Every length is compared with what is left before a byte is read, skipped or
allocated for it. It knows no format.
"""

import os
import stat
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Final

from modelwright.core.errors import Invalid

_UNSIGNED64: Final = struct.Struct("<Q")
_BUFFER: Final = 1024 * 1024


class BoundedFile:
    """A position in a file of `size` bytes; nothing behind `limit` is read.

    `what` names in errors the thing that is being read.
    """

    def __init__(self, file: BinaryIO, size: int, limit: int) -> None:
        self.size = size
        self.position = 0
        self._limit = limit
        self._file = file

    def take(self, count: int, what: str) -> bytes:
        """Read `count` bytes; raises Invalid when the file or the limit ends before."""
        self.require(count, what)
        found = self._file.read(count)
        if len(found) != count:
            raise Invalid("the file shrank while it was read")
        self.position += count
        return found

    def skip(self, count: int, what: str) -> None:
        self.require(count, what)
        self._file.seek(count, os.SEEK_CUR)
        self.position += count

    def strings(self, count: int, longest: int, what: str) -> Iterator[bytes]:
        """Read strings, each with its length in 8 bytes before it."""
        self.require(count * _UNSIGNED64.size, what)
        for _ in range(count):
            (length,) = _UNSIGNED64.unpack(self.take(8, what))
            if length > longest:
                self.require(length, what)
                raise Invalid(f"{what}: a string has {length} bytes, at most {longest} are allowed")
            yield self.take(length, what)

    def skip_strings(self, count: int, what: str) -> None:
        """Walk over strings; three times as fast as asking for each of them."""
        self.require(count * _UNSIGNED64.size, what)
        read, seek, unpack = self._file.read, self._file.seek, _UNSIGNED64.unpack
        end = min(self.size, self._limit)
        position = self.position
        length = 0
        for _ in range(count):
            begin = position
            position += _UNSIGNED64.size
            if position <= end:
                (length,) = unpack(read(_UNSIGNED64.size))
                position += length
            if position > end:
                self.position = begin
                self.require(position - begin, what)
            seek(length, os.SEEK_CUR)
        self.position = position

    def require(self, count: int, what: str) -> None:
        """Raise Invalid unless `count` more bytes are there."""
        left = self.size - self.position
        if count > left:
            raise Invalid(
                f"{what}: needs {count} bytes at offset {self.position}, "
                f"the file has {left} left (cut off or not fully uploaded)"
            )
        if self.position + count > self._limit:
            raise Invalid(f"{what}: the header has more than {self._limit} bytes, which is the limit")


@contextmanager
def open_bounded(path: Path, limit: int) -> Iterator[BoundedFile]:
    """Open a regular file, links not followed; raises Invalid for anything else."""
    try:
        with open(path, "rb", buffering=_BUFFER, opener=_open_at_once) as file:
            found = os.fstat(file.fileno())
            if not stat.S_ISREG(found.st_mode):
                raise Invalid(f"{path.name} is not a regular file")
            yield BoundedFile(file, found.st_size, limit)
    except OSError as error:
        raise Invalid(f"{path.name} cannot be read: {error.strerror}") from error
    except struct.error as error:
        raise Invalid(f"{path.name} shrank while it was read") from error


def _open_at_once(name: str, flags: int) -> int:
    # Without O_NONBLOCK a named pipe would wait for its writer for ever.
    return os.open(name, flags | os.O_NOFOLLOW | os.O_NONBLOCK)
