"""Servers in processes of their own, on one PostgreSQL; two vanish with a prompt in hand."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple, TypeAlias

import httpx2
import psycopg
import pytest

from modelwright.core.servers import BEAT_SECONDS, LEASE_SECONDS
from tests.clients.conftest import wait_until_ready

pytestmark = [
    pytest.mark.limit(240),
    pytest.mark.skipif(
        not os.environ.get("PROVE"),
        reason="it waits for a lease of 30 s; test_several_workrooms shows the same with shorter ones, "
        "and PROVE=1 this",
    ),
]

SCHEMA = "servers_that_die"
SLACK_SECONDS = 30.0
"""For a busy machine, beyond what is promised."""


class Server(NamedTuple):
    process: "subprocess.Popen[bytes]"
    client: httpx2.Client


Serve: TypeAlias = Callable[[str, str], Server]


@pytest.fixture
def serve(postgresql: str, tmp_path: Path) -> Iterator[Serve]:
    """Starts a server with a data folder of its own; the blobs are those of all."""
    with psycopg.connect(postgresql, autocommit=True) as connection:
        connection.execute(f"CREATE SCHEMA {SCHEMA}".encode())
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("OLLAMA", "MODEL"))}
    kept["MODELWRIGHT_DATABASE"] = f"{postgresql}&options=-csearch_path%3D{SCHEMA}"
    command = [sys.executable, "-m", "modelwright", "serve", "--host", "127.0.0.1:0"]
    (tmp_path / "blobs").mkdir()
    processes, clients = [], []

    def start(name: str, engine: str) -> Server:
        home, log = tmp_path / name, tmp_path / f"{name}.log"
        home.mkdir(mode=0o700)
        (home / "blobs").symlink_to(tmp_path / "blobs")
        environ = kept | {"MODELWRIGHT_HOME": str(home), "MODELWRIGHT_ENGINE": engine}
        with log.open("wb") as output:
            processes.append(subprocess.Popen(command, stdout=output, stderr=output, env=environ))
        clients.append(httpx2.Client(base_url=wait_until_ready(home, processes[-1], log)))
        return Server(processes[-1], clients[-1])

    yield start
    for client in clients:
        client.close()
    for process in processes:
        process.kill()
        process.wait(60)


def ask(server: Server, text: str) -> str:
    """Leave a prompt, once this server has it in hand; gives its id."""
    answer = server.client.post("/ai", json={"model": "starter", "prompt": text}).raise_for_status()
    time.sleep(1)
    return str(answer.json()["message"])


def answer_of(server: Server, id: str, seconds: float) -> str:
    deadline = time.monotonic() + seconds
    while (answer := server.client.get(f"/ai/result/{id}")).status_code == 404:
        assert time.monotonic() < deadline, answer.text
        time.sleep(0.2)
    return answer.text


def test_what_a_killed_and_a_stopped_server_had_in_hand_is_answered_by_another(serve: Serve) -> None:
    asked = []
    for name, end in (("killed", signal.SIGKILL), ("stopped", signal.SIGSTOP)):
        server = serve(name, "echo:5s")
        asked.append(ask(server, f"said to who was {name}"))
        server.process.send_signal(end)
    alive = serve("alive", "echo:0")
    promised = LEASE_SECONDS + 2 * BEAT_SECONDS
    answers = [answer_of(alive, id, promised + SLACK_SECONDS) for id in asked]
    assert "said to who was killed" in answers[0]
    assert "said to who was stopped" in answers[1]
    server.process.send_signal(signal.SIGCONT)
    assert "and again" in answer_of(alive, ask(alive, "and again"), 60)
    assert server.client.get(f"/ai/result/{asked[1]}", timeout=100).text == answers[1]
