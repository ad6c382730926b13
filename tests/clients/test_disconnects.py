"""A storm of clients that leave at random points: each slot is free again, nobody else is harmed."""

import asyncio
import json
import os
import random
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

BENCH = str(Path(__file__).parents[2] / "bench")
if BENCH not in sys.path:
    sys.path.append(BENCH)

from measuring.imported import import_weights  # noqa: E402 - after the path
from measuring.random_model import Shape, write_random_model  # noqa: E402 - after the path
from measuring.served import Served, engine_sockets, resident_bytes, served  # noqa: E402 - after the path

CLIENTS = 1000 if os.environ.get("PROVE") else 100
AT_ONCE = 40
FREE_WITHIN = 2.0
GROWTH = 16_000_000
"""Bytes that a server may take more after a storm than after the one before."""

# 30 million parameters: some seconds for the longest prompt, 5 ms for a token.
SHAPE = Shape(hidden=512, layers=8, heads=8, feed_forward=1408, vocabulary=1024, context=4096)
FIXED = {"temperature": 0, "num_predict": 12}
ENDLESS = {"temperature": 0, "num_predict": 2000}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    home = tmp_path_factory.mktemp("storm")
    write_random_model(home / "random.gguf", SHAPE)
    import_weights(home, home / "random.gguf", "random")
    with served(home, parallel=4, max_queue=2000) as running:
        yield running


def request(draw: random.Random) -> bytes:
    """One of several endpoints, with a prompt of some words or of a thousand.

    Texts to embed are short: an engine evaluates each in one piece, which nothing stops.
    """
    text = f"{draw.random()} " + "word " * draw.choice([5, 5, 1000])
    path, body = draw.choice(
        [
            ("/api/chat", {"messages": [{"role": "user", "content": text}]}),
            ("/api/chat", {"messages": [{"role": "user", "content": text}], "stream": False}),
            ("/api/generate", {"prompt": text}),
            ("/api/embed", {"input": ["word " * 50] * 8}),
            ("/v1/chat/completions", {"messages": [{"role": "user", "content": text}], "stream": True}),
        ]
    )
    content = json.dumps({"model": "random", "options": ENDLESS, "max_tokens": 2000, **body}).encode()
    head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    return f"{head}Content-Length: {len(content)}\r\n\r\n".encode() + content


async def leave_early(port: int, draw: random.Random) -> None:
    """Ask, read for up to a second and a half what comes, and be gone without a word."""
    _, writer = await asyncio.open_connection("127.0.0.1", port)
    content = request(draw)
    if draw.random() < 0.1:
        content = content[: draw.randrange(len(content))]
    writer.write(content)
    await asyncio.sleep(draw.random() * 1.5)
    if draw.random() < 0.5:
        writer.transport.abort()
    else:
        writer.close()


async def storm(port: int, seed: int, clients: int) -> None:
    draw, room = random.Random(seed), asyncio.Semaphore(AT_ONCE)

    async def one() -> None:
        async with room:
            await leave_early(port, draw)

    await asyncio.gather(*(one() for _ in range(clients)))


def answer(client: httpx2.Client, question: str) -> str:
    body = {"model": "random", "prompt": question, "options": FIXED, "stream": False}
    found = client.post("/api/generate", json=body)
    assert found.status_code == 200, found.text
    return str(found.json()["response"])


def busy_slots(server: Served) -> int:
    """Slots at work in all engines; asked once, since each question delays a cancellation."""
    busy = 0
    for socket in engine_sockets(server.pid):
        transport = httpx2.HTTPTransport(uds=socket)
        with httpx2.Client(transport=transport, base_url="http://engine", trust_env=False) as client:
            busy += sum(slot["is_processing"] for slot in client.get("/slots").json())
    return busy


def unanswered(client: httpx2.Client) -> int:
    """Requests that the server still works at."""
    found = re.search(r"^modelwright_requests_open (\d+)", client.get("/metrics").text, re.MULTILINE)
    assert found is not None
    return int(found.group(1)) - 1  # this very question


@pytest.mark.limit(60 + CLIENTS)
@pytest.mark.anyio
async def test_all_slots_are_free_soon_after_a_storm_and_memory_is_as_before(server: Served) -> None:
    port = int(server.url.rpartition(":")[2])
    with server.client() as client:
        expected = answer(client, "Who are you?")
        await storm(port, 1, CLIENTS // 2)
        await asyncio.sleep(FREE_WITHIN)
        assert busy_slots(server) == 0
        before = resident_bytes(server.pid)
        bystander = asyncio.create_task(asyncio.to_thread(answer, client, "Who are you?"))
        await storm(port, 2, CLIENTS)
        await asyncio.sleep(FREE_WITHIN)
        assert busy_slots(server) == unanswered(client) == 0
        assert await bystander == expected, "who stayed is answered as if nothing had been"
        assert answer(client, "Who are you?") == expected
        assert resident_bytes(server.pid) - before < GROWTH
