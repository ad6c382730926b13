"""SQLite as the store uses it: one writer, readers that cannot write, clear errors."""

import os
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import Connection

from modelwright.core.errors import Corrupt, Invalid, ModelwrightError, Unavailable, Unsupported
from modelwright.store.catalogue import Catalogue
from modelwright.store.database import Database
from modelwright.store.migrations import STEPS

pytestmark = pytest.mark.anyio


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "home" / "modelwright.db"


@pytest.fixture
async def database(path: Path) -> AsyncIterator[Database]:
    opened = Database.open(f"sqlite:///{path}")
    await opened.write(STEPS[0][1])
    yield opened
    await opened.close()


async def test_the_writer_is_durable_and_alone(database: Database) -> None:
    wanted = {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "mmap_size": 0, "trusted_schema": 0}
    found = await database.write(
        lambda c: {name: c.exec_driver_sql(f"PRAGMA {name}").scalar() for name in wanted}
    )
    assert found == wanted


async def test_readers_neither_write_nor_checkpoint(database: Database) -> None:
    assert await database.read(lambda c: c.exec_driver_sql("PRAGMA wal_autocheckpoint").scalar()) == 0
    with pytest.raises(Unavailable, match="cannot be written"):
        await database.read(lambda c: c.exec_driver_sql("DELETE FROM models"))


async def test_a_reader_sees_one_state(database: Database, path: Path) -> None:
    def count(connection: Connection) -> int:
        return len(connection.exec_driver_sql("SELECT * FROM specs").all())

    def count_around_a_write(connection: Connection) -> tuple[int, int]:
        before = count(connection)
        with closing(sqlite3.connect(path)) as other, other:
            other.execute("INSERT INTO specs VALUES ('x', 'y')")
        return before, count(connection)

    assert await database.read(count_around_a_write) == (0, 0)
    assert await database.read(count) == 1


async def test_only_the_owner_may_read_the_files(database: Database, path: Path) -> None:
    modes = {file.name: file.stat().st_mode & 0o777 for file in path.parent.iterdir()}
    assert set(modes.values()) == {0o600}
    assert f"{path.name}-wal" in modes


async def test_a_second_process_is_refused_and_told_who_holds_it(path: Path) -> None:
    catalogue = await Catalogue.open(f"sqlite:///{path}")
    attempt = (
        "import asyncio; from modelwright.store.catalogue import Catalogue; "
        f"asyncio.run(Catalogue.open('sqlite:///{path}'))"
    )
    refused = subprocess.run([sys.executable, "-c", attempt], capture_output=True, text=True, timeout=100)
    assert f"{path} is in use by another modelwright (process {os.getpid()})" in refused.stderr
    with pytest.raises(Unavailable, match="is in use"):
        await Catalogue.open(f"sqlite:///{path}")
    await catalogue.close()
    await (await Catalogue.open(f"sqlite:///{path}")).close()


async def test_another_writer_is_waited_for_and_then_named(path: Path) -> None:
    await (await Catalogue.open(f"sqlite:///{path}")).close()
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(Unavailable, match="is locked by another process"):
        await Catalogue.open(f"sqlite:///{path}")
    other.close()


@pytest.mark.parametrize(
    ("content", "error"), [(b"not a database, but long enough to look at" * 50, Corrupt), (b"", None)]
)
async def test_a_file_that_is_no_database_is_left_alone(
    path: Path, content: bytes, error: type[ModelwrightError] | None
) -> None:
    path.parent.mkdir()
    path.write_bytes(content)
    if error is None:
        await (await Catalogue.open(f"sqlite:///{path}")).close()
        return
    with pytest.raises(error, match="is not a SQLite database"):
        await Catalogue.open(f"sqlite:///{path}")
    assert path.read_bytes() == content


async def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ModelwrightError, match=str(tmp_path / "file")):
        await Catalogue.open(f"sqlite:///{tmp_path / 'file' / 'modelwright.db'}")


@pytest.mark.parametrize(
    "url", ["", "nonsense", "mysql://host/db", "sqlite://", "sqlite:///:memory:", "http://x/y"]
)
async def test_an_unknown_url_says_which_are_known(url: str) -> None:
    with pytest.raises((Invalid, Unsupported), match="sqlite:///path/to/file or postgresql://"):
        await Catalogue.open(url)


async def test_a_server_that_is_not_there_is_named_without_its_password(tmp_path: Path) -> None:
    with pytest.raises(Unavailable) as caught:
        await Catalogue.open(f"postgresql://ann:secret@/db?host={tmp_path}")
    assert "ann:***@" in str(caught.value)
    assert "secret" not in str(caught.value)
