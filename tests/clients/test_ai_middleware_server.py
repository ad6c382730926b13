"""AI-middleware's documented requests to a real server, which is killed and goes on."""

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

from tests.clients.conftest import wait_until_ready

FOUR = ("mistral", "llama2", "codellama", "dolphin-mixtral")

# The body of AI-middleware's documentation page for creating a custom model.
DOCUMENTED: dict[str, Any] = {
    "fileName": "clarity_4",
    "modelName": "codellama",
    "temperature": 0.0,
    "num_ctx": 4096,
    "system": "You are Mario from Super Mario Bros. Answer as Mario, the assistant, only.",
}
Start = Callable[..., tuple[httpx2.Client, "subprocess.Popen[bytes]"]]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Start a server, each time on the same data folder."""
    home, log = tmp_path / "home", tmp_path / "server.log"
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("OLLAMA", "MODEL"))}
    models = ",".join(f"{name}=starter" for name in FOUR)
    kept |= {"MODELWRIGHT_HOME": str(home), "MODELWRIGHT_AI_MIDDLEWARE_MODELS": models}
    command = [sys.executable, "-m", "modelwright", "serve", "--host", "127.0.0.1:0"]
    started: list[subprocess.Popen[bytes]] = []
    clients: list[httpx2.Client] = []

    def begin(**settings: str) -> tuple[httpx2.Client, "subprocess.Popen[bytes]"]:
        (home / "server.json").unlink(missing_ok=True)
        with log.open("ab") as output:
            started.append(subprocess.Popen(command, stdout=output, stderr=output, env=kept | settings))
        clients.append(httpx2.Client(base_url=wait_until_ready(home, started[-1], log)))
        return clients[-1], started[-1]

    yield begin
    for client in clients:
        client.close()
    for process in started:
        process.terminate()
        process.wait(60)


def answered(client: httpx2.Client, id: str, seconds: float = 90) -> httpx2.Response:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        answer = client.get(f"/ai/result/{id}")
        if answer.status_code != 404:
            return answer
        time.sleep(0.05)
    raise AssertionError(answer.text)


def ask(client: httpx2.Client, **body: object) -> str:
    answer = client.post("/ai", json={"stream": False, **body})
    assert answer.status_code == 200, answer.text
    return str(answer.json()["message"])


@pytest.mark.limit(180)
@pytest.mark.parametrize("compat", ["corrected", "exact"])
def test_the_documented_requests_with_the_starter(start: Start, compat: str) -> None:
    client, _ = start(MODELWRIGHT_AI_MIDDLEWARE_COMPAT=compat)
    made = client.post("/create-model", json=DOCUMENTED)
    assert made.status_code == 200
    assert made.json()["message"] == "Model created, creation may take 3 minutes, model name: clarity_4"
    assert client.post("/create-model", json=DOCUMENTED).status_code == 400
    id = ask(client, model="clarity_4", prompt="What is the capital of France?")
    tree = answered(client, id).json()
    assert (tree["model"], tree["uniqueId"]) == ("clarity_4", id)
    assert len(tree["result"]) > 1
    chat = {"model": "clarity_4", "prompt": "What is the capital of France?", "stream": False}
    whole = client.post("/api/generate", json=chat, timeout=60).json()["response"]
    assert tree["result"] == whole.replace("\n", " ").replace("+", " ").strip()
    gone = client.delete("/delete-model/clarity_4")
    assert gone.json() == {"message": "Model clarity_4 deleted successfully"}
    assert client.delete("/delete-model/clarity_4").status_code == 404


@pytest.mark.limit(180)
def test_a_server_that_is_killed_answers_after_its_restart(start: Start) -> None:
    client, process = start(MODELWRIGHT_ENGINE="echo:300ms", MODELWRIGHT_PARALLEL="1")
    texts = [f"prompt {number} " + "word " * 30 for number in range(3)]
    ids = [ask(client, model="llama2", prompt=text) for text in texts]
    while client.get(f"/ai/result/{ids[0]}").json()["status"] != "processing":
        time.sleep(0.05)
    assert client.get(f"/ai/result/{ids[2]}").json()["status"] == "queued"
    process.send_signal(signal.SIGKILL)
    process.wait(60)
    client, _ = start(MODELWRIGHT_ENGINE="echo")
    for id, text in zip(ids, texts, strict=True):
        tree = answered(client, id).json()
        assert (tree["prompt"], tree["result"]) == (text, text.strip())
    assert tree["model"] == "llama2"
    before = [client.get(f"/ai/result/{id}").text for id in ids]
    time.sleep(0.5)
    assert [client.get(f"/ai/result/{id}").text for id in ids] == before, "each was answered once"
