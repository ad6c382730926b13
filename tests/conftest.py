"""What every test stands on: no outside network, a time limit, fixed randomness.

Also reads the conformance tables, which lie beside the project and not in it.
"""

import ipaddress
import json
import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import Any

import hypothesis
import pytest

SECONDS = 120.0
"""How long one test may run; `@pytest.mark.limit(seconds)` says otherwise."""

TABLES = Path(__file__).parents[1] / "../shared/conformance/ollama"

# The gate draws the same examples each time, so that it fails for a change and not for luck.
hypothesis.settings.register_profile("gate", derandomize=True, deadline=None, print_blob=False)
hypothesis.settings.register_profile("prove", max_examples=2000, deadline=None)
hypothesis.settings.load_profile("prove" if os.environ.get("PROVE") else "gate")


class Outside(AssertionError):
    """A test reached for a machine other than this one."""


class TooSlow(Exception):
    """A test ran longer than it may."""


class Guard:
    """Refuses every connection that would leave this machine, and remembers it.

    It listens to Python's audit events, so it also sees what a library does;
    it stays in the interpreter for good, hence the switch.
    """

    def __init__(self) -> None:
        self.attempts: list[str] = []
        self.watching = False

    def __call__(self, event: str, arguments: tuple[object, ...]) -> None:
        if not self.watching:
            return
        if event in ("socket.connect", "socket.sendto"):
            target = arguments[1]
            host = target[0] if isinstance(target, tuple) else None  # AF_UNIX gives a path
        elif event == "socket.getaddrinfo":
            host = arguments[0]
        else:
            return
        if host is not None and not _here(host):
            self.attempts.append(f"{event} {host!r}")
            raise Outside(f"a test must not leave this machine: {event} {host!r}")


def _here(host: object) -> bool:
    text = host.decode() if isinstance(host, bytes) else str(host)
    if text in ("", "localhost"):
        return True
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return False
    return address.is_loopback or address.is_unspecified


_guard = Guard()
sys.addaudithook(_guard)


@pytest.fixture(autouse=True)
def _stay_here() -> Iterator[None]:
    _guard.attempts.clear()
    _guard.watching = True
    yield
    _guard.watching = False
    assert not _guard.attempts, f"a test must not leave this machine: {_guard.attempts}"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Iterator[None]:
    """Stop a test that hangs; the alarm interrupts whatever the main thread waits for."""
    marker = item.get_closest_marker("limit")
    seconds = float(marker.args[0]) if marker else SECONDS

    def stop(_signal: int, _frame: FrameType | None) -> None:
        raise TooSlow(f"{item.nodeid} ran longer than {seconds:g} s")

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        return (yield)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    """Run asynchronous tests on asyncio, the only loop the server uses."""
    return "asyncio"


def read(table: str, kind: str | None) -> list[dict[str, Any]]:
    """The cases of a table; none where the tables are absent."""
    path = TABLES / f"{table}.json"
    cases = json.loads(path.read_text())["cases"] if path.exists() else []
    return [
        case | {"number": number} for number, case in enumerate(cases) if kind in (None, case.get("kind"))
    ]


def pytest_configure(config: pytest.Config) -> None:
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        # A shell's background job ignores it, and so would the commands that tests interrupt.
        signal.signal(signal.SIGINT, signal.default_int_handler)
    config.addinivalue_line("markers", "conformance(table, kind=None): run once for each `case` of a table")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    marker = metafunc.definition.get_closest_marker("conformance")
    if marker is None:
        return
    reason = "the conformance tables are not beside this checkout"
    absent = pytest.param({"number": "absent"}, marks=pytest.mark.skip(reason=reason))
    cases = read(marker.args[0], marker.kwargs.get("kind")) or [absent]
    metafunc.parametrize("case", cases, ids=lambda case: str(case["number"]))
