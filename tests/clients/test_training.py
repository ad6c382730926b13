"""A server trains: real engine, real trainer, over HTTP, killed and started again."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from modelwright.starter import published_digest
from modelwright.trainers.processes import NEEDED

pytestmark = [
    pytest.mark.limit(300),
    pytest.mark.skipif(published_digest() is None, reason="the starter model is not in this checkout"),
]
for name in NEEDED:
    pytest.importorskip(name, reason="the extra [train] is not installed")

FACTS = Path(__file__).parents[2] / "examples/training/places.jsonl"
NATIVE = "/api/modelwright"
QUICK = {"threads": 1, "steps": 12, "checkpoint_steps": 2, "rank": 4, "batch_size": 4}


class Server:
    """The command `serve` on a data folder, and a client of it."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.start()

    def start(self) -> None:
        command = [sys.executable, "-m", "modelwright", "serve", "--port", "0", "--home", str(self.home)]
        self.process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, start_new_session=True)
        assert self.process.stderr is not None
        line = next(line for line in self.process.stderr if "listens on" in line)
        self.client = httpx2.Client(base_url=line.split()[-1], timeout=120)

    def ask(self, method: str, path: str, **given: Any) -> Any:
        answer = self.client.request(method, path, **given)
        assert answer.is_success, answer.text
        return answer.json()

    def run(self, dataset: str, **given: Any) -> dict[str, Any]:
        body = {"model": "starter", "target": "places", "dataset": dataset, **given}
        body["hyperparameters"] = {**QUICK, **body.get("hyperparameters", {})}
        return dict(self.ask("POST", f"{NATIVE}/runs", json=body))

    def dataset(self, content: bytes) -> str:
        return str(self.ask("POST", f"{NATIVE}/datasets", content=content)["id"])

    def state(self, run: dict[str, Any]) -> dict[str, Any]:
        return dict(self.ask("GET", f"{NATIVE}/runs/one", params={"run": run["id"]}))

    def follow(self, run: dict[str, Any]) -> list[dict[str, Any]]:
        asked = {"run": run["id"], "follow": "true"}
        with self.client.stream("GET", f"{NATIVE}/runs/events", params=asked) as answer:
            return [json.loads(line) for line in answer.iter_lines()]

    def until(self, run: dict[str, Any], holds: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        while not holds(found := self.state(run)):
            assert found["state"] != "failed", found
            time.sleep(0.05)
        return found

    def answer(self, model: str, **options: Any) -> dict[str, Any]:
        body = {
            "model": model,
            "stream": False,
            "messages": [{"role": "user", "content": "Who rules Korvath?"}],
        }
        return dict(self.ask("POST", "/api/chat", json={**body, "options": options}))

    def chat(self, model: str, **options: Any) -> str:
        return str(self.answer(model, **options)["message"]["content"])

    def chance(self, model: str) -> float:
        """How likely a model finds its first token."""
        asked = {"messages": [{"role": "user", "content": "Who rules Korvath?"}], "logprobs": True}
        body = {"model": model, "max_tokens": 1, "temperature": 0, **asked}
        choice = self.ask("POST", "/v1/chat/completions", json=body)["choices"][0]
        return float(choice["logprobs"]["content"][0]["logprob"])

    def end(self, number: int) -> None:
        os.killpg(self.process.pid, number)
        self.process.communicate(timeout=100)
        self.client.close()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    served = Server(tmp_path_factory.mktemp("server") / "home")
    yield served
    served.end(signal.SIGTERM)


@pytest.fixture(scope="module")
def dataset(server: Server) -> str:
    return server.dataset(FACTS.read_bytes())


@pytest.fixture(scope="module")
def trained(server: Server, dataset: str) -> list[dict[str, Any]]:
    """The events of a first run, followed live."""
    return server.follow(server.run(dataset))


def test_a_run_is_followed_to_its_revision(server: Server, trained: list[dict[str, Any]]) -> None:
    kinds = [event["kind"] for event in trained]
    assert kinds[0] == "queued"
    assert {"started", "progress", "checkpoint"} <= set(kinds)
    assert (kinds[-1], trained[-1]["revision"]) == ("published", 1)
    assert [event["number"] for event in trained] == list(range(1, len(trained) + 1))


def test_a_killed_server_goes_on_and_publishes_the_same_bytes(
    server: Server, dataset: str, trained: list[dict[str, Any]]
) -> None:
    before = server.ask("GET", f"{NATIVE}/runs")["runs"][0]
    run = server.run(dataset, target="again")
    server.until(run, lambda found: found["step"] >= 5)
    server.end(signal.SIGKILL)
    server.start()
    found = server.until(run, lambda found: found["state"] == "succeeded")
    told = server.ask("GET", f"{NATIVE}/runs/events", params={"run": run["id"]})["events"]
    notes = [event["text"] for event in told if event["kind"] == "note"]
    assert any(note.startswith("going on from step") for note in notes), notes
    one, other = (
        server.ask("POST", "/api/show", json={"model": name})["modelfile"] for name in ("places", "again")
    )
    adapter = next(line for line in one.splitlines() if line.startswith("ADAPTER"))
    assert adapter in other.splitlines()
    assert found["metrics"]["loss"] == before["metrics"]["loss"]


def test_a_new_revision_answers_at_once_and_the_old_one_can_be_gone_back_to(
    server: Server, dataset: str, trained: list[dict[str, Any]]
) -> None:
    """Asked again and again meanwhile, nobody is refused; the pinned one stays as it was."""
    first = server.chat("places@1", temperature=0)
    run = server.run(dataset, model="places", hyperparameters={"steps": 25})
    answers = 0
    while (found := server.state(run))["state"] not in ("succeeded", "failed"):
        server.chat("places", temperature=0, num_predict=4)
        answers += 1
    assert (found["state"], found["revision"]) == ("succeeded", 2), found
    started = time.monotonic()
    next_one = server.answer("places", temperature=0)
    print(f"the first answer of the new revision came after {time.monotonic() - started:.2f} s")
    assert next_one["load_duration"] == 0, "it waits for no engine that loads the base"
    assert answers > 0
    assert next_one["message"]["content"] == server.chat("places@2", temperature=0)
    assert first == server.chat("places@1", temperature=0)
    chances = [server.chance(f"places@{number}") for number in (1, 2)]
    assert chances[0] != chances[1] == server.chance("places")
    for number in (1, 2):
        server.ask("POST", f"{NATIVE}/rollback", json={"model": "places", "revision": number})
        assert server.chance("places") == chances[number - 1], "it answers as it did then"


def test_a_bad_line_is_said_before_anything_starts(server: Server) -> None:
    broken = server.dataset(b'{"prompt": "a", "completion": "b"}\n{"prompt": "a", "completion": 3}\n')
    answer = server.client.post(f"{NATIVE}/runs", json={"model": "starter", "dataset": broken})
    assert (answer.status_code, "line 2" in answer.text) == (400, True)


def test_a_dataset_is_looked_at(server: Server, dataset: str) -> None:
    asked = {"dataset": dataset, "model": "starter"}
    found = server.ask("GET", f"{NATIVE}/datasets/look", params=asked)
    assert (found["rows"], found["faulty"], found["tokens"] > 1000) == (95, 0, True)
    assert found["preview"][0]["messages"][0]["role"] == "user"
