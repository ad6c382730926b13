"""Bringing a GGUF of a gigabyte in, beside the least that can be done with it.

By path: the server of the same user reads the file once, links it and makes a
model of it, against `sha256sum` of the file; no second copy where the file
system can link. By upload: hash, ask, send over HTTP, store durably, against
`sha256sum` and `cp`. In alternation, each round on a fresh data folder.

Then a file of F16 is quantized, by us and by llama.cpp's own code where the extra
`[quantize]` is installed, which has no bound: it is told in MB/s of the source.

    python bench/import.py [--rounds 3] [--layers 32] [--folder DIR]
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from measuring.random_model import Shape, write_random_model
from measuring.served import Served, served
from measuring.verdict import median, table, verdict

from modelwright.cli.client import Client
from modelwright.cli.transfer import link_file, pass_of, upload_file
from modelwright.core.address import Address
from modelwright.core.digest import Digest
from modelwright.weights.kquants import is_installed
from modelwright.weights.quantize import quantize

BY_PATH, BY_UPLOAD = 1.15, 1.5
QUANTIZED = ("Q8_0", "Q4_0")


def seconds(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def sha256sum(path: Path) -> None:
    subprocess.run(["sha256sum", path], check=True, stdout=subprocess.DEVNULL)


def hash_and_copy(path: Path, target: Path) -> None:
    sha256sum(path)
    subprocess.run(["cp", "--reflink=never", path, target], check=True)


def by_path(client: Client, path: Path) -> Digest:
    """Import the file and make a model of it; its digest."""
    digest = link_file(client, str(path), pass_of(client))
    if digest is None:
        raise SystemExit("the server did not take the file by its path")
    body = {"model": "imported", "files": {path.name: str(digest)}, "stream": False}
    client.ask("POST", "/api/create", body)
    return digest


def in_a_fresh_folder(folder: Path, work: Callable[[Client, Served], float]) -> float:
    with (
        tempfile.TemporaryDirectory(dir=folder) as home,
        served(Path(home)) as server,
        Client(Address.parse(server.url)) as client,
    ):
        client.ask("GET", "/api/version")
        return work(client, server)


def copies(server: Served, digest: Digest, path: Path) -> int:
    """Bytes of the blob that are not the file's own, as far as links show."""
    blob = server.home / "blobs" / f"sha256-{digest.hex}"
    return 0 if blob.samefile(path) else blob.stat().st_blocks * 512


def measure(folder: Path, path: Path, rounds: int) -> int:
    sums, paths, copied, uploads, second = [], [], [], [], []

    def take(client: Client, server: Served) -> float:
        took = seconds(lambda: by_path(client, path))
        second.append(copies(server, by_path(client, path), path))
        return took

    target = folder / "copy.gguf"
    for _ in range(rounds):
        sums.append(seconds(lambda: sha256sum(path)))
        paths.append(in_a_fresh_folder(folder, take))
        copied.append(seconds(lambda: hash_and_copy(path, target)))
        target.unlink()
        uploads.append(
            in_a_fresh_folder(folder, lambda client, _: seconds(lambda: upload_file(client, str(path))))
        )
    rows = [
        ("sha256sum", median(sums)),
        ("import by path", median(paths)),
        ("sha256sum + cp", median(copied)),
        ("upload over HTTP", median(uploads)),
    ]
    table(f"importing {path.stat().st_size / 1e9:.2f} GB, median of {rounds} (s)", ("", "median"), rows)
    linked, sent = median(paths) / median(sums), median(uploads) / median(copied)
    failed = verdict(
        "import by path", linked, BY_PATH, holds=linked <= BY_PATH, second_copy_bytes=max(second)
    )
    return verdict("import by upload", sent, BY_UPLOAD, holds=sent <= BY_UPLOAD) or failed


def by_llama(source: Path, target: Path, wanted: str) -> None:
    """What the extra does, in a child as ever; its import is measured too."""
    command = [sys.executable, "-m", "modelwright.weights.kquants", source, target, wanted]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def measure_quantizing(folder: Path, layers: int, rounds: int) -> int:
    source, target = folder / "plain.gguf", folder / "quantized.gguf"
    write_random_model(source, Shape(layers=layers), plain=True)
    megabytes, with_llama = source.stat().st_size / 1e6, is_installed()

    def speed(work: Callable[[Path, Path, str], None], wanted: str) -> float:
        took = seconds(lambda: work(source, target, wanted))
        target.unlink()
        return megabytes / took

    rows, failed = [], 0
    for wanted in QUANTIZED:
        ours, theirs = [], []
        for _ in range(rounds):
            ours.append(speed(quantize, wanted))
            if with_llama:
                theirs.append(speed(by_llama, wanted))
        rows.append((wanted, median(ours), median(theirs) if theirs else "-"))
        if theirs:
            failed |= verdict(f"quantize to {wanted}", median(ours) / median(theirs), None, holds=True)
    title = f"quantizing {megabytes / 1e3:.2f} GB of F16, median of {rounds} (MB/s), {os.cpu_count()} cores"
    table(title, ("", "modelwright", "llama_model_quantize"), rows)
    if not with_llama:
        print("llama_model_quantize is not measured: the extra [quantize] is not installed")
    return failed


def main() -> int:
    options = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    options.add_argument("--rounds", type=int, default=3)
    options.add_argument("--layers", type=int, default=32)
    options.add_argument("--plain-layers", type=int, default=4, help="of the file that is quantized")
    options.add_argument("--folder", help="where the files are written; by default a temporary folder")
    asked = options.parse_args()
    with tempfile.TemporaryDirectory(dir=asked.folder) as folder:
        path = Path(folder, "random.gguf")
        write_random_model(path, Shape(layers=asked.layers))
        failed = measure(Path(folder), path, asked.rounds)
        path.unlink()
        return measure_quantizing(Path(folder), asked.plain_layers, asked.rounds) or failed


if __name__ == "__main__":
    sys.exit(main())
