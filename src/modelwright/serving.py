"""Serving: the process that listens, from its port to its last answer.

Knows sockets, signals and the web server's library; what is served comes from
app.py.
"""

import asyncio
import contextlib
import errno
import gc
import logging
import math
import os
import signal
import socket
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

import uvicorn

from modelwright import __version__
from modelwright.app import open_app
from modelwright.core.address import Address
from modelwright.core.errors import Conflict, Invalid
from modelwright.presence import Clients, Presence, Seat, make_home
from modelwright.settings import Settings
from modelwright.web.connection import Connection
from modelwright.web.entrances import Entrances

BACKLOG: Final = 2048
PORTS_TRIED: Final = 100

_POLL_SECONDS: Final = 1.0
_FORCED_SECONDS: Final = 1.0

Say = Callable[[str], None]


def serve(settings: Settings, say: Say, *, temporary: bool = False) -> None:
    """Serve until a signal; `temporary` until the last client is gone.

    `say` gets the lines meant for the person who started it. Raises Conflict
    for a port or a data folder in use, Invalid for an address that may not be
    listened on.
    """
    make_home(settings.home)
    for warning in settings.warnings:
        say(warning)
    if settings.insecure:
        say("insecure: while there are no users, everybody who can reach the server is an admin")
    with contextlib.ExitStack() as stack:
        # Released last: until then clients wait rather than find a server that is ending.
        clients = stack.enter_context(contextlib.closing(Clients(settings.home))) if temporary else None
        seat = stack.enter_context(contextlib.closing(Seat(settings.home)))
        listener = stack.enter_context(listening_socket(settings, say))
        own = {name: stack.enter_context(own_socket(name, place)) for name, place in settings.listen.items()}
        configure_log(settings.log_level)
        runner = stack.enter_context(asyncio.Runner(loop_factory=_loop_factory()))
        runner.run(_serve(settings, _Listeners(listener, own), seat, say, clients))


def listening_socket(settings: Settings, say: Say) -> socket.socket:
    """Listen where the settings say, or at the next free port when they leave it open."""
    host, port = settings.host, settings.port
    chosen = settings.sources["port"].kind != "default"
    for candidate in [port] if chosen else range(port, port + PORTS_TRIED):
        listener = _listen(host, candidate)
        if listener is not None:
            if candidate != port:
                say(f"port {port} is taken, so port {candidate} is used")
            return listener
    raise Conflict(
        f"port {port} of {host} is taken ({settings.sources['port']})",
        field="port",
        hint="Stop what listens there, choose another with --port, or let --port 0 find a free one",
    )


def own_socket(dialect: str, place: str) -> socket.socket:
    """Listen where one dialect alone is spoken; Conflict for a port that is taken."""
    address = Address.parse(place, field="listen")
    listener = _listen(address.host, address.port)
    if listener is None:
        raise Conflict(f"the port of {place}, for {dialect}, is taken", field="listen", hint="Choose another")
    return listener


@dataclass(frozen=True, slots=True)
class _Listeners:
    """The socket for all dialects, and those for one alone, by its name."""

    shared: socket.socket
    own: Mapping[str, socket.socket]

    @property
    def dialects(self) -> Mapping[int, str]:
        """Which dialect has which port to itself; Conflict for a port used twice."""
        ports = {listener.getsockname()[1]: name for name, listener in self.own.items()}
        if len({*ports, self.shared.getsockname()[1]}) <= len(self.own):
            raise Conflict("two addresses have the same port", field="listen", hint="Choose another port")
        return ports


def configure_log(level: str) -> None:
    """Send the log to stderr; requests are logged from the level debug on."""
    logging.basicConfig(
        level=level.upper(), format="%(asctime)s %(levelname)s %(name)s: %(message)s", force=True
    )
    if level != "debug":
        logging.getLogger("uvicorn").setLevel(logging.WARNING)
        logging.getLogger("uvicorn.error").addFilter(_is_news)


def _is_news(record: logging.LogRecord) -> bool:
    """Not that a client offered HTTP/2, which Java's does with each request."""
    text = record.getMessage()
    return not text.startswith(("Unsupported upgrade", "No supported WebSocket"))


class _Server(uvicorn.Server):
    """uvicorn, with the signals left to us: the second one ends the waiting."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


async def _serve(
    settings: Settings, listeners: _Listeners, seat: Seat, say: Say, clients: Clients | None
) -> None:
    stop = _Stop()
    async with open_app(settings) as app:
        _check_dialects(settings, app.dialects)
        asgi = Entrances(app.asgi, listeners.dialects)
        server = _Server(_configuration(asgi, settings))
        serving = asyncio.create_task(server.serve(sockets=[listeners.shared, *listeners.own.values()]))
        watching = asyncio.create_task(_until_alone(clients, stop)) if clients else None
        url = _url(settings.host, listeners.shared)
        for name, listener in listeners.own.items():
            say(f"{name} alone is spoken on {_url(Address.parse(settings.listen[name]).host, listener)}")
        seat.announce(
            Presence(
                url, os.getpid(), __version__, datetime.now(UTC).isoformat(timespec="seconds"), app.token
            )
        )
        gc.collect()
        gc.freeze()  # what was built once need not be looked through again and again
        app.readiness.missing = ""
        say(f"modelwright {__version__} listens on {url}")
        await asyncio.wait({serving, stop.first}, return_when=asyncio.FIRST_COMPLETED)
        app.readiness.missing = "the server is stopping"
        seat.withdraw()
        server.should_exit = True
        await asyncio.wait({serving, stop.second}, return_when=asyncio.FIRST_COMPLETED)
        server.force_exit = True
        for answer in server.server_state.tasks:
            answer.cancel()
        await asyncio.wait({serving}, timeout=_FORCED_SECONDS)
        for task in (serving, watching):
            if task is not None and not task.cancel() and not task.cancelled():
                task.result()


def _check_dialects(settings: Settings, known: Sequence[str]) -> None:
    for name in settings.listen:
        if name not in known:
            raise Invalid(
                f'listen names the dialect "{name}" ({settings.sources["listen"]})',
                field="listen",
                hint=f"Known are {', '.join(known)}",
            )


class _Stop:
    """Two futures, done by the first and by the second signal."""

    def __init__(self) -> None:
        loop = asyncio.get_running_loop()
        self.first: asyncio.Future[None] = loop.create_future()
        self.second: asyncio.Future[None] = loop.create_future()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self.ask)

    def ask(self) -> None:
        for future in (self.first, self.second):
            if not future.done():
                future.set_result(None)
                return


async def _until_alone(clients: Clients, stop: _Stop) -> None:
    """Stop a temporary server when its last client has gone, killed ones included."""
    while not clients.shut_out():
        await asyncio.sleep(_POLL_SECONDS)
    stop.ask()


def _configuration(asgi: Any, settings: Settings) -> uvicorn.Config:
    return uvicorn.Config(
        asgi,
        loop="none",
        http=Connection,  # on h11: httptools loses the body of a POST that offers h2c, as Java's does
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=settings.log_level == "debug",
        server_header=False,
        headers=[("server", f"modelwright/{__version__}")],
        timeout_graceful_shutdown=math.ceil(settings.drain),
    )


def _listen(host: str, port: int) -> socket.socket | None:
    """Listen there; None when the port is taken."""
    try:
        [(family, kind, protocol, _, place), *_] = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        listener = socket.socket(family, kind, protocol)
    except OSError as error:
        raise Invalid(f"cannot listen on {host}: {error}", field="host") from error
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(place)
        listener.listen(BACKLOG)
    except OSError as error:
        listener.close()
        if error.errno == errno.EADDRINUSE:
            return None
        raise Invalid(f"cannot listen on {host}:{port}: {error.strerror}", field="port") from error
    return listener


def _url(host: str, listener: socket.socket) -> str:
    return Address(host, listener.getsockname()[1], True).url


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    try:
        import uvloop
    except ImportError:
        return None
    return uvloop.new_event_loop
