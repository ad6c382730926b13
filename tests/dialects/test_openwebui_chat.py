"""Chats and embeddings through Open WebUI's routes: what reaches the engine."""

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import pytest

from modelwright.core.errors import Invalid
from modelwright.dialects.openwebui.conversation import read_chat
from modelwright.dialects.openwebui.variables import Speaker, chat_fields, render_system
from tests.dialects.openwebui_forms import API, Listening

pytestmark = pytest.mark.anyio

HI = [{"role": "user", "content": "hi"}]
NOON = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)


@pytest.fixture
async def listening(opening) -> AsyncIterator[Any]:
    async with opening(engines=Listening) as house:
        yield house


async def heard(
    house: Any, entry: dict[str, Any], /, **body: Any
) -> tuple[list[tuple[str, str]], dict[str, Any]]:
    """The messages and the parameters that the engine gets for a new model with these params."""
    form = {"id": "m", "name": "M", "base_model_id": "test", "meta": {}, "params": entry}
    made = await house.client.post(f"{API}/create", json=form)
    assert made.status_code == 200, made.text
    chat = {"model": "m", "messages": HI, **body}
    answer = await house.client.post("/api/chat/completions", json=chat)
    assert answer.status_code == 200, answer.text
    messages, parameters = house.engine.heard[-1]
    return [(message.role, message.content) for message in messages], parameters.as_dict()


async def test_a_value_in_the_body_wins_over_params_and_those_over_the_models(listening) -> None:
    kept = {"temperature": 0.1, "top_p": 0.2, "top_k": 3, "min_p": 0.4}
    wanted = {"temperature": 0.5, "top_p": 0.6}
    _, parameters = await heard(listening, kept, params=wanted, temperature=0.9)
    expected = {"temperature": 0.9, "top_p": 0.6, "top_k": 3, "min_p": 0.4}
    assert {name: parameters[name] for name in expected} == expected


async def test_custom_params_stand_over_params_and_texts_are_json(listening) -> None:
    params = {"temperature": 0.1, "custom_params": {"temperature": "0.3", "stop": '["a"]', "odd": "{"}}
    _, parameters = await heard(listening, params)
    assert (parameters["temperature"], parameters["stop"]) == (0.3, ["a"])


async def test_a_choice_of_controls_stands_for_params(listening) -> None:
    options = {
        "calm": {"label": "Calm", "params": {"temperature": 0.1}},
        "wild": {"label": "Wild", "params": {"temperature": 1.5}},
    }
    controls = {"mood": {"label": "Mood", "default": "calm", "options": options}}
    _, parameters = await heard(listening, {"model_controls": controls})
    assert parameters["temperature"] == 0.1
    chat = {"model": "m", "messages": HI, "model_options": {"mood": "wild"}}
    await listening.client.post("/api/chat/completions", json=chat)
    assert listening.engine.heard[-1][1].as_dict()["temperature"] == 1.5
    refused = await listening.client.post(
        "/api/chat/completions", json={**chat, "model_options": {"mood": "angry"}}
    )
    assert (refused.status_code, "no longer available" in refused.text) == (400, True)
    [offered] = [m for m in (await listening.client.get("/api/models")).json()["data"] if m["id"] == "m"]
    assert offered["info"]["params"]["model_controls"]["mood"]["options"]["wild"] == {"label": "Wild"}


async def test_the_models_system_text_comes_before_the_requests(listening) -> None:
    system = {"role": "system", "content": "Be kind"}
    messages, _ = await heard(listening, {"system": "Be brief"}, messages=[system, *HI])
    assert messages == [("system", "Be brief\nBe kind"), ("user", "hi")]


async def test_variables_are_replaced(listening) -> None:
    text = '{{USER_NAME}}, {{ chat.variables.tone | text:default="calm" }}, {{CURRENT_TIMEZONE}}'
    messages, _ = await heard(listening, {"system": text}, variables={"{{CURRENT_TIMEZONE}}": "UTC"})
    assert messages[0] == ("system", "local, calm, UTC")
    chat = {"model": "m", "messages": HI, "chat_variables": {"tone": "loud"}}
    await listening.client.post("/api/chat/completions", json=chat)
    assert listening.engine.heard[-1][0][0].content.startswith("local, loud, ")


async def test_an_inherited_system_text_is_rendered_too(listening) -> None:
    await listening.create("base", **{"from": "test"}, system="I am {{USER_NAME}}'s")
    form = {"id": "m", "name": "M", "base_model_id": "base", "meta": {}, "params": {}}
    await listening.client.post(f"{API}/create", json=form)
    await listening.client.post("/api/chat/completions", json={"model": "m", "messages": HI})
    assert listening.engine.heard[-1][0][0].content == "I am local's"


async def test_a_stream_ends_with_done_and_says_the_same(client) -> None:
    chat = {"model": "test", "messages": HI, "stream": True, "stream_options": {"include_usage": True}}
    answer = await client.post("/api/chat/completions", json=chat)
    lines = [line.removeprefix("data: ") for line in answer.text.split("\n\n") if line]
    assert lines[-1] == "[DONE]"
    trees = [json.loads(line) for line in lines[:-1]]
    text = "".join(tree["choices"][0]["delta"].get("content", "") for tree in trees if tree["choices"])
    assert (text, trees[-1]["usage"]["completion_tokens"]) == ("hi", 1)


async def test_params_can_ask_for_a_stream(client) -> None:
    chat = {"model": "test", "messages": HI, "params": {"stream_response": True}}
    answer = await client.post("/api/v1/chat/completions", json=chat)
    assert answer.headers["content-type"].startswith("text/event-stream")


async def test_ids_without_an_entry_are_names(client) -> None:
    for model in ("test", "test:latest", "TEST"):
        answer = await client.post("/api/chat/completions", json={"model": model, "messages": HI})
        assert (answer.status_code, answer.json()["model"]) == (200, model)


def test_what_is_known_of_time_and_people() -> None:
    names = "CURRENT_DATE CURRENT_TIME CURRENT_DATETIME CURRENT_WEEKDAY USER_EMAIL USER_GROUPS USER_AGE"
    text = "|".join("{{" + name + "}}" for name in names.split())
    speaker = Speaker("Ann", "ann@example.com", ("devs", "ops"))
    assert render_system(text, speaker, NOON).split("|") == [
        "2026-11-21",
        "12:00:00 PM",
        "2026-11-21 12:00:00 PM",
        "Saturday",
        "ann@example.com",
        "devs, ops",
        "None",
    ]


def test_what_a_system_text_asks_a_chat_for() -> None:
    text = (
        'A {{ chat.variables.tone | select:options=["calm", "loud"]:required }} '
        'B {{chat.variables.name | text:label="Your: name":maxlength=5}} {{ chat.variables.tone }}'
    )
    tone, name = chat_fields(text)
    assert tone == {"key": "tone", "type": "select", "options": ["calm", "loud"], "required": True}
    assert name == {"key": "name", "type": "text", "label": "Your: name", "maxlength": "5", "required": False}
    assert chat_fields("{{ chat.variables.Bad-Key }}") == []
    assert render_system("{{ user.variables.x | y }}!", Speaker(), NOON) == "!"


def test_keep_alive_and_logit_bias_reach_the_request_from_wherever_they_are_said() -> None:
    body = {"model": "m", "messages": HI}
    params = {"keep_alive": "5m", "logit_bias": {"7": -100}}
    for asked in (
        read_chat({**body, **params}).request("m", {}, ""),
        read_chat({**body, "params": params}).request("m", {}, ""),
        read_chat(body).request("m", params, ""),
    ):
        assert (asked.keep_alive, asked.options.logit_bias) == (300, {7: -100})
    with pytest.raises(Invalid, match="no token number"):
        read_chat(body).request("m", {"logit_bias": {"x": 1}}, "")
