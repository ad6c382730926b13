"""The app: its parts put together on a data folder, and the model that comes with it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx2
import pytest

from modelwright.app import App, open_app
from modelwright.core.chat import ChatRequest, Message, TextDelta
from modelwright.core.digest import Digest
from modelwright.core.draft import SpecDraft
from modelwright.core.errors import NotFound, Unavailable
from modelwright.core.grants import LOCAL_ADMIN
from modelwright.settings import load
from modelwright.starter import WEIGHTS, published_digest

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.skipif(published_digest() is None, reason="the starter model is not in this checkout"),
]


@asynccontextmanager
async def opened(home: Path, engine: str = "echo") -> AsyncIterator[App]:
    async with open_app(load({"home": str(home), "engine": engine}, {})) as app:
        yield app


async def names(app: App) -> list[str]:
    return [str(model.name) for model in await app.services.models.list_models(LOCAL_ADMIN)]


async def create(app: App, name: str, system: str) -> None:
    draft = SpecDraft(parent="starter", system=system)
    async for _ in app.services.models.create(LOCAL_ADMIN, name, draft):
        pass


async def test_the_starter_is_there_on_a_fresh_data_folder(tmp_path: Path) -> None:
    async with opened(tmp_path) as app:
        view = await app.services.models.show(LOCAL_ADMIN, "starter")
    assert view.resolved.parameters.as_dict() == {"temperature": 0, "num_predict": 128}
    assert view.summary.capabilities == ("completion",)
    assert view.summary.facts is not None
    assert "Apache" in view.resolved.licences[0]
    [blob] = (tmp_path / "blobs").glob("*")
    assert blob.name == f"sha256-{published_digest().hex}"


async def test_it_is_imported_once(tmp_path: Path) -> None:
    for _ in range(2):
        async with opened(tmp_path) as app:
            history = await app.services.models.history(LOCAL_ADMIN, "starter")
            assert [(revision.kind, revision.author) for revision in history.revisions] == [
                ("bundled", "modelwright")
            ]


async def test_a_deleted_starter_stays_deleted(tmp_path: Path) -> None:
    async with opened(tmp_path) as app:
        await app.services.models.delete(LOCAL_ADMIN, "starter")
    async with opened(tmp_path) as app:
        assert await names(app) == []


async def test_a_starter_of_the_users_own_stays(tmp_path: Path) -> None:
    async with opened(tmp_path) as app:
        await create(app, "starter", "I am mine.")
    async with opened(tmp_path) as app:
        assert (await app.services.models.show(LOCAL_ADMIN, "starter")).resolved.system == "I am mine."


async def test_a_lost_starter_blob_is_mended(tmp_path: Path) -> None:
    async with opened(tmp_path):
        pass
    [blob] = (tmp_path / "blobs").glob("*")
    blob.unlink()
    async with opened(tmp_path):
        assert Digest.of(blob.read_bytes()) == Digest.of(WEIGHTS.read_bytes())


async def test_the_real_engine_answers(tmp_path: Path) -> None:
    question = ChatRequest("mario", (Message("user", "Who are you?"),))
    async with opened(tmp_path, "llamacpp") as app:
        await create(app, "mario", "You are Mario from Super Mario Bros. Answer as Mario, only.")
        events = [event async for event in app.services.chat.chat(LOCAL_ADMIN, question)]
    assert "Mario" in "".join(event.text for event in events if isinstance(event, TextDelta))


async def test_it_is_ready_when_the_server_says_so(tmp_path: Path) -> None:
    async with opened(tmp_path) as app:
        transport = httpx2.ASGITransport(app=app.asgi)
        async with httpx2.AsyncClient(transport=transport, base_url="http://localhost") as client:
            assert (await client.get("/readyz")).status_code == 503
            app.readiness.missing = ""
            assert (await client.get("/readyz")).status_code == 200


async def test_two_apps_cannot_have_one_data_folder(tmp_path: Path) -> None:
    async with opened(tmp_path):
        with pytest.raises(Unavailable, match="in use"):
            async with opened(tmp_path):
                pass


async def test_an_unknown_base_is_said(tmp_path: Path) -> None:
    async with opened(tmp_path) as app:
        with pytest.raises(NotFound, match="nobody"):
            async for _ in app.services.models.create(LOCAL_ADMIN, "x", SpecDraft(parent="nobody")):
                pass


async def test_the_limits_of_a_body_are_those_of_the_settings(tmp_path: Path) -> None:
    settings = load({"home": str(tmp_path), "engine": "echo", "max_body": "1", "max_depth": "8"}, {})
    async with open_app(settings) as app:
        transport = httpx2.ASGITransport(app.asgi)
        async with httpx2.AsyncClient(transport=transport, base_url="http://localhost") as client:
            large = await client.post("/api/show", json={"model": "x" * 1_500_000})
            deep = await client.post("/api/show", content='{"model":' + "[" * 9 + "]" * 9 + "}")
    assert (large.status_code, large.json()["error"][:41]) == (
        413,
        "the body is over the limit of 1 MiB for J",
    )
    assert (deep.status_code, "limit of 8 levels" in deep.json()["error"]) == (400, True)
