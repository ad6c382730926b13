"""Tar: the headers of an archive that is read and written as a stream.

Only what an OCI layout needs: plain files by name and size. A name that is read is
compared with what may be there and never becomes a path. (POSIX.1-1988 ustar; sizes
from 8 GiB in base 256, as GNU tar has them, or in a pax header.)
"""

import re
from dataclasses import dataclass
from typing import Final

from modelwright.core.errors import Corrupt, Unsupported
from modelwright.core.wording import excerpt

BLOCK: Final = 512
END: Final = bytes(2 * BLOCK)
LARGEST_EXTENSION: Final = 64 * 1024
"""Bytes of a header that goes before another header."""

_OCTAL_LIMIT: Final = 8**11
_PAX = re.compile(rb"(\d{1,6}) ([a-zA-Z.]{1,100})=")
_FILES: Final = (b"0", b"\0", b"7")
_FOLDER: Final = b"5"
_PAX_KINDS: Final = (b"x", b"g")


@dataclass(frozen=True, slots=True)
class Member:
    """What a header says is next; an "extension" is about the header after it."""

    kind: str
    name: str
    size: int


def write_header(name: str, size: int) -> bytes:
    """The header of a file; `name` has at most 100 ASCII characters."""
    fields = (
        name.encode("ascii").ljust(100, b"\0"),
        b"0000644\0" + b"0000000\0" * 2,
        _write_size(size),
        b"00000000000\0",
        b" " * 8,
        b"0",
        bytes(100),
        b"ustar\x0000",
        bytes(32 + 32 + 8 + 8 + 155 + 12),
    )
    block = b"".join(fields)
    return block[:148] + f"{sum(block):06o}\0 ".encode() + block[156:]


def padding(size: int) -> bytes:
    """What fills a file's last block."""
    return bytes(-size % BLOCK)


def read_header(block: bytes) -> Member | None:
    """Read a header; None for an empty block, which ends the archive.

    Raises Corrupt for what is none, Unsupported for links and devices.
    """
    if not block.strip(b"\0"):
        return None
    try:
        said = int(block[148:156].strip(b"\0 ") or b"0", 8)
    except ValueError as error:
        raise Corrupt("this is no archive, or a damaged one: a header cannot be read") from error
    if said != sum(block[:148]) + 8 * 0x20 + sum(block[156:]):
        raise Corrupt("the archive is damaged: a header's checksum is wrong")
    prefix = _text(block[345:500]) if block[257:262] == b"ustar" else ""
    name = _text(block[:100])
    full = f"{prefix}/{name}" if prefix else name
    kind = block[156:157]
    if kind in _FILES or kind == _FOLDER:
        return Member("folder" if kind == _FOLDER else "file", full, _read_size(block[124:136]))
    if kind in _PAX_KINDS:
        return Member("extension", full, _read_size(block[124:136]))
    raise Unsupported(f"the archive's member {excerpt(full)} is neither a file nor a folder")


def read_extension(content: bytes, member: Member) -> Member:
    """A member with what a pax header says of it."""
    name, size, at = member.name, member.size, 0
    while at < len(content):
        match = _PAX.match(content, at)
        if match is None or not match.end() - at < int(match[1]) <= len(content) - at:
            raise Corrupt("the archive is damaged: an extended header cannot be read")
        value = content[match.end() : at + int(match[1])].rstrip(b"\n")
        at += int(match[1])
        if match[2] == b"path":
            name = value.decode("utf-8", "replace")
        elif match[2] == b"size":
            if not value.isdigit() or len(value) > 18:
                raise Corrupt("the archive is damaged: an extended header cannot be read")
            size = int(value)
        elif match[2].startswith(b"GNU.sparse"):
            raise Unsupported("the archive has sparse files")
    return Member(member.kind, name, size)


def _text(field: bytes) -> str:
    return field.partition(b"\0")[0].decode("utf-8", "replace")


def _write_size(size: int) -> bytes:
    if size < _OCTAL_LIMIT:
        return f"{size:011o}\0".encode()
    return b"\x80" + size.to_bytes(11, "big")


def _read_size(field: bytes) -> int:
    if field[0] & 0x80:
        return int.from_bytes(field[1:], "big")
    try:
        return int(field.strip(b"\0 ") or b"0", 8)
    except ValueError as error:
        raise Corrupt("the archive is damaged: a size is none") from error
