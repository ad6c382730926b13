"""Each example does what its first lines say: its commands are run as they stand there."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from modelwright.core.modelfile import parse
from modelwright.starter import published_digest

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = sorted(ROOT.glob("examples/*/Modelfile"))
COMMAND = re.compile(r"^#   (modelwright .+)$", re.MULTILINE)
SHOWN = {
    "model", "adapter", "template", "system", "message", "license", "renderer", "parser", "requires",
    "temperature",
}  # fmt: skip


def called(path: Path) -> str:
    return path.parent.name


@pytest.mark.skipif(published_digest() is None, reason="the starter model is not in this checkout")
@pytest.mark.parametrize("example", EXAMPLES, ids=called)
def test_the_commands_of_an_example_work(example: Path, tmp_path: Path) -> None:
    commands = COMMAND.findall(example.read_text())
    assert any(f"create -f examples/{called(example)}/Modelfile" in command for command in commands)
    environment = {
        **{name: os.environ[name] for name in ("PYTHONPATH", "LANG") if name in os.environ},
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "HOME": str(tmp_path),
        "MODELWRIGHT_HOME": str(tmp_path / "home"),
        "MODELWRIGHT_ENGINE": "echo",
    }
    done = subprocess.run(
        ["sh", "-ec", "\n".join(commands)],
        cwd=ROOT,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=100,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_instructions_have_an_example() -> None:
    used = {command.name for example in EXAMPLES for command in parse(example.read_text())}
    assert used >= SHOWN
