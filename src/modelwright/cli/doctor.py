"""`doctor`: whether modelwright can work on this machine, and what is in its way."""

import ctypes
import importlib.metadata
import json
import os
import platform
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from modelwright import __version__
from modelwright.cli.console import JsonOption, print_json, print_table
from modelwright.cli.figures import size
from modelwright.cli.server import find
from modelwright.core.digest import Digest
from modelwright.settings import Settings, read_settings
from modelwright.starter import WEIGHTS, published_digest

_ROOM_NEEDED: Final = 100_000_000
_GPU_FILES: Final = (("nvidiactl", "NVIDIA"), ("kfd", "AMD"))
"""Files under /dev that drivers of GPUs make."""
_ASK_DEVICES: Final = """
import json, xllamacpp as x
cpu = x.ggml_backend_dev_type.GGML_BACKEND_DEVICE_TYPE_CPU
print(json.dumps([
    {"name": d["name"], "description": d["description"], "free": d["memory_free"], "total": d["memory_total"]}
    for d in x.get_device_info() if d["type"] != cpu
]))
"""
_CAREFUL_SQLITE: Final = ((3, 7, 0), (3, 51, 2))
"""Versions in which two checkpointers can corrupt a WAL (sqlite.org, 3.51.3 release notes)."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked at; `state` is "ok", "note" (works all the same) or "bad"."""

    name: str
    state: str
    found: str
    remedy: str = ""


def doctor(as_json: JsonOption = False) -> None:
    """Look at everything modelwright needs; fail when something is in its way."""
    findings = list(examine(read_settings({}, os.environ)))
    if as_json:
        print_json([asdict(finding) for finding in findings])
    else:
        print_table(
            ("CHECK", "STATE", "FOUND"),
            [(f.name, f.state, f"{f.found}. {f.remedy}" if f.remedy else f.found) for f in findings],
        )
    if any(finding.state == "bad" for finding in findings):
        sys.exit(1)


def examine(settings: Settings) -> Iterator[Finding]:
    """Look at one thing after the other."""
    yield Finding("modelwright", "ok", __version__)
    yield _python()
    yield from _processor()
    yield from _libraries()
    yield from _engine()
    yield _sqlite()
    yield from _home(settings.home)
    yield _starter()
    yield from (Finding("settings", "note", warning) for warning in settings.warnings)
    server = find(settings)
    yield Finding("server", "ok", server.url) if server else Finding("server", "note", "none is running")


def _python() -> Finding:
    # Below 3.11 this file could not even be read, so there is nothing to find bad.
    return Finding("python", "ok", f"{platform.python_version()} at {sys.executable}")


def _processor() -> Iterator[Finding]:
    machine, listing = platform.machine(), Path("/proc/cpuinfo")
    if machine not in ("x86_64", "AMD64") or not listing.exists():
        yield Finding("processor", "ok", machine)
        return
    flags = next((line for line in listing.read_text().splitlines() if line.startswith("flags")), "")
    if flags and "avx2" not in flags.split():
        yield Finding("processor", "bad", f"{machine} without AVX2", "The engine's build needs AVX2")
    else:
        yield Finding("processor", "ok", f"{machine} with AVX2, {os.cpu_count()} cores")


def _libraries() -> Iterator[Finding]:
    if sys.platform != "linux":
        return
    try:
        ctypes.CDLL("libgomp.so.1")
    except OSError:
        yield Finding("libgomp", "bad", "libgomp.so.1 is missing", "On Debian: apt-get install libgomp1")
    else:
        yield Finding("libgomp", "ok", "libgomp.so.1 is there")


def _engine() -> Iterator[Finding]:
    """Load the engine's library as a worker would: in a process of its own."""
    try:
        version = importlib.metadata.version("xllamacpp")
    except importlib.metadata.PackageNotFoundError:
        yield Finding("engine", "bad", "xllamacpp is not installed", "Install modelwright anew")
        return
    done = subprocess.run([sys.executable, "-c", _ASK_DEVICES], capture_output=True, text=True)
    if done.returncode:
        reason = (done.stderr.strip().splitlines() or [f"it ended with {done.returncode}"])[-1]
        yield Finding("engine", "bad", f"xllamacpp {version} does not load: {reason}")
        return
    yield Finding("engine", "ok", f"xllamacpp {version}")
    yield from gpu_findings(json.loads(done.stdout.splitlines()[-1]), Path("/dev"))


def gpu_findings(devices: Sequence[Mapping[str, Any]], files: Path) -> Iterator[Finding]:
    """The GPUs that the engine library can use, or that it could with another build."""
    for device in devices:
        room = f"{size(device['free'])} of {size(device['total'])} free"
        yield Finding("gpu", "ok", f"{device['name']}, {device['description']}, {room}")
    if devices:
        return
    maker = next((maker for file, maker in _GPU_FILES if (files / file).exists()), "")
    if maker:
        found = f"one of {maker} is there, and this build of the engine is for processors only"
        yield Finding("gpu", "note", found, "docs/gpu.md says how to install another")
    else:
        yield Finding("gpu", "ok", "none: the processor computes")


def _sqlite() -> Finding:
    low, high = _CAREFUL_SQLITE
    if low <= sqlite3.sqlite_version_info <= high:
        why = "this version can corrupt a store that two processes write; modelwright lets only one do it"
        return Finding("sqlite", "note", f"{sqlite3.sqlite_version}: {why}")
    return Finding("sqlite", "ok", sqlite3.sqlite_version)


def _home(home: Path) -> Iterator[Finding]:
    nearest = next(place for place in (home, *home.parents) if place.exists())
    if not nearest.is_dir() or not os.access(nearest, os.W_OK | os.X_OK):
        yield Finding("home", "bad", f"{home} cannot be written", "Choose another with MODELWRIGHT_HOME")
        return
    yield Finding("home", "ok", str(home) if nearest == home else f"{home}, which will be made")
    free = shutil.disk_usage(nearest).free
    state = "ok" if free >= _ROOM_NEEDED else "bad"
    yield Finding("disk", state, f"{size(free)} free", "" if state == "ok" else "Free some space")


def _starter() -> Finding:
    digest = published_digest()
    if digest is None:
        return Finding("starter", "bad", "the starter model is missing", "Install modelwright anew")
    if Digest.of(WEIGHTS.read_bytes()) != digest:
        return Finding("starter", "bad", f"{WEIGHTS} is damaged", "Install modelwright anew")
    return Finding("starter", "ok", f"{WEIGHTS.name}, {size(WEIGHTS.stat().st_size)}, its SHA-256 is right")
