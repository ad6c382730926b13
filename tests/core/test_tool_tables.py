"""Ollama's own tables of thinking and of calls of tools, case by case."""

from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelwright.core.chat import Message, ToolCall
from modelwright.core.names import Name
from modelwright.core.prompt_template.prompt import PromptTemplate
from modelwright.core.thinking import ThinkingParser, without_old_thoughts
from modelwright.core.tool_parser import ToolParser, find_arguments, find_tag, is_closed, unused

NAMES = ("get_temperature", "get_conditions", "say_hello", "say_hello_world", "get_address", "add")
TOOLS = [{"type": "function", "function": {"name": name}} for name in NAMES]
"""The tools of the table, by the one thing of theirs that is read."""


@pytest.mark.conformance("thinking_infer_tags")
def test_a_template_tells_what_stands_around_a_thought(case: dict[str, Any]) -> None:
    assert PromptTemplate.parse(case["template"]).thinking_tags == (case["opening"], case["closing"])


@pytest.mark.conformance("thinking_parser", kind="one_shot")
def test_a_thought_is_parted_from_an_answer(case: dict[str, Any]) -> None:
    found = ThinkingParser().add(case["in"])
    assert (found.thinking, found.content) == (case["thinking"], case["content"])


@pytest.mark.conformance("thinking_parser", kind="streaming")
def test_a_thought_is_parted_piece_by_piece(case: dict[str, Any]) -> None:
    parser = ThinkingParser()
    for step in case["steps"]:
        found = parser.add(step["in"])
        assert (found.thinking, found.content) == (step["thinking"], step["content"])


@given(st.lists(st.sampled_from(["<", "<think>", "</think>", "thi", "nk>", " ", "\n", "a", "</"])))
def test_how_a_stream_is_cut_changes_nothing(pieces: list[str]) -> None:
    whole, cut = ThinkingParser(), ThinkingParser()
    said = [cut.add(piece) for piece in pieces] + [cut.finish()]
    once = [whole.add("".join(pieces)), whole.finish()]
    assert "".join(p.thinking for p in said) == "".join(p.thinking for p in once)
    assert "".join(p.content for p in said) == "".join(p.content for p in once)


@pytest.mark.conformance("filter_think_tags")
def test_old_thoughts_are_left_out_where_a_model_wants_it(case: dict[str, Any]) -> None:
    messages = [Message(each["role"], each["content"]) for each in case["messages"]]
    model = Name.parse(case["model"]).model if case["model"] else ""
    kept = without_old_thoughts(messages, family=case["family"], model=model)
    assert [{"role": each.role, "content": each.content} for each in kept] == case["expected"]


@pytest.mark.conformance("tool_parser", kind="parse_tag")
def test_a_template_tells_what_stands_before_calls(case: dict[str, Any]) -> None:
    assert PromptTemplate.parse(case["template"]).call_tag == case["want"]


@pytest.mark.conformance("tool_parser", kind="find_tag")
def test_a_tag_is_found(case: dict[str, Any]) -> None:
    assert find_tag(case["buffer"], case["tag"]) == (case["i"], case["found"])


@pytest.mark.conformance("tool_parser", kind="find_arguments")
def test_arguments_are_found(case: dict[str, Any]) -> None:
    assert find_arguments(case.get("tool", ""), case["buffer"])[0] == case["want"]


@pytest.mark.conformance("tool_parser", kind="done")
def test_the_end_of_brackets_is_seen(case: dict[str, Any]) -> None:
    assert is_closed(case["buffer"], case["tag"]) == case["want"]


@pytest.mark.conformance("tool_parser", kind="content")
def test_brackets_that_are_no_call_are_text(case: dict[str, Any]) -> None:
    assert unused(case["content"], case["tag"], case["n"]) == case["want"]


def parsed(tag: str, pieces: list[str]) -> tuple[str, list[ToolCall], str]:
    """Text, calls, and what was held until the end."""
    parser = ToolParser(tag, TOOLS)
    found = [parser.add(piece) for piece in pieces]
    text = "".join(text for text, _ in found)
    return text, [call for _, calls in found for call in calls], parser.finish()


@pytest.mark.conformance("tool_parser", kind="stream_parse")
def test_calls_are_found_in_a_stream(case: dict[str, Any]) -> None:
    calls = [ToolCall(call["name"], call["arguments"], index=call["index"]) for call in case["calls"]]
    tag = PromptTemplate.parse(case["template"]).call_tag
    assert parsed(tag, case["chunks"])[:2] == (case["content"], calls)


CALLS = 'so <tool_call>{"name": "add", "arguments": {"a": "{", "b": 2}}</tool_call><tool_call>'
CALLS += '{"name": "say_hello", "arguments": {}}</tool_call> done'


@given(st.lists(st.integers(0, len(CALLS))))
def test_how_a_call_is_cut_changes_nothing(places: list[int]) -> None:
    cuts = [CALLS[a:b] for a, b in pairwise([0, *sorted(places), len(CALLS)])]
    text, calls, rest = parsed("<tool_call>", cuts)
    assert (text, rest) == ("so ", "")
    assert [call.name for call in calls] == ["add", "say_hello"]


def test_a_call_that_never_ends_is_text_at_last() -> None:
    text, calls, rest = parsed("{", ["{", *(["x" * 1000] * 1100)])
    assert len(text + rest) == 1_100_001
    assert calls == []
