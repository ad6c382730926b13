"""A long system prompt costs once, not once a request, and not again after a restart.

Custom models of one base with system prompts of about 1 500 tokens of their own are
asked for the time to their first token, each beside the base without any, which gets
the same question, new to both:

  cold       the first request to a model
  warm       a later one, other models' requests in between: more models than slots
  restarted  the first one after the server was started anew (the engine is loaded)
  staying    another one to the same model right after
  engine     the same at the engine's own socket, in the same slot: what nobody can save

Half of the models have an adapter. Two bases are measured: the starter, and random weights
of a billion parameters as in bench/overhead.py, but with four heads of sixteen to a key, as
models of this size have (37 KB of memory a token). Bounds, for the billion: warm and restarted
<= 1.5, the median of the pairs. Beside it the same for the processor time of server and engines,
which others' work hardly moves. (Each token of a question is compared with all 1 500 before
it; of the starter that weighs as much as all else that so small a base does.)

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
from measuring.served import Served, children, cpu_seconds, engine_socket, served
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


@dataclass(frozen=True)
class Cost:
    """Seconds to the first token, and of processor time until the answer's end."""

    wall: float
    cpu: float


Pair = tuple[Cost, Cost]
"""With a system prompt, and without."""


class Asker:
    """Asks a server's models; no question begins like another one."""

    def __init__(self, server: Served, client: httpx2.Client) -> None:
        self.server = server
        self.client = client
        self.asked = 0

    def question(self) -> str:
        self.asked += 1
        return f"{self.asked * 7919 % 10_000:04}, {QUESTIONS[self.asked % len(QUESTIONS)]}"

    def cost(self, model: str, question: str) -> Cost:
        body = {
            "model": model,
            "messages": [{"role": "user", "content": question}],
            "options": {"num_predict": 1, "temperature": 0, "num_ctx": 2048},
        }
        used, started = used_by(self.server), time.perf_counter()
        with self.client.stream("POST", "/api/chat", json=body) as answer:
            answer.raise_for_status()
            lines = answer.iter_lines()
            next(lines)
            wall = time.perf_counter() - started
            for _ in lines:
                pass
        return Cost(wall, used_by(self.server) - used)

    def pair(self, number: int) -> Pair:
        """Both sides, the first one in turns."""
        question = self.question()
        models = [f"custom-{number}", "none-lora" if number % 2 else "none-plain"]
        order = models[:: -1 if self.asked // 2 % 2 else 1]
        found = {model: self.cost(model, question) for model in order}
        return found[models[0]], found[models[1]]

    def load(self) -> None:
        """Have both engines ready, and their first requests behind them."""
        for model in ("none-plain", "none-lora") * 3:
            self.cost(model, self.question())


def used_by(server: Served) -> float:
    return sum(cpu_seconds(pid) for pid in (server.pid, *children(server.pid)))


def before(server: Served, base: Base, models: int, rounds: int) -> dict[str, list[Pair]]:
    with server.client() as client:
        asker = Asker(server, client)
        create(client, models, base, upload(client, base.adapter))
        asker.load()
        pairs = {"cold": [asker.pair(number) for number in range(models)], "staying": []}
        time.sleep(1)
        pairs["warm"] = [asker.pair(number) for _ in range(rounds) for number in range(models)]
        for number in range(models):
            asker.cost(f"custom-{number}", asker.question())
            pairs["staying"] += [asker.pair(number) for _ in range(rounds // 2)]
    return pairs


def restarted(server: Served, models: int) -> list[Pair]:
    with server.client() as client:
        asker = Asker(server, client)
        asker.load()
        return [asker.pair(number) for number in range(models)]


def at_the_engine(server: Served, base: Base, rounds: int) -> list[Pair]:
    """Nothing of ours: a slot with the system prompt, a slot without."""
    with server.client() as client:
        asker = Asker(server, client)
        asker.cost("none-plain", asker.question())
        transport = httpx2.HTTPTransport(uds=engine_socket(server.pid))
        with httpx2.Client(base_url="http://engine", transport=transport, timeout=600) as engine:

            def cost(slot: int, question: str) -> Cost:
                system = [{"role": "system", "content": system_prompt(0, base.characters)}]
                messages = [*(system if slot == 0 else []), {"role": "user", "content": question}]
                body = {"messages": messages, "max_tokens": 1, "temperature": 0, "id_slot": slot}
                used, started = used_by(server), time.perf_counter()
                engine.post("/v1/chat/completions", json=body).raise_for_status()
                return Cost(time.perf_counter() - started, used_by(server) - used)

            questions = [asker.question() for _ in range(rounds * 2 + 1)]
            return [(cost(0, each), cost(1, each)) for each in questions][1:]


def upload(client: httpx2.Client, path: Path) -> str:
    content = path.read_bytes()
    digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
    client.post(f"/api/blobs/{digest}", content=content).raise_for_status()
    return digest


def measure(home: Path, base: Base, models: int, rounds: int) -> dict[str, float]:
    """Print the times; gives them as multiples of those without a system prompt."""
    settings = {"context_length": 2048, "parallel": 2, "prefix_cache": 8192}
    with served(home, **settings) as server:
        pairs = before(server, base, models, rounds)
    pairs["restarted"] = []
    for _ in range(2):
        with served(home, **settings) as server:
            pairs["restarted"] += restarted(server, models)
    with served(home, **settings) as server:
        pairs["engine"] = at_the_engine(server, base, rounds)
    rows = []
    for name, found in pairs.items():
        walls = [median(pair[side].wall for pair in found) * 1e3 for side in (0, 1)]
        rows.append((name, *walls, _ratio(found, "wall"), _ratio(found, "cpu")))
    table(
        f"{base.name}: time to first token, {models} models with {TOKENS} tokens of system prompt",
        ("", "ms", "without", "ratio", "of processor time"),
        rows,
    )
    return {row[0]: round(row[3], 3) for row in rows}


def _ratio(pairs: list[Pair], of: str) -> float:
    """The median of the pairs; processor time is counted in hundredths, so nothing is at least one."""
    return median(getattr(mine, of) / max(getattr(none, of), 0.01) for mine, none in pairs)


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
