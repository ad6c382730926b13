"""RENDERER and PARSER: honoured through the weights' own template, or refused when used."""

from dataclasses import replace

import pytest

from modelwright.core.chat import (
    AnswerOptions,
    ChatRequest,
    Done,
    GenerateRequest,
    Message,
    TextDelta,
    ThinkingDelta,
)
from modelwright.core.digest import Digest
from modelwright.core.errors import Unsupported
from modelwright.core.grants import LOCAL_ADMIN
from modelwright.core.parameters import Parameters
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


THINKS = "{{ range .Messages }}{{ .Content }}{{ end }}{{ if .Tools }}{{ .Tools }}{{ end }}"
"""A template that says nothing of what an answer looks like."""


@pytest.mark.parametrize(
    ("parser", "thinking", "content", "abilities"),
    [
        ("qwen3-thinking", "so", "yes", ("completion", "tools", "thinking")),
        ("passthrough", "", "<think>so</think>yes", ("completion", "tools")),
        ("", "", "<think>so</think>yes", ("completion", "tools")),
    ],
)
async def test_a_parser_decides_what_is_looked_for_in_an_answer(
    world, parser: str, thinking: str, content: str, abilities: tuple[str, ...]
) -> None:
    await world.create("parsed", parent="starter", prompt_template=THINKS, parser=parser)
    assert (await world.models.summary(LOCAL_ADMIN, "parsed")).capabilities == abilities
    request = ChatRequest("parsed", (Message("user", "<think>so</think>yes"),))
    events = [event async for event in world.chat.chat(LOCAL_ADMIN, request)]
    assert "".join(e.text for e in events if isinstance(e, ThinkingDelta)) == thinking
    assert "".join(e.text for e in events if isinstance(e, TextDelta)) == content


async def test_a_thought_has_its_budget_and_the_answer_the_rest(world) -> None:
    await world.create("brief", parent="starter", prompt_template=THINKS, parser="qwen3-thinking")
    words = "<think>" + " ".join(f"thought{number}" for number in range(20))
    request = ChatRequest(
        "brief",
        (Message("user", words),),
        Parameters.of({"num_predict": 12}),
        options=AnswerOptions(thinking_budget=5),
    )
    events = [event async for event in world.chat.chat(LOCAL_ADMIN, request)]
    thought = "".join(e.text for e in events if isinstance(e, ThinkingDelta)).split()
    assert thought == [f"thought{number}" for number in range(5)] or len(thought) == 5
    assert "".join(e.text for e in events if isinstance(e, TextDelta))
    assert isinstance(events[-1], Done)
    assert events[-1].usage.completion_tokens <= 12
