"""The platform's models: accounts apart, every type executed, other dialects' models too."""

import json
from typing import Any

import httpx2
import jsonschema_rs
import pytest

from modelwright.core.grants import LOCAL_ADMIN
from tests.dialects.sgp_bodies import SGP

pytestmark = pytest.mark.anyio

TURNS = [{"role": "user", "content": "hello"}]


async def made(client: httpx2.AsyncClient, **fields: Any) -> dict[str, Any]:
    body = {"name": "one", "account_id": "acme-labs", "model_type": "CHAT_COMPLETION"} | fields
    answer = await client.post("/v4/models", json=body)
    assert answer.status_code == 200, answer.text
    tree: dict[str, Any] = answer.json()
    return tree


async def executed(client: httpx2.AsyncClient, model: dict[str, Any], body: dict[str, Any]) -> Any:
    found = (await client.get(f"/v4/models/{model['id']}/deployments")).json()["items"]
    path = f"/v4/models/{model['id']}/deployments/{found[0]['id']}/execute"
    answer = await client.post(path, json=body)
    assert answer.status_code == 200, answer.text
    return answer.json() if not body.get("stream") else answer.text


async def test_names_need_not_be_unique(client: httpx2.AsyncClient) -> None:
    first, second = await made(client), await made(client)
    assert first["name"] == second["name"] == "one"
    assert first["id"] != second["id"]
    names = [each["name"] for each in (await client.get("/api/tags")).json()["models"]]
    assert {"one:latest", "one-2:latest"} <= set(names)


async def test_saving_what_was_shown_changes_nothing(client: httpx2.AsyncClient) -> None:
    """Also for what only other dialects can say of the model."""
    await client.post(
        "/api/create",
        json={
            "model": "rich",
            "from": "test",
            "system": "Hi",
            "messages": TURNS,
            "parameters": {"temperature": 0.5, "stop": ["x"]},
            "stream": False,
        },
    )
    shown = (await client.get("/v4/models/rich")).json()
    names = ("model_creation_parameters", "base_model_id")
    await client.request("PATCH", "/v4/models/rich", json={name: shown[name] for name in names})
    history = (await client.get("/api/modelwright/history", params={"model": "rich"})).json()
    assert len(history["revisions"]) == 1
    assert shown["model_creation_parameters"] == {"SYSTEM": "Hi", "TEMPERATURE": 0.5, "STOP": ["x"]}


async def test_what_is_taken_out_of_the_parameters_is_taken_away(client: httpx2.AsyncClient) -> None:
    one = await made(
        client,
        base_model_id="test",
        model_creation_parameters={"SYSTEM": "Hi", "TOP_K": 7, "COLOUR": "red"},
    )
    changed = await client.request(
        "PATCH", f"/v4/models/{one['id']}", json={"model_creation_parameters": {"TOP_K": 8, "COLOUR": "red"}}
    )
    assert changed.json()["model_creation_parameters"] == {"COLOUR": "red", "TOP_K": 8}
    assert "system" not in (await client.post("/api/show", json={"model": "one"})).json()


async def test_the_deployment_that_came_with_a_model_follows_it(client: httpx2.AsyncClient) -> None:
    one = await made(client)
    assert one["deployment_count"] == 0
    based = (await client.request("PATCH", f"/v4/models/{one['id']}", json={"base_model_id": "test"})).json()
    assert based["deployment_count"] == 1
    again = await client.request(
        "PATCH", f"/v4/models/{one['id']}", json={"model_creation_parameters": {"SYSTEM": "x"}}
    )
    assert again.json()["deployment_count"] == 1


async def test_each_type_is_executed_as_it_is(house: Any, client: httpx2.AsyncClient) -> None:
    await house.add_ranker()
    chat = await made(client, base_model_id="test")
    assert (await executed(client, chat, {"messages": TURNS}))["message"]["role"] == "assistant"
    prompts = await made(client, base_model_id="test", model_type="COMPLETION")
    told = await executed(client, prompts, {"prompts": ["a", "b"]})
    assert [prompt for prompt, _ in told["completions"]] == ["a", "b"]
    vectors = await made(client, base_model_id="bert", model_type="EMBEDDING")
    assert (await executed(client, vectors, {"texts": ["a"]}))["embeddings"][0][0] == "a"
    ranks = await made(client, base_model_id="ranker", model_type="RERANKING")
    assert len((await executed(client, ranks, {"query": "a", "chunks": ["a", "b"]}))["chunk_scores"]) == 2
    agent = await made(client, base_model_id="test", model_type="AGENT")
    said = await executed(client, agent, {"messages": TURNS, "instructions": "Be kind"})
    assert (said["action"], said["context"]["tool_request"]) == ("content", None)


@pytest.mark.parametrize("kind", ["GENERIC", "BUNDLE"])
async def test_a_generic_model_takes_any_of_these(client: httpx2.AsyncClient, kind: str) -> None:
    one = await made(client, base_model_id="test", model_type=kind)
    assert (await executed(client, one, {"messages": TURNS}))["message"]
    assert (await executed(client, one, {"prompt": "a"}))["completions"][0][0] == "a"


async def test_a_streamed_execution_says_the_same_in_pieces(client: httpx2.AsyncClient) -> None:
    one = await made(client, base_model_id="test")
    whole = await executed(client, one, {"messages": TURNS})
    events = (await executed(client, one, {"messages": TURNS, "stream": True})).strip().split("\n\n")
    pieces = [json.loads(event.removeprefix("data: ")) for event in events]
    assert "".join(piece["message"]["content"] for piece in pieces) == whole["message"]["content"]
    assert pieces[-1]["finish_reason"] == "stop"


def pieces(text: str) -> list[dict[str, Any]]:
    return [json.loads(event.removeprefix("data: ")) for event in text.strip().split("\n\n")]


@pytest.mark.parametrize(("most", "reason"), [(1, "length"), (9, "stop")])
async def test_streamed_prompts_end_as_whole_ones_do(
    client: httpx2.AsyncClient, most: int, reason: str
) -> None:
    one = await made(client, base_model_id="test", model_type="COMPLETION")
    asked = {"prompts": ["one two", "three"], "max_tokens": most}
    whole = await executed(client, one, asked)
    *_, last = pieces(await executed(client, one, {**asked, "stream": True}))
    assert whole["finish_reason"] == reason
    assert last == {**whole, "completions": []}


@pytest.mark.parametrize(
    ("path", "asked", "prompt"),
    [
        ("/v4/chat-completions", {"messages": [{"role": "system", "content": "x"}, *TURNS]}, "hello"),
        ("/v4/completions", {"prompt": "hi"}, "hi"),
    ],
)
async def test_a_piece_of_an_accounts_stream_is_of_both_shapes(
    client: httpx2.AsyncClient, path: str, asked: dict[str, Any], prompt: str
) -> None:
    """That of the whole, and that of a deployment's, which the package reads streams as."""
    asked = {"model": "test", **asked}
    whole = (await client.post(path, json=asked)).json()
    found = pieces((await client.post(path, json={**asked, "stream": True})).text)
    *first, last = found
    assert {each["completions"][0][0] for each in found} == {prompt}
    assert {(each["finish_reason"], each["token_usage"], each["prompt_tokens"]) for each in first} == {
        (None, None, None)
    }
    assert last["token_usage"] == whole["token_usage"]
    assert last["response_tokens"] == whole["token_usage"]["completion"]
    for each in found:
        (text,) = each["completions"][0][1]
        assert text == (
            each["completion"]["text"]
            if "completion" in each
            else each["chat_completion"]["message"]["content"]
        )


PART = {"image_url": {"url": "data:image/png;base64,iVBORw0KGgo="}}


async def test_a_turn_without_a_role_is_the_users_and_a_part_is_what_it_holds(
    client: httpx2.AsyncClient,
) -> None:
    """The package's types require neither."""
    asked = {"model": "test", "messages": [{"content": [{"text": "one "}, {"text": "two"}]}]}
    said = (await client.post("/v4/chat-completions", json=asked)).json()
    named = {"model": "test", "messages": [{"role": "user", "content": "one two"}]}
    assert said == (await client.post("/v4/chat-completions", json=named)).json()
    asked = {"model": "test", "messages": [{"content": [PART]}]}
    refused = await client.post("/v4/chat-completions", json=asked)
    assert (refused.status_code, "image" in refused.text, "text" in refused.text) == (400, True, False)


async def test_bindings_are_those_that_the_template_lets_a_request_say(client: httpx2.AsyncClient) -> None:
    field = {"name": "SEED", "type": "int", "description": "x", "required": True}
    base = {"name": "BASE_MODEL", "type": "str", "description": "x", "required": True}
    template = {
        "name": "seeded",
        "account_id": "acme-labs",
        "endpoint_type": "SYNC",
        "model_type": "CHAT_COMPLETION",
        "vendor_configuration": {"bundle_config": {"registry": "r", "image": "modelwright/llm", "tag": "1"}},
        "model_creation_parameters_schema": {"parameters": [base]},
        "model_request_parameters_schema": {"parameters": [field]},
    }
    id = (await client.post("/v4/model-templates", json=template)).json()["id"]
    one = await made(client, model_template_id=id, base_model_id="test")
    path = f"/v4/models/{one['id']}/completions"
    cases = [({"SEED": 3}, 200), ({}, 422), ({"SEED": 3, "TOP_K": 1}, 422), ({"SEED": "x"}, 422)]
    for bindings, status in cases:
        body = {"prompt": "x", "model_request_parameters": {"bindings": bindings}}
        assert (await client.post(path, json=body)).status_code == status, bindings


async def test_bindings_are_put_where_a_template_of_our_own_says(house: Any) -> None:
    template = {
        "spec": {"base": "test"},
        "request_parameters": {"num_predict": {"$arg": "words"}, "seed": 7},
        "request": {"properties": {"words": {"type": "integer", "maximum": 2}}},
    }
    kept = await house.client.post("/api/modelwright/templates", json={"name": "warm", "template": template})
    one = await made(house.client, model_template_id=kept.json()["id"])
    path = f"/v4/models/{one['id']}/completions"
    body = {"prompt": "one two three", "model_request_parameters": {"bindings": {"words": 2}}}
    said = (await house.client.post(path, json=body)).json()
    assert said["completions"] == [["one two three", ["one two "]]]
    body = {"prompt": "x", "model_request_parameters": {"bindings": {"words": 3, "TOP_K": 1}}}
    refused = (await house.client.post(path, json=body)).json()["detail"]
    assert {tuple(fault["loc"]) for fault in refused} == {
        ("body", "model_request_parameters", "bindings", name) for name in ("words", "TOP_K")
    }


async def test_an_image_without_a_container_engine_is_refused_and_the_model_stays(
    client: httpx2.AsyncClient,
) -> None:
    template = {
        "name": "boxed",
        "account_id": "acme-labs",
        "endpoint_type": "SYNC",
        "model_type": "GENERIC",
        "vendor_configuration": {"bundle_config": {"registry": "r.example", "image": "a/b", "tag": "1"}},
    }
    id = (await client.post("/v4/model-templates", json=template)).json()["id"]
    one = await made(client, model_template_id=id, model_type="GENERIC")
    path = f"/v4/models/{one['id']}/deployments"
    deployed = (await client.post(path, json={"name": "x"})).json()
    assert (deployed["status"], "container" in deployed["status_reason"]) == ("FAILED", True)
    assert (await client.get(f"/v4/models/{one['id']}")).status_code == 200


async def test_accounts_do_not_see_one_another(town: Any) -> None:
    accounts = town.house.services.rights.accounts
    for name, user in (("acme", "bob"), ("umbrella", "eve")):
        await accounts.add_account(LOCAL_ADMIN, name)
        await accounts.change_user(LOCAL_ADMIN, user, account=name)
    bob, eve = town["bob"], town["eve"]
    mine = {"name": "secret", "account_id": "acme"}
    model = (await bob.post("/v4/models", json={**mine, "model_type": "GENERIC"})).json()
    group = (await bob.post("/v4/model-groups", json=mine)).json()
    for path in (f"/v4/models/{model['id']}", f"/v4/model-groups/{group['id']}"):
        assert (await bob.get(path)).status_code == 200
        assert (await eve.get(path)).status_code == 404
        assert (await eve.delete(path)).status_code == 404
    for path in ("/v4/models", "/v4/model-groups"):
        assert "secret" not in (await eve.get(path)).text
        assert (await eve.get(path, params={"account_id": "acme"})).status_code == 403
        assert (await eve.get(path, headers={"x-selected-account-id": "acme"})).status_code == 403
        assert (await bob.get(path, headers={"x-selected-account-id": "acme"})).status_code == 200
    other = await eve.post("/v4/models", json={**mine, "model_type": "GENERIC"})
    assert other.status_code == 403


async def test_nothing_of_an_account_is_found_in_another(town: Any) -> None:
    """Not by its id, not in a list, and not by naming the account."""
    accounts = town.house.services.rights.accounts
    for name, user in (("acme", "bob"), ("umbrella", "eve")):
        await accounts.add_account(LOCAL_ADMIN, name)
        await accounts.change_user(LOCAL_ADMIN, user, account=name)
    bob, eve, mine = town["bob"], town["eve"], {"account_id": "acme", "name": "secret"}
    posted = {
        "/v4/models": {**mine, "model_type": "CHAT_COMPLETION", "base_model_id": "test"},
        "/v4/model-templates": SGP["POST /v4/model-templates"] | mine,
        "/v4/model-groups": mine,
    }
    made = {path: (await bob.post(path, json=body)).json()["id"] for path, body in posted.items()}
    model = made["/v4/models"]
    deployment = (await bob.post(f"/v4/models/{model}/deployments", json={"name": "secret"})).json()["id"]
    served = {"name": "secret", "model_deployment_id": deployment, "alias": "secret"}
    server = (await bob.post("/v4/serving", json=served)).json()["model_server_id"]
    form = {**mine, "schema_type": "GENERATION"}
    rows = {"file": b'{"prompt": "a", "response": "b"}'}
    dataset = (await bob.post("/v4/training-datasets", data=form, files=rows)).json()["id"]
    job = {"account_id": "acme", "training_dataset_id": dataset, "base_model_id": model}
    run = (await bob.post("/v4/fine-tuning-jobs", json=job)).json()["id"]
    gets = [
        *(f"{path}/{id}" for path, id in made.items()),
        f"/v4/models/{model}/deployments",
        f"/v4/models/{model}/deployments/{deployment}",
        f"/v4/serving/{server}",
        f"/v4/serving/{server}/deployment",
        "/v4/serving/a/secret",
        f"/v4/training-datasets/{dataset}",
        f"/v4/training-datasets/{dataset}/contents",
        f"/v4/fine-tuning-jobs/{run}",
        f"/v4/fine-tuning-jobs/{run}/events",
    ]
    for path in gets:
        assert (await bob.get(path)).status_code == 200, path
        assert (await eve.get(path)).status_code == 404, path
    ids = (*made.values(), deployment, server, dataset, run)
    for path in (
        *posted,
        "/v4/model-deployments",
        "/v4/serving",
        "/v4/training-datasets",
        "/v4/fine-tuning-jobs",
    ):
        shown = (await bob.get(path)).text
        assert any(id in shown for id in ids), path
        assert not [id for id in ids if id in (await eve.get(path)).text], path
    refused = await eve.post("/v4/serving", json=served)
    assert refused.status_code == 404
    taken = await eve.post("/v4/models", json=posted["/v4/models"] | {"account_id": "umbrella"})
    assert taken.json()["name"] == "secret"


SAMPLES: dict[str, dict[str, Any]] = {
    "CHAT_COMPLETION": {"messages": TURNS},
    "COMPLETION": {"prompts": ["a", "b"]},
    "AGENT": {"messages": TURNS, "instructions": "Be kind"},
    "EMBEDDING": {"texts": ["a"]},
    "RERANKING": {"query": "a", "chunks": ["a", "b"]},
}


@pytest.mark.parametrize("kind", SAMPLES)
async def test_the_schemas_of_a_model_say_what_it_takes_and_gives(
    house: Any, client: httpx2.AsyncClient, kind: str
) -> None:
    await house.add_ranker()
    bases = {"EMBEDDING": "bert", "RERANKING": "ranker"}
    one = await made(client, base_model_id=bases.get(kind, "test"), model_type=kind)
    takes, gives = (
        jsonschema_rs.Draft202012Validator(one[f"{name}_schema"]) for name in ("request", "response")
    )
    assert takes.is_valid(SAMPLES[kind])
    assert gives.is_valid(await executed(client, one, SAMPLES[kind]))
    for wrong in ({}, {**SAMPLES[kind], "colour": "red"}, dict.fromkeys(SAMPLES[kind], 5)):
        assert not takes.is_valid(wrong)
        found = (await client.get(f"/v4/models/{one['id']}/deployments")).json()["items"]
        path = f"/v4/models/{one['id']}/deployments/{found[0]['id']}/execute"
        assert (await client.post(path, json=wrong)).status_code == 422


async def test_an_alias_is_one_in_its_account(town: Any) -> None:
    answer = await town["bob"].post(
        "/v4/models",
        json={"name": "a", "account_id": "b", "model_type": "CHAT_COMPLETION", "base_model_id": "test"},
    )
    (default,) = (await town["bob"].get(f"/v4/models/{answer.json()['id']}/deployments")).json()["items"]
    body = {"name": "front", "model_deployment_id": default["id"], "alias": "front"}
    assert (await town["bob"].post("/v4/serving", json=body)).status_code == 200
    assert (await town["bob"].post("/v4/serving", json=body)).status_code == 409
    assert (await town["eve"].get("/v4/serving/a/front")).status_code == 404
    answered = await town["bob"].post("/v4/serving/a/front/execute", json={"messages": TURNS})
    assert answered.status_code == 200
