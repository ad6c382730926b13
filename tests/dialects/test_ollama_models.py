"""Making, showing, copying and deleting models in Ollama's dialect."""

import json
from typing import Any

import httpx2
import pytest

pytestmark = pytest.mark.anyio

SHA = "sha256:" + "0" * 64


async def created(client: httpx2.AsyncClient, **body: Any) -> list[dict[str, Any]]:
    answer = await client.post("/api/create", json=body)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/x-ndjson"
    return [json.loads(line) for line in answer.text.splitlines()]


async def shown(client: httpx2.AsyncClient, name: str) -> dict[str, Any]:
    answer = await client.post("/api/show", json={"model": name})
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_a_create_tells_its_layers_and_ends_with_success(client: httpx2.AsyncClient) -> None:
    lines = await created(client, model="mario", **{"from": "test"}, system="Say hi!")
    statuses = [line["status"] for line in lines]
    assert statuses[0].startswith("using existing layer sha256:")
    assert statuses[1] == (
        "creating new layer sha256:f29e82a8284dbdf5910b1555580ff60b04238b8da9d5e51159ada67a4d0d5851"
    )
    assert statuses[-2:] == ["writing manifest", "success"]


async def test_a_create_without_stream_answers_once(client: httpx2.AsyncClient) -> None:
    answer = await client.post("/api/create", json={"model": "mario", "from": "test", "stream": False})
    assert answer.json() == {"status": "success"}
    assert answer.headers["content-type"] == "application/json; charset=utf-8"


async def test_what_was_created_is_shown(client: httpx2.AsyncClient) -> None:
    await created(
        client,
        model="mario",
        **{"from": "test"},
        system="You are Mario",
        parameters={"temperature": 0.5, "stop": ["a", "b"], "seed": None},
        messages=[{"role": "USER", "content": "hi"}, {"role": "assistant", "content": "ho"}],
        license=["MIT", "Apache"],
    )
    found = await shown(client, "mario")
    assert found["system"] == "You are Mario"
    assert found["license"] == "MIT\nApache"
    assert found["messages"] == [{"role": "user", "content": "hi"}, {"role": "assistant", "content": "ho"}]
    assert found["parameters"].splitlines() == [
        f'{"stop":<30} "a"',
        f'{"stop":<30} "b"',
        f"{'temperature':<30} 0.5",
    ]
    assert found["details"]["parent_model"] == "test:latest"
    assert found["model_info"]["llama.context_length"] == 512
    assert found["capabilities"] == ["completion"]


async def test_the_modelfile_shown_makes_the_same_model(client: httpx2.AsyncClient) -> None:
    await created(client, model="licensed", **{"from": "test"}, license=["Apache", "BSD"])
    await created(
        client,
        model="mario",
        **{"from": "licensed"},
        system='Two\nlines, and "quotes"',
        parameters={"num_ctx": 1_000_000, "stop": ['"'], "temperature": 0.1},
        messages=[{"role": "user", "content": "hi"}],
        license="MIT",
    )
    first = await shown(client, "mario")
    await created(client, model="luigi", modelfile=first["modelfile"])
    second = await shown(client, "luigi")
    for varying in ("modelfile", "modified_at"):
        first.pop(varying), second.pop(varying)
    assert first == second
    models = (await client.get("/api/tags")).json()["models"]
    digests = {model["name"]: model["digest"] for model in models}
    assert digests["mario:latest"] == digests["luigi:latest"]


async def test_fields_hold_against_the_modelfile(client: httpx2.AsyncClient) -> None:
    text = "FROM nope\nSYSTEM from the file\nPARAMETER seed 1\nPARAMETER top_k 5\n"
    await created(client, model="m", modelfile=text, **{"from": "test"}, system="x", parameters={"seed": 2})
    found = await shown(client, "m")
    assert found["system"] == "x"
    assert [line.split() for line in found["parameters"].splitlines()] == [["seed", "2"], ["top_k", "5"]]


async def test_empty_fields_keep_what_the_base_has(client: httpx2.AsyncClient) -> None:
    await created(
        client,
        model="one",
        **{"from": "test"},
        system="s",
        license="L",
        messages=[{"role": "user", "content": "q"}],
    )
    await created(
        client, model="two", **{"from": "one"}, system="", license="", messages=[], parameters={}, template=""
    )
    found = await shown(client, "two")
    assert (found["system"], found["license"], len(found["messages"])) == ("s", "L", 1)


async def test_all_of_ollama4js_keys_as_null_are_absent(client: httpx2.AsyncClient) -> None:
    keys = ("files", "adapters", "template", "license", "parameters", "messages", "stream", "quantize")
    body = {"model": "mario", "from": "test", "system": "You are Mario", **dict.fromkeys(keys)}
    assert (await created(client, **body))[-1] == {"status": "success"}


async def test_creating_a_name_again_makes_a_revision(client: httpx2.AsyncClient) -> None:
    await created(client, model="mario", **{"from": "test"}, system="one")
    await created(client, model="Mario", **{"from": "test"}, system="two")
    assert (await shown(client, "mario"))["system"] == "two"
    assert (await shown(client, "mario@1"))["system"] == "one"


async def test_a_parameter_without_effect_is_said(client: httpx2.AsyncClient) -> None:
    lines = await created(client, model="m", **{"from": "test"}, parameters={"num_gqa": 8})
    assert any("num_gqa" in line["status"] for line in lines)


FOREIGN = {
    "draft_files": {"a.gguf": SHA},
    "remote_host": "https://ollama.com",
}


@pytest.mark.parametrize("field", FOREIGN)
async def test_what_is_not_supported_is_refused_by_name(client: httpx2.AsyncClient, field: str) -> None:
    answer = await client.post("/api/create", json={"model": "m", "from": "test", field: FOREIGN[field]})
    assert answer.status_code == 400
    assert field in answer.json()["error"]
    assert "not supported" in answer.json()["error"]


@pytest.mark.parametrize("empty", [None, False, "", {}, []])
async def test_nothing_is_no_quantizing(client: httpx2.AsyncClient, empty: object) -> None:
    await created(client, model="m", **{"from": "test"}, quantize=empty)


async def test_a_pull_from_a_registry_that_is_not_listed_is_refused(client: httpx2.AsyncClient) -> None:
    answer = await client.post("/api/pull", json={"name": "llama3"})
    assert answer.status_code == 403
    assert '"registry.ollama.ai" is not among those' in answer.json()["error"]


async def test_only_what_is_here_can_be_pushed(client: httpx2.AsyncClient) -> None:
    assert (await client.post("/api/push", json={"model": "a/b"})).status_code == 404


async def test_an_unknown_base_is_named_and_makes_nothing(client: httpx2.AsyncClient) -> None:
    answer = await client.post("/api/create", json={"model": "m", "from": "nope:7b"})
    assert answer.status_code == 404
    assert '"nope:7b"' in answer.json()["error"]
    assert "modelwright ls" in answer.json()["error"]
    assert "m:latest" not in (await client.get("/api/tags")).text


async def test_an_unknown_parameter_comes_with_its_nearest(client: httpx2.AsyncClient) -> None:
    body = {"model": "m", "from": "test", "parameters": {"temprature": 1}}
    answer = await client.post("/api/create", json=body)
    assert answer.status_code == 400
    assert 'Did you mean "temperature"?' in answer.json()["error"]


async def test_a_broken_modelfile_is_refused_with_its_place(client: httpx2.AsyncClient) -> None:
    answer = await client.post("/api/create", json={"model": "m", "modelfile": "FROM test\nSYSTM x\n"})
    assert answer.status_code == 400
    assert answer.json()["error"].startswith("line 2, column 1: ")


async def test_copy_and_delete_answer_with_nothing(client: httpx2.AsyncClient) -> None:
    copied = await client.post("/api/copy", json={"source": "test", "destination": "me/two"})
    assert (copied.status_code, copied.content) == (200, b"")
    deleted = await client.request("DELETE", "/api/delete", json={"name": "me/two"})
    assert (deleted.status_code, deleted.content) == (200, b"")
    assert (await client.post("/api/show", json={"name": "me/two"})).status_code == 404


async def test_a_suffix_for_this_machine_is_taken_off(client: httpx2.AsyncClient) -> None:
    await created(client, model="m", **{"from": "test:local"})
    assert (await shown(client, "m:local"))["details"]["parent_model"] == "test:latest"


@pytest.mark.parametrize("path", ["/api/chat", "/api/generate", "/api/show", "/api/embed"])
async def test_models_in_the_cloud_are_refused_as_upstream_does(
    client: httpx2.AsyncClient, path: str
) -> None:
    answer = await client.post(path, json={"model": "gpt-oss:20b-cloud"})
    assert answer.status_code == 403
    assert answer.json()["error"].startswith("ollama cloud is disabled: remote model is unavailable")
