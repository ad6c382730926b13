"""The README's tour works as written: each block tagged `run` is run, in order, in one place."""

import os
import re
import socket
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
BLOCK = re.compile(r"^```(sh|python) run\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def script(readme: str, port: int) -> str:
    """All blocks as one shell script, as if a reader typed them into one terminal."""
    pieces = ["set -eu", "trap 'kill $(jobs -p) 2>/dev/null; wait' EXIT"]
    for language, text in BLOCK.findall(readme.replace("11434", str(port))):
        pieces.append(text if language == "sh" else f"python - <<'END'\n{text}END\n")
    return "\n".join(pieces)


@pytest.mark.limit(180)
def test_the_tour_works_as_written(tmp_path: Path) -> None:
    port = free_port()
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    (tmp_path / ".venv").symlink_to(sys.prefix)
    environment = {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "MODELWRIGHT_HOME": str(tmp_path / "home"),
        "OLLAMA_HOST": f"127.0.0.1:{port}",
        "HOME": str(tmp_path),
    }
    done = subprocess.run(
        ["bash", "-c", script((ROOT / "README.md").read_text(), port)],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        timeout=170,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Mario" in done.stdout
    assert "banana is yellow" in done.stdout
