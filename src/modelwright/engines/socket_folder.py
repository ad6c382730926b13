"""Socket folder: where engine children listen, for our user alone.

A killed server leaves its folder behind. The next one clears those whose lock
nobody holds any more, and touches no other.
"""

import fcntl
import os
import shutil
import stat
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import Final

PREFIX: Final = "modelwright-engines-"
LOCK: Final = "lock"
SETTLED_SECONDS: Final = 60.0
"""A folder younger than this may still be about to get its lock."""


class SocketFolder:
    """A new folder with a lock that ends with this process; ended by `close`."""

    def __init__(self, base: Path | None = None) -> None:
        self.path = Path(tempfile.mkdtemp(prefix=PREFIX, dir=base))
        self._lock = os.open(self.path / LOCK, os.O_RDWR | os.O_CREAT, 0o600)
        fcntl.flock(self._lock, fcntl.LOCK_EX)

    def close(self) -> None:
        """Remove the folder with all sockets in it."""
        shutil.rmtree(self.path, ignore_errors=True)
        os.close(self._lock)


def clear_leftovers(base: Path | None = None) -> None:
    """Remove the folders of servers that are dead; whatever cannot be removed stays."""
    for folder in (base or Path(tempfile.gettempdir())).glob(f"{PREFIX}*"):
        with suppress(OSError):
            if _is_ours(folder) and _is_dead(folder):
                _remove(folder)


def _is_ours(folder: Path) -> bool:
    found = folder.lstat()
    return stat.S_ISDIR(found.st_mode) and found.st_uid == os.getuid() and not found.st_mode & 0o077


def _is_dead(folder: Path) -> bool:
    try:
        lock = os.open(folder / LOCK, os.O_RDWR | os.O_NOFOLLOW)
    except FileNotFoundError:
        return time.time() - folder.lstat().st_mtime > SETTLED_SECONDS
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    finally:
        os.close(lock)
    return True


def _remove(folder: Path) -> None:
    """Only what we put there: a folder with anything else in it stays."""
    for entry in folder.iterdir():
        if entry.name == LOCK or entry.suffix == ".sock":
            entry.unlink()
    folder.rmdir()
