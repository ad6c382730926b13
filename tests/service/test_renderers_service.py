"""RENDERER and PARSER: honoured through the weights' own template, or refused when used."""

from dataclasses import replace

import pytest

from modelwright.core.chat import ChatRequest, GenerateRequest, Message
from modelwright.core.digest import Digest
from modelwright.core.errors import Unsupported
from modelwright.core.grants import LOCAL_ADMIN
from modelwright.core.revision import BlobRecord
from modelwright.core.spec import CLEARED
from modelwright.core.weight_files import NamedBlob
from modelwright.core.weights import WeightFacts
from modelwright.service.views import Notice

pytestmark = pytest.mark.anyio

JINJA = Digest.of(b"with a template")
FACTS = WeightFacts("model", "gguf", "llama", 1000, "F16", chat_template="{{ messages[0].tools }}")
HELLO = (Message("user", "hello"),)


@pytest.fixture
async def templated(world):
    """A base whose weights carry a chat template, and a TEMPLATE of its own."""
    await world.catalogue.add_blob(BlobRecord(JINJA, 7, FACTS))
    await world.create("base", parent=None, files=(NamedBlob("", JINJA),), prompt_template="T {{ .Prompt }}")
    return world


async def asked(world, name: str):
    """What the engine was given: messages for its own template, or a text."""
    request = ChatRequest(name, HELLO)
    before = len(world.engines.asked)
    text = "".join([getattr(e, "text", "") async for e in world.chat.chat(LOCAL_ADMIN, request)])
    return world.engines.asked[-1].messages if len(world.engines.asked) > before else text


async def test_a_renderer_takes_the_place_of_a_template(templated) -> None:
    await templated.create("rendered", parent="base", renderer="qwen3-coder", parser="qwen3-coder")
    assert isinstance(await asked(templated, "base"), str)
    assert list(await asked(templated, "rendered")) == list(HELLO)
    question = GenerateRequest("rendered", "hello")
    assert [event async for event in templated.chat.generate(LOCAL_ADMIN, question)]
    assert list(templated.engines.asked[-1].messages) == list(HELLO)


async def test_what_it_can_do_follows_from_the_template_in_use(templated) -> None:
    await templated.create("rendered", parent="base", renderer="qwen3-coder")
    names = ("base", "rendered")
    shown = {name: (await templated.models.summary(LOCAL_ADMIN, name)).capabilities for name in names}
    assert shown == {"base": ("completion",), "rendered": ("completion", "tools")}


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ({"parent": "starter", "renderer": "gemma4"}, 'renderer "gemma4" stands for'),
        ({"parent": "base", "renderer": "own"}, 'renderer "own" is not known'),
        ({"parent": "base", "parser": "own"}, 'parser "own" is not known'),
    ],
)
async def test_what_cannot_be_honoured_is_kept_and_refused_when_used(templated, said, told) -> None:
    notices = [event.text for event in await templated.create("odd", **said) if isinstance(event, Notice)]
    assert [told in text for text in notices] == [True]
    with pytest.raises(Unsupported, match=told):
        await asked(templated, "odd")
    assert (await templated.models.summary(LOCAL_ADMIN, "odd")).name.model == "odd"
    cleared = {field: CLEARED for field in ("renderer", "parser") if field in said}
    await templated.create("mended", parent="odd", **cleared)
    assert await asked(templated, "mended")


async def test_a_raw_prompt_needs_no_renderer(templated) -> None:
    await templated.create("odd", parent="base", renderer="own")
    request = replace(GenerateRequest("odd", "hello"), raw=True)
    assert [event async for event in templated.chat.generate(LOCAL_ADMIN, request)]
