"""What who may use a model, and not read it, learns of its prompt through Ollama's routes."""

from dataclasses import replace
from typing import Any

import httpx2
import pytest

from modelwright.core.chat import GenerateRequest
from modelwright.core.errors import Denied
from modelwright.core.grants import LOCAL_ADMIN, Grant, Level, Subject, scopes_of
from tests.dialects.conftest import Town

pytestmark = pytest.mark.anyio

HI = [{"role": "user", "content": "hi"}]
SECRET = "The word is swordfish."


@pytest.fixture(params=["secret", "eve/wrapper"])
async def model(request: pytest.FixtureRequest, town: Town) -> str:
    """A model that eve may only use, and one of hers that follows it."""
    await asked(town["ann"], "/api/create", model="secret", **{"from": "test"}, system=SECRET)
    await allow(town, Level.USE)
    if request.param != "secret":
        form = {"id": "wrapper", "name": "W", "base_model_id": "secret", "meta": {}, "params": {}}
        assert (await town["eve"].post("/api/v1/models/create", json=form)).status_code == 200
    return str(request.param)


async def allow(town: Town, level: Level) -> None:
    eve = Grant(Subject("user", town.ids["eve"]), level)
    await town.house.services.rights.sharing.replace(LOCAL_ADMIN, "secret", [eve])


async def asked(client: httpx2.AsyncClient, path: str, **body: Any) -> dict[str, Any]:
    answer = await client.post(path, json={"stream": False, **body})
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


@pytest.mark.parametrize(
    ("path", "question"), [("/api/chat", {"messages": HI}), ("/api/generate", {"prompt": "hi"})]
)
async def test_a_prompt_is_shown_to_those_who_may_read_it(
    town: Town, model: str, path: str, question: dict[str, Any]
) -> None:
    body = {"model": model, "_debug_render_only": True, **question}
    refused = await town["eve"].post(path, json=body)
    assert refused.status_code == 403
    assert "swordfish" not in refused.text
    assert SECRET in str(await asked(town["ann"], path, **{**body, "model": "secret"}))
    await allow(town, Level.READ)
    assert SECRET in str(await asked(town["eve"], path, **body))


async def test_tokens_of_a_prompt_are_for_those_who_may_read_it(town: Town, model: str) -> None:
    body = {"model": model, "prompt": "hi"}
    assert "context" not in await asked(town["eve"], "/api/generate", **body)
    assert (await asked(town["eve"], "/api/generate", model="test", prompt="hi"))["context"]
    await allow(town, Level.READ)
    assert (await asked(town["eve"], "/api/generate", **body))["context"]


async def test_a_template_is_put_before_a_prompt_by_those_who_may_read_it(town: Town, model: str) -> None:
    # It could say what it finds in how many tokens there are, or in whether it fails.
    body = {"model": model, "prompt": "hi", "template": "{{ .System }}"}
    refused = await town["eve"].post("/api/generate", json=body)
    assert refused.status_code == 403
    await allow(town, Level.READ)
    await asked(town["eve"], "/api/generate", **body)


async def test_a_key_that_shows_nothing_shows_no_prompt(house: Any) -> None:
    narrow = replace(LOCAL_ADMIN, scopes=scopes_of(verbs=["use"]))
    with pytest.raises(Denied, match="may use this model"):
        await house.services.chat.render(narrow, GenerateRequest("test", "hi"))
