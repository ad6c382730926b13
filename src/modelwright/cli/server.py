"""Which server a command speaks to; one is started when there is none.

A server that a command started is shared with the commands that come while it
runs, and ends with the last of them (presence.py says how).
"""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Final, TypeAlias

import typer

from modelwright.cli.client import Client, is_modelwright
from modelwright.cli.console import waiting
from modelwright.core.address import Address
from modelwright.core.errors import Unavailable
from modelwright.presence import Clients, make_home, present, turn_to_start
from modelwright.settings import Settings, read_settings

HostOption: TypeAlias = Annotated[
    str, typer.Option("--host", help="The server to speak to.", show_default=False)
]

LOG: Final = "server.log"
BUSY: Final = 75
"""Exit code of a temporary server that found another one (sysexits.h, EX_TEMPFAIL)."""

START_SECONDS: Final = 60.0
_POLL_SECONDS: Final = 0.02
_LOG_LINES: Final = 15
_LOG_BYTES: Final = 1_000_000


@contextmanager
def connect(host: str = "", *, start: bool = True) -> Iterator[Client]:
    """Find the server, or `start` one for the time of the block.

    Raises Unavailable when there is none, or none can be started.
    """
    settings = read_settings({}, os.environ)
    address = Address.parse(host, field="--host") if host else _elsewhere(settings)
    if address is None and not start:
        address = _of_folder(settings.home)
    if address is not None:
        with Client(address, token=_token(settings.home, address)) as client:
            yield client
    elif start:
        with (
            _shared(settings.home) as address,
            Client(address, token=_token(settings.home, address)) as client,
        ):
            yield client
    else:
        raise Unavailable("no server is running", hint="Start one with: modelwright serve")


def home() -> Path:
    """The data folder, which may not be there yet."""
    return read_settings({}, os.environ).home


def find(settings: Settings) -> Address | None:
    """The server that a command would speak to without starting one."""
    return _elsewhere(settings) or _of_folder(settings.home)


def _of_folder(home: Path) -> Address | None:
    server = present(home)
    return None if server is None else Address.parse(server.url)


def _token(home: Path, address: Address) -> str:
    """What proves to the data folder's own server, and to no other, that it is ours."""
    server = present(home)
    if server is None or not address.connectable.is_loopback:
        return ""
    return server.token if Address.parse(server.url).connectable == address.connectable else ""


def _elsewhere(settings: Settings) -> Address | None:
    """A server that is not known by the data folder: named, or at the usual port.

    The latter, of another user or in a container, is not looked for when a data
    folder was chosen or has a server.
    """
    if (named := _in_environment(settings)) is not None:
        return named
    if settings.sources["home"].kind != "default" or present(settings.home) is not None:
        return None
    address = Address("127.0.0.1", settings.port, True)
    return address if is_modelwright(address) else None


def _in_environment(settings: Settings) -> Address | None:
    """The server that the environment names.

    The same variable tells a server where to listen, and may be Ollama's: an
    address of this machine counts only when a modelwright answers there.
    """
    source = settings.sources["host"]
    if source.kind not in ("environment", "ollama"):
        return None
    text = os.environ[source.name].strip().strip("\"'")
    address = replace(Address.parse(text, strict=False).connectable, port=settings.port)
    if source.kind == "environment" and not address.is_loopback:
        return address
    return address if is_modelwright(address) else None


@contextmanager
def _shared(home: Path) -> Iterator[Address]:
    """Use the data folder's server, perhaps another command's, or start one."""
    make_home(home)
    with ExitStack() as stack:
        clients = stack.enter_context(closing(Clients(home)))
        clients.join()
        with turn_to_start(home):
            if (address := _of_folder(home)) is None:
                with waiting("starting a server"):
                    address = _start(home, clients, stack)
        yield address


def _start(home: Path, clients: Clients, stack: ExitStack) -> Address:
    """Start a server; `stack` gets its end."""
    deadline = time.monotonic() + START_SECONDS
    child = None
    while time.monotonic() < deadline:
        if (address := _of_folder(home)) is not None:
            return address
        if child is None or child.poll() == BUSY:  # another one starts, or has not ended yet
            child = _spawn(home)
            stack.callback(_leave, clients, child)
        elif child.poll() is not None:
            raise Unavailable("a server could not be started", hint=_end_of_log(home))
        time.sleep(_POLL_SECONDS)
    raise Unavailable(f"no server was ready within {START_SECONDS:g} s", hint=_end_of_log(home))


def _spawn(home: Path) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "modelwright", "serve", "--temporary", "--host", "127.0.0.1:0"]
    path = home / LOG
    grown = path.exists() and path.stat().st_size > _LOG_BYTES
    with path.open("wb" if grown else "ab") as log:
        # A session of its own: Ctrl-C at the terminal stops an answer, not the server.
        return subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env=os.environ | {"MODELWRIGHT_HOME": str(home)},
            start_new_session=True,
        )


def _leave(clients: Clients, child: subprocess.Popen[bytes]) -> None:
    """Stop the server we started, unless another command uses it by now."""
    if child.poll() is None and clients.shut_out():
        child.terminate()
        child.wait()


def _end_of_log(home: Path) -> str:
    path = home / LOG
    lines = path.read_text(errors="replace").splitlines()[-_LOG_LINES:]
    return "\n".join([f"The end of {path}:", *lines])
