"""The gate: every check in its order, each with a heading and its time.

`python tools/gate.py` is what `make test` runs. It stops at the first check
that fails. pytest comes last, so that its summary is the last line.
"""

import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SCRIPTS = Path(sys.executable).parent
PROCESSES = ["-n", "2", "--dist", "loadfile"]
"""Two, for the two cores that the gate is sized for; a file's tests share what was set up for them."""
SOURCES = [name for name in ("src", "tests", "tools", "bench") if (ROOT / name).is_dir()]

CHECKS: tuple[tuple[str, list[str], str], ...] = (
    (
        "format",
        ["ruff", "format", "--check", "--quiet", "--output-format=concise", *SOURCES],
        "make fmt mends it",
    ),
    (
        "lint",
        ["ruff", "check", "--quiet", "--output-format=concise", *SOURCES],
        "make fmt mends what can be mended",
    ),
    ("types", ["mypy", "--strict", "--no-error-summary"], ""),
    (
        "imports",
        ["lint-imports", "--no-logo"],
        "the contracts stand in pyproject.toml, their reasons in docs/decisions/0001",
    ),
    ("docs", ["python", "-m", "tools.docs", "--check"], "make docs mends it"),
)


def check(heading: str, command: list[str], remedy: str) -> int:
    """Run one quiet check; its output is shown only when it fails."""
    print(f"{heading:<8}", end="", flush=True)
    started = time.monotonic()
    done = subprocess.run([SCRIPTS / command[0], *command[1:]], cwd=ROOT, capture_output=True, text=True)
    print(f"{'ok' if done.returncode == 0 else 'FAILED'} {time.monotonic() - started:6.1f} s", flush=True)
    if done.returncode:
        print(done.stdout + done.stderr, end="")
        print(f"gate: '{heading}' failed: {' '.join(command)}" + (f" ({remedy})" if remedy else ""))
    return done.returncode


def main(arguments: list[str]) -> int:
    """Run all checks, then pytest with these further arguments."""
    for heading, command, remedy in CHECKS:
        if failed := check(heading, command, remedy):
            return failed
    print("tests", flush=True)
    return subprocess.run(
        [SCRIPTS / "python", "-m", "pytest", "-q", *PROCESSES, *arguments], cwd=ROOT
    ).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
