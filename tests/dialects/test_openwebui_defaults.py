"""What an operator sets for all models of Open WebUI, and where that gives way."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from modelwright.dialects.openwebui.stance import Stance
from tests.dialects.openwebui_forms import API, Listening

pytestmark = pytest.mark.anyio

HI = [{"role": "user", "content": "hi"}]
CHAT = "/api/chat/completions"


@pytest.fixture
def opened(opening):
    """A server with settings, and in it a model "m" with params and a meta."""

    @asynccontextmanager
    async def open_it(stance: Stance, params: dict[str, Any], **form: Any) -> AsyncIterator[Any]:
        async with opening(engines=Listening, openwebui=stance) as house:
            body = {"id": "m", "name": "M", "base_model_id": "test", "meta": {}, "params": params, **form}
            made = await house.client.post(f"{API}/create", json=body)
            assert made.status_code == 200, made.text
            yield house

    return open_it


async def heard(house: Any, **body: Any) -> tuple[str, dict[str, Any]]:
    """The system text and the parameters that the engine is asked with."""
    answer = await house.client.post(CHAT, json={"model": "m", "messages": HI, **body})
    assert answer.status_code == 200, answer.text
    messages, parameters = house.engine.heard[-1]
    system = messages[0].content if messages[0].role == "system" else ""
    return system, parameters.as_dict()


async def test_parameters_for_all_are_the_weakest(opened) -> None:
    stance = Stance(params={"temperature": 0.1, "top_k": 1, "top_p": 0.1, "custom_params": {"seed": "1"}})
    async with opened(stance, {"top_k": 2}) as house:
        _, parameters = await heard(house, top_p=0.3)
        expected = {"temperature": 0.1, "top_k": 2, "top_p": 0.3, "seed": 1}
        assert {name: parameters[name] for name in expected} == expected
        await house.create("m", **{"from": "m"}, parameters={"temperature": 0.9})
        assert (await heard(house))[1]["temperature"] == 0.9


@pytest.mark.parametrize(
    "own", [{"max_tokens": 5}, {"num_predict": 5}, {"custom_params": {"num_predict": "5"}}]
)
@pytest.mark.parametrize("word", ["max_tokens", "num_predict", "max_completion_tokens"])
async def test_a_parameter_of_a_models_own_holds_under_each_of_its_names(opened, own, word: str) -> None:
    async with opened(Stance(params={word: 100}), own) as house:
        assert (await heard(house))[1]["num_predict"] == 5


async def test_parameters_for_all_stand_over_what_a_base_says(opened) -> None:
    """As in the product, which sends them to the base's provider."""
    async with opened(Stance(params={"top_k": 1}), {}, base_model_id="base") as house:
        await house.create("base", **{"from": "test"}, parameters={"top_k": 9, "seed": 4})
        _, parameters = await heard(house)
        assert (parameters["top_k"], parameters["seed"]) == (1, 4)


@pytest.mark.parametrize(
    ("own", "heard_of"), [("Mine, {{USER_NAME}}", "Mine, local"), ("", "For all, local")]
)
async def test_a_system_text_for_all_is_for_those_without(opened, own: str, heard_of: str) -> None:
    async with opened(Stance(params={"system": "For all, {{USER_NAME}}"}), {"system": own}) as house:
        assert (await heard(house))[0] == heard_of


async def test_metadata_for_all_fills_what_is_not_said(opened) -> None:
    metadata = {"description": "A model", "capabilities": {"vision": False, "usage": True}}
    async with opened(Stance(metadata=metadata), {}, meta={"capabilities": {"vision": True}}) as house:
        [offered] = [m for m in (await house.client.get("/api/models")).json()["data"] if m["id"] == "m"]
        meta = offered["info"]["meta"]
        assert meta["description"] == "A model"
        assert meta["capabilities"] == {"vision": True, "usage": True}
        shown = (await house.client.get(f"{API}/model", params={"id": "m"})).json()["meta"]
        assert (shown["description"], shown["capabilities"]) == (None, {"vision": True})
        told = await house.client.get("/api/v1/configs/models/defaults")
        assert told.json() == {"DEFAULT_MODEL_METADATA": metadata}
        settings = (await house.client.get("/api/v1/configs/models")).json()
        assert (settings["DEFAULT_MODEL_METADATA"], settings["DEFAULT_MODELS"]) == (metadata, None)


async def test_a_model_that_can_tell_its_usage_tells_it_in_streams(opened) -> None:
    async with opened(Stance(), {}, meta={"capabilities": {"usage": True}}) as house:
        answer = await house.client.post(CHAT, json={"model": "m", "messages": HI, "stream": True})
        assert '"usage":{' in answer.text
        answer = await house.client.post(CHAT, json={"model": "test", "messages": HI, "stream": True})
        assert '"usage":{' not in answer.text


@pytest.mark.parametrize(
    ("own", "for_all", "streams"), [(True, None, True), (None, True, True), (False, True, False)]
)
async def test_a_model_can_ask_for_streams(opened, own: object, for_all: object, streams: bool) -> None:
    params = {} if own is None else {"stream_response": own}
    async with opened(Stance(params={"stream_response": for_all}), params) as house:
        answer = await house.client.post(CHAT, json={"model": "m", "messages": HI, "stream": not streams})
        assert answer.headers["content-type"].startswith("text/event-stream") is streams


async def test_a_wrapper_whose_base_is_gone_falls_back(opened) -> None:
    params = {"system": "It's me", "top_k": 3}
    async with opened(Stance(fallback="test"), params, base_model_id="gone") as house:
        system, parameters = await heard(house, temperature=0.5)
        assert (system, parameters["top_k"], parameters["temperature"]) == ("It's me", 3, 0.5)
        settings = (await house.client.get("/api/v1/configs/models")).json()
        assert settings["DEFAULT_MODELS"] == "test"


@pytest.mark.parametrize("fallback", ["", "gone too", "nobody"])
async def test_without_a_fallback_that_is_there_it_is_refused(opened, fallback: str) -> None:
    async with opened(Stance(fallback=fallback), {}, base_model_id="gone") as house:
        answer = await house.client.post(CHAT, json={"model": "m", "messages": HI})
        assert (answer.status_code, answer.json()) == (400, {"detail": "Model not found"})
