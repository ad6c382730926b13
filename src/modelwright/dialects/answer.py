"""Answers: events of a service as one body, or as a stream of frames.

Until the first event exists an error gets its real status. From then on the
status is 200 and an error is one more frame, the last. When the client leaves,
at whatever moment, the service's work is stopped at once.
"""

import asyncio
from collections.abc import AsyncGenerator, Coroutine, Mapping, Sequence
from contextlib import aclosing, suppress
from typing import Any, Final, Generic, Protocol, TypeVar

import orjson
from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send

from modelwright.core.chat import Done, Usage
from modelwright.core.errors import ModelwrightError
from modelwright.dialects.failure import known

HEADERS_AFTER: Final = 5.0
"""Seconds after which the headers of a stream are sent without a first event.

Clients such as ollama4j give up when no header comes within 10 s.
"""

USAGE: Final = "modelwright.usage"
"""Where in the request's scope an answer leaves what it took, for the metrics."""

E = TypeVar("E", contravariant=True)
F = TypeVar("F")
R = TypeVar("R")


class Writer(Protocol[E]):
    """Renders the events of one answer, in one dialect."""

    stream_type: str
    whole_type: str

    def opening(self) -> bytes:
        """What comes before the first event's frame."""
        ...

    def frame(self, event: E) -> bytes: ...

    def failure(self, error: ModelwrightError) -> bytes:
        """The last frame of an answer that broke off."""
        ...

    def whole(self, events: Sequence[E]) -> dict[str, Any]:
        """The one body that says the same as all the frames."""
        ...


class ClientGone(Exception):
    """Nobody waits for the answer any more."""


class Answer(Response, Generic[F]):
    """Sends what a service yields; `stream` tells in which of the two forms."""

    def __init__(
        self,
        events: AsyncGenerator[F, None],
        writer: Writer[F],
        *,
        stream: bool,
        headers_after: float = HEADERS_AFTER,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        self.background = None
        self.status_code = 200
        self.media_type = writer.stream_type if stream else writer.whole_type
        unbuffered = {"Cache-Control": "no-cache", "X-Accel-Buffering": "no"} if stream else {}
        self.init_headers({**unbuffered, **(headers or {})})
        self._events = events
        self._writer = writer
        self._stream = stream
        self._headers_after = headers_after

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        work = self._send_stream(scope, send) if self._stream else self._send_whole(scope, send)
        with suppress(ClientGone):
            await while_connected(receive, work)

    async def _send_whole(self, scope: Scope, send: Send) -> None:
        found: list[F] = []
        async with aclosing(self._events) as events:
            async for event in events:
                note_usage(scope, event)
                found.append(event)
        content = orjson.dumps(self._writer.whole(found))
        self.raw_headers.append((b"content-length", str(len(content)).encode()))
        await send(self._start())
        await send(_body(content, more=False))

    async def _send_stream(self, scope: Scope, send: Send) -> None:
        beginning = _Beginning(send, self._start(), self._writer.opening())
        timer = asyncio.create_task(beginning.after(self._headers_after))
        try:
            async with aclosing(self._events) as events:
                async for event in events:
                    if not beginning.done:
                        await beginning.send()
                    note_usage(scope, event)
                    await send(_body(self._writer.frame(event)))
            await beginning.send()
        except Exception as error:
            if not beginning.begun:
                raise
            await beginning.send()
            await send(_body(self._writer.failure(known(error))))
        finally:
            timer.cancel()
        await send(_body(b"", more=False))

    def _start(self) -> Message:
        return {"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers}


class _Beginning:
    """Sends the headers and the opening once, by whichever of two comes first."""

    def __init__(self, send: Send, start: Message, opening: bytes) -> None:
        self._send = send
        self._start = start
        self._opening = opening
        self._turn = asyncio.Lock()
        self.begun = False
        self.done = False

    async def send(self) -> None:
        async with self._turn:
            if self.done:
                return
            self.begun = True
            await self._send(self._start)
            await self._send(_body(self._opening))
            self.done = True

    async def after(self, seconds: float) -> None:
        await asyncio.sleep(seconds)
        await self.send()


async def while_connected(receive: Receive, work: Coroutine[Any, Any, R]) -> R:
    """Await `work`, or stop it and raise ClientGone when the client leaves.

    The request's body must have been read before.
    """
    worker = asyncio.ensure_future(work)
    watcher = asyncio.ensure_future(_departure(receive))
    try:
        await asyncio.wait({worker, watcher}, return_when=asyncio.FIRST_COMPLETED)
        if worker.done():
            return worker.result()
        raise ClientGone
    finally:
        await _stopped(worker)
        await _stopped(watcher)


def note_usage(scope: Scope, event: object) -> None:
    """Leave what an answer took where the metrics find it."""
    if isinstance(event, Done):
        scope[USAGE] = event.usage
    elif isinstance(event, Usage):
        scope[USAGE] = event


async def _departure(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _stopped(task: asyncio.Future[Any]) -> None:
    if not task.done():
        task.cancel()
        await asyncio.wait({task})
        if not task.cancelled():
            task.exception()  # nobody is left to hear of it


def _body(content: bytes, *, more: bool = True) -> Message:
    return {"type": "http.response.body", "body": content, "more_body": more}


def ndjson(tree: dict[str, Any]) -> bytes:
    """One line of a stream of JSON objects; never an empty one."""
    return orjson.dumps(tree) + b"\n"


def sse(tree: dict[str, Any], event: str = "") -> bytes:
    """One server-sent event; its name is a line of its own where it has one."""
    named = f"event: {event}\n".encode() if event else b""
    return named + b"data: " + orjson.dumps(tree) + b"\n\n"
