"""Pulling a gigabyte from a registry on this machine, beside the least that can be done.

The least: `curl` the blob into a file and `sha256sum` it. Ours: `POST /api/pull`, which
fetches parts at once, hashes along the way, syncs, publishes and makes a model. In
alternation, each round on a fresh data folder. Needs tools/registry.py's registry.

    python bench/pull.py [--rounds 3] [--layers 32] [--folder DIR]
"""

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from measuring.random_model import Shape, write_random_model
from measuring.served import served
from measuring.verdict import median, table, verdict

from modelwright.cli.client import Client
from modelwright.cli.transfer import link_file, pass_of
from modelwright.core.address import Address
from modelwright.core.digest import Digest

ROOT = str(Path(__file__).parents[1])
if ROOT not in sys.path:
    sys.path.append(ROOT)

from tools import registry  # noqa: E402 - after the path

BOUND = 1.1


def pushed(folder: Path, path: Path, name: str) -> Digest:
    """Put the file into the registry as a model; its digest."""
    host = name.partition("/")[0]
    with (
        tempfile.TemporaryDirectory(dir=folder) as home,
        served(Path(home), registries=host) as server,
        Client(Address.parse(server.url)) as client,
    ):
        digest = link_file(client, str(path), pass_of(client))
        assert digest is not None
        client.ask("POST", "/api/create", {"model": name, "files": {path.name: str(digest)}, "stream": False})
        client.ask("POST", "/api/push", {"model": name, "insecure": True, "stream": False})
        return digest


def by_curl(folder: Path, host: str, digest: Digest) -> float:
    target = folder / "curled"
    started = time.perf_counter()
    subprocess.run(["curl", "-sfo", target, f"http://{host}/v2/bench/model/blobs/{digest}"], check=True)
    subprocess.run(["sha256sum", target], check=True, stdout=subprocess.DEVNULL)
    took = time.perf_counter() - started
    target.unlink()
    return took


def by_pull(folder: Path, name: str) -> float:
    host = name.partition("/")[0]
    with (
        tempfile.TemporaryDirectory(dir=folder) as home,
        served(Path(home), registries=host) as server,
        Client(Address.parse(server.url)) as client,
    ):
        client.ask("GET", "/api/version")
        started = time.perf_counter()
        client.ask("POST", "/api/pull", {"model": name, "insecure": True, "stream": False})
        return time.perf_counter() - started


def measure(folder: Path, path: Path, rounds: int) -> int:
    with registry.running(folder / "registry") as host:
        name = f"{host}/bench/model"
        digest = pushed(folder, path, name)
        curled, pulled = [], []
        for _ in range(rounds):
            curled.append(by_curl(folder, host, digest))
            pulled.append(by_pull(folder, name))
    rows = [("curl + sha256sum", median(curled)), ("pull", median(pulled))]
    table(f"pulling {path.stat().st_size / 1e9:.2f} GB, median of {rounds} (s)", ("", "median"), rows)
    ratio = median(pulled) / median(curled)
    return verdict("pull", ratio, BOUND, holds=ratio <= BOUND)


def main() -> int:
    options = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    options.add_argument("--rounds", type=int, default=3)
    options.add_argument("--layers", type=int, default=32)
    options.add_argument("--folder", help="where the files are written; by default a temporary folder")
    asked = options.parse_args()
    with tempfile.TemporaryDirectory(dir=asked.folder) as folder:
        path = Path(folder, "random.gguf")
        write_random_model(path, Shape(layers=asked.layers))
        return measure(Path(folder), path, asked.rounds)


if __name__ == "__main__":
    sys.exit(main())
