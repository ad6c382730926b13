"""Tools, thoughts and forms with the `openai` and `anthropic` packages, against a real server."""

from collections.abc import Iterator
from typing import Any, Literal

import anthropic
import ollama
import openai
import pytest
from pydantic import BaseModel

WHO: Any = [{"role": "user", "content": "Who are you?"}]
SCHEMA = {
    "type": "object",
    "properties": {"a": {"enum": [1, 2]}, "sure": {"type": "boolean"}},
    "required": ["a", "sure"],
    "additionalProperties": False,
}
FUNCTION = {"name": "add", "description": "Add two numbers", "parameters": SCHEMA}
CHAT_TOOL: Any = {"type": "function", "function": FUNCTION}
RESPONSE_TOOL: Any = {"type": "function", **FUNCTION}
ANTHROPIC_TOOL: Any = {"name": "add", "description": "Add two numbers", "input_schema": SCHEMA}
CHATML = "{{ range .Messages }}<|im_start|>{{ .Role }}\n{{ .Content }}"
TOOLS = (
    "{{ if .Tools }}{{ .Tools }}{{ end }}" + CHATML + "{{ if .ToolCalls }}<tool_call>{{ range .ToolCalls }}"
    '{"name": "{{ .Function.Name }}", "arguments": {{ .Function.Arguments }}}{{ end }}</tool_call>{{ end }}'
    "<|im_end|>\n{{ end }}<|im_start|>assistant\n"
)
THINKING = (
    CHATML + "{{ if .Thinking }}<think>{{ .Thinking }}</think>{{ end }}<|im_end|>\n{{ end }}"
    "<|im_start|>assistant\n{{ if .Think }}<think> {{ end }}"
)


@pytest.fixture(scope="module", autouse=True)
def models(server: str) -> None:
    with ollama.Client(host=server) as maker:
        settled = {"temperature": 1, "seed": 1, "num_predict": 200}
        for name, template in (("caller", TOOLS), ("thinker", THINKING)):
            maker.create(model=name, from_="starter", template=template, parameters=settled)


@pytest.fixture
def theirs(server: str) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{server}/v1", api_key="unused", max_retries=0) as opened:
        yield opened


@pytest.fixture
def claude(server: str) -> Iterator[anthropic.Anthropic]:
    with anthropic.Anthropic(base_url=server, api_key="unused", max_retries=0) as opened:
        yield opened


def test_a_chat_calls_a_tool_and_hears_what_it_gave(theirs: openai.OpenAI) -> None:
    asked: Any = {"model": "caller", "tools": [CHAT_TOOL], "tool_choice": "required"}
    choice = theirs.chat.completions.create(**asked, messages=WHO).choices[0]
    (call,) = choice.message.tool_calls or ()
    assert (choice.finish_reason, call.type) == ("tool_calls", "function")
    with theirs.chat.completions.stream(**asked, messages=WHO) as stream:
        final = stream.get_final_completion().choices[0]
    assert final.message.tool_calls is not None
    assert final.message.tool_calls[0].function.arguments == call.function.arguments  # type: ignore[union-attr] - it is one
    told = [*WHO, choice.message, {"role": "tool", "tool_call_id": call.id, "content": "3"}]
    asked["tool_choice"] = "none"
    assert theirs.chat.completions.create(**asked, messages=told).choices[0].message.content is not None


def test_a_response_calls_a_tool_and_hears_what_it_gave(theirs: openai.OpenAI) -> None:
    asked: Any = {"model": "caller", "tools": [RESPONSE_TOOL]}
    with theirs.responses.stream(**asked, tool_choice="required", input="Who are you?") as stream:
        kinds = [event.type for event in stream]
        first = stream.get_final_response()
    assert "response.function_call_arguments.done" in kinds
    (call,) = first.output
    assert call.type == "function_call"
    result: Any = [{"type": "function_call_output", "call_id": call.call_id, "output": "3"}]
    second = theirs.responses.create(**asked, tool_choice="none", input=result, previous_response_id=first.id)
    assert second.status in ("completed", "incomplete")
    with pytest.raises(openai.BadRequestError, match="call_id"):
        theirs.responses.create(**asked, input=result)


def test_a_message_calls_a_tool_and_hears_what_it_gave(claude: anthropic.Anthropic) -> None:
    asked: Any = {"model": "caller", "max_tokens": 200, "tools": [ANTHROPIC_TOOL]}
    message = claude.messages.create(**asked, tool_choice={"type": "any"}, messages=WHO)
    (call,) = message.content
    assert (message.stop_reason, call.type) == ("tool_use", "tool_use")
    with claude.messages.stream(**asked, tool_choice={"type": "tool", "name": "add"}, messages=WHO) as stream:
        (streamed,) = stream.get_final_message().content
    assert streamed.input == call.input  # type: ignore[union-attr] - both are calls
    result = {"type": "tool_result", "tool_use_id": call.id, "content": "3"}  # type: ignore[union-attr] - as above
    told = [*WHO, {"role": "assistant", "content": message.content}, {"role": "user", "content": [result]}]
    assert claude.messages.create(**asked, tool_choice={"type": "none"}, messages=told).content


def test_thoughts_are_told_apart(theirs: openai.OpenAI, claude: anthropic.Anthropic) -> None:
    """This model never ends its thought."""
    asked: Any = {"model": "thinker", "messages": WHO}
    chat: Any = theirs.chat.completions.create(**asked, reasoning_effort="high").choices[0].message
    assert chat.reasoning
    assert not chat.content
    response = theirs.responses.create(model="thinker", input="Who are you?", reasoning={"effort": "high"})
    assert [item.type for item in response.output] == ["reasoning"]
    asked["max_tokens"] = 2000
    with claude.messages.stream(**asked, thinking={"type": "enabled", "budget_tokens": 1024}) as stream:
        thought = stream.get_final_message().content[0]
    assert thought.type == "thinking"
    assert thought.thinking.strip() == chat.reasoning.strip()
    assert thought.signature


def test_who_wants_no_thoughts_gets_none(theirs: openai.OpenAI, claude: anthropic.Anthropic) -> None:
    asked: Any = {"model": "thinker", "messages": WHO}
    chat: Any = theirs.chat.completions.create(**asked, reasoning_effort="none").choices[0].message
    assert chat.content
    message = claude.messages.create(**asked, max_tokens=60, thinking={"type": "disabled"})
    assert [block.type for block in message.content] == ["text"]


class Mood(BaseModel):
    mood: Literal["happy", "sad"]
    sure: bool


def test_answers_have_the_form_that_was_asked_for(theirs: openai.OpenAI, claude: anthropic.Anthropic) -> None:
    """The packages make a JSON Schema of a class, and read the answer with it."""
    chat = theirs.chat.completions.parse(model="starter", messages=WHO, response_format=Mood)
    assert isinstance(chat.choices[0].message.parsed, Mood)
    response = theirs.responses.parse(model="starter", input="Who are you?", text_format=Mood)
    assert isinstance(response.output_parsed, Mood)
    message = claude.messages.parse(model="starter", max_tokens=60, messages=WHO, output_format=Mood)
    assert isinstance(message.parsed_output, Mood)


def test_what_a_model_cannot_is_refused_with_the_reason(
    theirs: openai.OpenAI, claude: anthropic.Anthropic
) -> None:
    asked: Any = {"model": "starter", "messages": WHO}
    with pytest.raises(openai.BadRequestError, match="does not support tools"):
        theirs.chat.completions.create(**asked, tools=[CHAT_TOOL])
    with pytest.raises(openai.BadRequestError, match="does not support thinking"):
        theirs.responses.create(model="starter", input="x", reasoning={"effort": "low"})
    with pytest.raises(anthropic.BadRequestError, match="does not support tools"):
        claude.messages.create(**asked, max_tokens=9, tools=[ANTHROPIC_TOOL])
