"""Missing system parts are named together with the command that installs them."""

import subprocess
import sys
from pathlib import Path

import pytest

from tools import prerequisites

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize(
    ("release", "command"),
    [
        ("ID=debian\n", "apt-get install -y libgomp1"),
        ('ID=linuxmint\nID_LIKE="ubuntu debian"\n', "apt-get install -y libgomp1"),
        ('ID="rocky"\nID_LIKE="rhel centos fedora"\n', "dnf install -y libgomp"),
        ("ID=arch\n", "pacman -S --noconfirm gcc-libs"),
        ("ID=unheard\n", "your system's package manager (Debian calls it libgomp1)"),
    ],
)
def test_the_command_fits_the_distribution(release: str, command: str) -> None:
    distribution = prerequisites.os_release(release)
    assert prerequisites.install_command("libgomp.so.1", distribution) == command


@pytest.mark.skipif(sys.platform != "linux", reason="the engine's wheel needs it on Linux only")
def test_a_library_that_does_not_load_is_missing() -> None:
    assert prerequisites.missing_parts(has=lambda name: name != "libgomp.so.1") == ["libgomp.so.1"]
    assert not prerequisites.loads("libgomp.so.999")


def test_nothing_is_missing_where_the_gate_runs() -> None:
    assert prerequisites.missing_parts() == []


def test_a_processor_that_the_engine_cannot_use_is_named() -> None:
    assert "AVX2" in prerequisites.processor_problem("x86_64", "flags: sse4_2 avx")
    assert prerequisites.processor_problem("x86_64", "flags: avx avx2") == ""
    assert prerequisites.processor_problem("arm64", "") == ""


def test_setup_names_the_python_it_needs(tmp_path: Path) -> None:
    old = tmp_path / "python-old"
    old.write_text("#!/bin/sh\nexit 1\n")
    old.chmod(0o755)
    done = subprocess.run(
        ["sh", "tools/setup.sh"],
        cwd=ROOT,
        env={"PYTHON": str(old), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1
    assert "needs Python 3.11 or newer" in done.stderr
