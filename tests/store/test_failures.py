"""What drivers and the file system complain of is said in errors of ours."""

import errno
import os
import sqlite3
from pathlib import Path

import pytest
from sqlalchemy.exc import CompileError, DataError, OperationalError

from modelwright.core.errors import Corrupt, Invalid, ModelwrightError, NotFound, Unavailable
from modelwright.store.failures import explain_os, explain_sql

PLACE = "the/catalogue.db"


class Complaint(Exception):
    """What a driver raises; SQLite gives a code, PostgreSQL a state."""

    def __init__(self, code: int = 0, state: str = "") -> None:
        super().__init__("first line\nsecond line")
        if code:
            self.sqlite_errorcode = code
        self.sqlstate = state or None


@pytest.mark.parametrize(
    ("cause", "kind", "words"),
    [
        (Complaint(sqlite3.SQLITE_FULL), Unavailable, "the disk that holds the/catalogue.db is full. Free"),
        (Complaint(sqlite3.SQLITE_BUSY), Unavailable, "is locked by another process"),
        (Complaint(sqlite3.SQLITE_BUSY_SNAPSHOT), Unavailable, "is locked by another process"),
        (Complaint(sqlite3.SQLITE_READONLY), Unavailable, "cannot be written"),
        (Complaint(sqlite3.SQLITE_CANTOPEN), Unavailable, "cannot be opened"),
        (Complaint(sqlite3.SQLITE_IOERR_FSYNC), Unavailable, "the/catalogue.db failed: first line"),
        (Complaint(sqlite3.SQLITE_CORRUPT), Corrupt, "is damaged"),
        (Complaint(state="53100"), Unavailable, "the disk that holds the/catalogue.db is full"),
        (Complaint(state="53300"), Unavailable, "has no connection left"),
        (Complaint(state="25006"), Unavailable, "is read-only"),
        (Complaint(state="40P01"), Unavailable, "was busy"),
        (Complaint(state="57P03"), Unavailable, "the/catalogue.db failed: first line"),
        (Complaint(state="XX001"), Corrupt, "is damaged"),
        (Complaint(), Unavailable, "the/catalogue.db failed: first line"),
    ],
)
def test_a_database_error_is_explained(cause: Complaint, kind: type[ModelwrightError], words: str) -> None:
    found = explain_sql(OperationalError("SELECT 1", {}, cause), PLACE)
    assert type(found) is kind
    assert words in str(found)
    assert "SELECT" not in str(found)
    assert "second line" not in str(found)


def test_a_refused_value_is_the_callers_affair() -> None:
    assert isinstance(explain_sql(DataError("SELECT 1", {}, Complaint(state="22P02")), PLACE), Invalid)


def test_an_error_of_no_driver_is_explained_too() -> None:
    assert isinstance(explain_sql(CompileError("no such thing"), PLACE), Unavailable)


@pytest.mark.parametrize(
    ("number", "kind", "words"),
    [
        (errno.ENOSPC, Unavailable, "the disk that holds some/file is full. Free some space"),
        (errno.EDQUOT, Unavailable, "is full"),
        (errno.EIO, Unavailable, "some/file failed: Input/output error. Check the disk"),
        (errno.EACCES, Unavailable, "may not be opened or written"),
        (errno.EROFS, Unavailable, "may not be opened or written"),
        (errno.ENOENT, NotFound, "file 'some/file' not found"),
        (errno.EMFILE, Unavailable, "some/file failed: Too many open files"),
    ],
)
def test_a_file_error_is_explained(number: int, kind: type[ModelwrightError], words: str) -> None:
    found = explain_os(OSError(number, os.strerror(number)), Path("some/file"))
    assert type(found) is kind
    assert words in str(found)
