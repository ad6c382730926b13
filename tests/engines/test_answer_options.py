"""What is asked of an answer beyond its text, of an engine that renders by itself."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from measuring.random_model import Shape, write_random_model

from modelwright.core.chat import (
    AnswerFormat,
    AnswerOptions,
    ChatEvent,
    Done,
    Message,
    TextDelta,
    ThinkingDelta,
    ToolCall,
    ToolChoice,
)
from modelwright.core.errors import ContextExceeded, Unsupported
from modelwright.core.parameters import Parameters
from modelwright.starter import WEIGHTS

pytestmark = pytest.mark.anyio
Start = Callable[..., Any]

TEMPLATE = """{%- if tools %}<|im_start|>system
# Tools
You may call functions within <tools></tools> XML tags:
<tools>{% for tool in tools %}
{{ tool | tojson }}{% endfor %}
</tools>
For each call, return a json object within <tool_call></tool_call> XML tags:
<tool_call>
{"name": <function-name>, "arguments": <args-json-object>}
</tool_call><|im_end|>
{% endif %}{% for message in messages %}
{%- if message.role == "assistant" and message.tool_calls %}<|im_start|>assistant
{% for call in message.tool_calls %}<tool_call>
{"name": "{{ call.function.name }}", "arguments": {{ call.function.arguments | tojson }}}
</tool_call>{% endfor %}<|im_end|>
{% elif message.role == "tool" %}<|im_start|>user
<tool_response>
{{ message.content }}
</tool_response><|im_end|>
{% else %}<|im_start|>{{ message.role }}
{{ message.content }}<|im_end|>
{% endif %}{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant
{% if enable_thinking is defined and enable_thinking is false %}<think>

</think>

{% endif %}{% endif %}"""
TOOLS = tuple(
    {
        "type": "function",
        "function": {
            "name": name,
            "description": "",
            "parameters": {"type": "object", "properties": {"a": {"enum": [1, 2]}}, "required": ["a"]},
        },
    }
    for name in ("add", "sub")
)
ASK = (Message("user", "Hello there."),)
SETTLED = Parameters.of({"temperature": 0, "num_predict": 300})


@pytest.fixture(scope="module")
def caller(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Random weights whose template knows tools."""
    path = tmp_path_factory.mktemp("caller") / "caller.gguf"
    shape = Shape(hidden=64, layers=2, heads=2, feed_forward=128, vocabulary=512, context=2048)
    write_random_model(path, shape, template=TEMPLATE)
    return path


async def answered(engines: Any, needs: Any, messages: Any = ASK, **options: Any) -> list[ChatEvent]:
    events = engines.pool.chat(needs, messages, SETTLED, AnswerOptions(**options))
    return [event async for event in events]


@pytest.mark.parametrize("name", ["", "sub"])
async def test_a_call_that_must_be_made_is_made(start: Start, caller: Path, name: str) -> None:
    engines = start()
    choice = ToolChoice("required", name, parallel=False)
    call, done = await answered(engines, engines.needs(caller), tools=TOOLS, tool_choice=choice)
    assert isinstance(call, ToolCall)
    assert isinstance(done, Done)
    assert call.name in ([name] if name else ["add", "sub"])
    assert call.arguments["a"] in (1, 2)


async def test_what_a_tool_gave_is_part_of_the_prompt(start: Start, caller: Path) -> None:
    engines = start()
    called = Message("assistant", "", tool_calls=(ToolCall("add", {"a": 1}, "call_1"),))
    turns = (*ASK, called, Message("tool", "three", tool_call_id="call_1"))
    text = await engines.pool.render(engines.needs(caller), turns, AnswerOptions(tools=TOOLS))
    assert "<tool_response>\nthree\n</tool_response>" in text
    assert '{"name": "add", "arguments": {"a": 1}}' in text
    assert "# Tools" in text


async def test_tools_are_part_of_what_is_kept_over_a_restart(
    start: Start, caller: Path, tmp_path: Path
) -> None:
    system, cached = Message("system", "You add."), []
    for tools in (TOOLS, TOOLS, TOOLS[:1]):
        engines = start(prefix_dir=tmp_path, prefix_bytes=1 << 30, prefix_tokens=16)
        needs = engines.needs(caller, constant=(system,))
        done = (await answered(engines, needs, (system, *ASK), tools=tools))[-1]
        assert isinstance(done, Done)
        cached.append(done.usage.cached_tokens)
        await engines.pool.aclose()
    assert cached[1] > 400 > 20 > cached[0]
    assert cached[2] < 20, "others are another prompt"


async def test_a_template_without_tools_refuses_them(start: Start, tiny: Path) -> None:
    engines = start()
    with pytest.raises(Unsupported, match="does not support tools"):
        await answered(engines, engines.needs(tiny), tools=TOOLS)
    with pytest.raises(Unsupported, match="projector"):
        await answered(engines, engines.needs(tiny), [Message("user", "x", images=(b"\xff\xd8\xff",))])


async def test_an_answer_obeys_a_schema(start: Start, caller: Path) -> None:
    engines = start()
    schema = {"type": "object", "properties": {"a": {"enum": [1, 2]}}, "required": ["a"]}
    events = await answered(engines, engines.needs(caller), format=AnswerFormat(schema))
    text = "".join(event.text for event in events if isinstance(event, TextDelta))
    assert json.loads(text)["a"] in (1, 2)


async def test_a_template_is_told_whether_to_think(start: Start, caller: Path) -> None:
    engines = start()
    needs = engines.needs(caller)
    quick = await engines.pool.render(needs, ASK, AnswerOptions(think=False))
    slow = await engines.pool.render(needs, ASK, AnswerOptions(think=True))
    assert "<think>" in quick
    assert "<think>" not in slow
    said = await answered(engines, needs, think=False)
    assert not [event for event in said if isinstance(event, ThinkingDelta)]


@pytest.mark.parametrize("more", [{}, {"tools": TOOLS}, {"think": True}, {"think": False}])
async def test_the_stop_text_that_ended_an_answer_is_named(
    start: Start, caller: Path, more: dict[str, Any]
) -> None:
    engines = start()
    needs = engines.needs(caller)

    async def said(*stops: str) -> tuple[str, ChatEvent]:
        settled = Parameters.of({"temperature": 0, "num_predict": 40, "stop": stops})
        *told, done = [event async for event in engines.pool.chat(needs, ASK, settled, AnswerOptions(**more))]
        return "".join(event.text for event in told), done  # type: ignore[union-attr] - all are texts

    whole, _ = await said()
    stop = whole[len(whole) // 2 :][:4]
    text, done = await said("never said", stop)
    assert text == whole[: whole.index(stop)]
    assert isinstance(done, Done)
    assert (done.reason, done.stop_text) == ("stop", stop)


async def test_the_bias_of_a_token_holds(start: Start, tiny: Path) -> None:
    engines = start()
    needs = engines.needs(tiny)
    first = (await answered(engines, needs, logprobs=1))[0]
    assert isinstance(first, TextDelta)
    assert first.logprobs[0].top == (first.logprobs[0].chosen,)
    end = 2
    assert len(await answered(engines, needs, logit_bias={end: 100.0})) == 1, "it ends at once"


async def test_a_smaller_context_than_the_engines_holds_for_its_request(start: Start, tiny: Path) -> None:
    engines = start()
    big, small = engines.needs(tiny, context=1024), engines.needs(tiny, context=64)
    long = [Message("user", "word " * 40)]
    assert await answered(engines, big, long)
    with pytest.raises(ContextExceeded, match="the context holds 64"):
        await answered(engines, small, long)
    assert len(engines.pids()) == 1, "the engine was not started anew"


async def test_texts_are_counted_in_one_question(start: Start, tiny: Path) -> None:
    engines = start()
    needs = engines.needs(tiny)
    texts = ["Hello there.", "", "a longer text with several words", "é 漢字 \n\n x"]
    alone = [(await engines.pool.count(needs, [text]))[0] for text in texts]
    together = await engines.pool.count(needs, texts)
    assert all(abs(one - other) <= 2 for one, other in zip(alone, together, strict=True))


async def test_chances_of_a_prompt_are_those_of_an_answer(start: Start) -> None:
    """What the engine said while it wrote a text is what it says of the same text afterwards."""
    engines = start()
    needs = engines.needs(WEIGHTS)
    settled = Parameters.of({"temperature": 0, "num_predict": 12})
    question = "You are Mario. Who are you?"
    events = [e async for e in engines.pool.complete(needs, question, settled, AnswerOptions(logprobs=1))]
    written = [token.chosen for e in events if isinstance(e, TextDelta) for token in e.logprobs]
    (tokens,) = await engines.pool.tokenize(needs, [question])
    scored = await engines.pool.score(needs, question + "".join(each.text for each in written), top=1)
    found = [each.chosen for each in scored[len(tokens) :]]
    assert [each.text for each in found] == [each.text for each in written]
    assert [each.logprob for each in found] == pytest.approx([each.logprob for each in written], abs=0.05)
    assert all(each.top[0].logprob >= each.chosen.logprob - 1e-6 for each in scored[1:])


UNENDING = {0: -100.0, 1: -100.0, 2: -100.0}
"""No token that ends an answer."""

THINKER = """{% for message in messages %}{% if message.role == "assistant" %}<|im_start|>assistant
{% if message.reasoning_content %}<think>
{{ message.reasoning_content }}
</think>

{% endif %}{{ message.content }}<|im_end|>
{% else %}<|im_start|>{{ message.role }}
{{ message.content }}<|im_end|>
{% endif %}{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant
{% if enable_thinking is defined and enable_thinking is false %}<think>

</think>

{% else %}<think>
{% endif %}{% endif %}"""


async def test_a_thought_ends_with_its_budget(start: Start, tmp_path: Path) -> None:
    """Random weights never end a thought by themselves."""
    path = tmp_path / "thinker.gguf"
    shape = Shape(hidden=64, layers=2, heads=2, feed_forward=128, vocabulary=512, context=2048)
    write_random_model(path, shape, template=THINKER)
    engines = start()
    needs = engines.needs(path)
    endless = await answered(engines, needs, think=True, logit_bias=UNENDING)
    assert not [event for event in endless if isinstance(event, TextDelta)]
    said = await answered(engines, needs, think=True, thinking_budget=10, logit_bias=UNENDING)
    thoughts = [event for event in said if isinstance(event, ThinkingDelta)]
    assert 1 <= len(thoughts) <= 12
    assert "".join(event.text for event in said if isinstance(event, TextDelta))


async def test_what_num_keep_keeps_stays_when_a_context_shifts(start: Start, tiny: Path) -> None:
    """Nothing else differs between the requests, and the answers do."""
    engines = start(parallel=1)
    needs = engines.needs(tiny, context=256)
    options = AnswerOptions(logit_bias=UNENDING)

    async def said(keep: int, tokens: int) -> str:
        settled = Parameters.of({"temperature": 0, "num_predict": tokens, "num_keep": keep})
        events = [e async for e in engines.pool.complete(needs, "hello there " * 8, settled, options)]
        assert isinstance(events[-1], Done)
        assert events[-1].usage.completion_tokens == tokens
        return "".join(event.text for event in events if isinstance(event, TextDelta))

    assert await said(0, 100) == await said(64, 100), "the context is not full yet"
    dropped = await said(0, 400)
    assert await said(0, 400) == dropped
    assert await said(64, 400) != dropped
