"""Anthropic's dialect, over HTTP."""

import json
from typing import Any

import httpx2
import pytest

pytestmark = pytest.mark.anyio

VERSION = {"anthropic-version": "2023-06-01"}
HELLO = {"model": "test", "max_tokens": 20, "messages": [{"role": "user", "content": "hello there"}]}


async def ask(client: httpx2.AsyncClient, **body: Any) -> dict[str, Any]:
    answer = await client.post("/v1/messages", json={**HELLO, **body}, headers=VERSION)
    assert answer.status_code == 200, answer.text
    assert answer.headers["request-id"].startswith("req_")
    found: dict[str, Any] = answer.json()
    return found


async def events(client: httpx2.AsyncClient, **body: Any) -> list[dict[str, Any]]:
    answer = await client.post("/v1/messages", json={**HELLO, "stream": True, **body})
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert answer.headers["request-id"].startswith("req_")
    found = []
    for block in answer.text.split("\n\n")[:-1]:
        name, data = block.split("\n")
        found.append(json.loads(data.removeprefix("data: ")))
        assert name == f"event: {found[-1]['type']}"
    return found


async def test_a_message(client: httpx2.AsyncClient) -> None:
    found = await ask(client)
    assert (found["type"], found["role"], found["model"]) == ("message", "assistant", "test")
    assert found["content"] == [{"type": "text", "text": "hello there"}]
    assert (found["stop_reason"], found["stop_sequence"]) == ("end_turn", None)
    assert (found["usage"]["input_tokens"], found["usage"]["output_tokens"]) == (2, 2)


async def test_a_stream_tells_every_step_in_order(client: httpx2.AsyncClient) -> None:
    found = await events(client)
    assert [event["type"] for event in found] == [
        "message_start",
        "ping",
        "content_block_start",
        "content_block_delta",
        "content_block_delta",
        "content_block_stop",
        "message_delta",
        "message_stop",
    ]
    assert found[0]["message"]["content"] == []
    assert found[-2]["delta"] == {"stop_reason": "end_turn", "stop_sequence": None}
    assert found[-2]["usage"]["output_tokens"] == 2


async def test_an_answer_that_was_cut_says_so(client: httpx2.AsyncClient) -> None:
    assert (await ask(client, max_tokens=1))["stop_reason"] == "max_tokens"


async def test_a_stop_sequence_is_named(client: httpx2.AsyncClient) -> None:
    found = await ask(client, stop_sequences=["there"])
    assert (found["stop_reason"], found["stop_sequence"]) == ("stop_sequence", "there")


async def test_system_may_be_blocks_and_replaces_the_models_own(house: Any) -> None:
    await house.create("mario", **{"from": "test"}, system="You are Mario from Italy")
    own = await ask(house.client, model="mario")
    blocks = [{"type": "text", "text": "be", "cache_control": {"type": "ephemeral"}}]
    theirs = await ask(house.client, model="mario", system=blocks)
    assert own["usage"]["input_tokens"] == 7
    assert theirs["usage"]["input_tokens"] == 3


async def test_the_models_own_parameters_hold(house: Any) -> None:
    await house.create("short", **{"from": "test"}, parameters={"stop": ["there"]})
    found = await ask(house.client, model="short")
    assert found["content"] == [{"type": "text", "text": "hello "}]
    assert found["stop_reason"] == "end_turn"


async def test_tokens_are_counted(client: httpx2.AsyncClient) -> None:
    body = {"model": "test", "system": "be brief", "messages": HELLO["messages"]}
    answer = await client.post("/v1/messages/count_tokens", json=body)
    assert answer.status_code == 200, answer.text
    assert answer.json()["input_tokens"] > 4


async def test_models_are_in_the_shape_that_the_header_asks_for(client: httpx2.AsyncClient) -> None:
    listed = (await client.get("/v1/models", headers=VERSION)).json()
    assert (listed["first_id"], listed["last_id"]) == (listed["data"][0]["id"], listed["data"][-1]["id"])
    assert {model["type"] for model in listed["data"]} == {"model"}
    assert (await client.get("/v1/models")).json()["object"] == "list"
    one = (await client.get("/v1/models/test", headers=VERSION)).json()
    assert one in listed["data"]
    assert (await client.get("/anthropic/v1/models")).json() == listed


async def test_models_come_in_pages(house: Any) -> None:
    for name in ("a", "b", "c"):
        await house.create(name, **{"from": "test"})
    ask = {"url": "/v1/models", "headers": VERSION}
    everything = (await house.client.get(**ask)).json()["data"]
    first = (await house.client.get(**ask, params={"limit": "2"})).json()
    second = (await house.client.get(**ask, params={"limit": "2", "after_id": first["last_id"]})).json()
    back = (await house.client.get(**ask, params={"limit": "2", "before_id": second["first_id"]})).json()
    assert first["data"] + second["data"] == everything[:4]
    assert back["data"] == first["data"]
    assert (first["has_more"], back["has_more"]) == (True, False)


@pytest.mark.parametrize("query", [{"limit": "0"}, {"after_id": "nobody"}])
async def test_a_page_that_is_none_is_refused(client: httpx2.AsyncClient, query: dict[str, str]) -> None:
    answer = await client.get("/v1/models", headers=VERSION, params=query)
    assert answer.status_code == 400
    assert answer.json()["error"]["type"] == "invalid_request_error"


async def test_errors_are_in_its_shape(client: httpx2.AsyncClient) -> None:
    for answer in (
        await client.get("/v1/models/nope", headers=VERSION),
        await client.post("/v1/messages", json={**HELLO, "model": "nope"}),
        await client.get("/anthropic/nope"),
    ):
        assert answer.status_code == 404
        assert answer.json()["type"] == "error"
        assert answer.json()["error"]["type"] == "not_found_error"
        assert answer.headers["request-id"] == answer.json()["request_id"]
