"""Exchange: one HTTP request to an engine, and its answer as it comes.

A connection of its own for each request: closing it is how an engine learns that
nobody waits any more, and its owner can break it from outside. A general client
costs 60 to 100 us a token here, this one 10. It knows no routes and no JSON.
"""

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Self, cast

import httptools

HELD_BYTES: Final = 256 * 1024
"""Answer bytes held for a slow reader before the engine has to wait."""


class ConnectionBroken(Exception):
    """The engine closed or broke the connection; never leaves this room."""


@dataclass(frozen=True, slots=True)
class Address:
    """Where an engine listens: a Unix socket, or a loopback port with a key."""

    path: str = ""
    port: int = 0
    api_key: str = ""

    def remove(self) -> None:
        """Delete the socket that a killed engine leaves behind."""
        if self.path:
            Path(self.path).unlink(missing_ok=True)


class Exchange(asyncio.Protocol):
    """A request under way; made by `start`, ended by `close`.

    `heard`: the loop's time when the last byte came.
    """

    def __init__(self) -> None:
        self._parser = httptools.HttpResponseParser(self)
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._waiter: asyncio.Future[None] | None = None
        self._pieces: list[bytes] = []
        self._held = 0
        self._status = 0
        self._complete = False
        self._fault = ""
        self.heard = self._loop.time()

    @classmethod
    async def start(cls, address: Address, method: str, path: str, body: bytes = b"") -> Self:
        """Connect and send; raises ConnectionBroken when nobody listens."""
        loop = asyncio.get_running_loop()
        try:
            if address.path:
                transport, exchange = await loop.create_unix_connection(cls, address.path)
            else:
                transport, exchange = await loop.create_connection(cls, "127.0.0.1", address.port)
        except OSError as error:
            raise ConnectionBroken(f"no connection: {error}") from error
        key = f"Authorization: Bearer {address.api_key}\r\n" if address.api_key else ""
        head = (
            f"{method} {path} HTTP/1.1\r\nHost: engine\r\n{key}Connection: close\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        transport.write(head.encode() + body)
        return exchange

    async def status(self) -> int:
        """Wait for the head of the answer; returns the HTTP status."""
        while not self._status:
            await self._wait()
        return self._status

    async def pieces(self) -> AsyncGenerator[bytes, None]:
        """The body as it comes, in pieces of any size; raises ConnectionBroken."""
        while True:
            if self._pieces:
                piece = b"".join(self._pieces)
                self._pieces.clear()
                self._hold(-self._held)
                yield piece
            elif self._complete:
                return
            else:
                await self._wait()

    async def body(self) -> bytes:
        """The whole body."""
        return b"".join([piece async for piece in self.pieces()])

    def close(self, fault: str = "closed") -> None:
        """Break the connection; whoever reads gets ConnectionBroken."""
        if self._transport is not None:
            self._transport.abort()
        self._break(fault)

    async def _wait(self) -> None:
        if self._fault:
            raise ConnectionBroken(self._fault)
        self._waiter = self._loop.create_future()
        try:
            await self._waiter
        finally:
            self._waiter = None

    def _hold(self, more: int) -> None:
        """Count what is held, and let the engine wait while that is too much."""
        before, self._held = self._held > HELD_BYTES, self._held + more
        after = self._held > HELD_BYTES
        if before != after and self._transport is not None and not self._transport.is_closing():
            (self._transport.pause_reading if after else self._transport.resume_reading)()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def _break(self, fault: str) -> None:
        if not self._complete:
            self._fault = self._fault or fault
        self._wake()

    # asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        self.heard = self._loop.time()
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError as error:
            self.close(f"no HTTP answer: {error}")

    def connection_lost(self, exc: Exception | None) -> None:
        self._break(f"connection lost: {exc}" if exc else "connection lost")

    # httptools

    def on_headers_complete(self) -> None:
        self._status = cast(Any, self._parser).get_status_code()
        self._wake()

    def on_body(self, piece: bytes) -> None:
        self._pieces.append(piece)
        self._hold(len(piece))
        self._wake()

    def on_message_complete(self) -> None:
        self._complete = True
        self._wake()
