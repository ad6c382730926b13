"""Whole servers in this process, a real registry beside them, and one that misbehaves."""

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import pytest

from modelwright.app import App, open_app
from modelwright.settings import read_settings
from tests.registries.scripted import Scripted
from tools import registry


@dataclass
class House:
    """A server on a data folder of its own."""

    app: App
    client: httpx2.AsyncClient
    home: Path

    async def ask(self, path: str, **body: Any) -> httpx2.Response:
        whole = {} if path.startswith("/api/modelwright/") else {"stream": False}
        return await self.client.post(path, json=whole | body)

    async def done(self, path: str, **body: Any) -> Any:
        answer = await self.ask(path, **body)
        assert answer.status_code == 200, answer.text
        return answer.json() if answer.content else None

    async def lines(self, path: str, **body: Any) -> list[dict[str, Any]]:
        answer = await self.client.post(path, json=body)
        assert answer.status_code == 200, answer.text
        return [httpx2.Response(200, content=line).json() for line in answer.text.splitlines()]

    async def digest(self, name: str) -> str:
        models = (await self.client.get("/api/tags")).json()["models"]
        return next((each["digest"] for each in models if each["name"] == f"{name}:latest"), "")

    def blobs(self) -> set[str]:
        return {path.name for path in (self.home / "blobs").iterdir()}

    def partial(self) -> list[Path]:
        return sorted((self.home / "partial").iterdir())


@asynccontextmanager
async def _house(home: Path, **flags: str) -> AsyncIterator[House]:
    home.mkdir(exist_ok=True)
    settings = read_settings({"home": str(home), "engine": "echo", **flags}, {})
    async with open_app(settings) as app:
        app.readiness.missing = ""
        transport = httpx2.ASGITransport(app=app.asgi, client=("127.0.0.1", 1))
        async with httpx2.AsyncClient(
            transport=transport, base_url="http://127.0.0.1:11434", timeout=100
        ) as client:
            yield House(app, client, home)


Opening = Callable[..., AbstractAsyncContextManager[House]]


@pytest.fixture
def opening(tmp_path: Path) -> Opening:
    """Open a house: its name, the registries that it may speak to, other settings."""

    def opened(name: str, *registries: str, **flags: str) -> AbstractAsyncContextManager[House]:
        return _house(tmp_path / name, registries=",".join(registries), **flags)

    return opened


@contextmanager
def real(folder: Path, users: Path | None = None) -> Iterator[str]:
    """A registry of the CNCF; without one the test is skipped, and says so."""
    try:
        registry.find()
    except registry.Missing as error:
        pytest.skip(f"no real registry: {error}")
    with registry.running(folder, users=users) as host:
        yield host


@pytest.fixture(scope="session")
def cncf(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The host and port of a real registry."""
    with real(tmp_path_factory.mktemp("registry")) as host:
        yield host


@pytest.fixture
def scripted() -> Iterator[Scripted]:
    """A registry that answers what the test says."""
    with Scripted() as found:
        yield found
