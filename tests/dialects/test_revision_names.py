"""A name with a revision means that revision in every dialect, and never the model as a whole."""

from typing import Any

import httpx2
import pytest

from tests.dialects.voices import VOICES, Voice

pytestmark = pytest.mark.anyio

WORDS: list[dict[str, str]] = [{"role": "user", "content": "one two three"}]
ASKS: dict[str, dict[str, Any]] = {
    "/api/chat": {"messages": WORDS, "stream": False},
    "/v1/chat/completions": {"messages": WORDS},
    "/api/chat/completions": {"messages": WORDS},
    "/v1/messages": {"messages": WORDS, "max_tokens": 9},
    "/v1/generate_response": {"messages": WORDS},
    "/v4/chat-completions": {"messages": WORDS},
    "/v4/completions": {"prompt": "one two three"},
}
"""Questions by path; what they are answered depends on the revision alone."""
FORM: dict[str, Any] = {"name": "new", "base_model_id": "test", "params": {}, "meta": {}}


async def made(client: httpx2.AsyncClient, name: str = "mario") -> None:
    """A model whose first revision stops before "two", and whose second before "three"."""
    for end in ("two", "three"):
        body = {"from": "test", "system": end, "parameters": {"stop": [end]}, "stream": False}
        assert (await client.post("/api/create", json={"model": name, **body})).status_code == 200


async def revisions(client: httpx2.AsyncClient) -> int:
    found = await client.get("/api/modelwright/history", params={"model": "mario"})
    return len(found.raise_for_status().json()["revisions"])


@pytest.mark.parametrize("path", ASKS)
async def test_it_is_the_revision_that_answers(client: httpx2.AsyncClient, path: str) -> None:
    await made(client)
    for revision in (1, 2):
        answer = await client.post(path, json={"model": f"mario@{revision}", **ASKS[path]})
        assert answer.status_code == 200, answer.text
        assert ("one" in answer.text, "two" in answer.text) == (True, revision == 2), answer.text


@pytest.mark.parametrize("voice", [each for each in VOICES if each.delete], ids=lambda voice: voice.name)
async def test_no_revision_is_deleted_or_its_model_with_it(client: httpx2.AsyncClient, voice: Voice) -> None:
    await made(client)
    assert voice.delete is not None
    assert 400 <= await voice.delete(client, "mario@1") < 500
    assert await revisions(client) == 2


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("POST /api/create", {"model": "mario@1", "from": "test", "stream": False}),
        ("POST /api/v1/models/model/update", {"id": "mario@1", **FORM}),
        ("POST /api/v1/models/model/toggle?id=mario@1", {}),
        ("PATCH /v4/models/mario@1", {"description": "other"}),
        ("PATCH /v4/models/mario@1", {"model_creation_parameters": {"SYSTEM": "other"}}),
    ],
)
async def test_no_revision_is_changed(client: httpx2.AsyncClient, path: str, body: dict[str, Any]) -> None:
    await made(client)
    method, _, path = path.partition(" ")
    answer = await client.request(method, path, json=body)
    assert (answer.status_code in (400, 409), await revisions(client)) == (True, 2), answer.text


async def test_what_follows_a_model_cannot_follow_a_revision(client: httpx2.AsyncClient) -> None:
    await made(client)
    form = {"id": "new", **FORM, "base_model_id": "mario@1"}
    answer = await client.post("/api/v1/models/create", json=form)
    assert (answer.status_code, "revision" in answer.text) == (400, True), answer.text


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/api/create", {"model": "new", "from": "mario@1", "stream": False}),
        ("/v1/models", {"name": "new", "parent_model": "mario@1", "description": ""}),
        (
            "/v4/models",
            {"name": "new", "account_id": "a", "model_type": "CHAT_COMPLETION", "base_model_id": "mario@1"},
        ),
    ],
    ids=["ollama", "tigercity", "sgp"],
)
async def test_what_is_made_of_a_revision_is_made_of_that(
    client: httpx2.AsyncClient, path: str, body: dict[str, Any]
) -> None:
    await made(client)
    answer = await client.post(path, json=body)
    assert answer.status_code in (200, 201), answer.text
    said = await client.post("/api/chat", json={"model": "new", "messages": WORDS, "stream": False})
    assert said.json()["message"]["content"].split()[:2] == ["one"], said.text
