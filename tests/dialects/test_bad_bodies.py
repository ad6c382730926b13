"""Bad input on every route: a clear 4xx in the dialect's own shape, and nothing made."""

import json
from typing import Any

import httpx2
import pytest

from tests.dialects.people_bodies import NATIVE, OPENWEBUI, TRAINING
from tests.dialects.sgp_bodies import SGP

pytestmark = pytest.mark.anyio

HELLO = [{"role": "user", "content": "x"}]
DEEP = '{"model":"test","messages":' + "[" * 80 + "]" * 80 + "}"

FLAT = {"fileName": "flat", "modelName": "test", "temperature": 0.5, "num_ctx": 64, "system": "x"}

# A good body for each route that takes one.
ROUTES: dict[str, dict[str, Any]] = {
    "POST /api/show": {"model": "test"},
    "POST /api/create": {"model": "new", "from": "test"},
    "POST /api/copy": {"source": "test", "destination": "new"},
    "DELETE /api/delete": {"model": "test"},
    "POST /api/chat": {"model": "test", "messages": HELLO},
    "POST /api/generate": {"model": "test", "prompt": "x"},
    "POST /api/embed": {"model": "test", "input": "x"},
    "POST /api/embeddings": {"model": "test", "prompt": "x"},
    "POST /api/pull": {"model": "test"},
    "POST /api/push": {"model": "test"},
    "POST /v1/chat/completions": {"model": "test", "messages": HELLO},
    "POST /v1/completions": {"model": "test", "prompt": "x"},
    "POST /v1/embeddings": {"model": "test", "input": "x"},
    "POST /v1/rerank": {"model": "ranker", "query": "x", "documents": ["x"]},
    "POST /v1/reranking": {"model": "ranker", "query": "x", "texts": ["x"]},
    "POST /v1/messages": {"model": "test", "max_tokens": 9, "messages": HELLO},
    "POST /v1/messages/count_tokens": {"model": "test", "messages": HELLO},
    "POST /v1/responses": {"model": "test", "input": "x"},
    "POST /v1/responses/input_tokens": {"model": "test", "input": "x"},
    "POST /create-model": FLAT,
    "POST /ai": {"model": "test", "prompt": "x"},
    "POST /api/modelwright/rollback": {"model": "test", "revision": 1},
    "POST /api/modelwright/blobs/link": {"path": "/nothing", "token": ""},
    "POST /api/modelwright/login": {"registry": "x", "username": "x", "password": "x"},
    "POST /api/modelwright/sign": {"model": "test", "signature": "{}"},
    "POST /api/modelwright/verify": {"model": "test"},
    "POST /api/modelwright/logout": {"registry": "x"},
    "POST /api/modelwright/adopt": {"path": "/nothing", "token": ""},
    "POST /api/modelwright/gc": {"grace": "24h"},
    "POST /api/modelwright/runs": {"model": "test", "dataset": "file-1"},
    "POST /api/modelwright/deployments": {"model": "test"},
    **{f"POST /api/modelwright/runs/{verb}": {"run": "run-1"} for verb in ("cancel", "pause", "resume")},
}

TEMPLATES = {f"POST /api/modelwright/templates{rest}" for rest in ("", "/make", "/remake")}
"""Their faults come in lists: tests/service/test_model_templates_service.py has them."""

DEPLOYMENTS = {"PATCH /api/modelwright/deployments/{deployment}"}
"""Of one that is there: tests/dialects/test_native_deployments.py has its faults."""

RAW: dict[str, bytes] = {
    "nothing": b"",
    "cut off": b'{"model":"test"',
    "a list": b"[]",
    "a number": b"7",
    "not UTF-8": b'{"model":"\xff\xfe"}',
    "UTF-16": '{"model":"test"}'.encode("utf-16"),
    "a byte order mark": b'\xef\xbb\xbf{"model":"test"}',
    "NaN": b'{"model":"test","options":{"temperature":NaN}}',
    "Infinity": b'{"model":"test","options":{"temperature":-Infinity}}',
    "1e999": b'{"model":"test","options":{"temperature":1e999}}',
    "a lone surrogate": b'{"model":"\\ud800"}',
    "5000 digits": b'{"model":"test","options":{"seed":' + b"9" * 5000 + b"}}",
    "too deep": DEEP.encode(),
    "far too deep": b'{"a":' * 200_000,
    "a form": b"model=test",
}

TOOL = {"type": "function", "function": {"name": "f"}}
CHAT_FIELDS: list[tuple[str, object, str]] = [
    ("n", 0, '"n"'),
    ("n", 129, '"n"'),
    ("messages", [{"role": "robot", "content": "x"}], "robot"),
    ("messages", [{"role": "user", "content": [{"type": "input_audio"}]}], "input_audio"),
    ("messages", [{"role": "user", "tool_call_id": "x"}], "tool_call_id"),
    ("messages", [{"role": "user", "content": "x", "tool_calls": 5}], "tool_calls"),
    ("messages", [{"role": "assistant", "tool_calls": [{"type": "custom"}]}], "custom"),
    ("messages", [{"role": "user", "content": [{"type": "image_url", "image_url": "data:x"}]}], "data URL"),
    ("tools", [{"type": "web_search"}], "web_search"),
    ("tools", [{"type": "function"}], '"tools.0.function"'),
    ("tools", [{"type": "function", "function": {"name": 5}}], '"tools.0.function.name"'),
    ("tools", [{"type": "function", "function": {"name": "f", "parameters": []}}], "parameters"),
    ("tools", [5], '"tools.0"'),
    ("tools", [TOOL, TOOL], '"f"'),
    (
        "tools",
        [{**TOOL, "function": {"name": "f", "parameters": {"type": "thing"}}}],
        "invalid JSON Schema",
    ),
    ("tool_choice", "sometimes", "sometimes"),
    ("tool_choice", "required", "tool_choice"),
    ("tool_choice", {"type": "function", "function": {"name": "g"}}, "g"),
    ("tool_choice", {"type": "custom", "custom": {"name": "g"}}, "custom"),
    ("parallel_tool_calls", "no", '"parallel_tool_calls"'),
    ("functions", [{"name": ""}], "name"),
    ("response_format", {"type": "xml"}, "xml"),
    ("response_format", {"type": "json_schema"}, "schema"),
    ("response_format", {"type": "json_schema", "json_schema": {"schema": 5}}, "schema"),
    ("response_format", {"type": "json_schema", "json_schema": {"schema": {"type": "thing"}}}, "schema"),
    ("logprobs", 5, '"logprobs"'),
    ("top_logprobs", 21, '"top_logprobs"'),
    ("top_logprobs", 2, '"logprobs"'),
    ("logit_bias", {"x": 1}, "logit_bias"),
    ("logit_bias", {"5": 101}, "logit_bias.5"),
    ("logit_bias", {"5": "1"}, "logit_bias.5"),
    ("reasoning_effort", 5, '"reasoning_effort"'),
    ("reasoning_effort", "mighty", "mighty"),
    ("store", True, '"store"'),
]
RESPONSE_FIELDS: list[tuple[str, object, str]] = [
    ("input", 5, '"input"'),
    ("input", [], '"input"'),
    ("input", ["x"], '"input.0"'),
    ("input", [{"type": "computer_call"}], "computer_call"),
    ("input", [{"role": "robot", "content": "x"}], "robot"),
    ("input", [{"role": "user", "content": [{"type": "input_file"}]}], "input_file"),
    ("input", [{"type": "function_call_output", "call_id": "a", "output": "x"}], "call_id"),
    ("input", [{"type": "function_call", "call_id": "a", "name": "f", "arguments": "["}], "arguments"),
    ("instructions", 5, '"instructions"'),
    ("tools", [{"type": "file_search"}], "file_search"),
    ("tools", [{"type": "function", "parameters": {}}], '"tools.0.name"'),
    ("text", {"format": {"type": "json_schema", "name": "x"}}, "text.format.schema"),
    ("truncation", "sometimes", "sometimes"),
    ("store", "yes", '"store"'),
    ("metadata", {"a": 1}, "metadata.a"),
    ("metadata", {str(i): "x" for i in range(17)}, "metadata"),
    ("include", ["file_search_call.results"], "file_search_call.results"),
    ("background", True, '"background"'),
    ("conversation", "conv_1", '"conversation"'),
    ("prompt", {"id": "x"}, '"prompt"'),
    ("max_tool_calls", 3, '"max_tool_calls"'),
    ("max_output_tokens", 0, '"max_output_tokens"'),
    ("reasoning", {"effort": "mighty"}, "mighty"),
    ("temperature", "hot", '"temperature"'),
]
RERANK_FIELDS: list[tuple[str, object, str]] = [
    ("query", "", "query"),
    ("query", 5, '"query"'),
    ("documents", "x", '"documents"'),
    ("documents", [], '"documents"'),
    ("documents", [5], '"documents.0"'),
    ("documents", ["x", {"title": "x"}], '"documents.1"'),
    ("documents", [""], '"documents.0"'),
    ("top_n", 0, '"top_n"'),
    ("return_documents", "yes", '"return_documents"'),
]

RUN_FIELDS: list[tuple[str, object, str]] = [
    ("dataset", 7, '"dataset"'),
    ("target", ["x"], '"target"'),
    ("target", "../x", "../x"),
    ("method", "magic", '"method"'),
    ("hyperparameters", [], '"hyperparameters"'),
    ("hyperparameters", {"rank": "many"}, "rank"),
    ("hyperparameters", {"learning_rat": 1}, "learning_rat"),
    ("rewards", {"a": 1}, '"rewards"'),
    ("rewards", [{}] * 17, '"rewards"'),
    ("priority", 101, '"priority"'),
    ("priority", "high", '"priority"'),
]

IMAGE = {"type": "image", "source": {"type": "url", "url": "https://x"}}
MESSAGE_FIELDS: list[tuple[str, object, str]] = [
    ("max_tokens", 0, "max_tokens"),
    ("max_tokens", "9", '"max_tokens"'),
    ("messages", "x", '"messages"'),
    ("messages", [], "messages"),
    ("messages", [{"role": "robot", "content": "x"}], "robot"),
    ("messages", [{"role": "user", "content": 5}], '"messages.0.content"'),
    ("messages", [{"role": "user", "content": [5]}], '"messages.0.content.0"'),
    ("messages", [{"role": "user", "content": [{"type": "text"}]}], '"messages.0.content.0.text"'),
    ("messages", [{"role": "user", "content": [{"type": "document"}]}], "document"),
    ("messages", [{"role": "user", "content": [IMAGE]}], "url"),
    ("messages", [{"role": "user", "content": [{"type": "tool_result", "tool_use_id": "a"}]}], "tool_use_id"),
    ("messages", [{"role": "assistant", "content": [{"type": "tool_use", "input": {}}]}], "name"),
    ("messages", [{"role": "assistant", "content": [{"type": "tool_use", "name": "f"}]}], "arguments"),
    ("system", 5, '"system"'),
    ("system", [{"type": "image"}], "image"),
    ("tools", [{"type": "bash_20250124", "name": "bash"}], "bash_20250124"),
    ("tools", [{"name": "f"}], "input_schema"),
    ("tools", [{"name": "f", "input_schema": {"type": "thing"}}], "invalid JSON Schema"),
    ("tools", [{"name": 5, "input_schema": {}}], "name"),
    ("tool_choice", {"type": "any"}, "tool_choice"),
    ("tool_choice", {"type": "sometimes"}, "sometimes"),
    ("tool_choice", "auto", '"tool_choice"'),
    ("thinking", {"type": "between_tools"}, "between_tools"),
    ("thinking", {"type": "enabled", "budget_tokens": 0}, "budget_tokens"),
    ("thinking", {"type": "enabled", "display": "loud"}, "loud"),
    ("output_config", {"effort": "mighty"}, "mighty"),
    ("output_config", {"format": {"type": "json_schema"}}, "output_config.format"),
    ("stop_sequences", "x", '"stop_sequences"'),
    ("temperature", "hot", '"temperature"'),
    ("top_k", 1.5, '"top_k"'),
    ("metadata", 5, '"metadata"'),
    ("container", {"id": "x"}, '"container"'),
    ("mcp_servers", [{"url": "x"}], '"mcp_servers"'),
    ("prefill", "x", '"prefill"'),
    ("context_management", {"edits": [{"type": "clear_tool_uses_20250919"}]}, "clear_tool_uses_20250919"),
]

# Route, field, bad value, and what the message must hold.
FIELDS: list[tuple[str, str, object, str]] = [
    *((route, "model", 7, '"model"') for route, body in ROUTES.items() if "model" in body),
    *((route, "path", 7, '"path"') for route, body in ROUTES.items() if "path" in body),
    *((route, "token", 7, '"token"') for route, body in ROUTES.items() if "token" in body),
    ("POST /api/copy", "source", 7, '"source"'),
    ("POST /api/copy", "destination", [], '"destination"'),
    *((f"POST /api/{route}", "stream", "yes", '"stream"') for route in ("chat", "generate", "create")),
    *((f"POST /api/{route}", "options", [], '"options"') for route in ("chat", "generate", "embed")),
    *((f"POST /api/{route}", "keep_alive", "soon", '"soon"') for route in ("chat", "generate", "embed")),
    *((f"POST /api/{route}", "keep_alive", True, "keep_alive") for route in ("chat", "generate", "embed")),
    *((f"POST /api/{route}", "options", {"top_k": 1.5}, '"top_k"') for route in ("chat", "embed")),
    *(
        (f"POST /api/{route}", "options", {"temperature": 1e9}, '"temperature"')
        for route in ("chat", "generate")
    ),
    ("POST /api/chat", "messages", "hello", '"messages"'),
    ("POST /api/chat", "messages", ["hello"], '"messages.0"'),
    ("POST /api/chat", "messages", [{"role": "robot", "content": "x"}], '"robot"'),
    ("POST /api/chat", "messages", [{"content": "x"}], "role"),
    ("POST /api/chat", "messages", [{"role": "user", "content": 5}], '"messages.0.content"'),
    ("POST /api/chat", "messages", [{"role": "user", "content": "x"}] * 10_001, '"messages"'),
    ("POST /api/chat", "tools", [{}] * 513, '"tools"'),
    ("POST /api/chat", "think", 3, "think"),
    ("POST /api/generate", "prompt", {"a": 1}, '"prompt"'),
    ("POST /api/generate", "raw", 1, '"raw"'),
    ("POST /api/embed", "input", {"a": "b"}, "invalid input type"),
    ("POST /api/embed", "dimensions", -1, '"dimensions"'),
    ("POST /api/embed", "dimensions", 1e40, '"dimensions"'),
    ("POST /api/embed", "truncate", "no", '"truncate"'),
    ("POST /api/create", "from", 5, '"from"'),
    ("POST /api/create", "system", ["x"], '"system"'),
    ("POST /api/create", "parameters", [], '"parameters"'),
    ("POST /api/create", "parameters", {"temperature": "hot"}, '"temperature"'),
    ("POST /api/create", "parameters", {"temperature": 1e9}, '"temperature"'),
    ("POST /api/create", "parameters", {"seed": True}, '"seed"'),
    ("POST /api/create", "parameters", {"stop": [1]}, '"stop"'),
    ("POST /api/create", "messages", [{"role": "user"}, {"role": "x", "content": "y"}], '"x"'),
    ("POST /api/create", "license", 5, '"license"'),
    ("POST /api/create", "license", [5], '"license"'),
    ("POST /api/create", "modelfile", 5, '"modelfile"'),
    ("POST /api/create", "files", {"a": 5}, '"files.a"'),
    ("POST /v1/chat/completions", "messages", "x", '"messages"'),
    ("POST /v1/chat/completions", "temperature", "hot", '"temperature"'),
    ("POST /v1/chat/completions", "temperature", -1, '"temperature"'),
    ("POST /v1/chat/completions", "max_tokens", 0, '"max_tokens"'),
    ("POST /v1/chat/completions", "max_tokens", True, '"max_tokens"'),
    ("POST /v1/chat/completions", "seed", 1.5, '"seed"'),
    ("POST /v1/chat/completions", "n", 10**12, '"n"'),
    ("POST /v1/chat/completions", "stream_options", 5, '"stream_options"'),
    *(("POST /v1/chat/completions", *case) for case in CHAT_FIELDS),
    *(("POST /v1/messages", *case) for case in MESSAGE_FIELDS),
    *(("POST /v1/responses", *case) for case in RESPONSE_FIELDS),
    *(("POST /v1/rerank", *case) for case in RERANK_FIELDS),
    ("POST /v1/completions", "prompt", 5, '"prompt"'),
    ("POST /v1/completions", "prompt", [1, -2], "prompt"),
    ("POST /v1/completions", "prompt", [[1], "x", 2], "prompt"),
    ("POST /v1/completions", "prompt", ["x"] * 129, "129"),
    ("POST /v1/completions", "logprobs", True, '"logprobs"'),
    ("POST /v1/completions", "echo", "yes", '"echo"'),
    ("POST /v1/completions", "best_of", 0, '"best_of"'),
    ("POST /v1/completions", "stop", {"a": 1}, "stop"),
    ("POST /v1/embeddings", "input", [1, True], '"input"'),
    ("POST /v1/embeddings", "input", [[]], '"input"'),
    ("POST /v1/embeddings", "dimensions", 0, '"dimensions"'),
    ("POST /api/modelwright/rollback", "revision", 0, '"revision"'),
    ("POST /api/modelwright/rollback", "revision", "1", '"revision"'),
    *((route, "run", 7, '"run"') for route, body in ROUTES.items() if "run" in body),
    *(("POST /api/modelwright/runs", *case) for case in RUN_FIELDS),
]

NAMES = ["", "bad name!", "a//b", "../x", "a" * 400, "x:", "https://h/a/b/c", "m@0", "m@x", "\x00", "é"]


@pytest.fixture
async def client(house: Any) -> httpx2.AsyncClient:
    await house.add_ranker()
    return house.client  # type: ignore[no-any-return]  # what a conftest defines cannot be imported


def message(route: str, answer: httpx2.Response) -> str:
    """The message of a refusal, which must be in the shape of the route's dialect."""
    if route in ("POST /create-model", "POST /ai"):
        assert answer.json() == {"message": answer.json()["message"], "Message": answer.json()["message"]}
        return str(answer.json()["message"])
    error = answer.json()["error"]
    if "/v1/messages" in route:
        assert answer.json()["type"] == "error"
        assert answer.json()["request_id"] == answer.headers["request-id"]
        assert set(error) == {"type", "message"}
        return str(error["message"])
    if "/v1/" in route:
        assert set(error) == {"message", "type", "param", "code"}
        return str(error["message"])
    if "modelwright" in route:
        assert set(error) == {"kind", "message", "field", "hint"}
        return f"{error['message']} {error['hint']}"
    assert isinstance(error, str)
    return error


async def send(client: httpx2.AsyncClient, route: str, content: bytes) -> httpx2.Response:
    method, path = route.split()
    return await client.request(method, path, content=content)


async def everything(client: httpx2.AsyncClient) -> object:
    """All that could have been made or lost."""
    return (await client.get("/api/modelwright/models")).json()


async def test_every_bad_body_is_refused_on_every_route(client: httpx2.AsyncClient) -> None:
    before = await everything(client)
    for route in ROUTES:
        for name, content in RAW.items():
            answer = await send(client, route, content)
            assert answer.status_code == 400, (route, name, answer.text)
            assert message(route, answer), (route, name)
    assert await everything(client) == before


async def test_every_bad_field_is_refused_by_name(client: httpx2.AsyncClient) -> None:
    before = await everything(client)
    for route, field, value, words in FIELDS:
        body = {**ROUTES[route], field: value}
        answer = await send(client, route, json.dumps(body).encode())
        assert answer.status_code == 400, (route, field, value, answer.text)
        assert words in message(route, answer), (route, field, value)
    assert await everything(client) == before


async def test_every_bad_name_is_refused_everywhere(client: httpx2.AsyncClient) -> None:
    before = await everything(client)
    for route, body in ROUTES.items():
        for name in NAMES:
            for field in body.keys() & {"model", "source", "destination"}:
                answer = await send(client, route, json.dumps({**body, field: name}).encode())
                assert answer.status_code in (400, 404), (route, name, answer.text)
                assert message(route, answer)
    assert await everything(client) == before


async def test_the_good_bodies_are_good(client: httpx2.AsyncClient) -> None:
    """Otherwise the tests above would pass for nothing."""
    for route, body in sorted(ROUTES.items(), reverse=True):  # DELETE comes last
        answer = await send(client, route, json.dumps(body).encode())
        elsewhere = route.endswith(("pull", "push", "login", "verify"))  # no registry is listed here
        stranger = "token" in body  # only the server's own user may
        missing = route.endswith("logout") or bool(body.keys() & {"run", "dataset"})
        made = 201 if route.endswith("deployments") else 200
        wanted = 403 if elsewhere or stranger else 404 if missing else made
        assert answer.status_code == wanted, (route, answer.text)


async def test_a_body_over_the_limit_is_refused_with_the_limit(client: httpx2.AsyncClient) -> None:
    content = b'{"model":"' + b"x" * (33 * 1024 * 1024) + b'"}'
    for route in ROUTES:
        answer = await send(client, route, content)
        assert answer.status_code == 413
        assert "32 MiB" in message(route, answer)


async def test_every_route_with_a_body_is_in_the_table(client: httpx2.AsyncClient) -> None:
    paths = (await client.get("/openapi.json")).json()["paths"]
    documented = {
        f"{method.upper()} {path}"
        for path, methods in paths.items()
        for method, operation in methods.items()
        if "requestBody" in operation
    }
    assert documented == {*ROUTES, *NATIVE, *OPENWEBUI, *TRAINING, *SGP, *TEMPLATES, *DEPLOYMENTS}


def integers(node: Any, place: str) -> list[tuple[str, dict[str, Any]]]:
    """Every integer in a JSON schema, with its place."""
    if isinstance(node, list):
        return [found for index, each in enumerate(node) for found in integers(each, f"{place}.{index}")]
    if not isinstance(node, dict):
        return []
    own = [(place, node)] if node.get("type") == "integer" else []
    return own + [found for name, each in node.items() for found in integers(each, f"{place}.{name}")]


async def test_every_integer_has_a_maximum(client: httpx2.AsyncClient) -> None:
    found = integers((await client.get("/openapi.json")).json()["paths"], "paths")
    assert found
    assert not [place for place, schema in found if "maximum" not in schema]


@pytest.mark.parametrize(
    "lines",
    [["text/plain"], ["application/json,application/json"], ["application/json"] * 2, [], ["nonsense"]],
)
async def test_a_body_is_json_whatever_the_content_type_says(
    client: httpx2.AsyncClient, lines: list[str]
) -> None:
    request = client.build_request("POST", "/api/show", content=b'{"name":"test"}')
    headers = [*request.headers.multi_items(), *(("content-type", line) for line in lines)]
    answer = await client.request("POST", "/api/show", content=b'{"name":"test"}', headers=headers)
    assert answer.status_code == 200
