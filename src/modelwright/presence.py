"""Presence: one server on a data folder, and how it is found from there.

The server holds `server.lock` from its start on. When it is ready it writes
`server.json`, which it keeps locked too, so that one left behind by a killed
server is told from a live one without asking.

A temporary server, started by a command for want of another, is shared: each
command that may use it holds `clients.lock` with others, and the server ends
once it can have that lock alone. The kernel lets go of a lock when its holder
dies, so nothing killed leaves a server, or a claim, behind.
"""

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Final

from modelwright.core.errors import Conflict, Unavailable

_LOCK: Final = "server.lock"
_FILE: Final = "server.json"
_CLIENTS: Final = "clients.lock"
_START: Final = "start.lock"


@dataclass(frozen=True, slots=True)
class Presence:
    """A live server: `started` is in ISO 8601, UTC.

    Who can tell the `token` can read the data folder, so it is the same user,
    on a machine that shares the folder.
    """

    url: str
    pid: int
    version: str
    started: str
    token: str = ""


def make_home(home: Path) -> None:
    """Make the data folder, for this user alone; raises Unavailable."""
    with _explained(home):
        home.mkdir(mode=0o700, parents=True, exist_ok=True)


def present(home: Path) -> Presence | None:
    """The server that runs on this data folder, once it is ready to answer."""
    try:
        with (home / _FILE).open() as file:
            if _lock(file, fcntl.LOCK_SH):
                return None
            return Presence(**json.load(file))
    except (OSError, ValueError, TypeError):
        return None


class Seat:
    """The place of the one server on a data folder, until `close`.

    Raises Conflict, naming the process that has it.
    """

    def __init__(self, home: Path) -> None:
        self._path = home / _FILE
        self._draft = home / f".{_FILE}.draft"
        self._json: IO[str] | None = None
        self._seat = _open(home / _LOCK, os.O_RDWR | os.O_CREAT)
        if not _lock(self._seat, fcntl.LOCK_EX):
            holder = self._seat.read(20).strip() or "unknown"
            self._seat.close()
            raise Conflict(
                f"a server runs on {home} already (process {holder})",
                hint="Use that one, stop it, or choose another folder with MODELWRIGHT_HOME",
            )
        self._seat.truncate(0)
        self._seat.write(str(os.getpid()))
        self._seat.flush()

    def announce(self, presence: Presence) -> None:
        """Let clients find this server."""
        self._json = _open(self._draft, os.O_RDWR | os.O_CREAT | os.O_TRUNC)
        _lock(self._json, fcntl.LOCK_EX)
        json.dump(asdict(presence), self._json)
        self._json.flush()
        self._draft.replace(self._path)

    def withdraw(self) -> None:
        """Let no further client find it; the seat is still taken."""
        if self._json is not None:
            self._path.unlink(missing_ok=True)
            self._json.close()
            self._json = None

    def close(self) -> None:
        self.withdraw()
        self._seat.close()


class Clients:
    """One's part of the lock that commands share; `close` lets go of it."""

    def __init__(self, home: Path) -> None:
        self._file = _open(home / _CLIENTS, os.O_RDWR | os.O_CREAT)

    def join(self) -> None:
        """Become a client; waits while a temporary server ends."""
        fcntl.flock(self._file, fcntl.LOCK_SH)

    def shut_out(self) -> bool:
        """Take the lock alone, unless there are clients; they wait until `close`."""
        return _lock(self._file, fcntl.LOCK_EX)

    def close(self) -> None:
        self._file.close()


@contextmanager
def turn_to_start(home: Path) -> Iterator[None]:
    """Let one command at a time look for a server and start one; waits."""
    with _open(home / _START, os.O_RDWR | os.O_CREAT) as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _open(path: Path, flags: int) -> IO[str]:
    with _explained(path.parent):
        return os.fdopen(os.open(path, flags, 0o600), "r+")


@contextmanager
def _explained(home: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise Unavailable(
            f"the data folder {home} cannot be used: {error.strerror}",
            hint="Choose another with MODELWRIGHT_HOME",
        ) from error


def _lock(file: IO[str], kind: int) -> bool:
    """Lock a file unless another process has it locked."""
    try:
        fcntl.flock(file, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
