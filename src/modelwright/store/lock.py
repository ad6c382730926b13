"""WriterLock: one process at a time writes a store.

The kernel drops the lock when its holder dies, so none is ever left behind.
"""

import fcntl
import os
from pathlib import Path

from modelwright.core.errors import Unavailable


class WriterLock:
    """Held from construction to `release`; `path` is the lock's own file."""

    def __init__(self, path: Path, *, guards: Path) -> None:
        self._file = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            os.ftruncate(self._file, 0)
            os.pwrite(self._file, str(os.getpid()).encode(), 0)
        except BlockingIOError as error:
            holder = os.pread(self._file, 20, 0).decode(errors="replace") or "unknown"
            os.close(self._file)
            raise Unavailable(
                f"{guards} is in use by another modelwright (process {holder})",
                hint="Stop it, talk to it over HTTP, or set MODELWRIGHT_HOME to another folder",
            ) from error
        except OSError:
            os.close(self._file)
            raise

    def release(self) -> None:
        os.close(self._file)
