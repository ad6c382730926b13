"""AI-middleware's spellings of parameters, in every dialect that takes parameters by name."""

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest

from tests.dialects.openwebui_forms import Listening

pytestmark = pytest.mark.anyio

HI = [{"role": "user", "content": "hi"}]
SAID = {"microstat": 2, "microstat_eta": 0.3, "microstat_tau": 4.5}
MEANT = {"mirostat": 2, "mirostat_eta": 0.3, "mirostat_tau": 4.5}
LINES = "".join(f"PARAMETER {name} {value}\n" for name, value in SAID.items())
Create = Callable[..., Awaitable[str]]


@pytest.fixture
async def house(opening: Any) -> AsyncIterator[Any]:
    async with opening(engines=Listening) as house:
        yield house


async def post(house: Any, path: str, body: dict[str, Any]) -> Any:
    answer = await house.client.post(path, json=body)
    assert answer.status_code in (200, 201), answer.text
    return answer


async def by_ollama(house: Any) -> str:
    await post(house, "/api/create", {"model": "m", "from": "test", "parameters": SAID, "stream": False})
    return "m"


async def by_modelfile(house: Any) -> str:
    text = f"FROM test\n{LINES}"
    await post(house, "/api/create", {"model": "m", "modelfile": text, "stream": False})
    return "m"


async def by_openwebui(house: Any) -> str:
    form = {"id": "m", "name": "M", "base_model_id": "test", "meta": {}, "params": SAID}
    await post(house, "/api/v1/models/create", form)
    return "m"


async def by_sgp(house: Any) -> str:
    owned = {"account_id": "acme-labs", "name": "m", "model_type": "CHAT_COMPLETION", "base_model_id": "test"}
    given = {name.upper(): value for name, value in SAID.items()}
    made = await post(house, "/v4/models", {**owned, "model_creation_parameters": given})
    assert (
        made.json()["model_creation_parameters"].items() >= {k.upper(): v for k, v in MEANT.items()}.items()
    )
    return "m"


async def by_template(house: Any) -> str:
    template = {"spec": {"base": "test", "parameters": SAID}}
    await post(house, "/api/modelwright/templates", {"name": "t", "template": template})
    await post(house, "/api/modelwright/templates/make", {"template": "t", "model": "m"})
    return "m"


def heard(house: Any) -> dict[str, Any]:
    """Those parameters of the last question that are meant here."""
    _, parameters = house.engine.heard[-1]
    return {name: value for name, value in parameters.as_dict().items() if name in MEANT}


@pytest.mark.parametrize("create", [by_ollama, by_modelfile, by_openwebui, by_sgp, by_template])
async def test_a_model_made_with_them_has_the_real_ones(house: Any, create: Create) -> None:
    name = await create(house)
    await post(house, "/api/chat", {"model": name, "messages": HI, "stream": False})
    assert heard(house) == MEANT


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/api/chat", {"model": "test", "messages": HI, "options": SAID, "stream": False}),
        ("/api/generate", {"model": "test", "prompt": "hi", "options": SAID, "stream": False}),
        ("/api/chat/completions", {"model": "test", "messages": HI, **SAID}),
        ("/api/chat/completions", {"model": "test", "messages": HI, "params": SAID}),
    ],
)
async def test_a_request_may_say_them(house: Any, path: str, body: dict[str, Any]) -> None:
    await post(house, path, body)
    assert heard(house) == MEANT


async def test_bindings_may_say_them(house: Any) -> None:
    path = "/v4/models/test/chat-completions"
    said = {"model_request_parameters": {"bindings": SAID}}
    await post(house, path, {"prompt": "hi", "chat_history": [], **said})
    assert heard(house) == MEANT


async def test_two_names_for_one_binding_are_refused(house: Any) -> None:
    said = {"model_request_parameters": {"bindings": {"MAX_TOKENS": 1, "num_predict": 2}}}
    answer = await house.client.post("/v4/models/test/completions", json={"prompt": "hi", **said})
    assert answer.status_code == 400
    assert "two names for one parameter" in answer.text
