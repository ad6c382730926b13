"""Children for the worker's tests: small modules, written where a child can import them."""

import textwrap
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

CHILDREN = {
    "counting": """
        parent = Parent.attach()
        for number in range(parent.task["count"]):
            parent.send({"number": number})
            if number % 1000 == 0:
                print(number, file=sys.stderr, flush=True)
    """,
    "waiting": """
        parent = Parent.attach()
        print("a stray line", flush=True)
        print("on stderr", file=sys.stderr, flush=True)
        parent.send({"pid": os.getpid()})
        time.sleep(60)
    """,
    "stubborn": """
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        parent = Parent.attach()
        other = subprocess.Popen(["sleep", "60"])
        parent.send({"other": other.pid})
        time.sleep(60)
    """,
    "babbling": """
        parent = Parent.attach()
        os.write(parent._events, parent.task["line"].encode() * parent.task["times"] + b"\\n")
        time.sleep(60)
    """,
    "showing": """
        import resource
        parent = Parent.attach()
        parent.send({"env": dict(os.environ), "core": resource.getrlimit(resource.RLIMIT_CORE)})
    """,
    "failing": """
        parent = Parent.attach()
        for number in range(10_000):
            print("line", number, file=sys.stderr)
        sys.exit(7)
    """,
}
HEAD = "import os, signal, subprocess, sys, time\nfrom modelwright.worker.child import Parent\n"


@pytest.fixture(scope="session", params=[False, True], ids=["asyncio", "uvloop"])
def anyio_backend(request: pytest.FixtureRequest) -> tuple[str, dict[str, bool]]:
    """Both loops: the server runs on uvloop where there is one, its tests on asyncio."""
    return ("asyncio", {"use_uvloop": request.param})


@pytest.fixture(scope="session")
def children(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the modules above."""
    folder = tmp_path_factory.mktemp("children")
    for name, code in CHILDREN.items():
        (folder / f"{name}.py").write_text(HEAD + textwrap.dedent(code))
    return folder


@pytest.fixture
def env(children: Path) -> Mapping[str, str]:
    return {"PYTHONPATH": str(children)}


@pytest.fixture
def is_alive() -> Callable[[int], bool]:
    """Whether a process exists and is no zombie."""

    def alive(pid: int) -> bool:
        try:
            return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
        except FileNotFoundError:
            return False

    return alive
