"""Worker: a child process of ours, seen from the parent.

It runs `python -m <module>`, reads its task as one JSON line from stdin and
reports events as JSON lines on stdout. Stdin stays open: its end tells the child
that the parent died. What the child does is none of this module's business.
"""

import asyncio
import json
import os
import signal
import sys
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, Final, Self, cast

from modelwright.core.errors import Unavailable

MAX_LINE: Final = 1 << 20
"""Longest event in bytes; a child that sends a longer one is killed."""
MAX_EVENTS: Final = 1024
"""Events held unread before the child has to wait."""
STDERR_BYTES: Final = 16 * 1024
STDERR_LINES: Final = 64
PIPE_SECONDS: Final = 0.5
"""How long the pipes of an ended child may stay open."""
KILL_SECONDS: Final = 5.0
"""How long the kernel may take to end a killed process."""

_INHERITED: Final = (
    "PATH",
    "HOME",
    "LANG",
    "LC_ALL",
    "TMPDIR",
    "PYTHONPATH",
    "LD_LIBRARY_PATH",
    "SYSTEMROOT",
)

Event = Mapping[str, Any]


class Worker:
    """A running child process; made by `spawn`, ended by `terminate`.

    It leads a session of its own, so that Ctrl-C in a terminal reaches the
    parent alone, and it inherits an allow-list of the environment: no secrets.
    """

    def __init__(self, module: str, pipes: "_Pipes", transport: asyncio.SubprocessTransport) -> None:
        self.module = module
        self.pid: int = transport.get_pid()
        self._pipes = pipes
        self._transport = transport

    @classmethod
    async def spawn(cls, module: str, task: Event, *, env: Mapping[str, str] | None = None) -> Self:
        """Start `python -m module` and hand it its task.

        `env` is added to the inherited variables. Raises Unavailable when the
        system cannot start a process.
        """
        inherited = {name: os.environ[name] for name in _INHERITED if name in os.environ}
        loop = asyncio.get_running_loop()
        try:
            transport, pipes = await loop.subprocess_exec(
                lambda: _Pipes(loop),
                *(sys.executable, "-P", "-m", module),  # -P: nothing is imported from the current folder
                env={**inherited, **(env or {})},
                start_new_session=True,
            )
        except OSError as error:
            raise Unavailable(f"cannot start a process for {module}: {error}") from error
        worker = cls(module, pipes, transport)
        stdin = cast(asyncio.WriteTransport, transport.get_pipe_transport(0))
        stdin.write(json.dumps(task).encode() + b"\n")
        return worker

    @property
    def exit_code(self) -> int | None:
        """None while it runs; negative: the signal that ended it."""
        return self._transport.get_returncode()

    @property
    def exited(self) -> asyncio.Future[int]:
        """Done when the process has ended; do not cancel, use `wait`."""
        return self._pipes.exited

    async def wait(self) -> int:
        """Wait for the end; returns the exit code."""
        return await asyncio.shield(self._pipes.exited)

    async def next_event(self) -> Event | None:
        """The next event; None when the child has closed its side or died."""
        return await self._pipes.next_event()

    async def last_words(self) -> str:
        """Wait for the end, then return the last lines that it wrote to stderr."""
        await asyncio.shield(self._pipes.closed)
        return self.stderr_tail()

    def stderr_tail(self) -> str:
        """The last lines that it has written to stderr so far."""
        text = self._pipes.stderr.decode("utf-8", "replace")
        return "\n".join(text.splitlines()[-STDERR_LINES:])

    def kill(self) -> None:
        """Kill the child and what it started, now."""
        self._signal(signal.SIGKILL)

    async def terminate(self, grace: float = 2.0) -> int:
        """End the child: SIGTERM, then SIGKILL after `grace` seconds."""
        try:
            self._signal(signal.SIGTERM)
            with suppress(TimeoutError):
                async with asyncio.timeout(grace):
                    return await self.wait()
            self._signal(signal.SIGKILL)
            async with asyncio.timeout(KILL_SECONDS):
                return await self.wait()
        finally:
            self._signal(signal.SIGKILL)
            self._transport.close()

    def _signal(self, number: signal.Signals) -> None:
        if self.exit_code is None:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self.pid, number)


class _Pipes(asyncio.SubprocessProtocol):
    """Receives what the child writes; holds no task, so nothing is left over."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.exited: asyncio.Future[int] = loop.create_future()
        self.closed: asyncio.Future[None] = loop.create_future()
        self.stderr = bytearray()
        self._loop = loop
        self._events: asyncio.Queue[Event | None] = asyncio.Queue()
        self._line = bytearray()
        self._paused = False
        self._transport: asyncio.SubprocessTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.SubprocessTransport, transport)

    def pipe_data_received(self, fd: int, data: bytes) -> None:
        if fd != 1:
            self.stderr += data
            del self.stderr[:-STDERR_BYTES]
            return
        self._line += data
        *lines, rest = self._line.split(b"\n")
        self._line = rest
        for line in lines:
            self._accept(bytes(line))
        if len(rest) > MAX_LINE:
            self._refuse(f"an event of more than {MAX_LINE} bytes")
        self._pause(self._events.qsize() >= MAX_EVENTS)

    def _accept(self, line: bytes) -> None:
        try:
            event = json.loads(line)
        except (ValueError, RecursionError):
            event = None
        if isinstance(event, dict):
            self._events.put_nowait(event)
        else:
            self._refuse(f"a line that is no event: {line[:80]!r}")

    def _refuse(self, what: str) -> None:
        self._line.clear()
        self.stderr += f"\nthe child was killed: it sent {what}".encode()
        if self._transport is not None:
            self._transport.kill()

    def _pause(self, pause: bool) -> None:
        if pause == self._paused or self._transport is None:
            return
        self._paused = pause
        # uvloop's transports are no subclasses of asyncio's
        stdout = cast(asyncio.ReadTransport, self._transport.get_pipe_transport(1))
        if not stdout.is_closing():
            (stdout.pause_reading if pause else stdout.resume_reading)()

    async def next_event(self) -> Event | None:
        event = await self._events.get()
        if event is None:
            self._events.put_nowait(None)  # for the next one who asks
        else:
            self._pause(self._events.qsize() >= MAX_EVENTS)
        return event

    def pipe_connection_lost(self, fd: int, exc: Exception | None) -> None:
        if fd == 1:
            self._events.put_nowait(None)

    def process_exited(self) -> None:
        if self._transport is None or self.exited.done():
            return
        code = self._transport.get_returncode()
        self.exited.set_result(-signal.SIGKILL if code is None else code)
        # What it wrote last is read first, but a grandchild may hold the pipes open.
        self._loop.call_later(PIPE_SECONDS, self._transport.close)

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.closed.done():
            self.closed.set_result(None)
