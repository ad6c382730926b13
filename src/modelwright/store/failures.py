"""What went wrong below, said in our own errors.

Every exception of a driver or the file system that leaves the store passes
here. It does not know what was being done, only where.
"""

import errno
import sqlite3
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from sqlalchemy.exc import DataError, DBAPIError, SQLAlchemyError

from modelwright.core.errors import Corrupt, Invalid, ModelwrightError, NotFound, Unavailable

_FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_FORBIDDEN: Final = frozenset({errno.EACCES, errno.EPERM, errno.EROFS})

Explanation = tuple[type[ModelwrightError], str, str]
"""A kind of error that takes a message and a hint; both may name the `{place}`."""

_SQLITE: Final[Mapping[int, Explanation]] = {
    sqlite3.SQLITE_FULL: (
        Unavailable,
        "the disk that holds {place} is full",
        "Free some space and try again",
    ),
    sqlite3.SQLITE_BUSY: (Unavailable, "{place} is locked by another process", "Stop it and try again"),
    sqlite3.SQLITE_LOCKED: (Unavailable, "{place} is locked by another process", "Stop it and try again"),
    sqlite3.SQLITE_READONLY: (Unavailable, "{place} cannot be written", "Check its permissions"),
    sqlite3.SQLITE_PERM: (Unavailable, "{place} cannot be written", "Check its permissions"),
    sqlite3.SQLITE_CANTOPEN: (
        Unavailable,
        "{place} cannot be opened",
        "Check that its folder may be written",
    ),
    sqlite3.SQLITE_CORRUPT: (Corrupt, "{place} is damaged", "Restore it from a backup"),
    sqlite3.SQLITE_NOTADB: (Corrupt, "{place} is not a SQLite database", "Name another file"),
}

_POSTGRESQL: Final[Mapping[str, Explanation]] = {
    "53100": (Unavailable, "the disk that holds {place} is full", "Free some space and try again"),
    "53300": (Unavailable, "{place} has no connection left", "Raise its max_connections, or try again"),
    "25006": (Unavailable, "{place} is read-only", "Name a primary server"),
    "40001": (Unavailable, "{place} was busy with the same models", "Try again"),
    "40P01": (Unavailable, "{place} was busy with the same models", "Try again"),
    "XX001": (Corrupt, "{place} is damaged", "Restore it from a backup"),
    "XX002": (Corrupt, "{place} is damaged", "Restore it from a backup"),
}


def explain_sql(error: SQLAlchemyError, place: str) -> ModelwrightError:
    """Say in our words why the database at `place` failed."""
    cause = error.orig if isinstance(error, DBAPIError) else None
    code = getattr(cause, "sqlite_errorcode", None)
    found = _SQLITE.get(code & 0xFF) if isinstance(code, int) else None
    found = found or _POSTGRESQL.get(getattr(cause, "sqlstate", None) or "")
    if found:
        kind, message, hint = found
        return kind(message.format(place=place), hint=hint)
    if isinstance(error, DataError):
        return Invalid(f"{place} refused a value: {_first_line(cause)}")
    return Unavailable(f"{place} failed: {_first_line(cause or error)}")


def explain_os(error: OSError, place: Path) -> ModelwrightError:
    """Say in our words why the file system failed at `place`."""
    if error.errno in _FULL:
        return Unavailable(f"the disk that holds {place} is full", hint="Free some space and try again")
    if error.errno == errno.ENOENT:
        return NotFound("file", str(place))
    if error.errno in _FORBIDDEN:
        return Unavailable(f"{place} may not be opened or written", hint="Check its permissions")
    return Unavailable(f"{place} failed: {error.strerror or error}", hint="Check the disk")


def _first_line(error: BaseException | None) -> str:
    return str(error).strip().partition("\n")[0]
