"""The whole application as app.py puts it together, with the echo engine."""

from collections.abc import AsyncIterator
from pathlib import Path

import httpx2
import pytest

from modelwright.app import App, open_app
from modelwright.settings import load


@pytest.fixture
async def app(tmp_path: Path) -> AsyncIterator[App]:
    settings = load({"home": str(tmp_path / "home"), "engine": "echo"}, {})
    settings.home.mkdir()
    async with open_app(settings) as opened:
        yield opened


@pytest.fixture
async def client(app: App) -> AsyncIterator[httpx2.AsyncClient]:
    transport = httpx2.ASGITransport(app=app.asgi)
    async with httpx2.AsyncClient(transport=transport, base_url="http://127.0.0.1:11434") as opened:
        yield opened
