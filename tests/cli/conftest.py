"""The installed command, in a process of its own, on a data folder of its own."""

import io
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import chdir, contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from modelwright.cli.main import main
from modelwright.starter import published_digest

COMMAND = str(Path(sys.executable).with_name("modelwright"))
PASSED_ON = ("PATH", "PYTHONPATH", "LANG", "LC_ALL", "TMPDIR", "LD_LIBRARY_PATH")

Result = subprocess.CompletedProcess[str]


@dataclass
class Cli:
    """Runs commands; the echo engine answers unless `environ` says otherwise."""

    home: Path
    environ: Mapping[str, str] = field(default_factory=dict)

    @property
    def environment(self) -> dict[str, str]:
        kept = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
        own = {
            "HOME": str(self.home.parent),
            "MODELWRIGHT_HOME": str(self.home),
            "MODELWRIGHT_ENGINE": "echo",
        }
        return kept | own | dict(self.environ)

    def __call__(self, *arguments: str, stdin: str = "", cwd: Path | None = None) -> Result:
        return subprocess.run(
            [COMMAND, *arguments],
            input=stdin,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=50,
            cwd=cwd or self.home.parent,
        )

    def ok(self, *arguments: str, stdin: str = "") -> str:
        """Run a command that succeeds; what it prints."""
        done = self(*arguments, stdin=stdin)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def json(self, *arguments: str) -> Any:
        return json.loads(self.ok(*arguments, "--json"))

    def start(self, *arguments: str) -> "subprocess.Popen[str]":
        return subprocess.Popen(
            [COMMAND, *arguments],
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def record(self) -> dict[str, Any]:
        """What the server of the data folder wrote about itself."""
        path = self.home / "server.json"
        _wait_until(path.exists, "there is no server.json")
        return json.loads(path.read_text())


@dataclass
class InProcess(Cli):
    """The same, without the start of a process: for many commands beside one server."""

    def __call__(self, *arguments: str, stdin: str = "", cwd: Path | None = None) -> Result:
        before = dict(os.environ)
        out, err, given = io.StringIO(), io.StringIO(), io.TextIOWrapper(io.BytesIO(stdin.encode()))
        os.environ.clear()
        os.environ.update(self.environment)
        try:
            with (
                redirect_stdout(out),
                redirect_stderr(err),
                chdir(cwd or self.home.parent),
                swapped_stdin(given),
            ):
                main(arguments)
        except SystemExit as end:
            return Result([*arguments], end.code or 0, out.getvalue(), err.getvalue())
        finally:
            os.environ.clear()
            os.environ.update(before)


@contextmanager
def swapped_stdin(given: io.TextIOWrapper) -> Iterator[None]:
    before, sys.stdin = sys.stdin, given
    try:
        yield
    finally:
        sys.stdin = before


@dataclass
class Serving:
    """A server that a test may stop; `ready` is what it said on stderr."""

    process: "subprocess.Popen[str]"
    ready: list[str]

    @property
    def url(self) -> str:
        return self.ready[-1].split()[-1]

    def stop(self, number: int = signal.SIGTERM) -> int:
        self.process.send_signal(number)
        self.process.communicate(timeout=50)
        return self.process.returncode


@pytest.fixture(scope="session")
def command() -> str:
    """Where the installed command is."""
    return COMMAND


def _wait_until(holds: Callable[[], object], otherwise: str, seconds: float = 50) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, otherwise
        time.sleep(0.02)


def _is_alive(pid: int) -> bool:
    """Whether a process runs; one that ended and waits for its parent does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


@pytest.fixture
def wait_until() -> Callable[..., None]:
    """Wait until something holds; fail with the second argument when it takes too long."""
    return _wait_until


@pytest.fixture
def is_alive() -> Callable[[int], bool]:
    return _is_alive


@pytest.fixture(scope="session", autouse=True)
def _starter() -> None:
    if published_digest() is None:
        pytest.skip("the starter model is not in this checkout")


@pytest.fixture
def cli(tmp_path: Path) -> Cli:
    """Commands on a fresh data folder, without a server."""
    return Cli(tmp_path / "home")


@pytest.fixture
def quick(tmp_path: Path) -> InProcess:
    """The same, without the start of a process for each command."""
    return InProcess(tmp_path / "home")


@pytest.fixture
def serve() -> Iterator[Callable[..., Serving]]:
    """Start servers; each is ready when it is given, and gone when the test ends."""
    started: list[subprocess.Popen[str]] = []

    def start(cli: Cli, *arguments: str) -> Serving:
        process = cli.start("serve", *arguments)
        started.append(process)
        assert process.stderr is not None
        lines = []
        for line in process.stderr:
            lines.append(line.strip())
            if "listens on" in line:
                return Serving(process, lines)
        raise AssertionError(f"no server: {lines}")

    yield start
    for process in started:
        process.kill()
        process.communicate()


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[InProcess]:
    """Commands beside a running server, which the tests of a session share."""
    cli = InProcess(tmp_path_factory.mktemp("shared") / "home")
    process = cli.start("serve", "--port", "0")
    cli.record()
    yield cli
    process.terminate()
    process.communicate(timeout=50)
