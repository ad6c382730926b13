"""OpenAI's files, uploads and fine-tuning jobs: what is refused, kept and told apart."""

import base64
import json

import pytest

pytestmark = pytest.mark.anyio

ROW = {"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Ho"}]}
CHECK = {
    "type": "string_check",
    "name": "same",
    "input": "{{sample.output_text}}",
    "reference": "{{item.answer}}",
    "operation": "eq",
}
UPLOAD = {"filename": "x", "purpose": "user_data", "bytes": 4, "mime_type": "text/plain"}


async def upload(client, *rows: dict, purpose: str = "fine-tune", **fields: str):
    content = b"".join(json.dumps(row).encode() + b"\n" for row in rows or (ROW,))
    files = {"file": ("rows.jsonl", content)}
    return await client.post("/v1/files", files=files, data={"purpose": purpose, **fields})


async def job(client, rows: tuple[dict, ...] = (ROW,), **fields):
    file = (await upload(client, *rows)).json()["id"]
    body = {"model": "test", "training_file": file, **fields}
    return await client.post("/v1/fine_tuning/jobs", json=body)


def reinforcement(grader: object = CHECK, **hyperparameters: object) -> dict:
    inner = {"grader": grader, "hyperparameters": hyperparameters}
    return {"type": "reinforcement", "reinforcement": inner}


async def test_a_job_says_what_was_asked_for(client) -> None:
    asked = {
        "suffix": "My Facts",
        "seed": 3,
        "metadata": {"a": "b"},
        "integrations": [{"type": "wandb", "wandb": {"project": "p"}}],
        "method": {"type": "dpo", "dpo": {"hyperparameters": {"beta": 0.2, "n_epochs": 2}}},
    }
    pair = {
        "input": {"messages": [{"role": "user", "content": "Hi"}]},
        "preferred_output": [{"role": "assistant", "content": "a"}],
        "non_preferred_output": [{"role": "assistant", "content": "b"}],
    }
    made = await job(client, (pair,), **asked)
    assert made.status_code == 200, made.text
    tree = made.json()
    for name in ("seed", "metadata", "integrations"):
        assert tree[name] == asked[name]
    expected = {"batch_size": "auto", "learning_rate_multiplier": "auto", "n_epochs": 2, "beta": 0.2}
    assert tree["method"] == {"type": "dpo", "dpo": {"hyperparameters": expected}}
    assert (tree["model"], tree["status"], tree["fine_tuned_model"]) == ("test", "queued", None)
    assert (await client.get(f"/v1/fine_tuning/jobs/{tree['id']}")).json() == tree
    (run,) = (await client.get("/api/modelwright/runs")).json()["runs"]
    assert run["id"] == tree["id"].replace("ftjob-", "run-")
    assert run["hyperparameters"] == {"beta": 0.2, "epochs": 2.0, "kept_checkpoints": 3, "seed": 3}
    assert run["target"].startswith("registry.ollama.ai/library/test-my-facts-")


async def test_a_rate_is_given_as_a_multiple_of_the_usual_one(client) -> None:
    await job(client, hyperparameters={"learning_rate_multiplier": 2, "batch_size": 3, "n_epochs": "auto"})
    (run,) = (await client.get("/api/modelwright/runs")).json()["runs"]
    values = run["hyperparameters"]
    assert (values["learning_rate"], values["batch_size"]) == (pytest.approx(0.006), 3)


async def test_a_run_of_another_dialect_is_a_job_too(client) -> None:
    file = (await upload(client)).json()["id"]
    body = {"model": "test", "dataset": file, "target": "mario"}
    run = (await client.post("/api/modelwright/runs", json=body)).json()
    (tree,) = (await client.get("/v1/fine_tuning/jobs")).json()["data"]
    assert tree["id"] == run["id"].replace("run-", "ftjob-")
    assert tree["method"]["type"] == "supervised"


async def test_lists_have_pages_and_filters(client) -> None:
    ids = [(await job(client, metadata={"n": str(n % 2)})).json()["id"] for n in range(3)]
    page = (await client.get("/v1/fine_tuning/jobs", params={"limit": 2})).json()
    assert ([each["id"] for each in page["data"]], page["has_more"]) == (ids[:0:-1], True)
    rest = (await client.get("/v1/fine_tuning/jobs", params={"after": page["last_id"]})).json()
    assert ([each["id"] for each in rest["data"]], rest["has_more"]) == (ids[:1], False)
    odd = (await client.get("/v1/fine_tuning/jobs", params={"metadata[n]": "1"})).json()
    assert [each["id"] for each in odd["data"]] == [ids[1]]
    assert not (await client.get("/v1/fine_tuning/jobs", params={"metadata": "null"})).json()["data"]
    events = (await client.get(f"/v1/fine_tuning/jobs/{ids[0]}/events")).json()
    assert [each["message"] for each in events["data"]] == ["Created fine-tuning job"]
    assert not (await client.get(f"/v1/fine_tuning/jobs/{ids[0]}/checkpoints")).json()["data"]


async def test_files_and_jobs_are_their_owners_alone(town) -> None:
    file = (await upload(town["bob"])).json()["id"]
    tree = (await job(town["bob"])).json()
    upload_id = (await town["bob"].post("/v1/uploads", json=UPLOAD)).json()["id"]
    paths = (f"files/{file}", f"files/{file}/content", f"fine_tuning/jobs/{tree['id']}")
    for path in (*paths, f"fine_tuning/jobs/{tree['id']}/events"):
        assert (await town["bob"].get(f"/v1/{path}")).status_code == 200, path
        assert (await town["eve"].get(f"/v1/{path}")).status_code == 404, path
    assert (await town["eve"].delete(f"/v1/files/{file}")).status_code == 404
    for action in ("cancel", "complete"):
        asked = await town["eve"].post(f"/v1/uploads/{upload_id}/{action}", json={"part_ids": []})
        assert asked.status_code == 404
    for listed in ("files", "fine_tuning/jobs"):
        assert not (await town["eve"].get(f"/v1/{listed}")).json()["data"]
    stolen = {"model": "test", "training_file": file}
    answer = await town["eve"].post("/v1/fine_tuning/jobs", json=stolen)
    assert (answer.status_code, file in answer.text) == (404, True)


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"model": 3}, "model"),
        ({"training_file": 3}, "training_file"),
        ({"training_file": None}, "training_file"),
        ({"suffix": "x" * 65}, "suffix"),
        ({"suffix": 5}, "suffix"),
        ({"seed": -1}, "seed"),
        ({"seed": "1"}, "seed"),
        ({"metadata": {"a": 1}}, "metadata"),
        ({"metadata": {"a" * 65: "1"}}, "metadata"),
        ({"metadata": []}, "metadata"),
        ({"integrations": "wandb"}, "integrations"),
        ({"hyperparameters": {"n_epochs": 0}}, "hyperparameters.n_epochs"),
        ({"hyperparameters": {"batch_size": "big"}}, "hyperparameters.batch_size"),
        ({"hyperparameters": {"learning_rate_multiplier": 0}}, "hyperparameters.learning_rate_multiplier"),
        ({"hyperparameters": {"epoch": 1}}, "hyperparameters.epoch"),
        ({"hyperparameters": 1}, "hyperparameters"),
        ({"method": {"type": "magic"}}, "method.type"),
        ({"method": {"type": "dpo", "dpo": 1}}, "method.dpo"),
        ({"method": {"type": "dpo", "dpo": {"hyperparameters": 1}}}, "method.dpo.hyperparameters"),
        (
            {"method": {"type": "dpo", "dpo": {"hyperparameters": {"beta": -1}}}},
            "method.dpo.hyperparameters.beta",
        ),
        ({"method": {"type": "reinforcement"}}, "method.reinforcement.grader"),
        ({"method": reinforcement({"type": "python"})}, "method.reinforcement.grader.type"),
        ({"method": reinforcement({**CHECK, "input": 1})}, "method.reinforcement.grader.input"),
        (
            {"method": reinforcement(compute_multiplier="much")},
            "method.reinforcement.hyperparameters.compute_multiplier",
        ),
        ({"method": "supervised"}, "method"),
    ],
)
async def test_a_bad_field_of_a_job_is_named(client, fields: dict, param: str) -> None:
    answer = await job(client, **fields)
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, param), answer.text
    assert not (await client.get("/api/modelwright/runs")).json()["runs"]


async def test_files_that_cannot_be_learned_from_are_refused_with_the_line(client) -> None:
    answer = await job(client, (ROW, {"messages": "none"}))
    assert (answer.status_code, "line 2" in answer.text) == (400, True)
    other = (await upload(client, purpose="user_data")).json()["id"]
    answer = await client.post("/v1/fine_tuning/jobs", json={"model": "test", "training_file": other})
    assert (answer.status_code, "user_data" in answer.text) == (400, True)
    assert (await job(client, model="none")).status_code == 404
    assert (await job(client, validation_file="file-none")).status_code == 404


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"purpose": "fun"}, "purpose"),
        ({"purpose": ""}, "purpose"),
        ({"expires_after[seconds]": "5"}, "expires_after.seconds"),
        ({"expires_after[anchor]": "birth", "expires_after[seconds]": "3600"}, "expires_after.anchor"),
    ],
)
async def test_a_bad_field_of_a_file_is_named(client, fields: dict, param: str) -> None:
    answer = await upload(client, **fields)
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, param)


async def test_a_file_comes_in_a_form(client) -> None:
    for asked in (
        {"json": {"purpose": "batch"}},
        {"data": {"purpose": "batch"}},
        {"files": {"other": b"x"}, "data": {"purpose": "batch"}},
        {"content": b"--x\r\nbroken", "headers": {"content-type": "multipart/form-data; boundary=x"}},
        {"content": b"", "headers": {"content-type": "multipart/form-data"}},
    ):
        answer = await client.post("/v1/files", **asked)
        assert answer.status_code == 400, asked
    large = await client.post("/v1/files", files={"file": b"x" * (6 * 1024**2)}, data={"purpose": "batch"})
    assert large.status_code == 413


@pytest.mark.parametrize(
    "fields", [{"bytes": 0}, {"bytes": "4"}, {"purpose": "fun"}, {"filename": ""}, {"mime_type": 1}]
)
async def test_a_bad_field_of_an_upload_is_named(client, fields: dict) -> None:
    answer = await client.post("/v1/uploads", json={**UPLOAD, **fields})
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, next(iter(fields)))


async def test_an_upload_takes_what_was_announced_and_no_more(client) -> None:
    too_large = await client.post("/v1/uploads", json={**UPLOAD, "bytes": 2**40})
    assert too_large.status_code == 413
    made = (await client.post("/v1/uploads", json=UPLOAD)).json()
    parts = f"/v1/uploads/{made['id']}/parts"
    assert (await client.post(parts, files={"data": b"12345"})).status_code == 413
    assert (await client.post(parts, files={"data": b""})).status_code == 400
    part = (await client.post(parts, files={"data": b"1234"})).json()
    for ids in (["part_none"], [part["id"], part["id"]], []):
        answer = await client.post(f"/v1/uploads/{made['id']}/complete", json={"part_ids": ids})
        assert (answer.status_code, answer.json()["error"]["param"]) == (400, "part_ids")


async def test_unknown_ids_are_not_found(client) -> None:
    for path in ("files/x", "files/x/content", "fine_tuning/jobs/x", "fine_tuning/jobs/ftjob-x/events"):
        assert (await client.get(f"/v1/{path}")).status_code == 404, path
    chat = {"model": "ft:test:org::none", "messages": [{"role": "user", "content": "hi"}]}
    for path in ("/api/chat", "/v1/chat/completions", "/api/generate", "/v1/messages"):
        answer = await client.post(path, json={**chat, "prompt": "hi", "max_tokens": 1})
        assert answer.status_code == 404, path


@pytest.mark.parametrize("query", ["limit=0", "limit=x", "limit=101", "after=ftevent-none"])
async def test_a_bad_page_is_refused(client, query: str) -> None:
    made = (await job(client)).json()["id"]
    answer = await client.get(f"/v1/fine_tuning/jobs/{made}/events?{query}")
    assert answer.status_code == 400
    assert (await client.get("/v1/files?order=up")).status_code == 400


async def test_permissions_are_grants(town) -> None:
    create = {"model": "mario", "from": "test", "stream": False}
    assert (await town["bob"].post("/api/create", json=create)).status_code == 200
    path = "/v1/fine_tuning/checkpoints/mario/permissions"
    given = await town["bob"].post(path, json={"project_ids": ["user:eve"]})
    (permission,) = given.json()["data"]
    assert permission["project_id"] == f"user:{town.ids['eve']}"
    hi = {"model": "bob/mario", "messages": [{"role": "user", "content": "hi"}]}
    assert (await town["eve"].post("/v1/chat/completions", json=hi)).status_code == 200
    assert (await town["eve"].get(path.replace("mario", "bob/mario"))).status_code == 403
    assert (await town["bob"].get(path)).json()["data"] == [permission]
    assert (await town["bob"].delete(f"{path}/{permission['id']}")).json()["deleted"] is True
    assert (await town["eve"].post("/v1/chat/completions", json=hi)).status_code == 404
    assert (await town["bob"].delete(f"{path}/{permission['id']}")).status_code == 404
    nobody = "cp_" + base64.urlsafe_b64encode(b"user:none").decode().rstrip("=")
    for wrong in (nobody, "cp_!", "x"):
        assert (await town["bob"].delete(f"{path}/{wrong}")).status_code == 404
    for bad in ([], ["planet:mars"], [1], "everyone"):
        assert (await town["bob"].post(path, json={"project_ids": bad})).status_code in (400, 404)
