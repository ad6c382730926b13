"""Whatever is done through any dialect, the log says who did it to which revision."""

import json
from functools import partial
from typing import Any

import anyio
import pytest

from tests.dialects.voices import HI, VOICES, Voice

pytestmark = pytest.mark.anyio

ROOT = "/api/modelwright"
NAME = "bob/mario:latest"
SAID = "Mamma mia, a secret"
ROW = {"messages": [*HI, {"role": "assistant", "content": SAID}]}
GROUP = {"messages": HI, "responses": [{"content": SAID, "reward": 1}, {"content": "b", "reward": 0}]}

Line = tuple[str, str, int | None]


async def lines(town: Any, thing: str = NAME) -> list[Line]:
    """Who did what to which revision of it, the first first."""
    answer = await town["ann"].get(f"{ROOT}/audit", params={"limit": 1000})
    assert SAID not in answer.text
    assert HI[0]["content"] not in [*answer.json()["entries"]]
    told = [each for each in answer.json()["entries"] if each["thing"] == thing]
    return [(each["name"], each["action"], each["revision"]) for each in reversed(told)]


async def ok(answer: Any) -> Any:
    found = await answer
    assert found.status_code < 300, found.text
    return found.json() if found.content else None


@pytest.mark.parametrize("voice", [each for each in VOICES if each.create], ids=lambda voice: voice.name)
async def test_a_models_life_in_each_dialect_is_told(town, voice: Voice) -> None:
    bob, expected = town["bob"], [("bob", "create", 1)]
    assert voice.create is not None
    assert await voice.create(bob, "mario", "It's me") == 200
    if voice.name == "tigercity":
        expected.append(("bob", "change", 2))  # its system text is said through Ollama's dialect
    if voice.update:
        assert await voice.update(bob, "mario", SAID) == 200
        expected.append(("bob", "change", 2))
    if voice.share:
        assert await voice.share(bob, "mario", True) == 200
        expected.append(("bob", "grant", None))
    used = expected[-1][2] or 2
    if voice.name == "sgp":
        expected.append(("bob", "use", 1))  # it tries what it deploys
    assert [await voice.use(bob, "mario") for _ in range(3)] == [200] * 3
    expected.append(("bob", "use", used))
    assert await lines(town) == expected
    if voice.share:
        assert await voice.share(bob, "mario", False) == 200
        expected.append(("bob", "grant", None))
    if voice.delete:
        assert await voice.delete(bob, "mario") == 200
        expected.append(("bob", "delete", used))
    assert await lines(town) == expected


async def test_uses_are_counted_not_quoted(town) -> None:
    await ok(town["bob"].post("/api/create", json={"model": "mario", "from": "test", "stream": False}))
    for voice in VOICES:
        assert await voice.use(town["bob"], "mario") == 200
    asked = {"model": "mario", "max_tokens": 5, "messages": HI}
    await ok(town["bob"].post("/v1/messages", json=asked))
    await ok(town["bob"].post("/v1/responses", json={"model": "mario", "input": "hi"}))
    answer = (await town["ann"].get(f"{ROOT}/audit", params={"model": "bob/mario"})).json()["entries"]
    detail = answer[0]["detail"]
    assert (answer[0]["action"], detail["requests"]) == ("use", len(VOICES) + 2)
    assert detail["prompt_tokens"] >= len(VOICES)
    assert set(detail) == {"requests", "prompt_tokens", "completion_tokens"}


async def test_what_only_our_own_dialect_can_do_is_told(town) -> None:
    bob = town["bob"]
    for system in ("one", "two", "three"):
        body = {"model": "mario", "from": "test", "system": system, "stream": False}
        await ok(bob.post("/api/create", json=body))
    await ok(bob.post(f"{ROOT}/rollback", json={"model": "mario", "revision": 1}))
    history = await ok(bob.get("/api/v1/models/model/history", params={"id": "mario"}))
    last = next(each for each in history if not each.get("is_current", False))
    await ok(bob.request("DELETE", f"/api/v1/models/model/history/{last['id']}", params={"id": "mario"}))
    grant = {"model": "mario", "principal": "user:eve", "level": "read"}
    await ok(bob.post(f"{ROOT}/grants", json=grant))
    await ok(bob.request("DELETE", f"{ROOT}/grants", json=grant))
    pair = {"base": "mario", "wrapper": "test"}
    await ok(bob.post(f"{ROOT}/reshares", json=pair))
    await ok(bob.request("DELETE", f"{ROOT}/reshares", json=pair))
    await ok(bob.post(f"{ROOT}/transfer", json={"model": "mario", "user": "eve"}))
    told = await lines(town)
    made, given = ["create", "change", "change", "move", "hide"], ["grant", "revoke", "reshare", "revoke"]
    assert [(who, did) for who, did, _ in told] == [("bob", did) for did in (*made, *given, "transfer")]
    assert told[3] == ("bob", "move", 1)
    assert told[4][2] in (2, 3)


async def file_of(client: Any) -> str:
    content = json.dumps(ROW).encode()
    files, data = {"file": ("rows.jsonl", content)}, {"purpose": "fine-tune"}
    return str((await ok(client.post("/v1/files", files=files, data=data)))["id"])


@pytest.mark.parametrize("dialect", ["modelwright", "openai", "sgp", "tigercity"])
async def test_who_asks_for_training_is_told(town, dialect: str) -> None:
    bob = town["bob"]
    await ok(bob.post("/v1/models", json={"name": "mario", "description": "", "parent_model": "test"}))
    if dialect == "tigercity":
        # It answers when the training has ended, and here none begins.
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(partial(bob.post, "/v1/train", json={"model": "mario", **GROUP}))
            while not (runs := (await bob.get(f"{ROOT}/runs")).json()["runs"]):
                await anyio.sleep(0.05)
            await ok(bob.post(f"{ROOT}/runs/cancel", json={"run": runs[0]["id"]}))
    else:
        file = await file_of(bob)
        path, names = {
            "modelwright": (f"{ROOT}/runs", ("dataset", "model")),
            "openai": ("/v1/fine_tuning/jobs", ("training_file", "model")),
            "sgp": ("/v4/fine-tuning-jobs", ("training_dataset_id", "base_model_id")),
        }[dialect]
        body = {names[0]: file, names[1]: "mario"}
        await ok(bob.post(path, json=body | ({"account_id": "acme-labs"} if dialect == "sgp" else {})))
    given_up = [("bob", "train", 1)] if dialect == "tigercity" else []
    assert await lines(town) == [("bob", "create", 1), ("bob", "train", 1), *given_up]
    told = (await town["ann"].get(f"{ROOT}/audit", params={"model": "bob/mario"})).json()["entries"]
    told = [each["detail"] for each in reversed(told) if each["action"] == "train"]
    assert [each["did"] for each in told] == ["ask", *(["cancel"] if given_up else [])]
    assert {each["run"][:4] for each in told} == {"run-"}


DEEDS = {
    "modelwright": [("POST", f"{ROOT}/runs/{deed}", deed) for deed in ("pause", "resume", "cancel")],
    "openai": [
        ("POST", f"/v1/fine_tuning/jobs/{{run}}/{deed}", deed) for deed in ("pause", "resume", "cancel")
    ],
    "sgp": [("DELETE", "/v4/fine-tuning-jobs/{run}", "cancel")],
}


@pytest.mark.parametrize("dialect", DEEDS)
async def test_who_stops_a_training_or_lets_it_go_on_is_told(town, dialect: str) -> None:
    bob = town["bob"]
    await ok(bob.post("/v1/models", json={"name": "mario", "description": "", "parent_model": "test"}))
    job = {"training_file": await file_of(bob), "model": "mario"}
    job_id = (await ok(bob.post("/v1/fine_tuning/jobs", json=job)))["id"]
    run = (await ok(bob.get(f"{ROOT}/runs")))["runs"][0]["id"]
    for method, path, _ in DEEDS[dialect]:
        body = {"json": {"run": run}} if dialect == "modelwright" else {}
        await ok(bob.request(method, path.format(run=job_id if dialect == "openai" else run), **body))
    entries = (await town["ann"].get(f"{ROOT}/audit", params={"model": "bob/mario"})).json()["entries"]
    told = [each for each in reversed(entries) if each["action"] == "train"]
    assert [each["detail"]["did"] for each in told] == ["ask", *(deed for *_, deed in DEEDS[dialect])]
    assert {(each["name"], each["revision"], each["detail"]["run"]) for each in told} == {("bob", 1, run)}


async def test_what_cannot_be_stopped_is_not_told_of(town) -> None:
    bob = town["bob"]
    await ok(bob.post("/v1/models", json={"name": "mario", "description": "", "parent_model": "test"}))
    job = {"training_file": await file_of(bob), "model": "mario"}
    run = (await ok(bob.post("/v1/fine_tuning/jobs", json=job)))["id"]
    await ok(bob.post(f"/v1/fine_tuning/jobs/{run}/cancel"))
    assert (await bob.post(f"/v1/fine_tuning/jobs/{run}/cancel")).status_code >= 400
    assert (await town["eve"].post(f"/v1/fine_tuning/jobs/{run}/resume")).status_code == 404
    assert [action for _, action, _ in await lines(town)] == ["create", "train", "train"]


async def test_who_signs_a_model_is_told(town) -> None:
    body = {"model": "mario", "from": "test", "system": "x", "stream": False}
    await ok(town["bob"].post("/api/create", json=body))
    await ok(town["bob"].post(f"{ROOT}/sign", json={"model": "mario", "signature": SAID}))
    signed = {"model": "bob/mario", "signature": SAID}
    assert (await town["eve"].post(f"{ROOT}/sign", json=signed)).status_code == 404
    assert await lines(town) == [("bob", "create", 1), ("bob", "sign", 1)]


async def test_an_admin_who_looks_into_anothers_model_is_told_of(town) -> None:
    body = {"model": "mario", "from": "test", "system": SAID, "stream": False}
    await ok(town["bob"].post("/api/create", json=body))
    for who in ("ann", "bob"):
        for _ in range(2):
            await ok(town[who].post("/api/show", json={"model": "bob/mario"}))
    assert await lines(town) == [("bob", "create", 1), ("ann", "read", 1)]
    await ok(town["ann"].get("/api/tags"))
    assert await lines(town) == [("bob", "create", 1), ("ann", "read", 1)], "a list looks into nothing"


async def test_people_and_keys_are_told_of(town) -> None:
    ann = town["ann"]
    user = {"email": "eve@example.com", "password": "correct horse battery"}
    await town["nobody"].post("/api/v1/auths/signin", json=user)
    await ok(ann.post(f"{ROOT}/keys", json={"user": "bob"}))
    answer = (await ann.get(f"{ROOT}/audit")).json()["entries"]
    told = {(each["name"], each["action"], each["detail"].get("did")) for each in answer}
    assert {("ann", "key", "added"), ("eve", "user", "signed in"), ("local", "group", "added")} <= told
