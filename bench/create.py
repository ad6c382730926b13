"""A durable prompt-only create beside the least that durability costs.

Ours: `POST /api/create` with a new system prompt, answered after the commit.
Bare: one SQLite insert with synchronous=FULL and one small file, written,
fsynced, renamed, its folder fsynced; as many bytes as ours: a spec in the row,
a system layer and a manifest in the file. In alternation.

    python bench/create.py [--rounds 200]
"""

import argparse
import http.client
import json
import os
import sqlite3
import sys
import tempfile
import time
from pathlib import Path
from urllib.parse import urlsplit

from measuring.served import served
from measuring.verdict import median, table, verdict

BOUND = 3.0
SPEC_BYTES = 150
"""What a spec's canonical bytes have beside its system prompt."""
MANIFEST_BYTES = 900


def system_of(turn: int) -> str:
    return f"You are helper number {turn}. " + "Answer in one short sentence and stay friendly. " * 8


class Bare:
    """The least that keeps a name and a text over a power cut."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._database = sqlite3.connect(folder / "bare.db", isolation_level=None)
        self._database.execute("PRAGMA journal_mode=WAL")
        self._database.execute("PRAGMA synchronous=FULL")
        self._database.execute("CREATE TABLE models (name TEXT PRIMARY KEY, system TEXT)")

    def create(self, turn: int) -> float:
        """Seconds for one create."""
        started = time.perf_counter()
        self._write(turn, system_of(turn).encode("utf-8") + b"m" * MANIFEST_BYTES)
        self._database.execute("BEGIN IMMEDIATE")
        self._database.execute(
            "INSERT INTO models VALUES (?, ?)", (f"m{turn}", system_of(turn) + "s" * SPEC_BYTES)
        )
        self._database.execute("COMMIT")
        return time.perf_counter() - started

    def _write(self, turn: int, content: bytes) -> None:
        temporary = self._folder / f"{turn}.tmp"
        with temporary.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.rename(self._folder / f"{turn}.txt")
        folder = os.open(self._folder, os.O_RDONLY)
        os.fsync(folder)
        os.close(folder)


def ours(connection: http.client.HTTPConnection, turn: int) -> float:
    """Seconds for one create; the client is the plainest, for the server is measured."""
    body = {"model": f"m{turn}", "from": "starter", "system": system_of(turn), "stream": False}
    started = time.perf_counter()
    connection.request("POST", "/api/create", json.dumps(body))
    answer = connection.getresponse()
    content = answer.read()
    took = time.perf_counter() - started
    if json.loads(content) != {"status": "success"}:
        raise SystemExit(f"a create failed: {answer.status} {content!r}")
    return took


def main() -> int:
    options = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    options.add_argument("--rounds", type=int, default=200)
    rounds = options.parse_args().rounds
    with tempfile.TemporaryDirectory() as folder:
        bare_home, home = Path(folder, "bare"), Path(folder, "home")
        bare_home.mkdir()
        home.mkdir()
        bare = Bare(bare_home)
        with served(home) as server:
            connection = http.client.HTTPConnection(urlsplit(server.url).netloc)
            pairs = [(bare.create(turn), ours(connection, turn)) for turn in range(rounds)]
            connection.close()
    least, took = median(pair[0] for pair in pairs), median(pair[1] for pair in pairs)
    rows = [("bare insert and file", least * 1e3), ("create over HTTP", took * 1e3)]
    table(f"durable creates, median of {rounds} (ms)", ("", "median"), rows)
    return verdict("create", took / least, BOUND, holds=took / least <= BOUND)


if __name__ == "__main__":
    sys.exit(main())
