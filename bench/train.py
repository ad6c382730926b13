"""Tokens a second of our training beside a bare loop of torch, and beside trl's.

The starter learns the facts of examples/training/places.jsonl, through a real server,
with one thread. Beside it stand a loop of torch that has nothing around it, with the
same weights, rows, batches, precision and environment, and, where it is installed, trl's SFTTrainer.
All train at the same time, each on a thread, and are compared by the processor time of
their steps, all rounds together: what else the machine does, and what they do to each
other's caches, all of them pay. Single rounds differ by a fifth on a busy machine.
Bound: 0.97 of the bare loop's tokens a second.

    python bench/train.py [--steps 60] [--rounds 3]
"""

import argparse
import importlib.util
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import httpx2
from measuring.served import served
from measuring.verdict import median, table, verdict

from modelwright.trainers.processes import ENVIRONMENT

BOUND = 0.97
FACTS = Path(__file__).parents[1] / "examples/training/places.jsonl"
STARTER = Path(__file__).parents[1] / "src/modelwright/starter/starter-f16.gguf"
OTHERS = Path(__file__).parent / "measuring/other_trainers.py"
NATIVE = "/api/modelwright"
SETTINGS: dict[str, Any] = {"rank": 16, "dropout": 0.05, "learning_rate": 3e-3, "seed": 42}
BATCH = 16


@dataclass
class Side:
    """One way to train: tokens, seconds and processor seconds of each round."""

    name: str
    work: Callable[[], dict[str, float]]
    found: list[dict[str, float]] = field(default_factory=list)

    def measure(self) -> None:
        self.found.append(self.work())

    def rates(self, by: str = "processor") -> list[float]:
        return [each["tokens"] / each[by] for each in self.found]

    def rate(self) -> float:
        """Of all rounds together: what disturbs one round disturbs the sum the less."""
        return sum(each["tokens"] for each in self.found) / sum(each["processor"] for each in self.found)


def ours(client: httpx2.Client, dataset: str, steps: int) -> dict[str, float]:
    """One run to its end; its own figures."""
    hyperparameters = {**SETTINGS, "steps": steps, "batch_size": BATCH, "threads": 1}
    body = {"model": "starter", "target": "trained", "dataset": dataset, "hyperparameters": hyperparameters}
    run = client.post(f"{NATIVE}/runs", json=body).raise_for_status().json()["id"]
    with client.stream("GET", f"{NATIVE}/runs/events", params={"run": run, "follow": "true"}) as answer:
        told = [json.loads(line) for line in answer.iter_lines()]
    ended = client.get(f"{NATIVE}/runs/one", params={"run": run}).json()
    if ended["state"] != "succeeded":
        raise SystemExit(f"the run {ended['state']}: {ended['error']}")
    last = next(event for event in reversed(told) if event["kind"] == "progress")
    metrics = ended["metrics"]
    seconds = metrics["tokens"] / last["tokens_per_second"]
    return {"tokens": metrics["tokens"], "seconds": seconds, "processor": metrics["processor_seconds"]}


def other(kind: str, task: Path) -> dict[str, float]:
    """The same steps made in another way, by a process as new as our child is."""
    done = subprocess.run(
        [sys.executable, "-W", "ignore", OTHERS, kind, task],
        capture_output=True,
        env=os.environ | dict(ENVIRONMENT),
        text=True,
    )
    if done.returncode:
        raise SystemExit(done.stderr[-3000:])
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def compare(home: Path, steps: int, rounds: int) -> list[Side]:
    """Ours, the bare loop and perhaps trl's, at the same time."""
    import torch

    bf16 = bool(torch.cpu._is_avx512_bf16_supported())
    task = home / "task.json"
    (home / "weights.gguf").symlink_to(STARTER)
    given = {"weights": str(home / "weights.gguf"), "data": str(FACTS), "folder": str(home / "trl")}
    task.write_text(json.dumps({**SETTINGS, **given, "steps": steps, "batch": BATCH, "bf16": bf16}))
    with served(home) as server, server.client() as client:
        dataset = client.post(f"{NATIVE}/datasets", content=FACTS.read_bytes()).raise_for_status().json()
        sides = [Side("ours", lambda: ours(client, dataset["id"], steps))]
        for kind in ("bare", *(["trl"] if importlib.util.find_spec("trl") else [])):
            sides.append(Side(kind, partial(other, kind, task)))
        with ThreadPoolExecutor(len(sides)) as at_once:
            for _ in range(rounds):
                list(at_once.map(Side.measure, sides))
    if sides[0].found[0]["tokens"] != sides[1].found[0]["tokens"]:
        raise SystemExit(f"the rows are not the same: {sides[0].found[0]}, {sides[1].found[0]}")
    return sides


def report(sides: list[Side]) -> int:
    mine = sides[0].rates()
    ratios = {side.name: sides[0].rate() / side.rate() for side in sides[1:]}
    scatter = [round(a / b, 3) for a, b in zip(mine, sides[1].rates(), strict=True)]
    rows: list[tuple[object, ...]] = [
        (
            side.name,
            median(side.rates("seconds")),
            side.rate(),
            ratios.get(side.name, 1.0),
        )
        for side in sides
    ]
    if "trl" not in ratios:
        rows.append(("trl", "absent", "absent", "absent"))
    table(
        "tokens a second; ratio: ours to it, by processor time",
        ("trained by", "by the clock", "by the processor", "ratio"),
        rows,
    )
    more = {"trl": round(ratios["trl"], 4) if "trl" in ratios else None}
    return verdict("train", ratios["bare"], BOUND, holds=ratios["bare"] >= BOUND, rounds=scatter, **more)


def main() -> int:
    options = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    options.add_argument("--steps", type=int, default=60)
    options.add_argument("--rounds", type=int, default=3)
    asked = options.parse_args()
    if importlib.util.find_spec("torch") is None:
        raise SystemExit("the extra [train] is not installed")
    with tempfile.TemporaryDirectory() as folder:
        return report(compare(Path(folder), asked.steps, asked.rounds))


if __name__ == "__main__":
    sys.exit(main())
