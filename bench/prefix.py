"""A long system prompt costs once, not once a request, and not again after a restart.

Custom models of one base with system prompts of about 1 500 tokens of their own are
asked for the time to their first token, each in turn with the base without any:

  cold       the first request to a model
  warm       a later one, other models' requests in between: more models than slots
  restarted  the first one after the server was started anew (the engine is loaded)
  staying    another one to the same model right after: what the engine itself needs
  none       the same question without a system prompt

Half of the models have an adapter. The base is the starter. Bounds: warm and restarted
<= 1.5 x none. (How much of it is the engine's own, `staying` shows: each token of the
question is compared with all 1 500 before it.)

    python bench/prefix.py [--models 6] [--rounds 8]
"""

import argparse
import hashlib
import random
import sys
import tempfile
import time
from pathlib import Path

import httpx2
from measuring.served import Served, served
from measuring.verdict import median, table, verdict

BOUND = 1.5
TOKENS = 1500
CHARACTERS = 2.1
"""Of a token of such text, about."""
ADAPTER = Path(__file__).parents[1] / "examples/adapter/pirate.gguf"
QUESTIONS = ("Who are you?", "Where are you from?", "hello", "What is your job?", "What is your name?")


def system_prompt(number: int) -> str:
    """Text of about the wanted length in tokens, different from its beginning."""
    draw = random.Random(number)
    text = ""
    while len(text) < TOKENS * CHARACTERS:
        text += f"{draw.choice(('You like', 'You see', 'You fear'))} number {draw.randrange(10_000)}. "
    return text


def create(client: httpx2.Client, models: int, adapter: str) -> None:
    for number in range(models):
        body = {
            "model": f"custom-{number}",
            "from": "starter",
            "system": system_prompt(number),
            "stream": False,
        }
        if number % 2:
            body["adapters"] = {"adapter.gguf": adapter}
        client.post("/api/create", json=body).raise_for_status()
    for kind, adapters in (("plain", {}), ("lora", {"adapters": {"adapter.gguf": adapter}})):
        body = {"model": f"none-{kind}", "from": "starter", "stream": False, **adapters}
        client.post("/api/create", json=body).raise_for_status()


def first_token(client: httpx2.Client, model: str, question: str) -> float:
    """Seconds from sending a question to the first piece of its answer."""
    body = {
        "model": model,
        "messages": [{"role": "user", "content": question}],
        "options": {"num_predict": 2, "temperature": 0, "num_ctx": 2048},
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


def none_beside(client: httpx2.Client, number: int, question: str) -> float:
    return first_token(client, "none-lora" if number % 2 else "none-plain", question)


def load(client: httpx2.Client) -> None:
    """Have both engines ready, and their first requests behind them."""
    for model in ("none-plain", "none-lora"):
        for question in QUESTIONS:
            first_token(client, model, question)


def ask_all(client: httpx2.Client, models: int, turn: int) -> tuple[list[float], list[float]]:
    """Times with a system prompt and, in alternation, without."""
    found, none = [], []
    for number in range(models):
        question = QUESTIONS[(number + turn) % len(QUESTIONS)]
        found.append(first_token(client, f"custom-{number}", question))
        none.append(none_beside(client, number, f"{question} {turn}"))
    return found, none


def before(server: Served, adapter: Path, models: int, rounds: int) -> dict[str, list[float]]:
    times: dict[str, list[float]] = {"cold": [], "warm": [], "staying": [], "none": []}
    with server.client() as client:
        digest = upload(client, adapter)
        create(client, models, digest)
        load(client)
        times["cold"], _ = ask_all(client, models, 0)
        time.sleep(1)
        for turn in range(1, rounds + 1):
            warm, none = ask_all(client, models, turn)
            times["warm"] += warm
            times["none"] += none
        for number in range(models):
            for turn in range(rounds + 1):
                took = first_token(client, f"custom-{number}", QUESTIONS[turn % len(QUESTIONS)])
                times["staying"] += [took] if turn else []
    return times


def upload(client: httpx2.Client, path: Path) -> str:
    content = path.read_bytes()
    digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
    client.post(f"/api/blobs/{digest}", content=content).raise_for_status()
    return digest


def measure(home: Path, models: int, rounds: int) -> int:
    settings = {"context_length": 2048, "parallel": 2, "prefix_cache": 8192}
    with served(home, **settings) as server:
        times = before(server, ADAPTER, models, rounds)
    with served(home, **settings) as server, server.client() as client:
        load(client)
        times["restarted"], restarted_none = ask_all(client, models, 0)
    none = median(times["none"])
    warm, restarted = median(times["warm"]) / none, median(times["restarted"]) / median(restarted_none)
    table(
        f"time to first token, {models} models with {TOKENS} tokens of system prompt (ms)",
        ("", "median", "lowest", "highest", "of none"),
        [
            (name, median(values) * 1e3, min(values) * 1e3, max(values) * 1e3, median(values) / none)
            for name, values in times.items()
        ],
    )
    holds = warm <= BOUND and restarted <= BOUND
    return verdict(
        "prefix",
        max(warm, restarted),
        BOUND,
        holds=holds,
        cold=round(median(times["cold"]) / none, 2),
        warm=round(warm, 3),
        restarted=round(restarted, 3),
        staying=round(median(times["staying"]) / none, 3),
    )


def main() -> int:
    options = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    options.add_argument("--models", type=int, default=6)
    options.add_argument("--rounds", type=int, default=8)
    asked = options.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        return measure(Path(folder), asked.models, asked.rounds)


if __name__ == "__main__":
    sys.exit(main())
