"""The platform's models by type and by template: where each answers, and what it stands on."""

from typing import Any

import httpx2
import pytest

from tests.dialects.sgp_bodies import SGP

pytestmark = pytest.mark.anyio


async def made(client: httpx2.AsyncClient, **fields: Any) -> dict[str, Any]:
    body = {"name": "one", "account_id": "acme-labs", "model_type": "CHAT_COMPLETION"} | fields
    answer = await client.post("/v4/models", json=body)
    assert answer.status_code == 200, answer.text
    tree: dict[str, Any] = answer.json()
    return tree


BARE: dict[str, Any] = {
    "name": "bare",
    "account_id": "acme-labs",
    "endpoint_type": "SYNC",
    "model_type": "CHAT_COMPLETION",
    "vendor_configuration": {"bundle_config": {"registry": "modelwright", "image": "llm", "tag": "1"}},
    "model_creation_parameters_schema": {
        "parameters": [{"name": "SYSTEM", "type": "str", "description": "x", "required": True}]
    },
}
"""A template that asks for no base."""


async def test_a_base_beside_a_template_is_there_or_nothing_is_made(client: httpx2.AsyncClient) -> None:
    id = (await client.post("/v4/model-templates", json=BARE)).json()["id"]
    body = {**SGP["POST /v4/models"], "model_template_id": id, "model_creation_parameters": {"SYSTEM": "x"}}
    before = (await client.get("/v4/models")).json()
    assert (await client.post("/v4/models", json={**body, "base_model_id": "absent"})).status_code == 404
    assert (await client.get("/v4/models")).json() == before
    one = (await client.post("/v4/models", json=body)).json()
    history = (await client.get("/api/modelwright/history", params={"model": one["name"]})).json()
    assert (one["base_model_id"], len(history["revisions"])) == ("test", 1)


async def test_a_base_beside_a_template_stays_when_parameters_change(client: httpx2.AsyncClient) -> None:
    id = (await client.post("/v4/model-templates", json=BARE)).json()["id"]
    one = await made(
        client, model_template_id=id, base_model_id="test", model_creation_parameters={"SYSTEM": "x"}
    )
    path = f"/v4/models/{one['id']}"
    changed = (
        await client.request("PATCH", path, json={"model_creation_parameters": {"SYSTEM": "y"}})
    ).json()
    assert (changed["base_model_id"], changed["model_creation_parameters"]) == ("test", {"SYSTEM": "y"})
    said = await client.post(f"{path}/completions", json={"prompt": "x"})
    assert said.status_code == 200, said.text


SAYS = ("completions", "chat-completions")
FITS: dict[str, tuple[str, ...]] = {
    "COMPLETION": SAYS,
    "CHAT_COMPLETION": SAYS,
    "AGENT": SAYS,
    "EMBEDDING": ("embeddings",),
    "RERANKING": ("rerankings",),
    "GENERIC": (*SAYS, "embeddings"),
    "BUNDLE": (*SAYS, "embeddings"),
}
BASES = {"EMBEDDING": "bert", "RERANKING": "ranker"}


@pytest.mark.parametrize("kind", FITS)
async def test_each_type_answers_where_it_fits(house: Any, client: httpx2.AsyncClient, kind: str) -> None:
    """By its id, by its name, and by the deployment that came with it."""
    await house.add_ranker()
    one = await made(client, base_model_id=BASES.get(kind, "test"), model_type=kind, name=f"A {kind}!")
    assert one["deployment_count"] == 1
    (default,) = (await client.get(f"/v4/models/{one['id']}/deployments")).json()["items"]
    for route in FITS[kind]:
        body = SGP[f"POST /v4/models/{{model}}/{route}"]
        for called in (one["id"], one["name"], default["id"]):
            answer = await client.post(f"/v4/models/{called}/{route}", json=body)
            assert answer.status_code == 200, (route, called, answer.text)
    if FITS[kind][:2] == SAYS:
        for path in SAYS:
            asked = {**SGP[f"POST /v4/{path}"], "model": one["name"]}
            assert (await client.post(f"/v4/{path}", json=asked)).status_code == 200, path
