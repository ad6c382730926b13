"""A real server in a process of its own, with the real engine and the starter model."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx2
import pytest

START_SECONDS = 100.0


def wait_until_ready(home: Path, process: subprocess.Popen[bytes], log: Path) -> str:
    """The URL of a server, once it says that it is ready."""
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if (home / "server.json").exists():
            return str(json.loads((home / "server.json").read_text())["url"])
        assert process.poll() is None, log.read_text()
        time.sleep(0.05)
    raise AssertionError(log.read_text())


def _serve(folder: Path, **settings: str) -> Iterator[str]:
    home, log = folder / "home", folder / "server.log"
    environ = {
        name: value for name, value in os.environ.items() if not name.startswith(("OLLAMA", "MODELWRIGHT"))
    }
    environ |= {"MODELWRIGHT_HOME": str(home), **settings}
    command = [sys.executable, "-m", "modelwright", "serve", "--host", "127.0.0.1:0"]
    with log.open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=output, env=environ)
        try:
            yield wait_until_ready(home, process, log)
        finally:
            process.terminate()
            process.wait(60)


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a server with the real engine."""
    yield from _serve(tmp_path_factory.mktemp("server"))


@pytest.fixture(scope="session")
def echo_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a server whose engine says what it heard."""
    yield from _serve(tmp_path_factory.mktemp("echo"), MODELWRIGHT_ENGINE="echo")


@pytest.fixture(scope="session")
def small_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a server whose engines do one thing at a time, with nobody waiting."""
    yield from _serve(tmp_path_factory.mktemp("small"), MODELWRIGHT_PARALLEL="1", MODELWRIGHT_MAX_QUEUE="0")


@pytest.fixture(scope="session")
def resting_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a server whose engines end soon after they have nothing to do."""
    yield from _serve(tmp_path_factory.mktemp("resting"), MODELWRIGHT_KEEP_ALIVE="1")


@pytest.fixture(scope="session")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, dict[str, str]]]:
    """The URL of a server with people, and their keys: root is an admin, the others users."""
    for url in _serve(tmp_path_factory.mktemp("town")):
        keys: dict[str, str] = {}
        for name, role in (("root", "admin"), ("anna", "user"), ("bert", "user"), ("eve", "user")):
            headers = {"x-api-key": keys["root"]} if keys else {}
            body = {"user": name, "role": role}
            answer = httpx2.post(f"{url}/api/modelwright/keys", json=body, headers=headers, trust_env=False)
            keys[name] = answer.raise_for_status().json()["key"]
        yield url, keys


@pytest.fixture(scope="module")
def serve(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., str]]:
    """Start a server of one's own with other settings; gives its URL."""
    with ExitStack() as stack:

        def start(**settings: str) -> str:
            folder = tmp_path_factory.mktemp("own")
            return stack.enter_context(contextmanager(_serve)(folder, **settings))

        yield start


@pytest.fixture(scope="session")
def city(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a port where TigerCity's dialect alone is spoken."""
    folder = tmp_path_factory.mktemp("city")
    settings = {"MODELWRIGHT_LISTEN": "tigercity=127.0.0.1:0", "MODELWRIGHT_DEFAULT_MODEL": "starter"}
    for _ in _serve(folder, **settings):
        (line,) = [each for each in (folder / "server.log").read_text().splitlines() if "alone" in each]
        yield line.rpartition(" ")[2]
