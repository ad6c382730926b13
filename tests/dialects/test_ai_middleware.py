"""AI-middleware's routes with their faults mended, which is how they come."""

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any
from uuid import UUID

import httpx2
import pytest

from modelwright.core.chat import ChatEvent, Done, Usage
from modelwright.core.errors import Unavailable
from modelwright.dialects.ai_middleware import Stance
from modelwright.engines.echo import EchoEngines
from modelwright.web.server import build_asgi
from tests.dialects.flat_forms import FORM, answered, ask

pytestmark = pytest.mark.anyio


async def create(client, **fields: object) -> Any:
    return await client.post("/create-model", json={**FORM, **fields})


async def show(client, name: str) -> Any:
    return (await client.post("/api/show", json={"model": name})).json()


async def test_the_documented_form_makes_a_model(client) -> None:
    answer = await create(client)
    assert answer.status_code == 200
    assert answer.json() == {"message": "Model created, creation may take 3 minutes, model name: clarity_4"}
    shown = await show(client, "clarity_4")
    assert shown["system"] == FORM["system"]
    assert shown["details"]["parent_model"].startswith("test")
    assert sorted(shown["parameters"].split()) == sorted(["num_ctx", "64", "temperature", "0"])


ALL: dict[str, Any] = {
    "microstat": 2,
    "microstat_eta": 0.2,
    "microstat_tau": 4,
    "num_gpa": 8,
    "num_gpu": 0,
    "num_thread": 2,
    "repeat_last_n": 32,
    "repeat_penalty": 1.2,
    "seed": 7,
    "stop": "END",
    "tfs_z": 1.0,
    "num_predict": 77,
    "top_k": 5,
    "top_p": 0.5,
}
RIGHT = {"microstat": "mirostat", "microstat_eta": "mirostat_eta", "microstat_tau": "mirostat_tau"}


async def test_every_documented_parameter_is_kept_under_its_right_name(client) -> None:
    answer = await create(client, **ALL)
    assert answer.status_code == 200, answer.text
    assert len(answer.json()["notices"]) == 2  # num_gqa and tfs_z have no effect any more
    lines = (await show(client, "clarity_4"))["modelfile"].splitlines()
    for name, value in ALL.items():
        right = {**RIGHT, "num_gpa": "num_gqa"}.get(name, name)
        shown = str(int(value)) if value == 1.0 else str(value)
        assert any(line.split(maxsplit=2)[1:] in ([right, shown], [right, f'"{shown}"']) for line in lines)


@pytest.mark.parametrize(
    ("field", "value", "line"),
    [
        ("stop", ["a", "b c"], "stop"),
        ("stop", 5, "stop"),
        ("temperature", "0.5", "temperature"),
        ("num_ctx", "32", "num_ctx"),
        ("num_predict", 12, "num_predict"),
        ("repeat_last_n", 3, "repeat_last_n"),
        ("mirostat", 1, "mirostat"),
        ("min_p", 0.25, "min_p"),
        ("stop", "", ""),
        ("stop", [], ""),
        ("seed", None, ""),
    ],
)
async def test_what_is_in_range_is_accepted(client, field: str, value: object, line: str) -> None:
    assert (await create(client, **{field: value})).status_code == 200
    assert not line or f"PARAMETER {line} " in (await show(client, "clarity_4"))["modelfile"]


WRONG: list[tuple[str, object, str]] = [
    *((field, None, f"{field} field is required") for field in FORM),
    *((field, 7, f"{field} field must be a text") for field in ("fileName", "modelName", "system")),
    *((field, ["x"], f"{field} field must be a text") for field in ("fileName", "modelName", "system")),
    *((field, " ", f"{field} field is required") for field in ("fileName", "modelName", "system")),
    *((field, "hot", f'"{field}"') for field in (*ALL, "temperature", "num_ctx") if field != "stop"),
    *((field, {}, f'"{field}"') for field in (*ALL, "temperature", "num_ctx") if field != "stop"),
    *((field, [1], f'"{field}"') for field in (*ALL, "temperature", "num_ctx") if field != "stop"),
    *((field, True, f'"{field}"') for field in (*ALL, "temperature", "num_ctx")),
    *((field, 1e12, f'"{field}"') for field in (*ALL, "temperature", "num_ctx") if field != "stop"),
    ("temperature", "1e400", '"temperature"'),
    ("microstat", 3, '"microstat"'),
    ("top_p", 1.5, '"top_p"'),
    ("num_predict", -3, '"num_predict"'),
    ("stop", [1], '"stop"'),
    ("stop", {}, '"stop"'),
    ("stop", False, '"stop"'),
    ("stop", ["x"] * 65, '"stop"'),
    ("stop", "x" * 1025, '"stop"'),
    ("mirostat_tua", 1, "mirostat_tau"),
    ("fileName", "../etc/passwd", "cannot name a model"),
    ("fileName", "/etc/passwd", "cannot name a model"),
    ("fileName", "a; rm -rf ~", "cannot name a model"),
    ("fileName", "$(id)", "cannot name a model"),
    ("fileName", "a\u0000b", "cannot name a model"),
    ("fileName", "a" * 257, "256"),
    ("fileName", "mario@3", "revision"),
    ("modelName", "../test", "model"),
    ("modelName", "a b", "model"),
]


@pytest.mark.parametrize(("field", "value", "words"), WRONG, ids=lambda value: f"{value!r:.20}")
async def test_a_wrong_field_is_refused_by_name_and_makes_nothing(
    client, field: str, value: object, words: str
) -> None:
    answer = await create(client, **{field: value})
    assert answer.status_code == 400
    assert words in answer.json()["message"]
    assert len((await client.get("/api/tags")).json()["models"]) == 2


async def test_the_first_wrong_field_is_the_one_that_is_told(client) -> None:
    form: dict[str, Any] = {"top_p": "x", "microstat": "x", "system": "", "num_ctx": "x"}
    told = []
    for field, mended in (("fileName", "m"), ("modelName", "test"), ("temperature", 1), ("num_ctx", 9)):
        told.append((await client.post("/create-model", json=form)).json()["message"].split()[0])
        form[field] = mended
    assert told == ["fileName", "modelName", "temperature", "parameter"]
    assert "system" in (await client.post("/create-model", json=form)).json()["message"]


async def test_one_parameter_in_two_spellings_must_say_one_thing(client) -> None:
    assert (await create(client, microstat=1, mirostat=1)).status_code == 200
    answer = await create(client, fileName="b", microstat=1, mirostat=2)
    assert answer.status_code == 400
    assert "twice" in answer.json()["message"]


async def test_a_name_is_taken_once(client) -> None:
    assert (await create(client)).status_code == 200
    answer = await create(client, system="Another")
    assert answer.status_code == 400
    assert answer.json()["message"].startswith("A model with the same fileName already exists")
    assert (await show(client, "clarity_4"))["system"] == FORM["system"]


async def test_a_base_that_is_not_here_is_reported(client) -> None:
    answer = await create(client, modelName="mistral")
    assert answer.status_code == 404
    assert "mistral" in answer.json()["message"]
    assert (await create(client)).status_code == 200, "the name is still free"


@pytest.mark.parametrize(
    "file_name", ["llama2:7b", "My Model (new), v1?", "a/b/c/d/e/f", ".hidden", "  mario ", " M. Bros "]
)
async def test_an_odd_file_name_is_an_id(client, file_name: str) -> None:
    assert (await create(client, fileName=file_name)).status_code == 200
    assert (await create(client, fileName=file_name)).status_code == 400
    answer = await answered(client, await ask(client, model=file_name))
    assert (answer.status_code, answer.json()["model"]) == (200, file_name)
    path = file_name.replace("?", "%3F")
    gone = await client.delete(f"/delete-model/{path}")
    assert gone.json() == {"message": f"Model {file_name} deleted successfully"}
    assert len((await client.get("/api/tags")).json()["models"]) == 2


async def test_what_is_not_there_cannot_be_deleted(client) -> None:
    for name in ("nothing", "a b", "x" * 300):
        answer = await client.delete(f"/delete-model/{name}")
        assert answer.status_code == 404
        assert answer.json()["message"] == "Model not found"


async def test_a_prompt_is_answered_later(client) -> None:
    id = await ask(client, "Why is\nthe sky 1+1 blue?")
    assert UUID(id).version == 4
    answer = await answered(client, id)
    tree = answer.json()
    assert answer.status_code == 200
    assert (tree["model"], tree["prompt"], tree["uniqueId"]) == ("test", "Why is\nthe sky 1+1 blue?", id)
    assert "1+1" in tree["result"]
    assert len(tree["timestamp"]) == len("2023-12-29T23:59:50.831Z")
    assert tree["timestamp"].endswith("Z")
    assert list(tree) == ["model", "prompt", "result", "timestamp", "uniqueId"]


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({}, "Empty input"),
        ({"prompt": "x"}, '"model"'),
        ({"model": "test"}, '"prompt"'),
        ({"model": "test", "prompt": " "}, "prompt field is required"),
        ({"model": "test", "prompt": 5}, '"prompt"'),
        ({"model": ["test"], "prompt": "x"}, '"model"'),
        ({"model": "test", "prompt": "x", "options": []}, '"options"'),
        ({"model": "test", "prompt": "x", "options": {"temperature": "hot"}}, '"temperature"'),
        ({"model": "test", "prompt": "x", "system": 5}, '"system"'),
        ({"model": "test", "prompt": "x", "template": 5}, '"template"'),
        ({"model": "test", "prompt": "x", "suffix": []}, '"suffix"'),
        ({"model": " ", "prompt": "x"}, "model"),
        ({"model": "../test", "prompt": "x"}, "model"),
        ({"model": "x" * 257, "prompt": "x"}, "model"),
        ({"model": "test", "prompt": "x", "images": "x"}, '"images"'),
        ({"model": "test", "prompt": "x", "images": ["eA=="]}, '"images.0"'),
        ({"model": "test", "prompt": "x", "raw": "yes"}, '"raw"'),
        ({"model": "test", "prompt": "x", "raw": True, "system": "y"}, "raw"),
        ({"model": "test", "prompt": "x", "images": ["x"]}, '"images.0"'),
        ({"model": "test", "prompt": "x", "think": 5}, '"think"'),
        ({"model": "test", "prompt": "x", "format": 5}, "format"),
        ({"model": "test", "prompt": "x", "keep_alive": "soon"}, "soon"),
        ({"model": "test", "prompt": "x", "priority": 11}, '"priority"'),
        ({"model": "test", "prompt": "x", "priority": "1"}, '"priority"'),
        ({"model": "test", "prompt": "x", "context": [1]}, '"context"'),
    ],
)
async def test_a_wrong_prompt_is_refused(client, body: dict[str, Any], words: str) -> None:
    answer = await client.post("/ai", json=body)
    assert answer.status_code == 400
    assert words in answer.json()["message"]


async def test_a_prompt_that_is_too_long_to_wait_is_refused(client) -> None:
    answer = await client.post("/ai", json={"model": "test", "prompt": "x" * (9 * 1024 * 1024)})
    assert answer.status_code == 413


@pytest.mark.parametrize("id", ["nothing", "x" * 300, "00000000-0000-4000-8000-000000000000"])
async def test_what_was_never_asked_has_no_answer(client, id: str) -> None:
    answer = await client.get(f"/ai/result/{id}")
    assert answer.status_code == 404
    assert "never queued" in answer.json()["message"]


async def test_an_answer_is_for_who_asked_alone(town) -> None:
    id = await ask(town["bob"])
    assert (await answered(town["bob"], id)).status_code == 200
    stranger = await town["eve"].get(f"/ai/result/{id}")
    never = await town["eve"].get("/ai/result/x")
    assert (stranger.status_code, stranger.text.replace(id, "x")) == (404, never.text)
    assert (await town["nobody"].get(f"/ai/result/{id}")).status_code == 401


async def test_a_key_comes_in_the_header_token(town) -> None:
    key = town["bob"].headers["Authorization"].removeprefix("Bearer ")
    nobody = town["nobody"]
    assert (await nobody.post("/ai", json={"model": "test", "prompt": "x"})).status_code == 401
    answer = await nobody.post("/ai", json={"model": "test", "prompt": "x"}, headers={"Token": key})
    assert answer.status_code == 200
    assert (await nobody.post("/create-model", json=FORM, headers={"Token": "x"})).status_code == 401


async def test_nobody_learns_of_a_model_that_they_may_not_know(town) -> None:
    await create(town["bob"])
    refused = await town["eve"].post("/ai", json={"model": "bob/clarity_4", "prompt": "x"})
    assert refused.status_code == 404
    absent = await town["eve"].post("/ai", json={"model": "bob/clarity_5", "prompt": "x"})
    assert refused.text.replace("clarity_4", "clarity_5") == absent.text
    assert (await create(town["eve"], modelName="bob/clarity_4")).status_code == 404


async def test_a_name_that_stands_for_a_model_is_taken(house) -> None:
    """Else who asks for the new model would be answered by the one that stands in."""
    edge = replace(house.edge, ai_middleware=Stance(stand_ins={"llama2": "test"}))
    transport = httpx2.ASGITransport(app=build_asgi(house.services, edge))
    async with httpx2.AsyncClient(transport=transport, base_url="http://localhost") as client:
        answer = await create(client, fileName="llama2", modelName="llama2")
        assert (answer.status_code, "already exists" in answer.json()["message"]) == (400, True)
        assert (await create(client, fileName="mistral", modelName="llama2")).status_code == 200


class Broken(EchoEngines):
    """An engine that never has room."""

    def chat(self, *arguments: Any, **more: Any) -> Any:
        return _refusing()

    complete = chat


async def _refusing() -> AsyncIterator[ChatEvent]:
    raise Unavailable("the engine died", retry_after=0)
    yield Done("stop", Usage())


async def test_a_prompt_that_cannot_be_answered_has_failed(opening) -> None:
    async with opening(engines=Broken) as house:
        answer = await answered(house.client, await ask(house.client))
    assert answer.status_code == 500
    assert answer.json()["status"] == "failed"
    assert answer.json()["message"] == "Something went wrong: the engine died"


async def test_the_dialect_stands_under_its_name_too(client) -> None:
    assert (await client.post("/ai_middleware/create-model", json=FORM)).status_code == 200
    answer = await client.post("/ai_middleware/ai", json={"model": "clarity_4", "prompt": "x"})
    assert (await answered(client, answer.json()["message"])).status_code == 200
    assert (await client.delete("/ai_middleware/delete-model/clarity_4")).status_code == 200
