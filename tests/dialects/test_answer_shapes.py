"""Thoughts, calls and probabilities in each dialect's answers, from the core's events."""

import json
from base64 import b64encode
from typing import Any

import pytest

from modelwright.core.chat import (
    AnswerFormat,
    ChatEvent,
    Done,
    Message,
    TextDelta,
    ThinkingDelta,
    TokenChance,
    TokenLogprob,
    ToolCall,
    Usage,
)
from modelwright.core.errors import Unavailable
from modelwright.dialects.anthropic import Anthropic
from modelwright.dialects.body import read
from modelwright.dialects.openai import OpenAI
from modelwright.dialects.openai.responses_items import conversation, read_items
from modelwright.dialects.openai.responses_wire import ResponseRequest
from modelwright.dialects.openai.responses_writer import ResponseWriter

CALL = ToolCall("weather", {"city": "Paris"}, "call_1")
SAID: tuple[ChatEvent, ...] = (
    ThinkingDelta("hm "),
    ThinkingDelta("well"),
    TextDelta("I "),
    TextDelta("ask"),
    CALL,
    ToolCall("weather", {"city": "Rome"}, "call_2"),
    Done("stop", Usage(7, 9, cached_tokens=2)),
)
TOOL = {"type": "function", "function": {"name": "weather", "parameters": {"type": "object"}}}
PNG = b"\x89PNG\r\n\x1a\n" + b"0" * 16
PICTURE = b64encode(PNG).decode()


def objects(frames: bytes) -> list[dict[str, Any]]:
    data = [line[6:] for line in frames.decode().split("\n") if line.startswith("data: {")]
    return [json.loads(line) for line in data]


def chat(**body: Any) -> Any:
    writer = OpenAI().chat_writer({"model": "m", **body})
    return writer, objects(writer.opening() + b"".join(map(writer.frame, SAID)))


def test_chat_tells_thoughts_and_calls_apart() -> None:
    writer, frames = chat()
    message = writer.whole(SAID)["choices"][0]["message"]
    assert (message["reasoning"], message["content"]) == ("hm well", "I ask")
    assert [call["function"]["arguments"] for call in message["tool_calls"]] == [
        '{"city":"Paris"}',
        '{"city":"Rome"}',
    ]
    deltas = [frame["choices"][0]["delta"] for frame in frames]
    assert "".join(delta.get("reasoning", "") for delta in deltas) == "hm well"
    told = [call for delta in deltas for call in delta.get("tool_calls", [])]
    assert [(call.pop("index"), call)[1] for call in told] == message["tool_calls"]
    assert [call["id"] for call in told] == ["call_1", "call_2"]
    assert frames[-1]["choices"][0]["finish_reason"] == "tool_calls"


def test_functions_are_answered_as_they_were_asked_for() -> None:
    writer, frames = chat(functions=[{"name": "weather"}])
    choice = writer.whole(SAID)["choices"][0]
    assert choice["message"]["function_call"] == {"name": "weather", "arguments": '{"city":"Paris"}'}
    assert choice["finish_reason"] == frames[-1]["choices"][0]["finish_reason"] == "function_call"


def test_probabilities_of_a_chat() -> None:
    token = TokenLogprob(TokenChance("hi", -0.5), (TokenChance("hi", -0.5), TokenChance("ho", -1.0)))
    events = (TextDelta("hi", (token,)), Done("stop"))
    writer = OpenAI().chat_writer({"model": "m", "logprobs": True, "top_logprobs": 2})
    (found,) = writer.whole(events)["choices"][0]["logprobs"]["content"]
    assert (found["token"], found["logprob"], found["bytes"]) == ("hi", -0.5, [104, 105])
    assert [other["token"] for other in found["top_logprobs"]] == ["hi", "ho"]
    assert OpenAI().chat_writer({"model": "m"}).whole(events)["choices"][0]["logprobs"] is None


def test_a_chat_with_tools_is_read() -> None:
    turns = [
        {"role": "user", "content": [{"type": "text", "text": "look"}, image_url()]},
        {
            "role": "assistant",
            "content": None,
            "reasoning": "hm",
            "tool_calls": [
                {"id": "c1", "type": "function", "function": {"name": "weather", "arguments": "{}"}}
            ],
        },
        {"role": "tool", "tool_call_id": "c1", "content": "sunny"},
    ]
    forms = {"type": "json_schema", "json_schema": {"name": "x", "schema": {"type": "object"}}}
    found = OpenAI().parse_chat(
        {
            "model": "m",
            "messages": turns,
            "tools": [TOOL],
            "response_format": forms,
            "logit_bias": {"5": -100},
        }
    )
    assert found.messages == (
        Message("user", "look", images=(PNG,)),
        Message("assistant", "", thinking="hm", tool_calls=(ToolCall("weather", {}, "c1"),)),
        Message("tool", "sunny", tool_name="weather", tool_call_id="c1"),
    )
    assert found.options.format == AnswerFormat({"type": "object"})
    assert found.options.logit_bias == {5: -100.0}


def image_url() -> dict[str, Any]:
    return {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PICTURE}", "detail": "low"}}


@pytest.mark.parametrize(
    ("choice", "mode", "name", "tools"),
    [
        ("none", "none", "", 2),
        ("required", "required", "", 2),
        ({"type": "function", "function": {"name": "time"}}, "required", "time", 2),
        ({"type": "allowed_tools", "allowed_tools": {"mode": "auto", "tools": [TOOL]}}, "auto", "", 1),
    ],
)
def test_the_forms_of_tool_choice(choice: Any, mode: str, name: str, tools: int) -> None:
    other = {"type": "function", "function": {"name": "time"}}
    body = {"model": "m", "messages": [{"role": "user", "content": "x"}], "tools": [TOOL, other]}
    options = OpenAI().parse_chat({**body, "tool_choice": choice, "parallel_tool_calls": False}).options
    assert (options.tool_choice.mode, options.tool_choice.name, len(options.tools)) == (mode, name, tools)
    assert options.tool_choice.parallel is False


@pytest.mark.parametrize(
    ("effort", "think"), [("none", False), ("minimal", "low"), ("high", "high"), ("xhigh", "max")]
)
def test_efforts_are_thinking(effort: str, think: Any) -> None:
    body = {"model": "m", "messages": [{"role": "user", "content": "x"}], "reasoning_effort": effort}
    assert OpenAI().parse_chat(body).options.think == think


def test_a_response_has_its_items_in_order() -> None:
    writer = ResponseWriter(read(ResponseRequest, {"model": "m", "input": "x"}), stored=True)
    frames = objects(writer.opening() + b"".join(map(writer.frame, SAID)))
    whole = writer.whole(SAID)
    assert frames[-1]["response"] == whole
    assert [item["type"] for item in whole["output"]] == [
        "reasoning",
        "message",
        "function_call",
        "function_call",
    ]
    done = [frame["item"] for frame in frames if frame["type"] == "response.output_item.done"]
    assert done == whole["output"]
    assert [frame["sequence_number"] for frame in frames] == list(range(len(frames)))


def test_what_a_response_gave_can_be_sent_back() -> None:
    writer = ResponseWriter(read(ResponseRequest, {"model": "m", "input": "x"}), stored=True)
    output = writer.whole(SAID)["output"]
    result = {"type": "function_call_output", "call_id": "call_1", "output": "sunny"}
    calls = (CALL, ToolCall("weather", {"city": "Rome"}, "call_2", 1))
    assert conversation(read_items([*output, result])) == (
        Message("assistant", "I ask", thinking="hm well", tool_calls=calls),
        Message("tool", "sunny", tool_name="weather", tool_call_id="call_1"),
    )


def test_a_broken_response_has_failed() -> None:
    writer = ResponseWriter(read(ResponseRequest, {"model": "m", "input": "x"}), stored=True)
    writer.opening()
    (frame,) = objects(writer.failure(Unavailable("the engine died")))
    assert (frame["type"], frame["response"]["status"]) == ("response.failed", "failed")
    assert "the engine died" in frame["response"]["error"]["message"]


def message_of(frames: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The blocks that the events of a stream add up to."""
    blocks: list[dict[str, Any]] = []
    for frame in frames:
        if frame["type"] == "content_block_start":
            blocks.append(dict(frame["content_block"]))
        elif frame["type"] == "content_block_delta":
            kind, value = list(frame["delta"].values())
            name = {"text_delta": "text", "thinking_delta": "thinking", "signature_delta": "signature"}.get(
                kind
            )
            if name is None:
                blocks[-1]["input"] = json.loads(value)
            else:
                blocks[-1][name] += value
    return blocks


def test_a_message_is_made_of_blocks() -> None:
    writer = Anthropic().chat_writer({"model": "m", "max_tokens": 9})
    whole = writer.whole(SAID)
    thought, text, *calls = whole["content"]
    assert (thought["thinking"], text["text"]) == ("hm well", "I ask")
    assert thought["signature"]
    assert [call["input"] for call in calls] == [{"city": "Paris"}, {"city": "Rome"}]
    assert whole["stop_reason"] == "tool_use"
    assert (whole["usage"]["input_tokens"], whole["usage"]["cache_read_input_tokens"]) == (5, 2)
    assert message_of(objects(writer.opening() + b"".join(map(writer.frame, SAID)))) == whole["content"]


def test_thinking_can_be_left_out() -> None:
    writer = Anthropic().chat_writer(
        {"model": "m", "max_tokens": 9, "thinking": {"type": "adaptive", "display": "omitted"}}
    )
    thought = writer.whole(SAID)["content"][0]
    assert (thought["type"], thought["thinking"]) == ("thinking", "")
    assert thought["signature"]


def test_what_a_message_gave_can_be_sent_back() -> None:
    said = Anthropic().chat_writer({"model": "m", "max_tokens": 9}).whole(SAID)["content"]
    picture = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PICTURE}}
    results = [
        {"type": "tool_result", "tool_use_id": "call_1", "content": [{"type": "text", "text": "sunny"}]},
        {"type": "tool_result", "tool_use_id": "call_2", "content": "lost", "is_error": True},
        {"type": "text", "text": "so?"},
        picture,
    ]
    turns = [{"role": "assistant", "content": said}, {"role": "user", "content": results}]
    body = {"model": "m", "max_tokens": 9, "messages": turns, "system": "be brief"}
    system, spoke, first, second, user = Anthropic().parse_chat(body).messages
    assert system == Message("system", "be brief")
    assert (spoke.thinking, spoke.content, len(spoke.tool_calls)) == ("hm well", "I ask", 2)
    assert first == Message("tool", "sunny", tool_name="weather", tool_call_id="call_1")
    assert second.content == "Error: lost"
    assert user == Message("user", "so?", images=(PNG,))


@pytest.mark.parametrize(
    ("thinking", "effort", "think"),
    [
        ({}, "", None),
        ({"type": "adaptive"}, "high", None),
        ({"type": "disabled"}, "", False),
        ({"type": "enabled", "budget_tokens": 2000}, "", True),
        ({"type": "enabled", "budget_tokens": 2000}, "low", "low"),
    ],
)
def test_when_to_think(thinking: dict[str, Any], effort: str, think: Any) -> None:
    body = {
        "model": "m",
        "max_tokens": 9,
        "messages": [{"role": "user", "content": "x"}],
        "thinking": thinking,
    }
    found = Anthropic().parse_chat({**body, "output_config": {"effort": effort}})
    assert found.options.think == think
