"""A model's own parameters hold on every route of every dialect that does not say otherwise."""

from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from typing import Any, Final

import anyio
import pytest

from modelwright.core.chat import ChatEvent, Message
from modelwright.core.digest import Digest
from modelwright.core.draft import SpecDraft
from modelwright.core.engine_ports import EngineNeeds
from modelwright.core.grants import LOCAL_ADMIN
from modelwright.core.parameters import RULES, Parameters
from modelwright.core.revision import BlobRecord
from modelwright.core.weight_files import NamedBlob
from modelwright.engines.echo import EchoEngines
from tests.dialects.test_speech import EARS, TEXT, WAV

pytestmark = pytest.mark.anyio


class Overhearing(EchoEngines):
    """The echo engine, which remembers the parameters that it is asked with."""

    def __init__(self, clock: Any) -> None:
        super().__init__(clock)
        self.heard: list[tuple[Parameters, EngineNeeds]] = []

    async def chat(
        self, needs: EngineNeeds, messages: Sequence[Message], parameters: Parameters, *more: Any
    ) -> AsyncGenerator[ChatEvent, None]:
        self.heard.append((parameters, needs))
        async for event in super().chat(needs, messages, parameters, *more):
            yield event

    async def complete(
        self, needs: EngineNeeds, prompt: str, parameters: Parameters, *more: Any, **named: Any
    ) -> AsyncGenerator[ChatEvent, None]:
        self.heard.append((parameters, needs))
        async for event in super().complete(needs, prompt, parameters, *more, **named):
            yield event


def _unusual(name: str) -> object:
    """A value that is nobody's default."""
    rule = RULES[name]
    if rule.type == "list":
        return ["zq"]
    if rule.type == "bool":
        return not rule.default
    usual = rule.default if isinstance(rule.default, int | float) else 0
    if rule.type == "float":
        return 0.37 if rule.maximum <= 1 else 1.37
    return max(0, int(usual)) + 2 if rule.maximum > usual + 2 else 1


OWN: Final = {name: _unusual(name) for name in RULES} | {"num_ctx": 300}
WHO: Final = [{"role": "user", "content": "hi"}]
ASKING: Final[dict[str, tuple[dict[str, Any], frozenset[str]]]] = {
    "/api/chat": ({"messages": WHO}, frozenset()),
    "/api/generate": ({"prompt": "hi"}, frozenset()),
    "/v1/chat/completions": ({"messages": WHO}, frozenset()),
    "/v1/completions": ({"prompt": "hi"}, frozenset()),
    "/v1/responses": ({"input": "hi"}, frozenset()),
    "/v1/messages": ({"messages": WHO, "max_tokens": 9}, frozenset({"num_predict"})),
    "/v1/generate_response": ({"messages": WHO}, frozenset()),
    "/api/chat/completions": ({"messages": WHO}, frozenset()),
    "/api/v1/messages": ({"messages": WHO, "max_tokens": 9}, frozenset({"num_predict"})),
    "/ai": ({"prompt": "hi"}, frozenset()),
    "/v4/chat-completions": ({"messages": WHO}, frozenset()),
    "/v4/completions": ({"prompt": "hi"}, frozenset()),
}
"""What is asked where, and what such a request cannot leave to the model."""
FORMS: Final = {"/ai/speech-to-text": ("audio", {"format": "wav"}), "/v1/audio/transcriptions": ("file", {})}


@pytest.fixture
async def house(opening: Any) -> AsyncIterator[Any]:
    """A model "own" that has every parameter, and two that hear, one with all of them."""
    async with opening(engines=Overhearing) as house:
        await house.create("own", **{"from": "test"}, parameters=OWN)
        files = []
        for name, facts in (("words", TEXT), ("ears", EARS)):
            digest = Digest.of(name.encode())
            await house.catalogue.add_blob(BlobRecord(digest, len(name), facts))
            files.append(NamedBlob("", digest))
        async for _ in house.services.models.create(LOCAL_ADMIN, "bare", SpecDraft(files=tuple(files))):
            pass
        await house.create("ears", **{"from": "bare"}, parameters=OWN)
        yield house


async def heard(house: Any) -> tuple[dict[str, Any], EngineNeeds]:
    with anyio.fail_after(50):
        while not house.engine.heard:
            await anyio.sleep(0.01)
    parameters, needs = house.engine.heard[-1]
    return parameters.as_dict(), needs


def same(found: dict[str, Any], besides: frozenset[str] = frozenset()) -> None:
    own = Parameters.of(OWN).as_dict()
    assert {name: found.get(name) for name in own.keys() - besides} == {
        name: value for name, value in own.items() if name not in besides
    }
    assert found.keys() == own.keys()


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("path", ASKING)
async def test_a_question_that_does_not_say_otherwise(house: Any, path: str, stream: bool) -> None:
    body, besides = ASKING[path]
    answer = await house.client.post(path, json={"model": "own", **body, "stream": stream})
    assert answer.status_code == 200, answer.text
    found, needs = await heard(house)
    same(found, besides)
    assert needs.context == 300


@pytest.mark.parametrize("path", FORMS)
@pytest.mark.parametrize("model", ["ears", "bare"])
async def test_a_recording_that_comes_without_a_temperature(house: Any, path: str, model: str) -> None:
    name, texts = FORMS[path]
    files = {name: ("a.wav", WAV, "audio/wav")}
    answer = await house.client.post(path, files=files, data={"model": model, **texts})
    assert answer.status_code == 200, answer.text
    found, _ = await heard(house)
    if model == "ears":
        same(found)
    else:
        assert found == {"temperature": 0}
