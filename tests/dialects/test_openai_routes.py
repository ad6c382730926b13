"""OpenAI's dialect, over HTTP."""

import json
import struct
from base64 import b64decode
from typing import Any

import httpx2
import pytest

pytestmark = pytest.mark.anyio

HELLO = [{"role": "user", "content": "hello there"}]


async def chunks(client: httpx2.AsyncClient, path: str, **body: Any) -> list[dict[str, Any]]:
    answer = await client.post(path, json={"stream": True, **body})
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"].startswith("text/event-stream")
    *events, last, empty = answer.text.split("\n\n")
    assert (last, empty) == ("data: [DONE]", "")
    return [json.loads(event.removeprefix("data: ")) for event in events]


async def test_a_stream_opens_with_the_role_and_closes_with_the_reason(client: httpx2.AsyncClient) -> None:
    first, *pieces, last = await chunks(client, "/v1/chat/completions", model="test", messages=HELLO)
    assert first["choices"][0]["delta"] == {"role": "assistant", "content": ""}
    assert [piece["choices"][0]["delta"] for piece in pieces] == [{"content": "hello "}, {"content": "there"}]
    assert last["choices"][0] == {"index": 0, "delta": {}, "finish_reason": "stop", "logprobs": None}
    assert len({piece["id"] for piece in (first, *pieces, last)}) == 1


async def test_usage_comes_last_when_it_is_asked_for(client: httpx2.AsyncClient) -> None:
    *others, last = await chunks(
        client, "/v1/completions", model="test", prompt="a b", stream_options={"include_usage": True}
    )
    assert last["choices"] == []
    assert last["usage"]["completion_tokens"] == 2
    assert all(other["usage"] is None for other in others)


async def test_a_whole_answer(client: httpx2.AsyncClient) -> None:
    answer = await client.post("/v1/chat/completions", json={"model": "test", "messages": HELLO})
    found = answer.json()
    assert found["object"] == "chat.completion"
    assert found["choices"][0]["message"]["content"] == "hello there"
    usage = found["usage"]
    assert usage["total_tokens"] == usage["prompt_tokens"] + usage["completion_tokens"]


async def test_where_the_request_is_silent_the_models_own_parameters_hold(house: Any) -> None:
    await house.create("short", **{"from": "test"}, parameters={"num_predict": 1})
    silent = await house.client.post("/v1/chat/completions", json={"model": "short", "messages": HELLO})
    assert silent.json()["choices"][0]["finish_reason"] == "length"
    asking = {"model": "short", "messages": HELLO, "max_tokens": 9}
    answer = await house.client.post("/v1/chat/completions", json=asking)
    assert answer.json()["choices"][0]["message"]["content"] == "hello there"


async def test_parts_of_text_are_joined(client: httpx2.AsyncClient) -> None:
    parts = [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]
    body = {"model": "test", "messages": [{"role": "user", "content": parts}]}
    answer = await client.post("/v1/chat/completions", json=body)
    assert answer.json()["choices"][0]["message"]["content"] == "ab"


REFUSED: dict[str, Any] = {
    "audio": {"voice": "x"},
    "modalities": ["audio"],
    "prediction": {"type": "content", "content": "x"},
    "web_search_options": {"search_context_size": "low"},
    "store": True,
}


@pytest.mark.parametrize("field", REFUSED)
async def test_what_is_not_built_yet_is_refused_by_name(client: httpx2.AsyncClient, field: str) -> None:
    body = {"model": "test", "messages": HELLO, field: REFUSED[field]}
    answer = await client.post("/v1/chat/completions", json=body)
    assert answer.status_code == 400
    error = answer.json()["error"]
    assert field in error["message"]
    assert "not supported yet" in error["message"]
    assert (error["type"], error["param"]) == ("invalid_request_error", field)


async def test_what_asks_for_nothing_is_no_fault(client: httpx2.AsyncClient) -> None:
    nothing: dict[str, Any] = {"n": 1, "tools": [], "response_format": {"type": "text"}, "logit_bias": {}}
    nothing |= {"reasoning_effort": "none", "user": "me", "metadata": {"a": "b"}, "seed": None, "stop": None}
    answer = await client.post("/v1/chat/completions", json={"model": "test", "messages": HELLO, **nothing})
    assert answer.status_code == 200, answer.text


async def test_n_answers_stand_in_one(client: httpx2.AsyncClient) -> None:
    body = {"model": "test", "messages": HELLO, "n": 3}
    found = (await client.post("/v1/chat/completions", json=body)).json()
    assert [choice["index"] for choice in found["choices"]] == [0, 1, 2]
    assert {choice["message"]["content"] for choice in found["choices"]} == {"hello there"}
    assert found["usage"]["completion_tokens"] == 6
    assert found["usage"]["prompt_tokens"] == 2


async def test_n_answers_are_streamed_side_by_side(client: httpx2.AsyncClient) -> None:
    usage = {"include_usage": True}
    *told, last = await chunks(
        client, "/v1/chat/completions", model="test", messages=HELLO, n=2, stream_options=usage
    )
    texts = {0: "", 1: ""}
    for chunk in told:
        texts[chunk["choices"][0]["index"]] += chunk["choices"][0]["delta"].get("content", "")
    assert texts == {0: "hello there", 1: "hello there"}
    assert [chunk["choices"][0]["finish_reason"] for chunk in told].count("stop") == 2
    assert last["usage"]["completion_tokens"] == 4


async def test_each_prompt_has_its_answers(client: httpx2.AsyncClient) -> None:
    body = {"model": "test", "prompt": ["a b", "c"], "n": 2, "best_of": 3}
    found = (await client.post("/v1/completions", json=body)).json()
    assert [(choice["index"], choice["text"]) for choice in found["choices"]] == [
        (0, "a b"),
        (1, "a b"),
        (2, "c"),
        (3, "c"),
    ]
    assert found["usage"]["prompt_tokens"] == 3


async def test_embeddings_are_the_same_in_both_encodings(client: httpx2.AsyncClient) -> None:
    body = {"model": "test", "input": ["a", "b"], "dimensions": 8}
    plain = (await client.post("/v1/embeddings", json=body)).json()["data"]
    packed = (await client.post("/v1/embeddings", json={**body, "encoding_format": "base64"})).json()["data"]
    assert [item["index"] for item in plain] == [0, 1]
    for one, other in zip(plain, packed, strict=True):
        assert struct.unpack("<8f", b64decode(other["embedding"])) == pytest.approx(one["embedding"])


async def test_models_are_listed_and_found(house: Any) -> None:
    await house.create("me/mario", **{"from": "test"})
    listed = (await house.client.get("/v1/models")).json()
    assert listed["object"] == "list"
    assert {model["id"]: model["owned_by"] for model in listed["data"]}["me/mario:latest"] == "me"
    found = (await house.client.get("/v1/models/me/mario")).json()
    assert found in listed["data"]


async def test_the_list_is_a_list_when_there_is_nothing(client: httpx2.AsyncClient) -> None:
    for name in ("test", "bert"):
        await client.request("DELETE", "/api/delete", json={"model": name})
    assert (await client.get("/v1/models")).json() == {"object": "list", "data": []}


async def test_an_unknown_model_is_said_in_openais_shape(client: httpx2.AsyncClient) -> None:
    answer = await client.get("/v1/models/nope")
    assert answer.status_code == 404
    assert answer.json()["error"]["message"] == "model 'nope' not found"
    assert answer.json()["error"]["type"] == "not_found_error"


async def test_developers_are_system(client: httpx2.AsyncClient) -> None:
    messages = [{"role": "developer", "content": "be brief"}, *HELLO]
    answer = await client.post("/v1/chat/completions", json={"model": "test", "messages": messages})
    assert answer.status_code == 200


async def test_documents_are_ordered_by_the_query(house: Any) -> None:
    await house.add_ranker()
    documents = ["the sun", {"text": "a red house"}, "a house"]
    body = {"model": "ranker", "query": "a red house", "documents": documents, "top_n": 2}
    found = (await house.client.post("/v1/rerank", json={**body, "return_documents": True})).json()
    assert [(result["index"], result["document"]["text"]) for result in found["results"]] == [
        (1, "a red house"),
        (2, "a house"),
    ]
    assert found["results"][0]["relevance_score"] > found["results"][1]["relevance_score"]
    assert found["usage"]["total_tokens"] > 0
    assert "document" not in (await house.client.post("/v1/reranking", json=body)).json()["results"][0]


async def test_only_what_ranks_ranks_and_it_does_nothing_else(house: Any) -> None:
    await house.add_ranker()
    asked = {"query": "x", "documents": ["x"]}
    for model in ("test", "bert"):
        answer = await house.client.post("/v1/rerank", json={"model": model, **asked})
        assert answer.status_code == 400
        assert "does not support reranking" in answer.json()["error"]["message"]
    answer = await house.client.post("/v1/embeddings", json={"model": "ranker", "input": "x"})
    assert "does not support embeddings" in answer.json()["error"]["message"]
    answer = await house.client.post("/v1/chat/completions", json={"model": "ranker", "messages": HELLO})
    assert "does not support chat" in answer.json()["error"]["message"]


async def test_an_echo_repeats_the_prompt_before_the_answer(client: httpx2.AsyncClient) -> None:
    body = {"model": "test", "prompt": "a b ", "echo": True}
    assert (await client.post("/v1/completions", json=body)).json()["choices"][0]["text"] == "a b a b "


@pytest.mark.parametrize(("more", "field"), [({"suffix": "y"}, "echo")])
async def test_what_cannot_be_echoed_is_refused(
    client: httpx2.AsyncClient, more: dict[str, Any], field: str
) -> None:
    answer = await client.post("/v1/completions", json={"model": "test", "prompt": "x", "echo": True, **more})
    assert answer.status_code == 400
    assert answer.json()["error"]["param"] == field
