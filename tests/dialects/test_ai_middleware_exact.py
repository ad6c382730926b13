"""AI-middleware's routes as the original has them: its checks, codes and texts."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import httpx2
import pytest

from modelwright.dialects.ai_middleware import Stance
from modelwright.dialects.ai_middleware.javascript import begins_as_number, is_nan
from modelwright.dialects.native import Identity
from modelwright.web.auth import Doorkeeper
from modelwright.web.server import Edge, build_asgi
from tests.dialects.flat_forms import FORM, answered, ask

pytestmark = pytest.mark.anyio

BORN = datetime(2026, 11, 21, tzinfo=UTC)
WRONG = "Something went wrong: "
WAV = b"RIFF\x24\0\0\0WAVEfmt " + bytes(20)
LLAMA = {**FORM, "modelName": "llama2"}


def serving(house, **more: Any) -> httpx2.AsyncClient:
    edge = Edge(
        Identity("1", "", 1, BORN, ""),
        ai_middleware=Stance("exact", {"llama2": "test", "mistral": "test"}),
        **more,
    )
    transport = httpx2.ASGITransport(app=build_asgi(house.services, edge))
    return httpx2.AsyncClient(transport=transport, base_url="http://localhost")


@pytest.fixture
async def client(house) -> AsyncIterator[httpx2.AsyncClient]:
    async with serving(house) as opened:
        yield opened


async def models(client) -> int:
    return len((await client.get("/api/tags")).json()["models"])


async def test_one_of_the_four_names_makes_a_model_of_its_stand_in(client) -> None:
    answer = await client.post("/create-model", json=LLAMA)
    assert answer.status_code == 200
    assert answer.json() == {"message": "Model created, creation may take 3 minutes, model name: clarity_4"}
    assert (await client.post("/api/show", json={"model": "clarity_4"})).json()["system"] == FORM["system"]


# In the order of the checks: the fields of a form that fails there, and what is said.
CHECKS: list[tuple[dict[str, Any], str]] = [
    ({"fileName": None}, "modelName field is required"),
    ({"fileName": " "}, "modelName field is required"),
    ({"fileName": 0}, "modelName field is required"),
    ({"fileName": 7}, "obj.fileName.trim is not a function"),
    ({"fileName": []}, "obj.fileName.trim is not a function"),
    ({"modelName": "test"}, "modelName field must be mistral, llama2, codellama or dolphin-mixtral"),
    ({"modelName": "llama2:7b"}, "modelName field must be mistral, llama2, codellama or dolphin-mixtral"),
    ({"temperature": None}, "temperature field is required"),
    ({"temperature": "hot"}, "temperature field must be a number"),
    ({"temperature": ""}, "temperature field must be a number"),
    ({"temperature": True}, "temperature field must be a number"),
    ({"num_ctx": 0}, "num_ctx field is required"),
    ({"num_ctx": None}, "num_ctx field is required"),
    ({"num_ctx": ""}, "num_ctx field is required"),
    ({"num_ctx": "many"}, "num_ctx field must be a number"),
    ({"system": "  "}, "system field is required"),
    ({"system": {}}, "obj.system.trim is not a function"),
    ({"microstat": 3}, "microstat field must be 0 = disabled, 1 = Mirostat or 2 = Mirostat 2.0"),
    ({"microstat": "1"}, "microstat field must be 0 = disabled, 1 = Mirostat or 2 = Mirostat 2.0"),
    ({"microstat": True}, "microstat field must be 0 = disabled, 1 = Mirostat or 2 = Mirostat 2.0"),
    ({"microstat_eta": "x"}, "microstat_eta field must be a number, the default is 0.1"),
    ({"microstat_tau": "x"}, "mirostat_tau field must be a number, the default is 5.0"),
    ({"num_gpa": "x"}, "num_gpa field must be a number"),
    ({"num_gpu": "x"}, "num_gpu field must be a number"),
    ({"num_thread": "x"}, "num_thread field must be a number"),
    ({"repeat_last_n": 32}, "microstat field must be: 64 = default, 0 = disabled or -1 = num_ctx"),
    ({"repeat_penalty": "x"}, "repeat_penalty field must be a number, the default is 1.1"),
    ({"seed": "x"}, "seed field must be a number, default = 0"),
    ({"stop": "END"}, "stop field must be a number, default = 0"),
    ({"stop": ["a", "b"]}, "stop field must be a number, default = 0"),
    ({"tfs_z": "x"}, "tfs_z field must be a float, default = 1.0"),
    (
        {"num_predict": 12},
        "microstat field must be: 128 = default, -1 = infinite generation or -2 = fill context",
    ),
    ({"top_k": "x"}, "top_k field must be a number, default = 0"),
    ({"top_p": {}}, "top_p field must be a number, default = 0"),
]


@pytest.mark.parametrize(("fields", "words"), CHECKS, ids=lambda value: f"{value}"[:40])
async def test_each_check_has_its_code_and_text(client, fields: dict[str, Any], words: str) -> None:
    answer = await client.post("/create-model", json={**LLAMA, **fields})
    assert answer.status_code == 500
    assert answer.json() == {"Message": WRONG + words}
    assert await models(client) == 2


async def test_the_first_check_that_fails_is_told(client) -> None:
    wrong = {name: value for fields, _ in reversed(CHECKS) for name, value in fields.items()}
    told = []
    for fields, words in CHECKS:
        (name,) = fields
        if wrong.get(name) != fields[name]:
            continue  # not the first way in which this field is wrong
        told.append((await client.post("/create-model", json=wrong)).json()["Message"] == WRONG + words)
        wrong[name] = LLAMA.get(name, 0 if name != "num_predict" else -1)
    assert told == [True] * 19
    assert (await client.post("/create-model", json=wrong)).status_code == 200


@pytest.mark.parametrize(
    "fields",
    [
        {"temperature": "0.5 or so"},
        {"num_ctx": "64"},
        {"num_ctx": True},
        {"seed": ""},
        {"seed": None},
        {"top_k": True},
        {"top_p": "0x1"},
        {"stop": 5},
        {"stop": [7]},
        {"anything": "else"},
        {"fileName": "../../etc/passwd"},
        {"temperature": 500},
        {"modelName": "codellama"},
    ],
    ids=str,
)
async def test_what_the_checks_let_pass_is_called_a_success(client, fields: dict[str, Any]) -> None:
    """Whether or not a model came of it: the original does not look."""
    answer = await client.post("/create-model", json={**LLAMA, **fields})
    assert answer.status_code == 200
    assert answer.json()["message"].startswith("Model created")


async def test_a_duplicate_is_the_one_failure_that_is_told(client) -> None:
    await client.post("/create-model", json=LLAMA)
    answer = await client.post("/create-model", json=LLAMA)
    assert answer.status_code == 400
    assert answer.json() == {
        "message": "A model with the same fileName already exists, the model was not created, "
        "please try again with a different fileName"
    }


@pytest.mark.parametrize("path", ["/create-model", "/ai"])
@pytest.mark.parametrize(
    ("content", "kind", "body"),
    [
        (b"{", "application/json", {"message": "invalid json format. Please check the documentation"}),
        (
            b" " * 11_000_000,
            "application/json",
            {"message": "invalid json format. Please check the documentation"},
        ),
        (
            b"{}",
            "application/json; charset=utf-8",
            {"Message": WRONG + "Content-type is not application/json"},
        ),
        (b"{", "text/plain", {"Message": WRONG + "Content-type is not application/json"}),
    ],
    ids=["cut", "11 MB", "charset", "text"],
)
async def test_a_body_must_be_json_and_say_so(client, path, content, kind, body) -> None:
    answer = await client.post(path, content=content, headers={"Content-Type": kind})
    assert (answer.status_code, answer.json()) == (500, body)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({}, "Empty input"),
        ({"model": "llama2:7b"}, "model field does not match the allowed pattern"),
        ({"prompt": "x"}, "model field is required"),
        ({"model": "test"}, "prompt field is required"),
        ({"model": "test", "prompt": ""}, "prompt field is required"),
        ({"model": " ", "prompt": "x"}, "model field is required"),
        ({"model": None, "prompt": "x"}, "model field is required"),
        ({"model": 5, "prompt": "x"}, "obj.model.trim is not a function"),
        ({"model": ["test"], "prompt": "x"}, "obj.model.trim is not a function"),
        ({"model": ["a:b"], "prompt": "x"}, "model field does not match the allowed pattern"),
        ({"model": {}, "prompt": "x"}, "model field does not match the allowed pattern"),
        ({"model": "test", "prompt": "\u3000\ufeff\n"}, "prompt field is required"),
        ({"model": "test", "prompt": 5}, "obj.prompt.trim is not a function"),
        ({"model": "test", "prompt": []}, "obj.prompt.trim is not a function"),
    ],
)
async def test_each_check_of_a_prompt_has_its_text(client, body: dict[str, Any], words: str) -> None:
    answer = await client.post("/ai", json=body)
    assert (answer.status_code, answer.json()) == (500, {"Message": WRONG + words})


async def test_a_prompt_whose_checks_passed_has_an_id_and_no_answer(client) -> None:
    """The original sends on what else is in it, and tells nobody how that went."""
    for more in ({"options": []}, {"raw": "yes"}, {"images": ["x"]}, {"model": "a/../b"}):
        answer = await answered(client, await ask(client, **{"model": "test", **more}), tries=2)
        assert (answer.status_code, answer.json()) == (404, {"message": "Result is not ready yet"}), more


@pytest.mark.parametrize(("path", "words"), [("/create-model", "modelName field"), ("/ai", "Empty input")])
async def test_no_body_is_an_empty_one_and_null_is_none(client, path: str, words: str) -> None:
    kind = {"Content-Type": "application/json"}
    empty = await client.post(path, headers=kind)
    assert (empty.status_code, words in empty.json()["Message"]) == (500, True)
    null = await client.post(path, content=b" null", headers=kind)
    assert (null.status_code, null.json()["message"][:19]) == (500, "invalid json format")


async def test_an_answer_has_blanks_for_line_ends_and_pluses(client) -> None:
    answer = await answered(client, await ask(client, "why\n1+1?"))
    assert answer.json()["prompt"] == "why\n1+1?"
    assert "why 1 1?" in answer.json()["result"]


async def test_what_has_no_answer_is_not_ready_whatever_the_reason(client) -> None:
    for id in ("never", await ask(client, model="nothing"), await ask(client, model="bert")):
        answer = await answered(client, id, tries=5)
        assert (answer.status_code, answer.json()) == (404, {"message": "Result is not ready yet"})


async def test_deleting_and_speech_answer_in_its_words(client) -> None:
    await client.post("/create-model", json=LLAMA)
    gone = await client.delete("/delete-model/clarity_4")
    assert gone.json() == {"message": "Model clarity_4 deleted successfully"}
    again = await client.delete("/delete-model/clarity_4")
    assert (again.status_code, again.json()) == (404, {"message": "Model not found"})
    deaf = await client.post("/ai/speech-to-text", files={"audio": ("a.wav", WAV)}, data={"format": "wav"})
    assert deaf.status_code == 500
    assert deaf.json()["message"] == "An error occurred"
    assert "no model is set that hears" in deaf.json()["error"]


async def test_who_sends_no_token_is_unauthorized(town) -> None:
    doorkeeper = Doorkeeper(town.house.services.rights.accounts)
    async with serving(town.house, doorkeeper=doorkeeper) as client:
        for token in ({}, {"Token": "wrong"}):
            answer = await client.post("/create-model", json=LLAMA, headers=token)
            assert (answer.status_code, answer.json()) == (401, {"message": "Unauthorized"})


async def test_a_model_one_may_not_use_is_as_one_that_is_not_there(town) -> None:
    doorkeeper = Doorkeeper(town.house.services.rights.accounts)
    await town["bob"].post("/create-model", json=FORM)
    headers = {"Authorization": town["eve"].headers["Authorization"]}
    async with serving(town.house, doorkeeper=doorkeeper) as client:
        client.headers.update(headers)
        for name in ("bob/clarity_4", "bob/clarity_5"):
            answer = await answered(client, await ask(client, model=name), tries=5)
            assert (answer.status_code, answer.json()) == (404, {"message": "Result is not ready yet"})


def test_numbers_are_what_javascript_takes_for_numbers() -> None:
    numbers = (0, 1.5, "", " ", "5", " 5\n", "-.5e3", "0x1F", "Infinity", None, True, [], [7], ["7"], "0b1")
    assert not [value for value in numbers if is_nan(value)]
    others = ("x", "5x", {}, [1, 2], ["x"], [True], "1_000", "٣", "--1", float("nan"))
    assert not [value for value in others if not is_nan(value)]
    assert begins_as_number(" 5x")
    assert begins_as_number([5, 6])
    assert not begins_as_number("x5")
    assert not begins_as_number(None)
