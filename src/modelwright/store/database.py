"""Database: connections, threads and transactions; SQLite or PostgreSQL.

SQLite 3.7.0 to 3.51.2 can corrupt a database when two connections write or
checkpoint it at once, and many distributions ship one of these. So one
connection, on one thread, in one process (WriterLock) writes and checkpoints.
Reads have a few read-only connections of their own, which can do neither:
listing 100 000 models must not make a create wait. PostgreSQL has one pool.

It knows nothing of the tables.
"""

import asyncio
import os
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self, TypeVar

import anyio.to_thread
from sqlalchemy import URL, Connection, Engine, QueuePool, create_engine, event, make_url
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import ArgumentError, SQLAlchemyError

from modelwright.core.errors import Invalid, NotFound, Unavailable, Unsupported
from modelwright.store.failures import explain_os, explain_sql
from modelwright.store.lock import WriterLock

T = TypeVar("T")

READERS: Final = 4
"""Reading connections to SQLite."""
SESSIONS: Final = 8
"""Connections to PostgreSQL."""
_BUSY_MS: Final = 2_000

_EVERYWHERE: Final = (
    f"PRAGMA busy_timeout = {_BUSY_MS}",
    "PRAGMA foreign_keys = ON",
    "PRAGMA trusted_schema = OFF",
    "PRAGMA mmap_size = 0",
)
_WRITER: Final = (
    *_EVERYWHERE,
    "PRAGMA journal_mode = WAL",
    "PRAGMA synchronous = FULL",
    "PRAGMA journal_size_limit = 16777216",
)
_READER: Final = (*_EVERYWHERE, "PRAGMA query_only = ON", "PRAGMA wal_autocheckpoint = 0")


@dataclass(frozen=True, slots=True)
class _Side:
    """Connections, and the threads that use them."""

    engine: Engine
    threads: ThreadPoolExecutor


class Database:
    """Runs a function in one transaction on a thread; made by `open`."""

    def __init__(self, place: str, reading: _Side, writing: _Side, lock: WriterLock | None = None) -> None:
        self._place = place
        self._reading = reading
        self._writing = writing
        self._lock = lock
        self._closed = False

    @classmethod
    def open(cls, url: str, *, beside: bool = False) -> Self:
        """Prepare `sqlite:///file` or `postgresql://…`; blocks, but does not connect yet.

        `beside`: only to read, whoever writes it meanwhile. Raises Invalid for another
        URL, Unavailable when a process has it, NotFound when it is only to be read and
        is not there, Unsupported when the PostgreSQL driver is not installed.
        """
        try:
            parsed = make_url(url)
        except ArgumentError as error:
            raise Invalid(f"invalid database URL {url!r}", hint=_HINT) from error
        kind = parsed.get_backend_name()
        if kind == "sqlite" and parsed.database not in (None, "", ":memory:"):
            path = Path(parsed.database or "").absolute()
            return cls._read_sqlite(path) if beside else cls._open_sqlite(path)
        if kind in ("postgresql", "postgres"):
            return cls._open_postgresql(parsed.set(drivername="postgresql+psycopg"))
        raise Invalid(f"unknown database {parsed.render_as_string()!r}", hint=_HINT)

    @classmethod
    def _open_sqlite(cls, path: Path) -> Self:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            lock = WriterLock(path.with_name(path.name + ".lock"), guards=path)
            # It holds prompts. SQLite gives its other files the mode of this one.
            os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
        except OSError as error:
            raise explain_os(error, path) from error
        writing = _Side(
            _sqlite_engine(path, 1, _WRITER, "BEGIN IMMEDIATE"), ThreadPoolExecutor(1, "store-write")
        )
        reading = _Side(
            _sqlite_engine(path, READERS, _READER, "BEGIN"), ThreadPoolExecutor(READERS, "store-read")
        )
        return cls(str(path), reading, writing, lock)

    @classmethod
    def _read_sqlite(cls, path: Path) -> Self:
        if not path.is_file():
            raise NotFound("catalogue", str(path), hint="The first start of a server makes it")
        side = _Side(_sqlite_engine(path, 1, _READER, "BEGIN"), ThreadPoolExecutor(1, "store-read"))
        return cls(str(path), side, side)

    @classmethod
    def _open_postgresql(cls, url: URL) -> Self:
        try:
            engine = create_engine(url, pool_size=SESSIONS, max_overflow=0, pool_pre_ping=True)
        except ModuleNotFoundError as error:
            raise Unsupported(
                "PostgreSQL needs its driver", hint="Install modelwright[postgres], or use sqlite:///file"
            ) from error
        side = _Side(engine, ThreadPoolExecutor(SESSIONS, "store"))
        return cls(url.render_as_string(), side, side)

    @property
    def kind(self) -> str:
        """SQLAlchemy's name of it: "sqlite" or "postgresql"."""
        return self._writing.engine.dialect.name

    async def read(self, work: Callable[[Connection], T]) -> T:
        """Run `work` in one transaction that sees one state."""
        return await self._run(self._reading, work)

    async def write(self, work: Callable[[Connection], T]) -> T:
        """Run `work` in one transaction; it is durable when this returns."""
        return await self._run(self._writing, work)

    async def close(self) -> None:
        if not self._closed:
            self._closed = True
            await anyio.to_thread.run_sync(self._close)

    def _close(self) -> None:
        self._reading.threads.shutdown()
        self._reading.engine.dispose()
        if self._lock:
            # On its own thread, because closing SQLite's writer checkpoints.
            self._writing.threads.submit(self._writing.engine.dispose)
            self._writing.threads.shutdown()
            self._lock.release()

    async def _run(self, side: _Side, work: Callable[[Connection], T]) -> T:
        if self._closed:
            raise Unavailable(f"{self._place} is closed")
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(side.threads, self._transact, side.engine, work)

    def _transact(self, engine: Engine, work: Callable[[Connection], T]) -> T:
        try:
            with engine.begin() as connection:
                return work(connection)
        except SQLAlchemyError as error:
            raise explain_sql(error, self._place) from error
        except (OverflowError, UnicodeError) as error:
            raise Invalid(f"{self._place} cannot hold a value: {error}") from error


_HINT: Final = "It is sqlite:///path/to/file or postgresql://user@host/database"


def _sqlite_engine(path: Path, connections: int, pragmas: tuple[str, ...], begin: str) -> Engine:
    mode = "rw" if pragmas is _WRITER else "ro"

    def connect() -> sqlite3.Connection:
        # isolation_level=None: transactions begin where we say, DDL included.
        return sqlite3.connect(
            f"{path.as_uri()}?mode={mode}", uri=True, isolation_level=None, check_same_thread=False
        )

    engine = create_engine(
        "sqlite://", creator=connect, poolclass=QueuePool, pool_size=connections, max_overflow=0
    )

    @event.listens_for(engine, "connect")
    def _prepare(connection: DBAPIConnection, _: object) -> None:
        cursor = connection.cursor()
        for pragma in pragmas:
            cursor.execute(pragma)
        cursor.close()

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        connection.exec_driver_sql(begin)

    return engine
