"""Deployments of a real server: real engine processes come, go, and keep to their revision."""

import os
import signal
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx2
import pytest
from scale_gp import SGPClient

MARIO = {"SYSTEM": "You are Mario.", "TEMPERATURE": 0.0}


@pytest.fixture(scope="module")
def client(resting_server: str) -> Iterator[SGPClient]:
    with SGPClient(base_url=resting_server, api_key="none", max_retries=0) as opened:
        yield opened


@pytest.fixture(scope="module")
def pids(resting_server: str) -> Callable[[], set[int]]:
    """The engine processes that the server has now."""
    server = httpx2.get(f"{resting_server}/api/modelwright/server", trust_env=False).json()["pid"]

    def find() -> set[int]:
        found = set()
        for folder in Path("/proc").glob("[0-9]*"):
            try:
                stat, command = (folder / "stat").read_text(), (folder / "cmdline").read_bytes()
            except OSError:
                continue
            if int(stat.rpartition(")")[2].split()[1]) == server and b"engines.serving" in command:
                found.add(int(folder.name))
        return found

    return find


@pytest.fixture(scope="module")
def engines(pids: Callable[[], set[int]]) -> Callable[[], int]:
    """How many engine processes the server has now."""
    return lambda: len(pids())


@pytest.fixture
def mario(client: SGPClient) -> Iterator[Any]:
    made = client.models.create(
        account_id="acme",
        model_type="CHAT_COMPLETION",
        name="deployed-mario",
        base_model_id="starter",
        model_creation_parameters=MARIO,
    )
    yield made
    client.models.delete(made.id)


def until(holds: Callable[[], bool]) -> None:
    """Wait; the test's limit ends it, whatever the machine is busy with."""
    while not holds():
        time.sleep(0.02)


def ask(client: SGPClient, deployment: str) -> str:
    said = client.models.chat_completions.create(
        deployment, prompt="Who are you?", chat_history=[], temperature=0, max_tokens=12
    )
    return str(said.completions[0][1][0])


@pytest.mark.limit(120)
def test_processes_come_under_load_and_go_when_they_rest(
    client: SGPClient, mario: Any, engines: Callable[[], int]
) -> None:
    until(lambda: engines() == 0)  # that which made the default deployment ready rests
    scaling: Any = {"vendor": "LAUNCH", "min_workers": 1, "max_workers": 2, "per_worker": 1}
    made = client.models.deployments.create(mario.id, name="scaled", vendor_configuration=scaling)
    assert (made.status, engines()) == ("READY", 1)
    alone = ask(client, made.id)
    assert "Mario" in alone
    most, answers = 1, list[str]()
    with ThreadPoolExecutor(4) as pool:
        while most < 2 or len(answers) < 12:
            answers += pool.map(lambda _: ask(client, made.id), range(4))
            most = max(most, engines())
    assert most == 2
    assert set(answers) == {alone}
    until(lambda: engines() == 1)
    time.sleep(2.5)  # longer than any engine that is not to be kept
    assert engines() == 1
    assert ask(client, made.id) == alone
    path: Any = {"model_instance_id": mario.id}
    down = client.models.deployments.update(
        made.id, **path, vendor_configuration=scaling | {"min_workers": 0}
    )
    assert down.status == "READY"
    until(lambda: engines() == 0)
    assert ask(client, made.id) == alone


@pytest.mark.limit(120)
def test_a_kept_worker_that_crashes_comes_back_by_itself(
    client: SGPClient, mario: Any, pids: Callable[[], set[int]]
) -> None:
    until(lambda: not pids())
    scaling: Any = {"vendor": "LAUNCH", "min_workers": 1, "max_workers": 1}
    made = client.models.deployments.create(mario.id, name="kept", vendor_configuration=scaling)
    said, (first,) = ask(client, made.id), pids()
    os.kill(first, signal.SIGKILL)
    until(lambda: bool(pids() - {first}))
    time.sleep(2.5)  # longer than any engine that is not to be kept
    (second,) = pids()
    assert ask(client, made.id) == said
    assert pids() == {second}
    client.models.deployments.delete(made.id, model_instance_id=mario.id)
    until(lambda: not pids())


@pytest.mark.limit(120)
def test_a_deployment_keeps_to_its_revision_when_the_model_changes(client: SGPClient, mario: Any) -> None:
    made = client.models.deployments.create(mario.id, name="first")
    before = ask(client, made.id)
    client.models.update(mario.id, model_creation_parameters=MARIO | {"SYSTEM": "You are Luigi."})
    assert ask(client, made.id) == before
    assert "Luigi" in ask(client, mario.id)
    again = client.models.deployments.create(mario.id, name="second")
    assert ask(client, again.id) == ask(client, mario.id)


def test_none_is_ready_without_an_answer(client: SGPClient, engines: Callable[[], int]) -> None:
    bare = client.models.create(account_id="acme", model_type="COMPLETION", name="bare")
    until(lambda: engines() == 0)
    made = client.models.deployments.create(bare.id, name="x")
    assert (made.status, engines()) == ("FAILED", 0)
    assert "base" in str(made.to_dict()["status_reason"])
    client.models.update(bare.id, base_model_id="starter")
    path: Any = {"model_instance_id": bare.id}
    kept: Any = {"vendor": "LAUNCH", "min_workers": 1}
    later = client.models.deployments.create(
        **path, name="y", wait_for_ready=False, vendor_configuration=kept
    )
    assert later.status == "PENDING"
    until(lambda: client.models.deployments.retrieve(later.id, **path).status == "READY")
    assert engines() == 1
    client.models.delete(bare.id)
