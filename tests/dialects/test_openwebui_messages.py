"""Chats in Anthropic's form through Open WebUI's route."""

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from modelwright.dialects.openwebui.stance import Stance
from tests.dialects.conftest import Town
from tests.dialects.openwebui_forms import API, FORM, Listening

pytestmark = pytest.mark.anyio

PLACES = ["/api/v1/messages", "/api/message", "/openwebui/api/v1/messages"]
HI = [{"role": "user", "content": "hi"}]
ODD_ID = FORM["id"]


@pytest.fixture
async def listening(opening) -> AsyncIterator[Any]:
    async with opening(engines=Listening, openwebui=Stance(params={"top_k": 9, "seed": 2})) as house:
        made = await house.client.post(
            f"{API}/create", json={**FORM, "params": {**FORM["params"], "top_k": 4}}
        )
        assert made.status_code == 200, made.text
        yield house


@pytest.mark.parametrize("place", PLACES)
async def test_a_model_answers_by_its_id_in_anthropic_s_form(listening, place: str) -> None:
    body = {"model": ODD_ID, "max_tokens": 7, "system": "Be kind", "messages": HI, "temperature": 0.2}
    answer = (await listening.client.post(place, json=body)).json()
    assert (answer["type"], answer["model"], answer["content"]) == (
        "message",
        ODD_ID,
        [{"type": "text", "text": "hi"}],
    )
    messages, parameters = listening.engine.heard[-1]
    assert (messages[0].role, messages[0].content) == ("system", "Be brief\nBe kind")
    expected = {"temperature": 0.2, "num_predict": 7, "top_k": 4, "seed": 2}
    assert {name: parameters.as_dict()[name] for name in expected} == expected


async def test_a_stream_is_anthropic_s_too(listening) -> None:
    body = {"model": ODD_ID, "max_tokens": 7, "messages": HI, "stream": True}
    answer = await listening.client.post(PLACES[0], json=body)
    events = [line.removeprefix("event: ") for line in answer.text.split("\n") if line.startswith("event: ")]
    assert (events[0], events[-1]) == ("message_start", "message_stop")
    data = [json.loads(line[6:]) for line in answer.text.split("\n") if line.startswith("data: ")]
    assert "".join(each["delta"]["text"] for each in data if each["type"] == "content_block_delta") == "hi"


async def test_tokens_are_counted_with_what_the_model_adds(listening) -> None:
    counts = []
    for model in (ODD_ID, "test"):
        answer = await listening.client.post(
            f"{PLACES[0]}/count_tokens", json={"model": model, "messages": HI}
        )
        counts.append(answer.json()["input_tokens"])
    assert counts[0] > counts[1] > 0


@pytest.mark.parametrize("place", PLACES)
async def test_what_one_may_not_know_is_refused_as_what_is_absent(town: Town, place: str) -> None:
    await town["bob"].post(f"{API}/create", json={**FORM, "id": "secret"})
    answers = []
    for path in (place, f"{place}/count_tokens"):
        for model in ("secret", "nobody"):
            answer = await town["eve"].post(path, json={"model": model, "max_tokens": 3, "messages": HI})
            answers.append((answer.status_code, answer.json()))
    assert answers == [(400, {"detail": "Model not found"})] * 4


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("model", None),
        ("model", 7),
        ("model", ""),
        ("max_tokens", "x"),
        ("max_tokens", 0),
        ("messages", []),
        ("messages", [{"role": "ghost", "content": "x"}]),
        ("system", 7),
        ("stream", "yes"),
        ("tools", [{"name": "x"}]),
        ("temperature", "hot"),
    ],
)
async def test_a_bad_field_is_named_in_this_dialect_s_form(client, field: str, value: object) -> None:
    body = {"model": "test", "max_tokens": 3, "messages": HI, field: value}
    answer = await client.post(PLACES[0], json=body)
    assert (answer.status_code, set(answer.json())) == (400, {"detail"})
    assert field in answer.json()["detail"] or "role" in answer.json()["detail"]
