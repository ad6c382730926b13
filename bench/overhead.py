"""Tokens a second through our stream beside the engine's own socket.

A billion-parameter model of random weights, written here; 1, 8 and 16 streams;
both sides speak to the same engine process, in alternation, so that whatever else a
machine does is paid by both. Bound: 0.97, for the median of the pairs. Beside it, what
a token costs our process and the engine's in processor time, which others' work hardly moves.

    python bench/overhead.py [--tokens 48] [--rounds 8] [--gguf FILE]
"""

import argparse
import asyncio
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path

import httpx2
from measuring.imported import import_weights
from measuring.random_model import Shape, write_random_model
from measuring.served import Served, children, cpu_seconds, engine_socket, served
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


@dataclass
class Side:
    """One way to ask, and what it took: tokens a second, processor time a token."""

    client: httpx2.AsyncClient
    ask: Ask
    rates: list[float] = field(default_factory=list)
    ours: list[float] = field(default_factory=list)
    engine: list[float] = field(default_factory=list)

    async def measure(self, server: Served, streams: int, tokens: int) -> None:
        pids = server.pid, children(server.pid)[0]
        used, started = [cpu_seconds(pid) for pid in pids], time.perf_counter()
        counts = await asyncio.gather(*(self.ask(self.client, number, tokens) for number in range(streams)))
        if min(counts) < tokens // 2:
            raise SystemExit(f"an answer was too short to measure: {counts}")
        self.rates.append(sum(counts) / (time.perf_counter() - started))
        for pid, before, found in zip(pids, used, (self.ours, self.engine), strict=True):
            found.append((cpu_seconds(pid) - before) / sum(counts) * 1e3)


Found = dict[int, tuple[Side, Side]]


async def compare(server: Served, tokens: int, rounds: int) -> Found:
    """For each number of streams, the engine's socket and our stream."""
    # A connection that is idle while the other side is asked might just be closing.
    fresh = httpx2.Limits(max_keepalive_connections=0)
    async with httpx2.AsyncClient(base_url=server.url, timeout=600, trust_env=False, limits=fresh) as ours:
        await ask_ours(ours, 0, 2)
        transport = httpx2.AsyncHTTPTransport(uds=engine_socket(server.pid), limits=fresh)
        async with httpx2.AsyncClient(base_url="http://engine", transport=transport, timeout=600) as engine:
            found: Found = {}
            for streams in STREAMS:
                await Side(engine, ask_engine).measure(server, streams, tokens // 4)
                sides = found[streams] = Side(engine, ask_engine), Side(ours, ask_ours)
                for turn in range(rounds):
                    for side in sides[:: -1 if turn % 2 else 1]:
                        await side.measure(server, streams, tokens)
            return found


def report(found: Found) -> int:
    rows, ratios = [], []
    for streams, (engine, ours) in found.items():
        ratio = median(mine / its for mine, its in zip(ours.rates, engine.rates, strict=True))
        costs = median(ours.ours), median(ours.engine), median(engine.engine)
        rows.append((streams, median(engine.rates), median(ours.rates), ratio, *costs))
        ratios.append(ratio)
    table(
        "tokens a second, all streams together; processor time a token in ms",
        ("streams", "engine's socket", "ours", "ratio", "our process", "its engine", "engine alone"),
        rows,
    )
    return verdict("overhead", min(ratios), BOUND, holds=min(ratios) >= BOUND)


def main() -> int:
    options = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    options.add_argument("--tokens", type=int, default=48)
    options.add_argument("--rounds", type=int, default=8)
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
