"""Who waits for `make setup` at a terminal sees that it goes on; a log has no noise of it."""

import os
import pty
import subprocess
import sys
from pathlib import Path

TOOLS = Path(__file__).resolve().parents[2] / "tools"
WAIT = "import sys, setup; sys.exit(setup.patiently([sys.executable, '-c', 'import time; time.sleep(1.2)']))"


def test_a_terminal_shows_the_seconds() -> None:
    screen, line = pty.openpty()
    subprocess.run([sys.executable, "-c", WAIT], cwd=TOOLS, stdout=line, check=True, timeout=100)
    os.close(line)
    assert b"\rsetup: 1 s" in os.read(screen, 1024)
    os.close(screen)


def test_a_log_has_none_and_a_failure_stays_one() -> None:
    failing = WAIT.replace("time.sleep(1.2)", "time.sleep(1.2); raise SystemExit(3)")
    done = subprocess.run([sys.executable, "-c", failing], cwd=TOOLS, capture_output=True, timeout=100)
    assert (done.returncode, done.stdout) == (3, b"")
