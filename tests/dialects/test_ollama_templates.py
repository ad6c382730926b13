"""Prompt templates in Ollama's dialect: made, shown, inherited and rendered."""

from typing import Any

import httpx2
import pytest

pytestmark = pytest.mark.anyio

TEMPLATE = "{{ if .System }}<{{ .System }}>{{ end }}[{{ .Prompt }}]{{ .Response }}"
INSERT = "{{ if .Suffix }}P {{ .Prompt }} S {{ .Suffix }} M{{ else }}{{ .Prompt }}{{ end }}"
CHATML = (
    "{{ range .Messages }}<|im_start|>{{ .Role }}\n{{ .Content }}<|im_end|>\n{{ end }}<|im_start|>assistant\n"
)
HELLO = [{"role": "user", "content": "hello"}]


@pytest.fixture
async def mario(house: Any) -> httpx2.AsyncClient:
    await house.create("mario", **{"from": "test"}, template=TEMPLATE, system="S")
    return house.client


async def asked(client: httpx2.AsyncClient, path: str, **body: Any) -> dict[str, Any]:
    answer = await client.post(path, json={"stream": False, **body})
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def rendered(client: httpx2.AsyncClient, path: str, **body: Any) -> str:
    found = await asked(client, path, _debug_render_only=True, **body)
    assert (found["done"], found["model"]) == (False, body["model"])
    assert found.get("response", found.get("message")) in ("", {"role": "assistant", "content": ""})
    assert list(found["_debug_info"]) == ["rendered_template"]
    return str(found["_debug_info"]["rendered_template"])


async def refusal(client: httpx2.AsyncClient, path: str, **body: Any) -> str:
    answer = await client.post(path, json=body)
    assert answer.status_code == 400, answer.text
    return str(answer.json()["error"])


async def test_the_engine_continues_what_the_template_says(mario: httpx2.AsyncClient) -> None:
    # The echo engine answers with the text that it was given.
    chatted = await asked(mario, "/api/chat", model="mario", messages=HELLO)
    assert chatted["message"]["content"] == "<S>[hello]"
    generated = await asked(mario, "/api/generate", model="mario", prompt="hi")
    assert generated["response"] == "<S>[hi]"


@pytest.mark.parametrize("body", [{"stream": True}, {"stream": False}])
async def test_a_prompt_can_be_looked_at(mario: httpx2.AsyncClient, body: dict[str, bool]) -> None:
    turns = [*HELLO, {"role": "assistant", "content": "yes?"}, {"role": "user", "content": "bye"}]
    assert await rendered(mario, "/api/chat", model="mario", messages=turns, **body) == "<S>[hello]yes?[bye]"
    assert await rendered(mario, "/api/generate", model="mario", prompt="hi", system="T", **body) == "<T>[hi]"
    assert await rendered(mario, "/api/generate", model="mario", prompt="hi", raw=True, **body) == "hi"


async def test_without_a_template_the_engine_shows_its_own(client: httpx2.AsyncClient) -> None:
    assert await rendered(client, "/api/chat", model="test", messages=HELLO) == "user: hello\n"


async def test_a_request_can_bring_its_template(mario: httpx2.AsyncClient) -> None:
    body = {"model": "mario", "prompt": "hi", "template": "{{ .Prompt }}!{{ .Response }}"}
    assert (await asked(mario, "/api/generate", **body))["response"] == "hi!"
    error = await refusal(mario, "/api/generate", **{**body, "template": "{{ .Prompt"})
    assert error == "template error: line 1, column 1: unclosed action. Close it with }}"


async def test_a_template_is_shown_and_inherited_until_it_is_cleared(house: Any) -> None:
    await house.create("mario", **{"from": "test"}, template=TEMPLATE)
    await house.create("luigi", **{"from": "mario"}, template="")
    await house.create("peach", modelfile='FROM mario\nTEMPLATE ""')
    shown = [
        (await house.client.post("/api/show", json={"model": name})).json() for name in ("luigi", "peach")
    ]
    assert shown[0]["template"] == TEMPLATE
    assert f"TEMPLATE {TEMPLATE}\n" in shown[0]["modelfile"]
    assert "template" not in shown[1]
    assert await rendered(house.client, "/api/chat", model="peach", messages=HELLO) == "user: hello\n"


@pytest.mark.parametrize("template", ["{{ .Prompt", "{{ if .Prompt }}", "{{ Prompt }}", "x" * 300_000])
async def test_a_bad_template_is_refused_when_created(client: httpx2.AsyncClient, template: str) -> None:
    error = await refusal(client, "/api/create", model="m", **{"from": "test"}, template=template)
    assert error.startswith("template error: ")
    error = await refusal(client, "/api/create", model="m", modelfile=f'FROM test\nTEMPLATE """{template}"""')
    assert error.startswith("line 2: template error: ")
    assert (await client.post("/api/show", json={"model": "m"})).status_code == 404


async def test_a_template_decides_what_a_model_can_do(house: Any) -> None:
    tools = "{{ range .Messages }}{{ end }}{{ .Tools }}"
    found = {}
    for name, template in (("plain", TEMPLATE), ("tools", tools), ("insert", INSERT)):
        await house.create(name, **{"from": "test"}, template=template)
        found[name] = (await house.client.post("/api/show", json={"model": name})).json()["capabilities"]
    assert found == {
        "plain": ["completion"],
        "tools": ["completion", "tools"],
        "insert": ["completion", "insert"],
    }
    await house.client.post("/api/copy", json={"source": "insert", "destination": "copied"})
    listed = (await house.client.get("/api/tags")).json()["models"]
    abilities = {model["name"]: model["capabilities"] for model in listed}
    assert abilities["insert:latest"] == abilities["copied:latest"] == found["insert"]


async def test_a_template_knows_the_day(house: Any) -> None:
    await house.create("dated", **{"from": "test"}, template="{{ currentDate }} {{ .Prompt }}")
    assert await rendered(house.client, "/api/generate", model="dated", prompt="hi") == "2026-11-21 hi"


async def test_every_dialect_goes_through_the_template(mario: httpx2.AsyncClient) -> None:
    found = await asked(mario, "/v1/chat/completions", model="mario", messages=HELLO)
    assert found["choices"][0]["message"]["content"] == "<S>[hello]"


async def test_a_text_is_inserted_between_two(house: Any) -> None:
    await house.create("coder", **{"from": "test"}, template=INSERT)
    body = {"model": "coder", "prompt": "def", "suffix": "end"}
    assert (await asked(house.client, "/api/generate", **body))["response"] == "P def S end M"
    error = await refusal(house.client, "/api/generate", **{**body, "model": "test"})
    assert error == "registry.ollama.ai/library/test:latest does not support insert"


async def test_a_known_format_brings_its_stop_texts(house: Any) -> None:
    await house.create("chatml", **{"from": "test"}, template=CHATML)
    await house.create("own", **{"from": "chatml"}, parameters={"stop": ["assistant"]})
    body = {"path": "/api/chat", "messages": HELLO}
    assert (await asked(house.client, model="chatml", **body))["message"]["content"] == ""
    found = (await asked(house.client, model="own", **body))["message"]["content"]
    assert found == "<|im_start|>user\nhello<|im_end|>\n<|im_start|>"
    kept = await asked(house.client, model="chatml", options={"stop": []}, **body)
    assert kept["message"]["content"].endswith("assistant\n")


async def test_a_template_that_fails_is_said_to_fail(house: Any) -> None:
    await house.create("endless", **{"from": "test"}, template="{{ range 99999999 }}{{ end }}{{ .Prompt }}")
    error = await refusal(house.client, "/api/chat", model="endless", messages=HELLO)
    assert error == "template error: line 1, column 10: it takes too many steps"
