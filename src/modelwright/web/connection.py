"""Connection: how long a client may take to say what it wants.

uvicorn waits for ever for the end of a request's header fields, so that a few
thousand clients that send a byte now and then would hold every file of the
process. Bodies have limits of their own (dialects/body.py).
"""

import asyncio
from typing import ClassVar, Final

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

_TEXT: Final = b"the header fields did not come in time\n"
_ANSWER: Final = (
    b"HTTP/1.1 408 Request Timeout\r\nConnection: close\r\nContent-Type: text/plain; charset=utf-8\r\n"
    b"Content-Length: %d\r\n\r\n%b" % (len(_TEXT), _TEXT)
)


class Connection(H11Protocol):
    """A connection that is closed when a request's head takes too long.

    The time runs from the connection's beginning, and again from the first byte
    of each further request; in between uvicorn's own limit for idleness holds.
    """

    head_seconds: ClassVar[float] = 30.0
    _head_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # uvicorn's own
        super().connection_made(transport)
        self._head_timer = self.loop.call_later(self.head_seconds, self._give_up)

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self.conn.their_state is not h11.IDLE:
            self._stop_waiting()
        elif self._head_timer is None:
            self._head_timer = self.loop.call_later(self.head_seconds, self._give_up)

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_waiting()
        super().connection_lost(exc)

    def _give_up(self) -> None:
        self._head_timer = None
        if self.conn.trailing_data[0]:  # who said nothing at all, as browsers do, is told nothing
            self.transport.write(_ANSWER)
        self.transport.close()

    def _stop_waiting(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None
