"""Our own routes of deployments: one and the same as those of the platform's dialect."""

from typing import Any

import pytest

pytestmark = pytest.mark.anyio

PATH = "/api/modelwright/deployments"


async def made(house: Any, **wanted: Any) -> dict[str, Any]:
    answer = await house.client.post(PATH, json={"model": "test", "name": "front", **wanted})
    assert answer.status_code == 201, answer.text
    tree: dict[str, Any] = answer.json()
    return tree


async def test_one_that_is_scaled_here_is_scaled_in_the_platforms_words(house: Any) -> None:
    scaling = {"vendor": "LAUNCH", "min_workers": 0, "max_workers": 1, "per_worker": 4}
    body = {"name": "one", "vendor_configuration": scaling, "deployment_metadata": {"a": 1}}
    one = (await house.client.post("/v4/models/test/deployments", json=body)).json()
    change = {"max_workers": 5}
    changed = (await house.client.request("PATCH", f"{PATH}/{one['id']}", json=change)).json()
    assert (changed["max_workers"], changed["per_worker"]) == (5, 4)
    shown = (await house.client.get(f"/v4/models/test/deployments/{one['id']}")).json()
    assert shown["vendor_configuration"] == {**scaling, "max_workers": 5}
    assert shown["deployment_metadata"] == {"a": 1}


async def test_what_it_was_asked_is_counted_within_a_time(house: Any) -> None:
    one, other = await made(house), await made(house)
    await house.client.post(f"/v4/models/{one['id']}/completions", json={"prompt": "Hello"})
    used = (await house.client.get(f"{PATH}/{one['id']}/usage")).json()
    assert (used["deployment"], used["requests"]) == (one["id"], 1)
    assert used["prompt_tokens"] > 0
    assert (await house.client.get(f"{PATH}/{other['id']}/usage")).json()["requests"] == 0
    later = await house.client.get(f"{PATH}/{one['id']}/usage", params={"since": "2999-01-01"})
    assert later.json()["requests"] == 0


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"min_workers": -1}, "min_workers"),
        ({"min_workers": 2, "max_workers": 1}, "more than max_workers"),
        ({"max_workers": 99}, "0 to 16"),
        ({"max_workers": "2"}, "whole number"),
        ({"per_worker": 0}, "per_worker"),
        ({"revision": 7}, "revision"),
        ({"revision": 0}, "revision"),
        ({"name": ""}, "name"),
        ({"name": "x" * 129}, "name"),
        ({"wait": 1}, "wait"),
        ({"max_worker": 1}, "max_workers"),
    ],
)
async def test_what_is_wrong_is_refused_by_name_and_changes_nothing(
    house: Any, body: dict[str, Any], words: str
) -> None:
    one = await made(house)
    for method, path, wanted in (
        ("POST", PATH, {"model": "test", "name": "x", **body}),
        ("PATCH", f"{PATH}/{one['id']}", body),
    ):
        answer = await house.client.request(method, path, json=wanted)
        assert answer.status_code in (400, 404), answer.text
        assert words.replace("0 to 16", "to 16") in answer.text
    assert (await house.client.get(PATH)).json()["deployments"] == [one]


@pytest.mark.parametrize("query", ["since=soon", "since=2027-01-01&until=2026-01-01"])
async def test_a_time_that_is_none_is_refused(house: Any, query: str) -> None:
    one = await made(house)
    assert (await house.client.get(f"{PATH}/{one['id']}/usage?{query}")).status_code == 400
