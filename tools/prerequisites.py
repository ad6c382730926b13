"""System parts that pip cannot install: what is missing, and what installs it.

Knows nothing of the package. Run alone it prints each missing part and exits 1.
"""

import ctypes
import importlib.util
import platform
import sys
from collections.abc import Callable
from pathlib import Path

# os-release ID or ID_LIKE -> the command that installs; the package names follow below.
_INSTALLERS = {
    "debian": "apt-get install -y",
    "ubuntu": "apt-get install -y",
    "fedora": "dnf install -y",
    "rhel": "dnf install -y",
    "suse": "zypper install -y",
    "arch": "pacman -S --noconfirm",
}
_PACKAGES = {
    "libgomp.so.1": {"apt-get": "libgomp1", "dnf": "libgomp", "zypper": "libgomp1", "pacman": "gcc-libs"},
    "libstdc++.so.6": {
        "apt-get": "libstdc++6",
        "dnf": "libstdc++",
        "zypper": "libstdc++6",
        "pacman": "gcc-libs",
    },
    "the venv module": {"apt-get": "python3-venv", "dnf": "python3", "zypper": "python3", "pacman": "python"},
}


def os_release(text: str) -> list[str]:
    """Name the distribution, nearest first: ID, then the words of ID_LIKE."""
    fields = dict(line.split("=", 1) for line in text.splitlines() if "=" in line)
    return [word for key in ("ID", "ID_LIKE") for word in fields.get(key, "").strip('"').split()]


def install_command(part: str, distribution: list[str]) -> str:
    """Say what installs this part here; for an unknown system, its name on Debian."""
    installer = next((_INSTALLERS[name] for name in distribution if name in _INSTALLERS), None)
    if installer is None:
        return f"your system's package manager (Debian calls it {_PACKAGES[part]['apt-get']})"
    return f"{installer} {_PACKAGES[part][installer.split()[0]]}"


def loads(library: str) -> bool:
    """Tell whether the dynamic linker finds this library."""
    try:
        ctypes.CDLL(library)
    except OSError:
        return False
    return True


def missing_parts(has: Callable[[str], bool] = loads) -> list[str]:
    """List what is missing: the engine's two libraries (Linux), and what makes a venv."""
    libraries = ["libgomp.so.1", "libstdc++.so.6"] if sys.platform == "linux" else []
    missing = [library for library in libraries if not has(library)]
    if not all(importlib.util.find_spec(name) for name in ("venv", "ensurepip")):
        missing.append("the venv module")
    return missing


def processor_problem(machine: str, flags: str) -> str:
    """Say why the engine's x86-64 build cannot run here; empty when it can, or nobody knows."""
    if machine in ("x86_64", "AMD64") and flags and "avx2" not in flags.split():
        return "this processor has no AVX2, which the engine's build needs; setup goes on, chats will fail"
    return ""


def report() -> int:
    """Print each problem to stderr; 1 when something must be installed first, else 0."""
    release, processor = Path("/etc/os-release"), Path("/proc/cpuinfo")
    distribution = os_release(release.read_text()) if release.exists() else []
    flags = processor.read_text() if processor.exists() else ""
    if problem := processor_problem(platform.machine(), flags):
        print(f"setup: {problem}", file=sys.stderr)
    missing = missing_parts()
    for part in missing:
        print(f"setup: {part} is missing. Install it: {install_command(part, distribution)}", file=sys.stderr)
    return 1 if missing else 0


if __name__ == "__main__":
    sys.exit(report())
