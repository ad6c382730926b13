"""A connection to an engine gives all bytes or an error, and never grows without bound."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from modelwright.engines.exchange import HELD_BYTES, Address, ConnectionBroken, Exchange

pytestmark = pytest.mark.anyio
Reply = Callable[[asyncio.StreamWriter], Awaitable[None]]
HEAD = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


@asynccontextmanager
async def talking_to(folder: Path, reply: Reply) -> AsyncIterator[Exchange]:
    """An exchange with a server that reads the request and then does as it likes."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        try:
            await reply(writer)
        except ConnectionError:
            pass
        finally:
            writer.close()

    path = folder / "s"
    server = await asyncio.start_unix_server(serve, path)
    exchange = await Exchange.start(Address(path=str(path)), "GET", "/")
    try:
        yield exchange
    finally:
        exchange.close()
        server.close()
        await server.wait_closed()


def chunk(content: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(content), content)


async def test_an_answer_is_whole_however_it_is_cut(tmp_path: Path) -> None:
    async def reply(writer: asyncio.StreamWriter) -> None:
        for byte in HEAD + chunk(b"one ") + chunk(b"two") + chunk(b""):
            writer.write(bytes([byte]))
            await asyncio.sleep(0)

    async with talking_to(tmp_path, reply) as exchange:
        assert await exchange.status() == 200
        assert await exchange.body() == b"one two"


@pytest.mark.parametrize("said", [b"", HEAD[:20], HEAD, HEAD + chunk(b"one"), b"no HTTP at all\r\n\r\n"])
async def test_an_answer_cut_short_is_an_error(tmp_path: Path, said: bytes) -> None:
    async def reply(writer: asyncio.StreamWriter) -> None:
        writer.write(said)

    async with talking_to(tmp_path, reply) as exchange:
        with pytest.raises(ConnectionBroken):
            await exchange.body()
        with pytest.raises(ConnectionBroken):
            await exchange.body()


async def test_breaking_it_wakes_who_reads(tmp_path: Path) -> None:
    async def reply(writer: asyncio.StreamWriter) -> None:
        writer.write(HEAD)
        await asyncio.sleep(5)

    async with talking_to(tmp_path, reply) as exchange:
        reading = asyncio.create_task(exchange.body())
        await asyncio.sleep(0.05)
        exchange.close("the engine ended")
        with pytest.raises(ConnectionBroken, match="the engine ended"):
            await reading


async def test_a_slow_reader_makes_the_engine_wait(tmp_path: Path) -> None:
    sent = 0

    async def reply(writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        writer.write(HEAD)
        for _ in range(200):
            writer.write(chunk(b"x" * 65_536))
            await writer.drain()
            sent += 65_536
        writer.write(chunk(b""))

    async with talking_to(tmp_path, reply) as exchange:
        await exchange.status()
        await asyncio.sleep(0.3)
        assert sent < HELD_BYTES + 2_000_000
        assert len(await exchange.body()) == 200 * 65_536


async def test_nobody_there_is_an_error(tmp_path: Path) -> None:
    for address in (Address(path=str(tmp_path / "none")), Address(port=1)):
        with pytest.raises(ConnectionBroken, match="no connection"):
            await Exchange.start(address, "GET", "/")
