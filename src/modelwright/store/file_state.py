"""FileState: what of a file is other once its bytes are. Reads no bytes."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

_SIGNED: Final = 2**63 - 1
"""What fits a column; some file systems number their files beyond it."""


@dataclass(frozen=True, slots=True)
class FileState:
    """Which file it is, and what it was like.

    `size` in bytes, `modified` in nanoseconds since 1970.
    """

    device: int
    inode: int
    size: int
    modified: int

    @classmethod
    def of(cls, found: os.stat_result) -> Self:
        return cls(found.st_dev & _SIGNED, found.st_ino & _SIGNED, found.st_size, found.st_mtime_ns)

    @classmethod
    def at(cls, path: Path) -> Self | None:
        """The state of what is there, links not followed; None when nothing is."""
        try:
            return cls.of(path.lstat())
        except OSError:
            return None
