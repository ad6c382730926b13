"""Wrong tools and schemas are refused before any engine sees them, in every dialect alike."""

from collections.abc import Callable, Mapping
from typing import Any

import httpx2
import pytest

pytestmark = pytest.mark.anyio

HI = [{"role": "user", "content": "hi"}]
CHAT = {"model": "test", "messages": HI, "stream": False}
ANTHROPIC = {**CHAT, "max_tokens": 8}
RESPONSE = {"model": "test", "input": "hi"}

Body = Mapping[str, Any]


def functions(*tools: Any) -> list[Body]:
    return [{"type": "function", "function": tool} for tool in tools]


def flat(*tools: Any) -> list[Body]:
    return [{"type": "function", **tool} for tool in tools]


def claude(*tools: Any) -> list[Body]:
    return [{"name": tool.get("name"), "input_schema": tool["parameters"]} for tool in tools]


FORMATS: dict[str, tuple[str, Callable[[Any], Body]]] = {
    "ollama": ("/api/chat", lambda s: {**CHAT, "format": s}),
    "generate": ("/api/generate", lambda s: {"model": "test", "prompt": "hi", "format": s, "stream": False}),
    "openai": (
        "/v1/chat/completions",
        lambda s: {**CHAT, "response_format": {"type": "json_schema", "json_schema": {"schema": s}}},
    ),
    "responses": (
        "/v1/responses",
        lambda s: {**RESPONSE, "text": {"format": {"type": "json_schema", "name": "x", "schema": s}}},
    ),
    "anthropic": (
        "/v1/messages",
        lambda s: {**ANTHROPIC, "output_config": {"format": {"type": "json_schema", "schema": s}}},
    ),
    "openwebui": (
        "/api/chat/completions",
        lambda s: {**CHAT, "response_format": {"type": "json_schema", "json_schema": {"schema": s}}},
    ),
}

TOOLS: dict[str, tuple[str, Callable[..., Body]]] = {
    "ollama": ("/api/chat", lambda *t: {**CHAT, "tools": functions(*t)}),
    "openai": ("/v1/chat/completions", lambda *t: {**CHAT, "tools": functions(*t)}),
    "responses": ("/v1/responses", lambda *t: {**RESPONSE, "tools": flat(*t)}),
    "anthropic": ("/v1/messages", lambda *t: {**ANTHROPIC, "tools": claude(*t)}),
    "openwebui": ("/api/chat/completions", lambda *t: {**CHAT, "tools": functions(*t)}),
}

DEEP: dict[str, Any] = {}
for _ in range(18):
    DEEP = {"type": "object", "properties": {"x": DEEP}}

BAD_SCHEMAS = [
    ({"type": "nonsense"}, 400, "nonsense"),
    ({"type": "object", "properties": {"a": {"enum": []}}}, 400, "/properties/a/enum"),
    ({"$ref": "http://example.com/schema"}, 400, "$ref"),
    ({"type": "array", "items": {"type": "string", "minLength": 2_000_000_000}}, 400, "minLength"),
    (DEEP, 413, "32 deep"),
    ({"type": "object", "description": "x" * 300_000}, 413, "bytes"),
]
ADD = {"name": "add", "parameters": {"type": "object"}}
BAD_TOOLS = [
    ([{"name": "add", "parameters": schema}], status, text) for schema, status, text in BAD_SCHEMAS
] + [
    ([{"name": "add me", "parameters": {"type": "object"}}], 400, "name"),
    ([{"name": "add", "parameters": {"type": "string"}}], 400, '"object"'),
    ([ADD, ADD], 400, "two tools"),
]


async def refused(client: httpx2.AsyncClient, path: str, body: Body) -> tuple[int, str]:
    answer = await client.post(path, json=body)
    return answer.status_code, answer.text.replace("\\", "")


@pytest.mark.parametrize("dialect", FORMATS)
async def test_a_wrong_schema_of_an_answer(client: httpx2.AsyncClient, dialect: str) -> None:
    path, form = FORMATS[dialect]
    for schema, status, text in BAD_SCHEMAS:
        found, said = await refused(client, path, form(schema))
        assert (found, text in said) == (status, True), said


@pytest.mark.parametrize("dialect", TOOLS)
async def test_wrong_tools(client: httpx2.AsyncClient, dialect: str) -> None:
    path, form = TOOLS[dialect]
    for tools, status, text in BAD_TOOLS:
        found, said = await refused(client, path, form(*tools))
        assert (found, text in said) == (status, True), said


CHOICES: dict[str, tuple[Any, Any]] = {
    "ollama": ("required", {"type": "function", "function": {"name": "sub"}}),
    "openai": ("required", {"type": "function", "function": {"name": "sub"}}),
    "responses": ("required", {"type": "function", "name": "sub"}),
    "anthropic": ({"type": "any"}, {"type": "tool", "name": "sub"}),
    "openwebui": ("required", {"type": "function", "function": {"name": "sub"}}),
}


@pytest.mark.parametrize("dialect", TOOLS)
async def test_a_call_of_a_tool_that_is_not_there(client: httpx2.AsyncClient, dialect: str) -> None:
    path, form = TOOLS[dialect]
    anyone, other = CHOICES[dialect]
    found, said = await refused(client, path, {**form(), "tool_choice": anyone})
    assert (found, "there are no tools" in said) == (400, True), said
    found, said = await refused(client, path, {**form(ADD), "tool_choice": other})
    assert (found, "which is none of the tools" in said) == (400, True), said
