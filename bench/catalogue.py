"""A catalogue of 100 000 models beside one of 100.

To find a model and to get a page of the list must not take longer where there
are many: both servers run at once and are asked in turn. The whole list (as
Ollama's API gives it) and the start of a server are told beside it.

    python bench/catalogue.py [--models 100000] [--rounds 100]
"""

import argparse
import sqlite3
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import httpx2
from measuring.served import Served, served
from measuring.verdict import median, table, verdict

from modelwright.core.card import Card
from modelwright.core.digest import Digest
from modelwright.core.spec import ModelSpec

BOUND = 2.0
START_MODELS = 10_000
START_SECONDS = 2.0
FEW = 100
PAGE = 50
FIRST = "model-0"
CARD = {"name": "Model 0", "base_model_id": "starter", "params": {"system": "You are model 0."}}

ASKED = {
    "find": ("POST", "/api/show", {"model": "model-50"}),
    "a page of ours": ("GET", f"/api/modelwright/models?limit={PAGE}", None),
    "a page of Anthropic's": ("GET", f"/anthropic/v1/models?limit={PAGE}", None),
    "a page of the platform's": ("GET", f"/v4/models?limit={PAGE}", None),
    "a page of Open WebUI's": ("GET", "/api/v1/models/list?page=1", None),
    "the whole list": ("GET", "/api/tags", None),
}
PAGED = ("find", "a page of ours", "a page of Anthropic's", "a page of the platform's")


def fill(home: Path, count: int) -> None:
    """Make one model over HTTP, and the others like it, each with a text and a card of its own."""
    with served(home) as server, server.client() as client:
        body = {"id": FIRST, **CARD, "meta": {"description": "One of many", "tags": [{"name": "many"}]}}
        client.post("/api/v1/models/create", json=body).raise_for_status()
    database = sqlite3.connect(home / "catalogue.db")
    database.row_factory = sqlite3.Row
    for name, rows in _copies(database, count):
        marks = ", ".join("?" for _ in rows[0])
        database.executemany(f"INSERT INTO {name} VALUES ({marks})", rows)
    database.commit()
    database.close()


def _copies(database: sqlite3.Connection, count: int) -> Iterator[tuple[str, list[tuple[object, ...]]]]:
    """Rows for each table, like those of the first model."""
    model = _row(database, "SELECT * FROM models WHERE model = ?", FIRST)
    revision = _row(database, "SELECT * FROM revisions WHERE model_id = ?", model["id"])
    spec = ModelSpec.from_canonical(
        _row(database, "SELECT canonical FROM specs WHERE digest = ?", revision["spec_digest"])["canonical"]
    )
    card = Card.from_canonical(
        _row(database, "SELECT canonical FROM cards WHERE digest = ?", revision["card_digest"])["canonical"]
    )
    specs, cards, models, revisions = [], [], [], []
    for number in range(1, count):
        own, shown = _canonical(spec, number), replace(card, display_name=f"Model {number}").canonical()
        specs.append((Digest.of(own).hex, own))
        cards.append((Digest.of(shown).hex, shown))
        name, id = f"model-{number}", model["id"] + number
        at = model["updated_at"] + number
        named = {"id": id, "key": model["key"].replace(FIRST, name), "model": name, "updated_at": at}
        models.append(tuple({**model, **named}.values()))
        made = {"model_id": id, "spec_digest": specs[-1][0], "card_digest": cards[-1][0], "created_at": at}
        revisions.append(tuple({**revision, **made}.values()))
    yield from (("specs", specs), ("cards", cards), ("models", models), ("revisions", revisions))


def _canonical(spec: ModelSpec, number: int) -> bytes:
    return replace(spec, system=f"You are model {number}.").canonical()


def _row(database: sqlite3.Connection, query: str, value: object) -> dict[str, object]:
    return dict(database.execute(query, (value,)).fetchone())


def ask(client: httpx2.Client, method: str, path: str, body: object) -> float:
    """Seconds until the whole answer is there."""
    started = time.perf_counter()
    client.request(method, path, json=body).raise_for_status()
    return time.perf_counter() - started


def in_turn(few: httpx2.Client, many: httpx2.Client, rounds: int) -> dict[str, tuple[float, float]]:
    """The median of each question, on either side."""
    found = {}
    for name, question in ASKED.items():
        times = rounds if name in PAGED else max(3, rounds // 20)
        pairs = [(ask(few, *question), ask(many, *question)) for _ in range(times)]
        found[name] = (median(pair[0] for pair in pairs), median(pair[1] for pair in pairs))
    return found


def start_of(home: Path) -> float:
    """Seconds from the command to an answer."""
    started = time.perf_counter()
    with served(home) as server:
        took = time.perf_counter() - started
        _check(server)
    return took


def _check(server: Served) -> None:
    with server.client() as client:
        client.get("/readyz").raise_for_status()


def filled(folder: str, count: int) -> Path:
    home = Path(folder, str(count))
    home.mkdir()
    fill(home, count)
    return home


def main() -> int:
    options = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    options.add_argument("--models", type=int, default=100_000)
    options.add_argument("--rounds", type=int, default=100)
    asked = options.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        few, many = filled(folder, FEW), filled(folder, asked.models)
        starting = filled(folder, START_MODELS)
        starts = median(start_of(starting) for _ in range(3))
        with served(few) as one, served(many) as other, one.client() as a, other.client() as b:
            found = in_turn(a, b, asked.rounds)
    rows = [(name, few * 1e3, many * 1e3, many / few) for name, (few, many) in found.items()]
    table(f"{FEW} models and {asked.models} (ms)", ("", str(FEW), str(asked.models), "ratio"), rows)
    print(f"  serve to ready with {START_MODELS} models: {starts:.2f} s")
    worst = max(found[name][1] / found[name][0] for name in PAGED)
    holds = worst <= BOUND and starts <= START_SECONDS
    return verdict("catalogue", worst, BOUND, holds=holds, start_seconds=round(starts, 2))


if __name__ == "__main__":
    sys.exit(main())
