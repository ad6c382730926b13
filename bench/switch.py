"""Switching between a thousand custom models of one base costs nothing.

Creates them over the starter with different system prompts and parameters,
uses each once, then compares the time to the first token of

  staying    another question to the same model
  switching  a question to a model that was used before, but not last

in alternation, so that both see the same machine. Bounds: one engine process,
20 KB of the server's memory a model, and switching <= 1.05 x staying or 2 ms
more, whichever is larger.

    python bench/switch.py [--models 1000] [--rounds 200]
"""

import argparse
import random
import sys
import tempfile
import time
from pathlib import Path

import httpx2
from measuring.served import Served, children, resident_bytes, served
from measuring.verdict import median, table, verdict

RATIO = 1.05
MORE_SECONDS = 0.002
BYTES_A_MODEL = 20_000
TRADES = ("baker", "pilot", "farmer", "doctor", "sailor", "teacher", "painter", "miner")
QUESTIONS = ("Who are you?", "Where are you from?", "hello", "What is your job?", "What is your name?")


def create(client: httpx2.Client, number: int, names: random.Random) -> None:
    """Make one custom model; every tenth word of its prompt is its own."""
    name = "".join(names.choices("bdfgklmnprstvz", k=1) + names.choices("aeiou", k=1)).capitalize() + str(
        number
    )
    likes = " ".join(f"You like {names.choice(TRADES)} number {names.randrange(10_000)}." for _ in range(8))
    body = {
        "model": f"custom-{number}",
        "from": "starter",
        "system": f"You are {name}, a {TRADES[number % len(TRADES)]} from {name}ville. {likes}",
        "parameters": {"temperature": number % 10 / 10, "seed": number, "top_k": 1 + number % 40},
        "stream": False,
    }
    client.post("/api/create", json=body).raise_for_status()


def first_token(client: httpx2.Client, number: int, question: str) -> float:
    """Seconds from sending a question to the first piece of its answer."""
    body = {
        "model": f"custom-{number}",
        "messages": [{"role": "user", "content": question}],
        "options": {"num_predict": 4},
    }
    started = time.perf_counter()
    with client.stream("POST", "/api/chat", json=body) as answer:
        answer.raise_for_status()
        lines = answer.iter_lines()
        next(lines)
        took = time.perf_counter() - started
        for _ in lines:
            pass
    return took


def compare(client: httpx2.Client, models: int, rounds: int) -> tuple[list[float], list[float]]:
    """Times to the first token when staying and when switching."""
    draw = random.Random(2)
    staying, switching = [], []
    for turn in range(rounds):
        number, question = draw.randrange(models), QUESTIONS[turn % len(QUESTIONS)]
        switching.append(first_token(client, number, question))
        staying.append(first_token(client, number, QUESTIONS[(turn + 1) % len(QUESTIONS)]))
    return staying, switching


def measure(server: Served, models: int, rounds: int) -> int:
    with server.client() as client:
        names = random.Random(1)
        create(client, 0, names)
        first_token(client, 0, QUESTIONS[0])
        before = resident_bytes(server.pid)
        for number in range(1, models):
            create(client, number, names)
        for number in range(models):
            first_token(client, number, QUESTIONS[number % len(QUESTIONS)])
        a_model = (resident_bytes(server.pid) - before) / models
        engines = len(children(server.pid))
        staying, switching = compare(client, models, rounds)
    stay, switch = median(staying), median(switching)
    table(
        f"time to first token over {models} custom models of one base (ms)",
        ("", "median", "lowest", "highest"),
        [
            ("staying", stay * 1e3, min(staying) * 1e3, max(staying) * 1e3),
            ("switching", switch * 1e3, min(switching) * 1e3, max(switching) * 1e3),
        ],
    )
    print(f"  engine processes: {engines}; server memory a model: {a_model / 1000:.1f} KB")
    bound = max(RATIO, (stay + MORE_SECONDS) / stay)
    holds = switch / stay <= bound and engines == 1 and a_model < BYTES_A_MODEL
    return verdict(
        "switch",
        switch / stay,
        round(bound, 4),
        holds=holds,
        engines=engines,
        kb_a_model=round(a_model / 1000, 1),
    )


def main() -> int:
    options = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    options.add_argument("--models", type=int, default=1000)
    options.add_argument("--rounds", type=int, default=200)
    asked = options.parse_args()
    with tempfile.TemporaryDirectory() as folder, served(Path(folder), cache_ram=4096) as server:
        return measure(server, asked.models, asked.rounds)


if __name__ == "__main__":
    sys.exit(main())
