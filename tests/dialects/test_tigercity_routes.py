"""TigerCity's routes: models by name and id, who may what, and what is refused."""

import pytest

pytestmark = pytest.mark.anyio

COPY = {"name": "My Model", "description": "d", "parent_model": "test"}
GROUP = {
    "messages": [{"role": "user", "content": "Hi"}],
    "responses": [{"content": "a", "reward": 1}, {"content": "b", "reward": 0}],
}
ASKED = {"model": "my-model", "messages": [{"role": "user", "content": "Hi"}]}


async def make(client, **fields):
    return await client.post("/v1/models", json={**COPY, **fields})


async def test_a_copy_is_found_by_name_and_id_in_this_dialect_and_by_name_in_others(client) -> None:
    made = (await make(client)).json()
    assert (made["name"], made["id"], made["parent_model"]) == ("My Model", "my-model", "test")
    for asked in ("My%20Model", "my-model"):
        assert (await client.get(f"/tigercity/v1/models/{asked}")).json() == made
    assert (await client.post("/api/show", json={"model": "my-model"})).status_code == 200
    assert (await client.get("/v1/models/my-model")).json()["id"] == "my-model:latest"


async def test_ids_are_told_apart_and_names_are_unique_in_an_account(town) -> None:
    assert (await make(town["bob"])).json()["id"] == "my-model"
    assert (await make(town["bob"], name="my model")).json()["id"] == "my-model-2"
    again = await make(town["bob"])
    assert (again.status_code, "already" in again.json()["error"]) == (409, True)
    assert (await make(town["bob"], name="test")).status_code == 409
    assert (await make(town["eve"])).json()["id"] == "my-model"
    assert [each["name"] for each in (await town["eve"].get("/tigercity/v1/models")).json()] == [
        "test",
        "My Model",
    ]


async def test_training_defaults_are_kept_and_not_all_shown(house) -> None:
    made = (await make(house.client, rank=8, alpha=12.5, dropout=0, learning_rate=0.25)).json()
    assert made["learning_rate"] == 0.25
    assert not {"rank", "alpha", "dropout"} & set(made)
    (await make(house.client, name="child", parent_model="My Model", rank=4)).json()
    changed = await house.client.get("/api/modelwright/diff", params={"before": "my-model", "after": "child"})
    assert {each["field"]: each["after"] for each in changed.json()["changes"]} == {"profile.rank": "4"}


async def test_a_copy_of_a_copy_is_no_longer_this_dialects(client) -> None:
    """Another dialect's copy carries the card along, and is a model of its own."""
    await make(client)
    await client.post("/api/copy", json={"source": "my-model", "destination": "luigi"})
    names = [each["name"] for each in (await client.get("/tigercity/v1/models")).json()]
    assert sorted(names) == ["My Model", "bert", "luigi", "test"]


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"name": ""}, "name"),
        ({"name": 5}, "name"),
        ({"name": "x" * 201}, "name"),
        ({"name": None}, "name"),
        ({"description": None}, "description"),
        ({"description": []}, "description"),
        ({"parent_model": None}, "parent_model"),
        ({"rank": 0}, "rank"),
        ({"rank": 1.5}, "rank"),
        ({"rank": "16"}, "rank"),
        ({"alpha": -1}, "alpha"),
        ({"dropout": 1}, "dropout"),
        ({"dropout": True}, "dropout"),
        ({"learning_rate": 0}, "learning_rate"),
        ({"learning_rate": "fast"}, "learning_rate"),
    ],
)
async def test_a_bad_field_of_a_copy_is_named(client, fields: dict, field: str) -> None:
    answer = await make(client, **fields)
    assert answer.status_code == 400
    assert f'"{field}"' in answer.json()["error"]


async def test_what_a_copy_is_made_of_must_be_there(client) -> None:
    answer = await make(client, parent_model="nothing")
    assert (answer.status_code, answer.json()) == (404, {"error": "model 'nothing' not found"})


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({}, '"messages" and "responses" are required'),
        ({"messages": GROUP["messages"]}, '"responses" is required'),
        ({"responses": GROUP["responses"]}, '"messages" is required'),
        ({**GROUP, "messages": []}, '"messages"'),
        ({**GROUP, "messages": [{"role": "judge", "content": "x"}]}, "messages.0.role"),
        ({**GROUP, "messages": [{"role": "assistant", "content": "x"}]}, "end with a message of the user"),
        ({**GROUP, "responses": []}, '"responses"'),
        ({**GROUP, "responses": ["a"]}, "responses.0"),
        ({**GROUP, "responses": [{"content": "a"}]}, "responses.0.reward"),
        ({**GROUP, "responses": [{"content": "a", "reward": "1"}]}, "responses.0.reward"),
        ({**GROUP, "responses": [{"content": 1, "reward": 1}]}, "responses.0.content"),
        ({"groups": "x"}, '"groups"'),
        ({"groups": [GROUP, {}]}, "groups.1"),
        ({"groups": [7]}, "groups.0"),
        ({**GROUP, "learning_rate": 0}, "learning_rate"),
        ({**GROUP, "learning_steps": 0}, "learning_steps"),
        ({**GROUP, "learning_steps": 1.5}, "learning_steps"),
        ({**GROUP, "epsilon": -1}, "epsilon"),
        ({**GROUP, "beta": "much"}, "beta"),
        ({**GROUP, "stream": 1}, "stream"),
    ],
)
async def test_a_bad_field_of_a_training_call_is_named(client, fields: dict, said: str) -> None:
    await make(client)
    answer = await client.post("/v1/train", json={"model": "my-model", **fields})
    assert (answer.status_code, said in answer.json()["error"]) == (400, True), answer.text
    assert not (await client.get("/v1/files")).json()["data"]


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"messages": []}, "messages"),
        ({"messages": [{"role": "tool", "content": "x"}]}, "messages.0.role"),
        ({"messages": [{"role": "user", "content": [{"type": "text"}]}]}, "messages.0.content"),
        ({"messages": [{"role": "user"}]}, "messages.0.content"),
        ({"temperature": "hot"}, "temperature"),
        ({"temperature": -1}, "temperature"),
        ({"top_p": 2}, "top_p"),
        ({"max_tokens": 0}, "max_tokens"),
        ({"stream": "yes"}, "stream"),
        ({"model": 5}, "model"),
    ],
)
async def test_a_bad_field_of_a_question_is_named(client, fields: dict, field: str) -> None:
    await make(client)
    answer = await client.post("/v1/generate_response", json={**ASKED, **fields})
    assert (answer.status_code, f'"{field}"' in answer.json()["error"]) == (400, True), answer.text


async def test_a_base_is_neither_trained_nor_deleted_and_a_follower_is_not_trained(client) -> None:
    follower = {"id": "wrap", "name": "w", "base_model_id": "test", "meta": {}, "params": {}}
    assert (await client.post("/api/v1/models/create", json=follower)).status_code == 200
    for model in ("test", "wrap"):
        answer = await client.post("/v1/train", json={"model": model, **GROUP})
        assert (answer.status_code, "read-only" in answer.json()["error"]) == (403, True)
    for path in ("/v1/models/test", "/tigercity/v1/models/test"):
        assert (await client.delete(path)).status_code == 403
    assert (await client.post("/v1/train", json={"model": "none", **GROUP})).status_code == 404


async def test_a_delete_on_the_shared_port_says_what_both_dialects_do(client) -> None:
    await make(client)
    gone = await client.delete("/v1/models/My%20Model")
    expected = {"id": "my-model", "message": "model has been deleted", "object": "model", "deleted": True}
    assert gone.json() == expected
    assert (await client.delete("/v1/models/My%20Model")).status_code == 404
    assert (await make(client)).status_code == 200


async def test_what_is_shared_for_use_only_is_read_only_and_hides_its_parent(town) -> None:
    await make(town["bob"])
    grant = {"model": "bob/my-model", "principal": "user:eve", "level": "use"}
    assert (await town["bob"].post("/api/modelwright/grants", json=grant)).status_code == 200
    (seen,) = [
        each for each in (await town["eve"].get("/tigercity/v1/models")).json() if each["name"] == "My Model"
    ]
    assert (seen["read_only"], "parent_model" in seen) == (True, False)
    assert (await town["eve"].post("/v1/generate_response", json=ASKED)).status_code == 200
    assert (await town["eve"].post("/v1/train", json={**ASKED, **GROUP})).status_code == 403
    assert (await town["nobody"].get("/tigercity/v1/models")).status_code == 401


async def test_the_shared_list_is_openais(client) -> None:
    assert (await client.get("/v1/models")).json()["object"] == "list"
    assert isinstance((await client.get("/tigercity/v1/models")).json(), list)
