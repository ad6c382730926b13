"""Tokens a second through our stream beside the engine's own socket.

A billion-parameter model of random weights, written here; 1, 8 and 16 streams;
both sides speak to the same engine process, in alternation. Bound: 0.97.

    python bench/overhead.py [--tokens 64] [--rounds 5] [--gguf FILE]
"""

import argparse
import asyncio
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import httpx2
from measuring.imported import import_weights
from measuring.random_model import Shape, write_random_model
from measuring.served import Served, engine_socket, served
from measuring.verdict import median, table, verdict

BOUND = 0.97
STREAMS = (1, 8, 16)
MODEL = "random-1b"

Ask = Callable[[httpx2.AsyncClient, int, int], Awaitable[int]]


def question(number: int) -> list[dict[str, str]]:
    return [{"role": "user", "content": f"Question {number}: tell me all that you know."}]


async def ask_ours(client: httpx2.AsyncClient, number: int, tokens: int) -> int:
    """One answer through `/api/chat`; returns the pieces that arrived."""
    options = {"num_predict": tokens, "seed": number, "temperature": 0.8}
    body = {"model": MODEL, "messages": question(number), "options": options}
    return await _pieces(client, "/api/chat", body, '"done":false')


async def ask_engine(client: httpx2.AsyncClient, number: int, tokens: int) -> int:
    """The same at the engine's socket; returns the pieces that arrived."""
    body = {
        "messages": question(number),
        "max_tokens": tokens,
        "seed": number,
        "temperature": 0.8,
        "stream": True,
        "cache_prompt": True,
    }
    return await _pieces(client, "/v1/chat/completions", body, '"content":"')


async def _pieces(client: httpx2.AsyncClient, path: str, body: dict[str, object], mark: str) -> int:
    async with client.stream("POST", path, json=body) as answer:
        answer.raise_for_status()
        return sum([mark in line async for line in answer.aiter_lines()])


async def rate(client: httpx2.AsyncClient, ask: Ask, streams: int, tokens: int) -> float:
    """Pieces a second over all streams together."""
    started = time.perf_counter()
    counts = await asyncio.gather(*(ask(client, number, tokens) for number in range(streams)))
    if min(counts) < tokens // 2:
        raise SystemExit(f"an answer was too short to measure: {counts}")
    return sum(counts) / (time.perf_counter() - started)


async def compare(server: Served, tokens: int, rounds: int) -> dict[int, list[tuple[float, float]]]:
    """For each number of streams, rounds of (engine, ours) in tokens a second."""
    # A connection that is idle while the other side is asked might just be closing.
    fresh = httpx2.Limits(max_keepalive_connections=0)
    async with httpx2.AsyncClient(base_url=server.url, timeout=600, trust_env=False, limits=fresh) as ours:
        await ask_ours(ours, 0, 2)
        transport = httpx2.AsyncHTTPTransport(uds=engine_socket(server.pid), limits=fresh)
        async with httpx2.AsyncClient(base_url="http://engine", transport=transport, timeout=600) as engine:
            found: dict[int, list[tuple[float, float]]] = {}
            for streams in STREAMS:
                await rate(engine, ask_engine, streams, tokens)
                found[streams] = []
                for turn in range(rounds):
                    sides = [(engine, ask_engine), (ours, ask_ours)]
                    if turn % 2:
                        sides.reverse()  # so that a machine that slows down harms both alike
                    first, second = [await rate(*side, streams, tokens) for side in sides]
                    found[streams].append((second, first) if turn % 2 else (first, second))
            return found


def report(found: dict[int, list[tuple[float, float]]]) -> int:
    rows, ratios = [], []
    for streams, pairs in found.items():
        engine, ours = median(pair[0] for pair in pairs), median(pair[1] for pair in pairs)
        ratio = median(pair[1] / pair[0] for pair in pairs)
        rows.append((streams, engine, ours, ratio))
        ratios.append(ratio)
    table("tokens a second, all streams together", ("streams", "engine's socket", "ours", "ratio"), rows)
    return verdict("overhead", min(ratios), BOUND, holds=min(ratios) >= BOUND)


def main() -> int:
    options = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    options.add_argument("--tokens", type=int, default=64)
    options.add_argument("--rounds", type=int, default=6)
    options.add_argument("--gguf", type=Path, help="use this file instead of writing one")
    asked = options.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        weights = asked.gguf or home / "random.gguf"
        if asked.gguf is None:
            write_random_model(weights, Shape())
        import_weights(home, weights, MODEL)
        with served(home, parallel=max(STREAMS)) as server:
            return report(asyncio.run(compare(server, asked.tokens, asked.rounds)))


if __name__ == "__main__":
    sys.exit(main())
