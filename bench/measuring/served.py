"""A real server in a folder of its own, for benchmarks to speak to.

Started with the installed command, stopped with SIGTERM; nothing is patched.
"""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx2

READY_WITHIN = 60.0
"""Seconds that a busy machine may take to have the server ready."""


@dataclass(frozen=True)
class Served:
    """A running server: where it listens, its process and its folder."""

    url: str
    pid: int
    home: Path

    def client(self) -> httpx2.Client:
        return httpx2.Client(base_url=self.url, timeout=600, trust_env=False)


@contextmanager
def served(home: Path, **settings: object) -> Iterator[Served]:
    """Run `modelwright serve` on a free port with these settings."""
    own = {f"MODELWRIGHT_{name.upper()}": str(value) for name, value in settings.items()}
    environ = os.environ | {"MODELWRIGHT_HOME": str(home)} | own
    command = [sys.executable, "-m", "modelwright", "serve", "--port", "0"]
    with (home / "bench-server.log").open("wb") as log:
        process = subprocess.Popen(command, env=environ, stdout=log, stderr=log)
    try:
        yield Served(_address(home, process), process.pid, home)
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(60)


def _address(home: Path, process: subprocess.Popen[bytes]) -> str:
    """Wait for the file that says where the server listens."""
    file = home / "server.json"
    deadline = time.monotonic() + READY_WITHIN
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise SystemExit((home / "bench-server.log").read_text("utf-8"))
        if file.exists():
            return str(json.loads(file.read_text("utf-8"))["url"])
        time.sleep(0.05)
    raise SystemExit(f"the server was not ready within {READY_WITHIN:g} s")


def children(pid: int) -> list[int]:
    """Process ids of the direct children (Linux)."""
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def cpu_seconds(pid: int) -> float:
    """Processor time that a process has used, its children apart (Linux)."""
    user, system = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[11:13]
    return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")


def resident_bytes(pid: int) -> int:
    """Memory of a process that is its own: anonymous pages (Linux)."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("RssAnon:"):
            return int(line.split()[1]) * 1024
    raise SystemExit(f"no memory figure for process {pid}")


def engine_sockets(pid: int) -> list[str]:
    """Paths of the Unix sockets that children of the server listen on (Linux)."""
    held = {
        link.readlink().name.removeprefix("socket:[").rstrip("]")
        for child in children(pid)
        for link in Path(f"/proc/{child}/fd").iterdir()
        if str(link.readlink()).startswith("socket:[")
    }
    lines = [line.split() for line in Path("/proc/net/unix").read_text().splitlines()[1:]]
    return [line[7] for line in lines if len(line) == 8 and line[6] in held and line[5] == "01"]


def engine_socket(pid: int) -> str:
    """The first of them."""
    found = engine_sockets(pid)
    if not found:
        raise SystemExit("the server has no engine that listens on a Unix socket")
    return found[0]
