"""A client that does not say what it wants in time is sent away."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator

import pytest
import uvicorn

from modelwright.web.connection import Connection

pytestmark = pytest.mark.anyio

HEAD = b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\n"


class Hasty(Connection):
    head_seconds = 0.4


async def _application(scope, receive, send) -> None:
    while (await receive()).get("more_body"):
        pass
    await asyncio.sleep(0.6)
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
    await send({"type": "http.response.body", "body": b"ok"})


@pytest.fixture
async def port() -> AsyncIterator[int]:
    config = uvicorn.Config(_application, port=0, http=Hasty, lifespan="off", log_config=None)
    server = uvicorn.Server(config)
    server.capture_signals = contextlib.nullcontext
    serving = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.01)
    yield server.servers[0].sockets[0].getsockname()[1]
    server.should_exit = True
    await serving


async def _answer(port: int, *pieces: bytes, pause: float = 0.0) -> tuple[bytes, float]:
    """All that comes back until the server closes, and after how many seconds."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    started = time.monotonic()

    async def speak() -> None:
        for piece in pieces:
            writer.write(piece)
            await asyncio.sleep(pause)

    speaking = asyncio.create_task(speak())
    content = await asyncio.wait_for(reader.read(), 30)
    speaking.cancel()
    writer.close()
    return content, time.monotonic() - started


async def test_header_fields_that_drip_are_cut_off(port: int) -> None:
    drops = [HEAD[at : at + 1] for at in range(20)]
    content, took = await _answer(port, *drops, pause=0.1)
    assert content.startswith(b"HTTP/1.1 408 ")
    assert 0.3 < took < 20


async def test_who_says_nothing_is_told_nothing(port: int) -> None:
    content, took = await _answer(port)
    assert content == b""
    assert took < 20


async def test_the_next_request_on_a_connection_has_the_same_time(port: int) -> None:
    content, _ = await _answer(port, HEAD + b"{}", b"GET / HT", pause=0.8)
    first, second = content.split(b"HTTP/1.1 ")[1:]
    assert first.startswith(b"200 ")
    assert second.startswith(b"408 ")


async def test_a_slow_body_and_a_slow_answer_are_no_slow_head(port: int) -> None:
    content, took = await _answer(port, HEAD, b"{", b"}", pause=0.5)
    assert content.startswith(b"HTTP/1.1 200 ")
    assert content.endswith(b"ok")
    assert took > 1.0
