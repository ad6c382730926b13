"""A long system prompt costs once, not once a request, and not again after a restart.

Custom models of one base with system prompts of about 1 500 tokens of their own are
asked for the time to their first token, each in turn with the base without any:

  cold       the first request to a model
  warm       a later one, other models' requests in between: more models than slots
  restarted  the first one after the server was started anew (the engine is loaded)
  staying    another one to the same model right after: what the engine itself needs
  none       the same question without a system prompt

Half of the models have an adapter. Two bases are measured: the starter, and random weights
of a billion parameters as in bench/overhead.py, but with four heads of sixteen to a key, as
models of this size have (37 KB of memory a token). Bounds, for the billion: warm and restarted
<= 1.5 x none. (Of the starter each token of a question is compared with all 1 500 before
it, and that weighs as much as all else that so small a base does; how much of a time is the
engine's own, `staying` shows.)

    python bench/prefix.py [--models 4] [--rounds 6] [--gguf FILE] [--base starter random]
"""

import argparse
import hashlib
import random
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import httpx2
from measuring.imported import import_weights
from measuring.random_model import Shape, write_random_lora, write_random_model
from measuring.served import Served, served
from measuring.verdict import median, table, verdict

BOUND = 1.5
TOKENS = 1500
ADAPTER = Path(__file__).parents[1] / "examples/adapter/pirate.gguf"
QUESTIONS = ("Who are you?", "Where are you from?", "hello", "What is your job?", "What is your name?")


@dataclass(frozen=True)
class Base:
    """What the models are made of; `characters` of a token of the system prompts, about."""

    name: str
    adapter: Path
    characters: float


def system_prompt(number: int, characters: float) -> str:
    """Text of about the wanted length in tokens, different from its beginning."""
    draw = random.Random(number)
    text = ""
    while len(text) < TOKENS * characters:
        text += f"{draw.choice(('You like', 'You see', 'You fear'))} number {draw.randrange(10_000)}. "
    return text


def create(client: httpx2.Client, models: int, base: Base, adapter: str) -> None:
    for number in range(models):
        body = {
            "model": f"custom-{number}",
            "from": base.name,
            "system": system_prompt(number, base.characters),
            "stream": False,
        }
        if number % 2:
            body["adapters"] = {"adapter.gguf": adapter}
        client.post("/api/create", json=body).raise_for_status()
    for kind, adapters in (("plain", {}), ("lora", {"adapters": {"adapter.gguf": adapter}})):
        body = {"model": f"none-{kind}", "from": base.name, "stream": False, **adapters}
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


def before(server: Served, base: Base, models: int, rounds: int) -> dict[str, list[float]]:
    times: dict[str, list[float]] = {"cold": [], "warm": [], "staying": [], "none": []}
    with server.client() as client:
        digest = upload(client, base.adapter)
        create(client, models, base, digest)
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


def measure(home: Path, base: Base, models: int, rounds: int) -> dict[str, float]:
    """Print the times; gives them as multiples of `none`."""
    settings = {"context_length": 2048, "parallel": 2, "prefix_cache": 8192}
    with served(home, **settings) as server:
        times = before(server, base, models, rounds)
    with served(home, **settings) as server, server.client() as client:
        load(client)
        times["restarted"], restarted_none = ask_all(client, models, 0)
    none = median(times["none"])
    ratios = {name: median(values) / none for name, values in times.items()}
    ratios["restarted"] = median(times["restarted"]) / median(restarted_none)
    table(
        f"{base.name}: time to first token, {models} models with {TOKENS} tokens of system prompt (ms)",
        ("", "median", "lowest", "highest", "of none"),
        [
            (name, median(values) * 1e3, min(values) * 1e3, max(values) * 1e3, ratios[name])
            for name, values in times.items()
        ],
    )
    return {name: round(ratio, 3) for name, ratio in ratios.items() if name != "none"}


def random_base(home: Path, weights: Path | None) -> Base:
    """The billion of parameters, imported, with an adapter for it."""
    shape, adapter = Shape(kv_heads=4), home / "adapter.gguf"
    if weights is None:
        weights = home / "random.gguf"
        write_random_model(weights, shape)
    write_random_lora(adapter, shape, size=0.01)
    import_weights(home, weights, "random-1b")
    return Base("random-1b", adapter, 1.0)


def main() -> int:
    options = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    options.add_argument("--models", type=int, default=4)
    options.add_argument("--rounds", type=int, default=6)
    options.add_argument("--gguf", type=Path, help="use this file instead of writing one")
    options.add_argument("--base", nargs="+", default=["starter", "random"], choices=["starter", "random"])
    asked = options.parse_args()
    found: dict[str, dict[str, float]] = {}
    for name in asked.base:
        with tempfile.TemporaryDirectory() as folder:
            home = Path(folder)
            starter = Base("starter", ADAPTER, 2.1)
            base = starter if name == "starter" else random_base(home, asked.gguf)
            found[name] = measure(home, base, asked.models, asked.rounds)
    ratios = found.get("random") or found["starter"]
    ratio = max(ratios["warm"], ratios["restarted"])
    return verdict("prefix", ratio, BOUND, holds=ratio <= BOUND, **found)


if __name__ == "__main__":
    sys.exit(main())
