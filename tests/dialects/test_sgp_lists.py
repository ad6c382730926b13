"""The platform's lists, and what stands in them: order, accounts, groups that are gone, names."""

from typing import Any

import httpx2
import pytest

from modelwright.core.grants import LOCAL_ADMIN
from tests.dialects.sgp_bodies import OWNED, SGP

pytestmark = pytest.mark.anyio

TURNS = [{"role": "user", "content": "one two three"}]


async def made(client: httpx2.AsyncClient, **fields: Any) -> dict[str, Any]:
    answer = await client.post("/v4/models", json={**SGP["POST /v4/models"], **fields})
    assert answer.status_code == 200, answer.text
    tree: dict[str, Any] = answer.json()
    return tree


async def listed(client: httpx2.AsyncClient, path: str = "models", **query: str) -> list[dict[str, Any]]:
    answer = await client.get(f"/v4/{path}", params=query)
    assert answer.status_code == 200, answer.text
    items: list[dict[str, Any]] = answer.json()["items"]
    return items


@pytest.mark.parametrize(
    ("field", "values"),
    [
        ("base_model_id", ["bert", "test"]),
        ("model_creation_parameters", [{"SEED": 1}, {"SEED": 2}]),
        ("model_type", ["CHAT_COMPLETION", "GENERIC"]),
        ("display_name", ["A", "b"]),
        ("model_vendor", ["COHERE", "OTHER"]),
        ("name", ["Ann", "bob"]),
    ],
)
async def test_a_list_is_in_the_order_of_any_field(
    client: httpx2.AsyncClient, field: str, values: list[Any]
) -> None:
    high, low = [await made(client, **{"name": f"n{place}", field: values[1 - place]}) for place in (0, 1)]
    ours = {high["id"]: "high", low["id"]: "low"}
    for way, wanted in (("asc", ["low", "high"]), ("desc", ["high", "low"])):
        found = [
            ours[each["id"]] for each in await listed(client, sort_by=f"{field}:{way}") if each["id"] in ours
        ]
        assert found == wanted, (field, way)


async def test_the_first_field_of_an_order_counts_most(client: httpx2.AsyncClient) -> None:
    kinds = {"a": "GENERIC", "b": "COMPLETION", "c": "GENERIC"}
    ours = {(await made(client, name=name, model_type=kind))["id"]: name for name, kind in kinds.items()}
    found = await listed(client, sort_by="model_type:asc,name:desc")
    assert [ours[each["id"]] for each in found if each["id"] in ours] == ["b", "c", "a"]
    found = await listed(client, "model-deployments", sort_by="name:asc,created_at:desc")
    assert [ours[each["model_instance_id"]] for each in found] == ["c", "b", "a"]


@pytest.mark.parametrize("path", ["models", "model-groups"])
async def test_pages_hold_everything_once(client: httpx2.AsyncClient, path: str) -> None:
    for number in range(5):
        body = SGP["POST /v4/models"] | {"name": f"n{number}"}
        assert (await client.post(f"/v4/{path}", json=body)).status_code == 200
    whole = await listed(client, path, sort_by="name:asc")
    pages = [
        await listed(client, path, sort_by="name:asc", page=f"{page}", limit="2") for page in range(1, 6)
    ]
    assert [each for page in pages for each in page] == whole
    assert [len(page) for page in pages] == [2, 2, len(whole[4:6]), len(whole[6:8]), 0]


async def test_the_deployment_that_comes_with_a_model_is_in_its_accounts_list(town: Any) -> None:
    accounts, bob = town.house.services.rights.accounts, town["bob"]
    for name in ("acme", "umbrella"):
        await accounts.add_account(LOCAL_ADMIN, name)
    model = await made(town["ann"], account_id="acme", base_model_id="test")
    for account, wanted in (("acme", [model["id"]]), ("umbrella", [])):
        found = await listed(town["ann"], "model-deployments", account_id=account)
        assert [each["model_instance_id"] for each in found] == wanted, account
    assert (await bob.get(f"/v4/models/{model['id']}")).status_code == 404


async def test_a_deployment_is_of_its_models_account(client: httpx2.AsyncClient) -> None:
    model = await made(client)
    path = f"/v4/models/{model['id']}/deployments"
    for headers, account in (({}, "acme-labs"), ({"x-selected-account-id": "other"}, "other")):
        answer = await client.post(path, json={"name": "x"}, headers=headers)
        assert answer.json()["account_id"] == account


async def test_what_a_change_of_a_deployment_leaves_out_stays(client: httpx2.AsyncClient) -> None:
    model = await made(client)
    path = f"/v4/models/{model['id']}/deployments"
    before = {"vendor": "LLMENGINE", "checkpoint_path": "s3://x", "max_workers": 2}
    one = (await client.post(path, json={"name": "x", "vendor_configuration": before})).json()
    path = f"{path}/{one['id']}"
    changed = await client.request("PATCH", path, json={"vendor_configuration": {"max_workers": 1}})
    assert changed.json()["vendor_configuration"] == {**one["vendor_configuration"], "max_workers": 1}
    moved = await client.request("PATCH", path, json={"vendor_configuration": {"vendor": "LAUNCH"}})
    assert "checkpoint_path" not in moved.json()["vendor_configuration"]


async def test_a_group_that_is_gone_is_no_longer_shown(client: httpx2.AsyncClient) -> None:
    group = (await client.post("/v4/model-groups", json=OWNED)).json()["id"]
    model = await made(client, model_group_id=group)
    assert [each["id"] for each in await listed(client, model_group_id=group)] == [model["id"]]
    await client.delete(f"/v4/model-groups/{group}")
    assert "model_group_id" not in (await client.get(f"/v4/models/{model['id']}")).json()
    assert await listed(client, model_group_id=group) == []


async def test_data_and_jobs_are_found_by_the_accounts_name_and_by_its_id(town: Any) -> None:
    accounts, bob = town.house.services.rights.accounts, town["bob"]
    account = (await accounts.add_account(LOCAL_ADMIN, "acme")).id
    await accounts.change_user(LOCAL_ADMIN, "bob", account="acme")
    rows = {"file": b'{"prompt": "a", "response": "b"}'}
    form = {"account_id": "acme", "name": "rows", "schema_type": "GENERATION"}
    dataset = (await bob.post("/v4/training-datasets", data=form, files=rows)).json()["id"]
    model = await made(bob, account_id="acme")
    job = {"account_id": "acme", "training_dataset_id": dataset, "base_model_id": model["id"]}
    made_job = (await bob.post("/v4/fine-tuning-jobs", json=job)).json()["id"]
    for path, id in (("models", model["id"]), ("training-datasets", dataset), ("fine-tuning-jobs", made_job)):
        for named in ("acme", account):
            assert [each["id"] for each in await listed(bob, path, account_id=named)] == [id], (path, named)


async def test_a_model_is_used_by_the_name_that_it_is_shown_by(client: httpx2.AsyncClient) -> None:
    first = await made(client, name="My Model (new)!")
    asked = {"messages": TURNS}
    for name in ("My Model (new)!", first["id"]):
        answer = await client.post("/v4/chat-completions", json={"model": name, **asked})
        assert answer.status_code == 200, answer.text
    await client.request("PATCH", f"/v4/models/{first['id']}", json={"name": "Other name"})
    gone = await client.post("/v4/chat-completions", json={"model": "My Model (new)!", **asked})
    assert gone.status_code == 404
    assert (await client.post("/v4/models/Other name/embeddings", json={"texts": ["a"]})).status_code == 200
    second = await made(client, name="Other name")
    several = await client.post("/v4/chat-completions", json={"model": "Other name", **asked})
    assert several.status_code == 400
    assert first["id"] in several.text
    assert second["id"] in several.text


async def test_a_name_may_look_like_a_deployments_id(client: httpx2.AsyncClient) -> None:
    await made(client, name="dep-x")
    for name, status in (("dep-x", 200), ("dep-y", 404)):
        answer = await client.post("/v4/chat-completions", json={"model": name, "messages": TURNS})
        assert answer.status_code == status, answer.text
    assert "deployment" in answer.text


async def test_a_base_that_another_dialect_took_away_is_not_shown(client: httpx2.AsyncClient) -> None:
    one = await made(client, name="moved")
    form = (await client.get("/api/v1/models/model", params={"id": "moved"})).json()
    form["base_model_id"] = "bert"
    assert (await client.post("/api/v1/models/model/update", json=form)).status_code == 200
    assert (await client.get(f"/v4/models/{one['id']}")).json()["base_model_id"] == "bert:latest"
    form |= {"base_model_id": None, "version_id": None}
    assert (await client.post("/api/v1/models/model/update", json=form)).status_code == 200
    assert "base_model_id" not in (await client.get(f"/v4/models/{one['id']}")).json()


async def test_a_shown_name_deletes_nothing(client: httpx2.AsyncClient) -> None:
    """Several may have it: what is changed or deleted is named by its id."""
    one = await made(client, name="My Model (new)!")
    assert (await client.delete("/v4/models/My Model (new)!")).status_code == 404
    assert (await client.get(f"/v4/models/{one['id']}")).status_code == 200


async def test_a_job_has_both_of_its_datasets_and_ends_when_it_is_deleted(house: Any) -> None:
    client, ids = house.client, []
    for name in ("rows", "others"):
        form = {"account_id": "acme", "name": name, "schema_type": "GENERATION"}
        rows = {"file": b'{"prompt": "%s", "response": "b"}' % name.encode()}
        ids.append((await client.post("/v4/training-datasets", data=form, files=rows)).json()["id"])
    job = {"account_id": "acme", "training_dataset_id": ids[0], "validation_dataset_id": ids[1]}
    answer = await client.post("/v4/fine-tuning-jobs", json={**job, "base_model_id": "test"})
    assert answer.status_code == 200, answer.text
    id = answer.json()["id"]
    run = await house.services.training.find(LOCAL_ADMIN, id)
    datasets = [await house.services.datasets.find(LOCAL_ADMIN, each) for each in ids]
    assert [run.plan.dataset, run.plan.validation] == [each.digest for each in datasets]
    assert (await client.delete(f"/v4/fine-tuning-jobs/{id}")).status_code == 200
    assert (await house.services.training.find(LOCAL_ADMIN, id)).state == "cancelled"
