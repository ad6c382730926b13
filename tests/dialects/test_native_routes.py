"""Our own dialect: history, rollback, diff."""

from typing import Any

import pytest

pytestmark = pytest.mark.anyio

ROOT = "/api/modelwright"


@pytest.fixture
async def mario(house: Any) -> Any:
    """A server where mario has two revisions."""
    await house.create("mario", **{"from": "test"}, system="one")
    await house.create("mario", **{"from": "test"}, system="two", parameters={"seed": 7})
    return house.client


async def test_the_server_says_what_it_is(house: Any) -> None:
    found = (await house.client.get(f"{ROOT}/server")).json()
    assert (found["name"], found["version"], found["pid"]) == ("modelwright", "1.2.3", 42)


async def test_a_history_has_every_revision_and_every_move(mario: Any) -> None:
    await mario.post(f"{ROOT}/rollback", json={"model": "mario", "revision": 1})
    found = (await mario.get(f"{ROOT}/history", params={"model": "mario"})).json()
    assert (found["name"], found["current"]) == ("mario:latest", 1)
    assert [revision["number"] for revision in found["revisions"]] == [1, 2]
    assert [(move["before"], move["after"]) for move in found["moves"]] == [(2, 1)]


async def test_a_rollback_loses_nothing(mario: Any) -> None:
    answer = await mario.post(f"{ROOT}/rollback", json={"model": "mario", "revision": 1})
    assert (answer.json()["revision"], answer.json()["latest"]) == (1, 2)
    assert (await mario.post("/api/show", json={"model": "mario"})).json()["system"] == "one"
    assert (await mario.post("/api/show", json={"model": "mario@2"})).json()["system"] == "two"


async def test_a_diff_names_the_fields(mario: Any) -> None:
    answer = await mario.get(f"{ROOT}/diff", params={"before": "mario@1", "after": "mario"})
    assert answer.json()["changes"] == [
        {"field": "system", "before": "one", "after": "two"},
        {"field": "parameters.seed", "before": None, "after": "7"},
    ]


async def test_models_come_with_their_revisions(mario: Any) -> None:
    models = (await mario.get(f"{ROOT}/models")).json()["models"]
    assert (models[0]["name"], models[0]["revision"], models[0]["latest"]) == ("mario:latest", 2, 2)


@pytest.mark.parametrize(
    ("method", "path", "status", "field"),
    [
        ("GET", "history", 400, "model"),
        ("GET", "history?model=nope", 404, "model"),
        ("GET", "diff?before=mario", 400, "after"),
        ("GET", "diff?before=mario@9&after=mario", 404, "before"),
        ("POST", "rollback", 400, ""),
    ],
)
async def test_a_fault_is_said_with_its_field(
    mario: Any, method: str, path: str, status: int, field: str
) -> None:
    answer = await mario.request(method, f"{ROOT}/{path}")
    assert answer.status_code == status
    assert answer.json()["error"]["field"] == field
    assert answer.json()["error"]["message"]


async def test_every_route_of_ours_refuses_a_field_it_does_not_know(house: Any) -> None:
    document = (await house.client.get("/openapi.json")).json()
    tried = 0
    for path, methods in document["paths"].items():
        for method, route in methods.items():
            schema = (
                route.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema", {})
            )
            if not path.startswith(ROOT) or not schema.get("properties"):
                continue
            answer = await house.client.request(method, path, json={"unheard_of": 1})
            error = answer.json()["error"]
            assert (answer.status_code, error["field"]) == (400, "unheard_of"), path
            assert all(name in error["hint"] for name in schema["properties"]), path
            tried += 1
    assert tried > 20


async def test_a_misspelt_field_is_told_by_the_one_it_was_meant_to_be(house: Any) -> None:
    body = {"model": "test", "dateset": "d", "steps": 3}
    error = (await house.client.post(f"{ROOT}/runs", json=body)).json()["error"]
    assert (error["message"], error["field"]) == ('unknown field "dateset"', "dateset")
    assert error["hint"].startswith('Did you mean "dataset"? Known are model, dataset, method, ')


async def test_models_come_in_parts(client: Any, house: Any) -> None:
    for name in ("a", "b", "c"):
        await house.create(name, **{"from": "test"})
    whole = (await client.get("/api/modelwright/models")).json()
    assert whole["total"] == len(whole["models"]) == 5
    for query, part in (
        ({"limit": 2}, slice(0, 2)),
        ({"limit": 2, "offset": 3}, slice(3, 5)),
        ({"offset": 1}, slice(1, 5)),
        ({"offset": 9}, slice(5, 5)),
    ):
        found = (await client.get("/api/modelwright/models", params=query)).json()
        assert found == {"models": whole["models"][part], "total": 5}


@pytest.mark.parametrize("query", ["limit=0", "limit=1001", "limit=x", "limit=", "offset=-1", "offset=1e9"])
async def test_a_part_that_is_none_is_refused(client: Any, query: str) -> None:
    answer = await client.get(f"/api/modelwright/models?{query}")
    assert answer.status_code == 400
    assert answer.json()["error"]["field"] == query.partition("=")[0]
    assert "Use a number from" in answer.json()["error"]["hint"]
