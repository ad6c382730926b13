"""Prepares .venv in the checkout: `tools/setup.sh [dev|prove]` runs it.

Standard library only, any Python of 3.11 or newer. pip runs only when what
pyproject.toml asks for has changed, so every later call works offline.
"""

import contextlib
import fcntl
import hashlib
import json
import subprocess
import sys
import time
import tomllib
import venv
from collections.abc import Iterator
from pathlib import Path

from prerequisites import report

ROOT = Path(__file__).resolve().parents[1]
VENV = ROOT / ".venv"
WANTED = {"runtime": ".", "dev": ".[dev]", "prove": ".[dev,quantize,proof]"}
"""What each kind asks pip for; a later one contains those before it."""


def fingerprint() -> str:
    """Say where the scripts point to, and digest what decides what pip installs."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    deciding = json.dumps([project["build-system"], project["project"]], sort_keys=True)
    return f"{ROOT}\n{hashlib.sha256(deciding.encode()).hexdigest()}\n"


def stamp(kind: str) -> Path:
    """Name the file that says this kind is installed; its text is the fingerprint."""
    return VENV / f".setup-{kind}"


def installed(kind: str, wanted: str) -> bool:
    """Tell whether this kind, or one that contains it, is there and current."""
    kinds = list(WANTED)
    stamps = [stamp(other) for other in kinds[kinds.index(kind) :]]
    current = any(path.exists() and path.read_text() == wanted for path in stamps)
    return current and all((VENV / "bin" / name).exists() for name in ("python", "modelwright"))


@contextlib.contextmanager
def alone() -> Iterator[None]:
    """Hold off another setup in the same checkout until this one is done."""
    with (ROOT / "pyproject.toml").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def usable(python: Path) -> bool:
    """Tell whether the environment is whole and was made at this place."""
    stamps = [path.read_text() for path in map(stamp, WANTED) if path.exists()]
    if not python.exists() or not all(text.startswith(f"{ROOT}\n") for text in stamps):
        return False
    return subprocess.run([python, "-m", "pip", "--version"], capture_output=True).returncode == 0


def install(kind: str) -> int:
    """Make the environment where it is missing, broken or moved, and install into it."""
    python = VENV / "bin" / "python"
    if not usable(python):
        venv.create(VENV, with_pip=True, clear=True)
    print(f"setup: installing modelwright{WANTED[kind][1:]} into .venv (once, some minutes)", flush=True)
    # Twice quiet: a plain -q still prints every unreachable index it skips.
    command = [python, "-m", "pip", "install", "-qq", "--disable-pip-version-check", "-e", WANTED[kind]]
    return patiently(command)


def patiently(command: list[str | Path]) -> int:
    """Run a command that is silent for minutes; a terminal shows the seconds meanwhile."""
    begun, watched = time.monotonic(), sys.stdout.isatty()
    with subprocess.Popen(command, cwd=ROOT) as process:
        while process.poll() is None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(1)
            if watched:
                print(f"\rsetup: {time.monotonic() - begun:.0f} s", end="", flush=True)
    if watched:
        print()
    return process.returncode


def main(kind: str) -> int:
    """Install this kind unless it is there; the stamp is written last."""
    wanted = fingerprint()
    if installed(kind, wanted):
        return 0
    if report():
        return 1
    with alone():
        if installed(kind, wanted):
            return 0
        if failed := install(kind):
            print("setup: pip failed, see above; nothing is half done, run it again", file=sys.stderr)
            return failed
        stamp(kind).write_text(wanted)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1] if len(sys.argv) > 1 else "runtime"))
