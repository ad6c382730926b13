"""`warm` in /api/create: the prompt is computed before success is told."""

import orjson
import pytest

pytestmark = pytest.mark.anyio


async def statuses(client, **fields: object) -> list[str]:
    answer = await client.post("/api/create", json={"model": "mario", "from": "test", **fields})
    assert answer.status_code == 200
    return [orjson.loads(line)["status"] for line in answer.text.splitlines()]


async def test_it_says_so_before_success(client) -> None:
    said = await statuses(client, system="You are Mario.", warm=True)
    assert said[-3:] == ["warming up the prompt", "warm: 3 tokens are computed", "success"]
    running = (await client.get("/api/ps")).json()["models"]
    assert [model["name"] for model in running] == ["mario:latest"]


async def test_without_it_nothing_is_loaded(client) -> None:
    said = await statuses(client, system="You are Mario.")
    assert not any("warm" in each for each in said)
    assert (await client.get("/api/ps")).json()["models"] == []


async def test_a_model_that_cannot_be_warmed_is_created_all_the_same(client) -> None:
    body = {"model": "vectors", "from": "bert", "warm": True}
    answer = await client.post("/api/create", json=body)
    said = [orjson.loads(line)["status"] for line in answer.text.splitlines()]
    assert said[-2].startswith("not warm: ")
    assert said[-1] == "success"
