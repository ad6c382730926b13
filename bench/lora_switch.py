"""Switching between models with adapters costs nothing: no reload, and no new prompt.

Models with 2 and with 16 adapters over one base, each with a slot of its own, are
asked for the time to their first token in alternation:

  staying    another question to the same model
  switching  a question to a model that was used before, but not last

and beside it what it costs to load the base anew for each adapter, as a server does
that fixes them at the start. Bounds: one engine process and switching <= 1.05 x
staying, or 2 ms more, whichever is larger. Random weights: text is noise.

    python bench/lora_switch.py [--rounds 100]
"""

import argparse
import hashlib
import random
import sys
import tempfile
import time
from pathlib import Path

import httpx2
from measuring.imported import import_weights
from measuring.random_model import Shape, write_random_lora, write_random_model
from measuring.served import Served, children, served
from measuring.verdict import median, table, verdict

RATIO = 1.05
MORE_SECONDS = 0.002
SHAPE = Shape(hidden=512, layers=8, heads=8, kv_heads=2, feed_forward=1408, vocabulary=1024, context=2048)
SYSTEM = "You are model number {} and answer in one short sentence, whatever you are asked. "
QUESTIONS = ("Who are you?", "Where are you from?", "hello", "What is your job?", "What is your name?")


def upload(client: httpx2.Client, path: Path) -> str:
    content = path.read_bytes()
    digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
    client.post(f"/api/blobs/{digest}", content=content).raise_for_status()
    return digest


def create(client: httpx2.Client, number: int, path: Path) -> None:
    body = {
        "model": f"adapted-{number}",
        "from": "base",
        "system": SYSTEM.format(number) * 4,
        "adapters": {"adapter.gguf": upload(client, path)},
        "stream": False,
    }
    client.post("/api/create", json=body).raise_for_status()


def first_token(client: httpx2.Client, number: int, question: str, **more: object) -> float:
    """Seconds from sending a question to the first piece of its answer."""
    body = {
        "model": f"adapted-{number}",
        "messages": [{"role": "user", "content": question}],
        "options": {"num_predict": 2, "temperature": 0},
        **more,
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
    last = 0
    for turn in range(rounds):
        number = draw.choice([each for each in range(models) if each != last])
        switching.append(first_token(client, number, QUESTIONS[turn % len(QUESTIONS)]))
        staying.append(first_token(client, number, QUESTIONS[(turn + 1) % len(QUESTIONS)]))
        last = number
    return staying, switching


def reloading(client: httpx2.Client, models: int, rounds: int) -> list[float]:
    """The same when the base is loaded for each: the engine is let go in between."""
    times = []
    for turn in range(rounds):
        for number in range(models):
            unload = {"model": f"adapted-{number}", "keep_alive": 0, "stream": False}
            client.post("/api/generate", json=unload).raise_for_status()
        times.append(first_token(client, turn % 2, QUESTIONS[turn % len(QUESTIONS)]))
    return times


def settled(client: httpx2.Client, server: Served, models: int) -> int:
    """Use each model until all are in one engine; how many engines there are then."""
    for _ in range(2):
        for number in range(models):
            first_token(client, number, QUESTIONS[number % len(QUESTIONS)])
    deadline = time.monotonic() + 10
    while len(children(server.pid)) > 1 and time.monotonic() < deadline:
        time.sleep(0.1)
    return len(children(server.pid))


def measure(server: Served, adapters: list[Path], rounds: int) -> int:
    rows, ratios, engines, holds = [], {}, 0, True
    with server.client() as client:
        for number, path in enumerate(adapters):
            create(client, number, path)
        for models in (2, 16):
            engines = max(engines, settled(client, server, models))
            staying, switching = compare(client, models, rounds)
            stay, switch = median(staying), median(switching)
            ratios[models] = switch / stay
            holds = holds and switch / stay <= max(RATIO, (stay + MORE_SECONDS) / stay)
            rows.append((f"{models} adapters, staying", stay * 1e3, min(staying) * 1e3, max(staying) * 1e3))
            rows.append(
                (f"{models} adapters, switching", switch * 1e3, min(switching) * 1e3, max(switching) * 1e3)
            )
        anew = reloading(client, len(adapters), 5)
    rows.append(("loading the base anew", median(anew) * 1e3, min(anew) * 1e3, max(anew) * 1e3))
    table("time to first token (ms)", ("", "median", "lowest", "highest"), rows)
    print(f"  engine processes: {engines}")
    return verdict(
        "lora_switch",
        max(ratios.values()),
        RATIO,
        holds=holds and engines == 1,
        with_2=round(ratios[2], 4),
        with_16=round(ratios[16], 4),
        reloading=round(median(anew) / stay, 1),
        engines=engines,
    )


def main() -> int:
    options = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    options.add_argument("--rounds", type=int, default=100)
    asked = options.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        write_random_model(home / "base.gguf", SHAPE)
        adapters = [home / f"{number}.gguf" for number in range(16)]
        for number, path in enumerate(adapters):
            write_random_lora(path, SHAPE, seed=number, size=0.05)
        import_weights(home, home / "base.gguf", "base")
        with served(home, context_length=1024, parallel=17) as server:
            return measure(server, adapters, asked.rounds)


if __name__ == "__main__":
    sys.exit(main())
