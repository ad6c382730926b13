"""Killed or failed at any system call, the store holds the state before or the one after.

strace counts calls per thread, so a point is (call, n): the first thread that
makes its n-th such call. Each thread of the store has its own calls (SQLite's
writer pwrite64 and fdatasync, the blobs' write, fsync and rename), so no point
hides another. (--seccomp-bpf would be faster, but strace 6.1 miscounts with it.)
This shows safety from crashes of the process; for power cuts see the order of
the calls below.
"""

import asyncio
import hashlib
import json
import os
import random
import re
import runpy
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from modelwright.store.blobs import BlobStore
from modelwright.store.catalogue import Catalogue

PROVE = bool(os.environ.get("PROVE"))
SCRIPT = Path(__file__).with_name("changing.py")
CHANGING = runpy.run_path(str(SCRIPT))
DURABLE = "write,pwrite64,fsync,fdatasync,rename,link,unlink,ftruncate,mkdir"
STRACE = shutil.which("strace") or ""
States = list[list[Any]]


def strace(home: Path, log: Path, *options: str) -> subprocess.CompletedProcess[str]:
    command = [STRACE, "-f", "-o", log, *options, sys.executable, SCRIPT, home]
    return subprocess.run(command, capture_output=True, text=True, timeout=60)


def states_in(output: str) -> States:
    """The states that were reported; a line that was not finished was not."""
    return [json.loads(line) for line in output.splitlines(keepends=True) if line.endswith("\n")]


async def recover(home: Path) -> list[Any]:
    """Open what a dead process left, look at all of it, and use it."""
    catalogue = await Catalogue.open(f"sqlite:///{home / 'modelwright.db'}")
    try:
        blobs = BlobStore(home)
        blobs.clear_leftovers()
        state: list[Any] = json.loads(json.dumps(await CHANGING["look"](catalogue, blobs)))
        await catalogue.commit(CHANGING["new"]("after", CHANGING["ModelSpec"](system="goes on")))
    finally:
        await catalogue.close()
    assert list((home / "tmp").iterdir()) == []
    for path in (home / "blobs").iterdir():
        assert path.name == f"sha256-{hashlib.sha256(path.read_bytes()).hexdigest()}"
    return state


def check_recovery(home: Path, reported: States, whole: States) -> None:
    """What was reported stays, and at most the step that was under way is there too."""
    at = max(len(reported) - 1, 0)
    assert reported == whole[: len(reported)]
    assert asyncio.run(recover(home)) in whole[at : at + 2]


@pytest.fixture(scope="module")
def trace(tmp_path_factory: pytest.TempPathFactory) -> tuple[list[tuple[str, str]], States]:
    """A run that nobody disturbs: its calls as (thread, text), and its states."""
    folder = tmp_path_factory.mktemp("whole")
    if not STRACE or subprocess.run([STRACE, "-o", os.devnull, "true"], capture_output=True).returncode:
        pytest.skip("strace cannot be used here, so the store was NOT killed at its system calls")
    done = strace(folder / "home", folder / "log", "-y", "-e", f"trace={DURABLE}")
    assert done.returncode == 0, done.stderr
    lines = (line.split(maxsplit=1) for line in (folder / "log").read_text().splitlines())
    return [(line[0], line[1]) for line in lines], states_in(done.stdout)


def points(calls: list[tuple[str, str]]) -> list[tuple[str, int]]:
    made = Counter((thread, text.partition("(")[0]) for thread, text in calls if "(" in text)
    most: dict[str, int] = {}
    for (_, call), count in made.items():
        if call in DURABLE.split(","):
            most[call] = max(most.get(call, 0), count)
    return [(call, number) for call, count in sorted(most.items()) for number in range(1, count + 1)]


def some(calls: list[tuple[str, str]], count: int) -> list[tuple[str, int]]:
    """All points when proving, else the blob's and a sample of the others."""
    found = points(calls)
    always = [point for point in (("fsync", 1), ("rename", 1), ("fsync", 2)) if point in found]
    return found if PROVE else always + random.Random(4).sample(found, count)


@pytest.mark.limit(1800)
def test_killed_at_any_call_it_is_before_or_after(trace: Any, tmp_path: Path) -> None:
    calls, whole = trace
    assert len(points(calls)) > 100
    for call, number in some(calls, 5):
        home = tmp_path / f"{call}-{number}"
        inject = f"inject={call}:signal=KILL:when={number}"
        done = strace(home, tmp_path / "log", "-e", f"trace={call}", "-e", inject)
        assert done.returncode in (-9, 137), f"it was not killed at {call} {number}: {done.stderr}"
        check_recovery(home, states_in(done.stdout), whole)


@pytest.mark.limit(1800)
@pytest.mark.parametrize("error", ["EIO", "ENOSPC"])
def test_failed_at_any_call_it_says_so_and_is_before_or_after(trace: Any, tmp_path: Path, error: str) -> None:
    calls, whole = trace
    few = {"EIO": [("fsync", 2), ("pwrite64", 110)], "ENOSPC": [("rename", 1), ("fdatasync", 9)]}
    chosen = points(calls) if PROVE else few[error]
    for call, number in chosen:
        home = tmp_path / f"{call}-{number}"
        inject = f"inject={call}:error={error}:when={number}"
        done = strace(home, tmp_path / "log", "-e", f"trace={call}", "-e", inject)
        reported = states_in(done.stdout)
        if done.returncode == 0:
            assert reported == whole
        else:
            assert re.match(r"(unavailable|corrupt): .*(modelwright\.db|blobs|tmp)", done.stderr), done.stderr
            assert "Traceback" not in done.stderr
        check_recovery(home, reported, whole)


def test_a_blob_that_could_not_be_synced_is_not_published(trace: Any, tmp_path: Path) -> None:
    home = tmp_path / "home"
    done = strace(home, tmp_path / "log", "-e", "trace=fsync", "-e", "inject=fsync:error=EIO:when=1")
    assert done.stderr.startswith(f"unavailable: {home / 'tmp'}"), done.stderr
    assert "Input/output error" in done.stderr
    assert list((home / "blobs").iterdir()) == list((home / "tmp").iterdir()) == []


def test_a_full_disk_is_called_full(trace: Any, tmp_path: Path) -> None:
    for call, number in (("write", 1), ("pwrite64", 110)):
        home = tmp_path / call
        inject = f"inject={call}:error=ENOSPC:when={number}"
        done = strace(home, tmp_path / "log", "-e", f"trace={call}", "-e", inject)
        assert re.match(r"unavailable: the disk that holds .* is full\. Free some space", done.stderr), (
            done.stderr
        )


def test_bytes_are_durable_before_anything_names_them(trace: Any) -> None:
    """The order that a power cut would ask for: file, name, folder, reference."""
    calls, _ = trace
    text = "\n".join(call for _, call in calls)
    order = [r"write\(\d+<\S*/tmp/", r"fsync\(\d+<\S*/tmp/", r'rename\("\S*/tmp/', r"fsync\(\d+<\S*/blobs>"]
    order += [r"pwrite64\(\d+<\S*modelwright\.db-wal>", r"fdatasync\(\d+<\S*modelwright\.db-wal>"]
    start = 0
    for pattern in order:
        found = re.compile(pattern).search(text, start)
        assert found, f"no {pattern} after what must come before it"
        start = found.end()
