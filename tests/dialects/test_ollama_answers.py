"""Chat, generate and embeddings in Ollama's dialect."""

import json
import math
from typing import Any

import httpx2
import pytest

pytestmark = pytest.mark.anyio

HELLO = [{"role": "user", "content": "hello there"}]
FIGURES = {
    "total_duration",
    "load_duration",
    "prompt_eval_count",
    "prompt_eval_duration",
    "eval_count",
    "eval_duration",
}


async def lines(client: httpx2.AsyncClient, path: str, **body: Any) -> list[dict[str, Any]]:
    answer = await client.post(path, json=body)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/x-ndjson"
    assert answer.text.endswith("}\n")
    return [json.loads(line) for line in answer.text.splitlines()]


async def test_a_chat_streams_unless_told_otherwise(client: httpx2.AsyncClient) -> None:
    *pieces, last = await lines(client, "/api/chat", model="test", messages=HELLO)
    assert [piece["message"]["content"] for piece in pieces] == ["hello ", "there"]
    assert all(piece["done"] is False for piece in pieces)
    assert last["message"] == {"role": "assistant", "content": ""}
    assert (last["done"], last["done_reason"]) == (True, "stop")
    assert set(last) == {"model", "created_at", "message", "done", "done_reason"} | FIGURES


async def test_generate_streams_unless_told_otherwise(client: httpx2.AsyncClient) -> None:
    *pieces, last = await lines(client, "/api/generate", model="test", prompt="hello there")
    assert "".join(piece["response"] for piece in pieces) == "hello there"
    assert set(last) == {"model", "created_at", "response", "done", "done_reason", "context"} | FIGURES
    assert last["response"] == ""


@pytest.mark.parametrize(
    ("path", "body"), [("/api/chat", {"messages": HELLO}), ("/api/generate", {"prompt": "hello there"})]
)
async def test_a_whole_answer_is_one_object(
    client: httpx2.AsyncClient, path: str, body: dict[str, Any]
) -> None:
    answer = await client.post(path, json={"model": "test", "stream": False, **body})
    assert answer.headers["content-type"] == "application/json; charset=utf-8"
    found = answer.json()
    assert found.get("response", found.get("message", {}).get("content")) == "hello there"
    assert found["done"] is True
    assert found["created_at"].endswith("Z")


async def test_options_hold_and_unknown_ones_are_ignored(client: httpx2.AsyncClient) -> None:
    options = {"num_predict": 1, "stop": None, "wobble": 3, "tools": "x"}
    answer = await client.post(
        "/api/chat", json={"model": "test", "messages": HELLO, "options": options, "stream": False}
    )
    assert answer.json()["message"]["content"] == "hello "
    assert answer.json()["done_reason"] == "length"


async def test_clients_own_and_empty_keys_ask_for_nothing(client: httpx2.AsyncClient) -> None:
    empty: dict[str, Any] = {
        "tools": [],
        "format": "",
        "think": False,
        "images": [],
        "suffix": "",
        "template": "",
    }
    empty |= {"context": None, "logprobs": False, "useTools": True, "keep_alive": None, "options": None}
    chat = {"model": "test", "messages": HELLO, **empty}
    assert (await client.post("/api/chat", json=chat)).status_code == 200
    generate = {"model": "test", "prompt": "x", "system": "", "raw": False, **empty}
    assert (await client.post("/api/generate", json=generate)).status_code == 200


REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"format": "yaml"}, 'invalid format: "yaml"; expected "json" or a valid JSON Schema object'),
    ({"format": {"type": "nonsense"}}, 'invalid JSON Schema at /type: "nonsense" is not valid'),
    ({"think": True}, '"test" does not support thinking'),
    ({"think": "hard"}, 'invalid think value: "hard"'),
    ({"top_logprobs": 21}, "top_logprobs must be between 0 and 20"),
]


@pytest.mark.parametrize(("asked", "error"), REFUSED)
@pytest.mark.parametrize("path", ["/api/chat", "/api/generate"])
async def test_what_cannot_be_is_refused(
    client: httpx2.AsyncClient, path: str, asked: dict[str, Any], error: str
) -> None:
    answer = await client.post(path, json={"model": "test", "prompt": "x", "messages": HELLO, **asked})
    assert answer.status_code == 400
    assert answer.json()["error"].startswith(error)


TOOL = {"type": "function", "function": {"name": "add", "parameters": {"type": "object"}}}
PNG = "iVBORw0KGgo="


@pytest.mark.parametrize(
    ("asked", "error"),
    [
        ({"tools": [TOOL]}, "registry.ollama.ai/library/test:latest does not support tools"),
        ({"tools": [{"function": {}}]}, '"tools.0.function.name" must be'),
        ({"tools": [TOOL, TOOL]}, 'two tools are called "add"'),
        ({"tool_choice": "required"}, '"tool_choice" wants a call'),
        ({"tools": [TOOL], "tool_choice": {"function": {"name": "sub"}}}, '"tool_choice" names "sub"'),
        ({"messages": [{"role": "user", "images": [PNG]}]}, "registry.ollama.ai/library/test:latest does"),
        ({"messages": [{"role": "user", "images": ["aGk="]}]}, '"messages.0.images.0" is no image'),
        ({"messages": [{"role": "user", "images": ["!"]}]}, '"messages.0.images.0" is not base64'),
        ({"messages": [{"role": "user", "thinking": "hm"}]}, '"messages.0.thinking" is not supported'),
        ({"messages": [{"role": "assistant", "tool_calls": [{}]}]}, '"messages.0.tool_calls.0" must'),
    ],
)
async def test_what_a_conversation_cannot_be_is_refused(
    client: httpx2.AsyncClient, asked: dict[str, Any], error: str
) -> None:
    answer = await client.post("/api/chat", json={"model": "test", "messages": HELLO, **asked})
    assert answer.status_code == 400
    assert answer.json()["error"].startswith(error)


@pytest.mark.parametrize("path", ["/api/chat", "/api/generate"])
async def test_an_unknown_model_is_said_before_what_it_cannot(client: httpx2.AsyncClient, path: str) -> None:
    body = {"model": "nope", "prompt": "x", "messages": HELLO, "think": True}
    answer = await client.post(path, json=body)
    assert (answer.status_code, answer.json()) == (404, {"error": "model 'nope' not found"})


async def test_an_empty_tools_field_of_null_or_list_is_no_tool(client: httpx2.AsyncClient) -> None:
    for tools in (None, []):
        answer = await client.post("/api/chat", json={"model": "test", "messages": HELLO, "tools": tools})
        assert answer.status_code == 200


async def test_embeddings_have_unit_length_and_the_given_dimensions(client: httpx2.AsyncClient) -> None:
    answer = await client.post("/api/embed", json={"model": "test", "input": ["a", "b"], "dimensions": 4})
    found = answer.json()
    assert set(found) == {"model", "embeddings", "total_duration", "load_duration", "prompt_eval_count"}
    assert [len(vector) for vector in found["embeddings"]] == [4, 4]
    assert all(math.isclose(math.hypot(*vector), 1) for vector in found["embeddings"])


async def test_the_older_embedding_is_one_vector(client: httpx2.AsyncClient) -> None:
    answer = await client.post("/api/embeddings", json={"model": "test", "prompt": "a"})
    assert list(answer.json()) == ["embedding"]
    assert len(answer.json()["embedding"]) == 32


async def test_a_running_model_is_listed_until_it_is_unloaded(client: httpx2.AsyncClient) -> None:
    await client.post("/api/generate", json={"model": "test", "keep_alive": -1})
    (running,) = (await client.get("/api/ps")).json()["models"]
    assert running["name"] == "test:latest"
    assert running["expires_at"] > "2300"
    await client.post("/api/generate", json={"model": "test", "keep_alive": 0})
    assert (await client.get("/api/ps")).json() == {"models": []}


@pytest.mark.parametrize("keep_alive", [42, 42.5, "42m", -1, -3.14, "-1m", "0m", None])
async def test_each_form_of_keep_alive_is_read(client: httpx2.AsyncClient, keep_alive: object) -> None:
    body = {"model": "test", "messages": HELLO, "keep_alive": keep_alive}
    assert (await client.post("/api/chat", json=body)).status_code == 200
