"""Bad input on the platform's routes: a clear 4xx in its own shape, and nothing made."""

import json
from collections.abc import Mapping
from functools import partial
from typing import Any

import httpx2
import pytest

from tests.dialects.sgp_bodies import BUNDLE, OWNED, SGP, TURNS
from tests.effort import least_effort_of

pytestmark = pytest.mark.anyio

RAW: dict[str, bytes] = {
    "nothing": b"",
    "cut off": b'{"name":"x"',
    "a list": b"[]",
    "not UTF-8": b'{"name":"\xff\xfe"}',
    "NaN": b'{"model_parameters":{"temperature":NaN}}',
    "a lone surrogate": b'{"name":"\\ud800"}',
    "too deep": ('{"x":' + "[" * 80 + "]" * 80 + "}").encode(),
}

TEMPLATE, MODEL = "POST /v4/model-templates", "POST /v4/models"
ONE = {"name": "SYSTEM", "type": "str", "description": "x", "required": True}


def fields(*parameters: Mapping[str, Any]) -> dict[str, Any]:
    return {"parameters": list(parameters)}


# Route, field, bad value, status, words of the answer.
FIELDS: list[tuple[str, str, object, int, str]] = [
    (MODEL, "name", 7, 422, "name"),
    (MODEL, "name", "", 422, "name"),
    (MODEL, "name", "x" * 1025, 422, "name"),
    (MODEL, "model_type", "MAGIC", 422, "model_type"),
    (MODEL, "model_vendor", "ME", 422, "model_vendor"),
    (MODEL, "account_id", None, 422, "account_id"),
    (MODEL, "base_model_id", "absent", 404, "absent"),
    (MODEL, "base_model_id", "../x", 404, "../x"),
    (MODEL, "model_template_id", "mt-none", 404, "mt-none"),
    (MODEL, "model_group_id", "none", 404, "none"),
    (MODEL, "model_creation_parameters", [], 422, "model_creation_parameters"),
    (MODEL, "model_creation_parameters", {"SYSTEM": 5}, 422, "SYSTEM"),
    (MODEL, "model_creation_parameters", {"TEMPERATURE": 1e9}, 422, "TEMPERATURE"),
    (MODEL, "model_creation_parameters", {"ADAPTER": "x"}, 422, "ADAPTER"),
    (MODEL, "model_creation_parameters", {"BASE_MODEL": 5}, 422, "BASE_MODEL"),
    (MODEL, "base_model_metadata", {"modelDetails": {"languages": "two"}}, 422, "languages"),
    (TEMPLATE, "vendor_configuration", {}, 422, "bundle_config"),
    (TEMPLATE, "vendor_configuration", {"bundle_config": {"image": "x"}}, 422, "registry"),
    (TEMPLATE, "vendor_configuration", {"bundle_config": {**BUNDLE, "env": {"X": "y"}}}, 400, "X"),
    (TEMPLATE, "endpoint_type", "FAST", 422, "endpoint_type"),
    (TEMPLATE, "model_creation_parameters_schema", fields({"name": "SYSTEM"}), 422, "required"),
    (TEMPLATE, "model_creation_parameters_schema", fields({**ONE, "type": "list"}), 422, "type"),
    (TEMPLATE, "model_creation_parameters_schema", fields({**ONE, "name": "COLOUR"}), 400, "COLOUR"),
    (TEMPLATE, "model_request_parameters_schema", fields(ONE), 400, "SYSTEM"),
    (TEMPLATE, "model_creation_parameters_schema", fields(*[ONE] * 1001), 422, "parameters"),
    ("POST /v4/model-groups", "name", None, 422, "name"),
    ("PATCH /v4/model-groups/{group}", "name", 5, 422, "name"),
    ("POST /v4/models/{model}/deployments", "vendor_configuration", {"vendor": "X"}, 422, "vendor"),
    ("POST /v4/models/{model}/deployments", "vendor_configuration", {"max_workers": 99}, 400, "max_workers"),
    ("POST /v4/models/{model}/deployments", "model_creation_parameters", {"SYSTEM": "y"}, 400, "model"),
    ("POST /v4/serving", "model_deployment_id", "dep-none", 404, "dep-none"),
    ("POST /v4/serving", "alias", "a b", 422, "alias"),
    ("PUT /v4/serving/{server}/backend", "new_model_deployment_id", "dep-none", 404, "dep-none"),
    ("POST /v4/fine-tuning-jobs", "training_dataset_id", "file-none", 404, "file-none"),
    ("POST /v4/fine-tuning-jobs", "base_model_id", "absent", 404, "absent"),
    ("POST /v4/fine-tuning-jobs", "vendor_configuration", {"wandb_config": {"a": 1}}, 400, "wandb_config"),
    ("POST /v4/fine-tuning-jobs", "vendor_configuration", {"hyperparameters": {"magic": 1}}, 400, "magic"),
    ("POST /v4/chat-completions", "model", "absent", 404, "absent"),
    ("POST /v4/chat-completions", "messages", [], 422, "messages"),
    ("POST /v4/chat-completions", "messages", [{"role": "robot", "content": "x"}], 400, "robot"),
    ("POST /v4/chat-completions", "messages", [{"role": "user", "content": 5}], 400, "content"),
    ("POST /v4/chat-completions", "model_parameters", {"temperature": 3}, 422, "temperature"),
    ("POST /v4/chat-completions", "model_parameters", {"stop_sequences": ["x"] * 5}, 422, "stop_sequences"),
    ("POST /v4/chat-completions", "chat_template", "{{ x }}", 400, "chat_template"),
    ("POST /v4/chat-completions", "memory_strategy", {"name": "all"}, 422, "memory_strategy"),
    ("POST /v4/completions", "images", [{"image_url": "https://x"}], 400, "image"),
    ("POST /v4/models/{model}/completions", "top_logprobs", 3, 400, "logprobs"),
    ("POST /v4/models/{model}/completions", "max_tokens", 0, 422, "max_tokens"),
    (
        "POST /v4/models/{model}/completions",
        "model_request_parameters",
        {"bindings": {"MAGIC": 1}},
        400,
        "MAGIC",
    ),
    ("POST /v4/models/{model}/embeddings", "texts", [], 422, "texts"),
    ("POST /v4/models/{model}/rerankings", "chunks", "x", 422, "chunks"),
]


@pytest.fixture
async def places(client: httpx2.AsyncClient) -> dict[str, str]:
    """What stands in the paths: a thing of each kind."""
    made = (await client.post("/v4/models/test/deployments", json={"name": "x"})).json()
    group = (await client.post("/v4/model-groups", json=OWNED)).json()
    body = {"name": "x", "model_deployment_id": made["id"]}
    server = (await client.post("/v4/serving", json=body)).json()
    return {
        "model": "test",
        "deployment": made["id"],
        "group": group["id"],
        "server": server["model_server_id"],
    }


async def send(
    client: httpx2.AsyncClient, places: Mapping[str, str], route: str, content: bytes
) -> httpx2.Response:
    method, path = route.split()
    text = content.replace(b"{deployment}", places["deployment"].encode())
    return await client.request(method, path.format_map(places), content=text)


async def everything(client: httpx2.AsyncClient) -> list[Any]:
    """All that could have been made."""
    paths = ("models", "model-templates", "model-groups", "model-deployments", "serving", "fine-tuning-jobs")
    return [(await client.get(f"/v4/{path}")).json() for path in paths]


async def test_every_bad_body_is_refused(client: httpx2.AsyncClient, places: dict[str, str]) -> None:
    before = await everything(client)
    for route in SGP:
        for name, content in RAW.items():
            answer = await send(client, places, route, content)
            assert answer.status_code == 400, (route, name, answer.text)
            assert isinstance(answer.json()["detail"], str)
    assert await everything(client) == before


async def test_every_bad_field_is_refused_by_name(client: httpx2.AsyncClient, places: dict[str, str]) -> None:
    before = await everything(client)
    for route, field, value, status, words in FIELDS:
        content = json.dumps({**SGP[route], field: value}).encode()
        answer = await send(client, places, route, content)
        assert answer.status_code == status, (route, field, value, answer.text)
        assert words in answer.text, (route, field, value, answer.text)
        if status == 422:
            assert all({"loc", "msg", "type"} <= fault.keys() for fault in answer.json()["detail"])
    assert await everything(client) == before


async def test_the_good_bodies_are_good(
    house: Any, client: httpx2.AsyncClient, places: dict[str, str]
) -> None:
    """Otherwise the tests above would pass for nothing."""
    for route, body in SGP.items():
        answer = await send(client, places, route, json.dumps(body).encode())
        wanted = 404 if "fine-tuning" in route else 400 if "rerankings" in route else 200
        assert answer.status_code == wanted, (route, answer.text)


QUERIES = ["page=0", "page=x", "limit=10001", "limit=-1", "view=Nothing", "sort_by=name", "sort_by=magic:asc"]


@pytest.mark.parametrize("query", QUERIES)
async def test_a_bad_query_is_refused_by_name(client: httpx2.AsyncClient, query: str) -> None:
    answer = await client.get(f"/v4/models?{query}")
    assert answer.status_code == 422
    assert answer.json()["detail"][0]["loc"] == ["query", query.partition("=")[0]]


async def test_a_page_past_the_end_is_empty(client: httpx2.AsyncClient) -> None:
    answer = await client.get("/v4/models?page=7&limit=2")
    assert answer.json() == {"items": [], "total_item_count": 2, "current_page": 7, "items_per_page": 2}


LISTS = ("models", "model-templates", "model-groups", "model-deployments", "models/test/deployments")


@pytest.mark.parametrize("path", LISTS)
async def test_each_list_comes_in_pages_and_ends(
    client: httpx2.AsyncClient, places: dict[str, str], path: str
) -> None:
    template = SGP["POST /v4/model-templates"]
    for body in (template, {**template, "name": "second"}):
        assert (await client.post("/v4/model-templates", json=body)).status_code == 200
    assert (await client.post("/v4/model-groups", json={**OWNED, "name": "second"})).status_code == 200
    assert (await client.post("/v4/models/test/deployments", json={"name": "y"})).status_code == 200
    whole = (await client.get(f"/v4/{path}")).json()
    total = whole["total_item_count"]
    assert total == len(whole["items"]) >= 2
    pages = [
        (await client.get(f"/v4/{path}", params={"page": page, "limit": 1})).json()
        for page in range(1, total + 3)
    ]
    assert [page["items"] for page in pages] == [[each] for each in whole["items"]] + [[], []]
    assert {page["total_item_count"] for page in pages} == {total}


async def test_execute_refuses_unknown_keys(client: httpx2.AsyncClient, places: dict[str, str]) -> None:
    path = f"/v4/models/test/deployments/{places['deployment']}/execute"
    answer = await client.post(path, json={"messages": TURNS, "colour": "red"})
    assert (answer.status_code, answer.json()["detail"][0]["loc"]) == (422, ["body", "colour"])


HUGE: dict[str, dict[str, Any]] = {
    "a megabyte of parameters": {
        "model_creation_parameters_schema": fields(*[{**ONE, "description": "x" * 1000}] * 1000)
    },
    "a megabyte in one": {"model_creation_parameters_schema": fields({**ONE, "description": "x" * 2**20})},
    "ten thousand parameters": {"model_creation_parameters_schema": fields(*[ONE] * 10_000)},
    "a megabyte of environment": {
        "vendor_configuration": {
            "bundle_config": {**BUNDLE, "env": {f"A{n}": "x" * 1000 for n in range(1000)}}
        }
    },
}


@pytest.mark.parametrize("what", HUGE)
async def test_a_huge_template_is_refused_within_a_second(client: httpx2.AsyncClient, what: str) -> None:
    content = json.dumps({**SGP[TEMPLATE], **HUGE[what]}).encode()
    ask = partial(client.post, "/v4/model-templates", content=content)
    spent, answer = await least_effort_of(ask)  # of this process, in which the server is
    assert spent < 1
    assert answer.status_code in (400, 413, 422), answer.text[:500]
    assert len(answer.content) < 100_000


RECURSIVE: dict[str, Any] = {"$ref": "#/$defs/x"}
SCHEMAS: dict[str, dict[str, Any]] = {
    "a recursive $ref": {"$defs": {"x": {"properties": {"y": RECURSIVE}}}, "properties": {"x": RECURSIVE}},
    "a $ref to itself": {"$defs": {"x": RECURSIVE}, "properties": {"x": RECURSIVE}},
    "a remote $ref": {"properties": {"x": {"$ref": "https://example.com/schema"}}},
    "a megabyte": {"properties": {"x": {"description": "x" * 2**20}}},
    "a wrong schema": {"properties": {"x": {"type": "strin"}}},
}


@pytest.mark.parametrize("what", SCHEMAS)
async def test_a_bad_schema_is_refused_within_a_second(client: httpx2.AsyncClient, what: str) -> None:
    content = json.dumps({"name": "bad", "template": {"spec": {}, "creation": SCHEMAS[what]}}).encode()
    spent, answer = await least_effort_of(partial(client.post, "/api/modelwright/templates", content=content))
    assert spent < 1
    assert answer.status_code in (400, 413), answer.text[:500]
    assert len(answer.content) < 2000


async def test_a_pattern_that_would_backtrack_is_answered_within_a_second(client: httpx2.AsyncClient) -> None:
    creation = {"properties": {"x": {"type": "string", "pattern": "^(a+)+$"}}}
    template = {"spec": {"base": "test", "system": {"$arg": "x"}}, "creation": creation}
    kept = await client.post("/api/modelwright/templates", json={"name": "slow", "template": template})
    assert kept.status_code == 201, kept.text
    body = {"model": "slow", "template": "slow", "arguments": {"x": "a" * 50_000 + "!"}}
    spent, answer = await least_effort_of(partial(client.post, "/api/modelwright/templates/make", json=body))
    assert spent < 1
    assert (answer.status_code, "/x" in answer.text) == (400, True)


@pytest.mark.parametrize("span", ["", "start_date=x&end_date=2026-01-01&chunks=1", "chunks=0"])
async def test_usage_needs_a_span(client: httpx2.AsyncClient, span: str) -> None:
    answer = await client.get(f"/v4/models/test/usage-statistics?{span}")
    assert answer.status_code == 422


async def test_a_dataset_must_be_a_form_with_rows(client: httpx2.AsyncClient) -> None:
    path = "/v4/training-datasets"
    fields = {**OWNED, "schema_type": "GENERATION"}
    assert (await client.post(path, json=fields)).status_code == 422
    assert (await client.post(path, data=fields, files={"other": b"x"})).status_code == 422
    other = {**fields, "schema_type": "RERANKING_QUESTIONS"}
    assert (await client.post(path, data=other, files={"file": b"{}"})).status_code == 400
    bad = (await client.post(path, data=fields, files={"file": b"{nonsense"})).json()
    answer = await client.get(f"{path}/{bad['id']}/contents")
    assert (answer.status_code, "line 1" in answer.text) == (400, True)
