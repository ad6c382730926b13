"""Minutes of mixed load while an engine is killed again and again.

Clients chat, generate and embed with several custom models of the starter, at
temperature 0; each answer is compared with the one that the model gave alone. Every
20 s one engine process is killed. What may happen to a client then is a clean
error: 503 with Retry-After, or an error as the last line of a stream.

Bounds: no wrong answer, no other error, no client that waits for longer than
30 s. Prints how the memory of the server grew over the second half.

    python bench/soak.py [--seconds 600] [--clients 8] [--kill-every 20]
"""

import argparse
import asyncio
import contextlib
import math
import os
import random
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import httpx2
import orjson
from measuring.served import Served, children, resident_bytes, served
from measuring.verdict import table, verdict

HUNG_SECONDS = 30.0
NAMES = ("Mario", "Luigi", "Peach", "Toad", "Yoshi", "Daisy")
QUESTIONS = ("Who are you?", "Where are you from?", "What is your job?", "hello")
FIXED = {"temperature": 0, "num_predict": 40}
CLOSE = 1e-3
"""How far the cosine of two vectors of one text may be from 1."""

Ask = Callable[[httpx2.AsyncClient, str, str], Awaitable[Any]]


class Failed(Exception):
    """A clean error: the server said that it cannot now, and when to come back."""


class Wrong(Exception):
    """Anything else."""


async def chat_stream(client: httpx2.AsyncClient, model: str, question: str) -> str:
    body = {"model": model, "messages": [{"role": "user", "content": question}], "options": FIXED}
    async with client.stream("POST", "/api/chat", json=body) as answer:
        if answer.status_code != 200:
            await answer.aread()
        refuse_errors(answer)
        lines = [orjson.loads(line) async for line in answer.aiter_lines()]
    if lines and "error" in lines[-1]:
        raise Failed(lines[-1]["error"])
    if not lines or not lines[-1]["done"]:
        raise Wrong("a stream without an end")
    return "".join(line["message"]["content"] for line in lines)


async def chat_whole(client: httpx2.AsyncClient, model: str, question: str) -> str:
    body = {"model": model, "messages": [{"role": "user", "content": question}], "options": FIXED}
    answer = await client.post("/api/chat", json=body | {"stream": False})
    refuse_errors(answer)
    return str(answer.json()["message"]["content"])


async def chat_openai(client: httpx2.AsyncClient, model: str, question: str) -> str:
    body = {"model": model, "messages": [{"role": "user", "content": question}]}
    answer = await client.post("/v1/chat/completions", json=body | {"temperature": 0, "max_tokens": 40})
    refuse_errors(answer)
    return str(answer.json()["choices"][0]["message"]["content"])


async def generate(client: httpx2.AsyncClient, model: str, question: str) -> str:
    body = {"model": model, "prompt": question, "options": FIXED, "stream": False}
    answer = await client.post("/api/generate", json=body)
    refuse_errors(answer)
    return str(answer.json()["response"])


async def embed(client: httpx2.AsyncClient, model: str, question: str) -> list[float]:
    answer = await client.post("/api/embed", json={"model": model, "input": question})
    refuse_errors(answer)
    return list(answer.json()["embeddings"][0])


WAYS: tuple[Ask, ...] = (chat_stream, chat_whole, chat_openai, generate, embed)


def refuse_errors(answer: httpx2.Response) -> None:
    if answer.status_code == 503 and answer.headers.get("retry-after", "").isdigit():
        raise Failed(answer.text)
    if answer.status_code != 200:
        raise Wrong(f"{answer.status_code} {answer.text[:200]}")


def same(found: Any, expected: Any) -> bool:
    if isinstance(expected, str):
        return bool(found == expected)
    dot = math.fsum(one * other for one, other in zip(found, expected, strict=True))
    return abs(dot - 1) < CLOSE


class Soak:
    """The load, what became of it, and what memory it took."""

    def __init__(self, server: Served, seconds: float, kill_every: float) -> None:
        self.server = server
        self.ends = time.monotonic() + seconds
        self.kill_every = kill_every
        self.counts: Counter[str] = Counter()
        self.faults: list[str] = []
        self.kills = 0
        self.memory: list[tuple[float, int]] = []

    async def run(self, clients: int) -> None:
        limits = httpx2.Limits(max_connections=None)
        async with httpx2.AsyncClient(
            base_url=self.server.url, timeout=None, limits=limits, trust_env=False
        ) as client:
            await prepare(client)
            expected = {
                (way, name, question): await way(client, name, question)
                for way in WAYS
                for name in NAMES
                for question in QUESTIONS
            }
            work = [self.ask(client, expected, random.Random(number)) for number in range(clients)]
            await asyncio.gather(self.kill(), self.watch(), *work)

    async def ask(
        self, client: httpx2.AsyncClient, expected: dict[tuple[Ask, str, str], Any], draw: random.Random
    ) -> None:
        while time.monotonic() < self.ends:
            (way, name, question), wanted = draw.choice(list(expected.items()))
            try:
                async with asyncio.timeout(HUNG_SECONDS):
                    found = await way(client, name, question)
                if same(found, wanted):
                    self.counts["right"] += 1
                else:
                    self.note("wrong", f"{way.__name__} of {name}: {found!r:.80} is not {wanted!r:.80}")
            except Failed:
                self.counts["refused"] += 1
                await asyncio.sleep(0.2)
            except TimeoutError:
                self.note("hung", f"{way.__name__} of {name}")
            except (Wrong, httpx2.HTTPError, orjson.JSONDecodeError) as error:
                self.note("unclean", f"{way.__name__} of {name}: {type(error).__name__} {error}")

    def note(self, kind: str, fault: str) -> None:
        self.counts[kind] += 1
        self.faults.append(f"{kind}: {fault}")

    async def kill(self) -> None:
        draw = random.Random(0)
        while time.monotonic() + self.kill_every < self.ends:
            await asyncio.sleep(self.kill_every)
            engines = children(self.server.pid)
            if engines:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(draw.choice(engines), signal.SIGKILL)
                    self.kills += 1

    async def watch(self) -> None:
        while time.monotonic() < self.ends:
            self.memory.append((time.monotonic(), resident_bytes(self.server.pid)))
            await asyncio.sleep(1.0)

    def slope(self) -> float:
        """Megabytes an hour that the server grew in the second half, by least squares."""
        points = self.memory[len(self.memory) // 2 :]
        times, sizes = [point[0] for point in points], [point[1] for point in points]
        middle, mean = sum(times) / len(times), sum(sizes) / len(sizes)
        spread = sum((moment - middle) ** 2 for moment in times) or 1.0
        rise = sum((moment - middle) * (size - mean) for moment, size in points) / spread
        return rise * 3600 / 1e6


async def prepare(client: httpx2.AsyncClient) -> None:
    """Make the custom models."""
    for name in NAMES:
        body = {"model": name, "from": "starter", "system": f"You are {name}, a plumber from {name}ville."}
        (await client.post("/api/create", json=body | {"stream": False})).raise_for_status()


def report(soak: Soak) -> int:
    counts = {kind: soak.counts[kind] for kind in ("right", "refused", "wrong", "unclean", "hung")}
    table("requests", tuple(counts), [tuple(counts.values())])
    for fault in soak.faults[:10]:
        print(f"  {fault}")
    bad = counts["wrong"] + counts["unclean"] + counts["hung"]
    sizes = [size / 1e6 for _, size in soak.memory]
    return verdict(
        "soak",
        bad,
        0,
        holds=bad == 0 and counts["right"] > 0 and soak.kills > 0,
        kills=soak.kills,
        memory_mb=[round(sizes[0], 1), round(sizes[-1], 1)],
        slope_mb_per_hour=round(soak.slope(), 1),
        **counts,
    )


def main() -> int:
    options = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    options.add_argument("--seconds", type=float, default=600)
    options.add_argument("--clients", type=int, default=8)
    options.add_argument("--kill-every", type=float, default=20)
    asked = options.parse_args()
    with tempfile.TemporaryDirectory() as folder, served(Path(folder)) as server:
        soak = Soak(server, asked.seconds, asked.kill_every)
        asyncio.run(soak.run(asked.clients))
        return report(soak)


if __name__ == "__main__":
    sys.exit(main())
