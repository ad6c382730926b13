"""Two servers in processes of their own, on one PostgreSQL: quotas are of both together."""

import asyncio
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator

import httpx2
import psycopg
import pytest

from modelwright.service.quotas import RESERVED_TOKENS
from tests.clients.conftest import wait_until_ready

pytestmark = [pytest.mark.anyio, pytest.mark.limit(180)]

SCHEMA = "two_servers"
NATIVE = "/api/modelwright"
QUESTION = {"model": "starter", "prompt": "hi", "stream": False}


@pytest.fixture(scope="module")
def servers(postgresql: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str]]:
    """Their URLs; the engine takes its time, so that answers are under way together."""
    with psycopg.connect(postgresql, autocommit=True) as connection:
        connection.execute(f"CREATE SCHEMA {SCHEMA}".encode())
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("OLLAMA", "MODEL"))}
    kept |= {
        "MODELWRIGHT_DATABASE": f"{postgresql}&options=-csearch_path%3D{SCHEMA}",
        "MODELWRIGHT_ENGINE": "echo:1500ms",
    }
    command = [sys.executable, "-m", "modelwright", "serve", "--host", "127.0.0.1:0"]
    processes, urls = [], []
    for _ in range(2):
        folder = tmp_path_factory.mktemp("server")
        home, log = folder / "home", folder / "server.log"
        with log.open("wb") as output:
            environ = kept | {"MODELWRIGHT_HOME": str(home)}
            processes.append(subprocess.Popen(command, stdout=output, stderr=output, env=environ))
        urls.append(wait_until_ready(home, processes[-1], log))
    yield urls[0], urls[1]
    for process in processes:
        process.terminate()
        process.wait(60)


@pytest.fixture(scope="module")
def root(servers: tuple[str, str]) -> dict[str, str]:
    """The key of an admin, as what a request brings along."""
    with httpx2.Client(base_url=servers[0] + NATIVE) as client:
        key = client.post("/keys", json={"user": "root", "role": "admin"}).raise_for_status().json()["key"]
    return {"x-api-key": key}


async def limited(server: str, root: dict[str, str], **most: int) -> dict[str, str]:
    """The key of a new user with these quotas; both servers know of them a second later."""
    name = "-".join(most).replace("_", "-")
    async with httpx2.AsyncClient(base_url=server + NATIVE, headers=root) as client:
        made = (await client.post("/keys", json={"user": name, "role": "user"})).raise_for_status()
        for quota, limit in most.items():
            body = {"user": name, "quota": quota, "most": limit}
            (await client.put("/quotas", json=body)).raise_for_status()
    return {"x-api-key": made.json()["key"]}


async def statuses(servers: tuple[str, str], key: dict[str, str], path: str) -> Counter[int]:
    """Sixteen requests, every other one to the other server, all at once."""
    async with httpx2.AsyncClient(headers=key, timeout=60) as client:
        asked = [
            client.post(servers[turn % 2] + path, json=QUESTION)
            if path.endswith("generate")
            else client.get(servers[turn % 2] + path)
            for turn in range(16)
        ]
        return Counter(answer.status_code for answer in await asyncio.gather(*asked))


async def test_requests_of_a_minute_are_those_to_both(servers: tuple[str, str], root: dict[str, str]) -> None:
    key = await limited(servers[0], root, requests_per_minute=5)
    assert await statuses(servers, key, "/api/tags") == {200: 5, 429: 11}


async def test_answers_at_one_time_are_those_of_both(servers: tuple[str, str], root: dict[str, str]) -> None:
    key = await limited(servers[0], root, streams=3)
    assert await statuses(servers, key, "/api/generate") == {200: 3, 429: 13}
    async with httpx2.AsyncClient(headers=key, timeout=60) as client:
        for turn in range(4):  # one after the other, always at the other server
            answer = await client.post(servers[turn % 2] + "/api/generate", json=QUESTION)
            assert answer.status_code == 200, answer.text


async def test_tokens_of_a_day_are_those_of_both(servers: tuple[str, str], root: dict[str, str]) -> None:
    key = await limited(servers[0], root, tokens_per_day=2 * RESERVED_TOKENS)
    assert await statuses(servers, key, "/api/generate") == {200: 2, 429: 14}


async def test_models_are_those_made_at_both(servers: tuple[str, str], root: dict[str, str]) -> None:
    key = await limited(servers[0], root, models=4)
    async with httpx2.AsyncClient(headers=key, timeout=60) as client:
        asked = [
            client.post(
                servers[turn % 2] + "/api/create",
                json={"model": f"m{turn}", "from": "starter", "stream": False},
            )
            for turn in range(16)
        ]
        found = Counter(answer.status_code for answer in await asyncio.gather(*asked))
    assert found == {200: 4, 429: 12}
