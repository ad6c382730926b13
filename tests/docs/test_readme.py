"""The tours work as written: each block tagged `run` is run, in order, in one place.

A block of JSON that names a file is that file.
"""

import os
import re
import socket
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
BLOCK = re.compile(r"^```(sh|python|json) (run|\S+\.json)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
SERVER = """modelwright serve &
curl -s --retry 30 --retry-delay 1 --retry-connrefused http://127.0.0.1:11434/readyz
"""
PAGES = {
    "README.md": ("", ["Mario", "banana is yellow"]),
    "docs/model-templates.md": (SERVER, ["persona", "You are a nurse.", "front", "1 to 2", "4 answers"]),
}
"""Page -> what is done before, and what is said."""


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def script(page: str, before: str, port: int) -> str:
    """All blocks as one shell script, as if a reader typed them into one terminal."""
    pieces = ["set -eu", "trap 'kill $(jobs -p) 2>/dev/null; wait' EXIT", before]
    for language, what, text in BLOCK.findall(page):
        command = f"cat > {what}" if language == "json" else "python -"
        pieces.append(text if language == "sh" else f"{command} <<'END'\n{text}END\n")
    return "\n".join(pieces).replace("11434", str(port))


@pytest.mark.limit(180)
@pytest.mark.parametrize("page", PAGES)
def test_the_tour_works_as_written(page: str, tmp_path: Path) -> None:
    before, said = PAGES[page]
    port = free_port()
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    (tmp_path / ".venv").symlink_to(sys.prefix)
    environment = {
        **{name: os.environ[name] for name in ("PYTHONPATH", "LANG") if name in os.environ},
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "MODELWRIGHT_HOME": str(tmp_path / "home"),
        "OLLAMA_HOST": f"127.0.0.1:{port}",
        "HOME": str(tmp_path),
    }
    done = subprocess.run(
        ["bash", "-c", script((ROOT / page).read_text(), before, port)],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        timeout=170,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert [words for words in said if words not in done.stdout] == []
