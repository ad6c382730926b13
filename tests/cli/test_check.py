"""`modelwright check`: clean beside a server and after its death; every damaged byte is found."""

import os
import random
import shutil
import signal
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from modelwright.core.digest import Digest
from tests.cli.conftest import InProcess

MODELFILE = "FROM starter\nSYSTEM You are Mario.\n"


@pytest.fixture(scope="module")
def kept(tmp_path_factory) -> Path:
    """The data folder of a server that had the starter and a model over it."""
    cli = InProcess(tmp_path_factory.mktemp("kept") / "home")
    process = cli.start("serve", "--port", "0")
    cli.record()
    cli.ok("create", "mario", "-f", "-", stdin=MODELFILE)
    process.terminate()
    process.communicate(timeout=50)
    return cli.home


@pytest.fixture
def left(kept: Path, tmp_path: Path) -> InProcess:
    """Commands on a copy of it."""
    return InProcess(Path(shutil.copytree(kept, tmp_path / "home")))


def the_blob(home: Path) -> Path:
    return max((home / "blobs").iterdir(), key=lambda path: path.stat().st_size)


def test_where_there_is_no_store_it_says_so_and_makes_none(cli) -> None:
    assert "there is no store" in cli.ok("check")
    assert not cli.home.exists()


def test_it_is_clean_beside_a_server_that_works(cli, serve) -> None:
    server = serve(cli, "--port", "0")
    cli.ok("create", "mario", "-f", "-", stdin=MODELFILE)
    found = cli.json("check")
    assert (found["clean"], found["models"], found["faults"]) == (True, 2, [])
    cli.ok("create", "luigi", "-f", "-", stdin=MODELFILE)
    assert cli.json("check")["models"] == 3
    assert server.stop() == 0


def test_it_is_clean_after_a_server_was_killed(cli, serve) -> None:
    server = serve(cli, "--port", "0")
    cli.ok("create", "mario", "-f", "-", stdin=MODELFILE)
    assert server.stop(signal.SIGKILL) == -signal.SIGKILL
    assert "clean" in cli.ok("check")


def flipped(path: Path) -> None:
    content = bytearray(path.read_bytes())
    bit = random.Random(len(content)).randrange(8 * len(content))
    content[bit // 8] ^= 1 << bit % 8
    path.write_bytes(content)


def zeroed(path: Path) -> None:
    path.write_bytes(bytes(path.stat().st_size))


def linked(path: Path) -> None:
    path.rename(path.with_name("elsewhere"))
    path.symlink_to("elsewhere")


DAMAGE: dict[str, tuple[Callable[[Path], object], str]] = {
    "a flipped bit": (flipped, "its bytes are damaged"),
    "zeros": (zeroed, "its bytes are damaged"),
    "a cut end": (lambda path: os.truncate(path, path.stat().st_size - 1), "bytes instead of"),
    "a missing file": (Path.unlink, "its file is missing"),
    "a symbolic link": (linked, "is a symbolic link"),
}


@pytest.mark.parametrize("what", DAMAGE)
def test_damage_to_weights_is_found_and_says_whose_they_are(left: InProcess, what: str) -> None:
    damage, said = DAMAGE[what]
    path = the_blob(left.home)
    damage(path)
    done = left("check")
    assert done.returncode == 1, done.stdout
    assert said in done.stdout
    assert str(Digest.parse(path.name)) in done.stdout
    assert "starter" in done.stdout
    found = left("check", "--json")
    assert found.returncode == 1
    assert '"clean": false' in found.stdout


def test_sizes_alone_are_compared_without_reading(left: InProcess) -> None:
    zeroed(the_blob(left.home))
    assert "their sizes compared" in left.ok("check", "--sizes")
    os.truncate(the_blob(left.home), 5)
    assert "5 bytes instead of" in left("check", "--sizes").stdout


def test_a_file_that_belongs_to_nothing_is_counted_and_is_no_fault(left: InProcess) -> None:
    content = b"nobody's"
    (left.home / "blobs" / f"sha256-{Digest.of(content).hex}").write_bytes(content)
    assert left.json("check")["strays"] == 1


def test_good_bytes_take_the_place_of_bad_ones(left: InProcess, serve) -> None:
    path = the_blob(left.home)
    good = path.read_bytes()
    flipped(path)
    assert left("check").returncode == 1
    (left.home.parent / "again.gguf").write_bytes(good)
    server = serve(left, "--port", "0")
    left.ok("create", "again", "-f", "-", stdin=f"FROM {left.home.parent / 'again.gguf'}\n")
    assert server.stop() == 0
    assert "clean" in left.ok("check")


def test_a_catalogue_of_another_version_is_not_judged(left: InProcess) -> None:
    with sqlite3.connect(left.home / "catalogue.db") as database:
        database.execute("INSERT INTO migrations VALUES ('9999_later', 0)")
    done = left("check")
    assert done.returncode == 1
    assert "another version" in done.stderr


def test_a_deleted_model_gives_its_room_back_when_it_is_asked_for(left: InProcess, serve) -> None:
    server = serve(left, "--port", "0")
    path = left.home.parent / "other.gguf"
    shutil.copy(the_blob(left.home), path)
    left.ok("create", "other", "-f", "-", stdin=f"FROM {path}\nTEMPLATE x\n")
    left.ok("rm", "other")
    found = left.json("gc", "--dry-run")
    assert (found["blobs"], found["dry_run"]) == (0, True), "it has the starter's own weights"
    assert "removed 0 files" in left.ok("gc")
    refused = left("gc", "--grace", "1s")
    assert refused.returncode == 1
    assert "a minute at least" in refused.stderr
    assert server.stop() == 0
    assert "clean" in left.ok("check")
