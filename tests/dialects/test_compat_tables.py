"""Ollama's table of small mappings to OpenAI's and Anthropic's words, case by case."""

import json
from typing import Any

import pytest

from modelwright.core.chat import Done, ToolCall
from modelwright.core.errors import Invalid, ModelwrightError
from modelwright.dialects.anthropic import writers as anthropic
from modelwright.dialects.failure import STATUS
from modelwright.dialects.openai import writers as openai
from modelwright.dialects.openai.tools import read_effort
from tools.docs.conformance import case_name, exceptions

DIFFERENT = exceptions("compat_mapping")
"""Cases that cannot happen here, and why."""


def events(reason: str, *, called: bool) -> list[Any]:
    """An answer that ends so."""
    return [*([ToolCall("add")] if called else []), Done(reason)]  # type: ignore[arg-type] - any reason of the table


def error_of(status: int) -> ModelwrightError:
    """An error that has this status."""
    kind = next(kind for kind, number in STATUS.items() if number == status)
    error = kind.__new__(kind)
    ModelwrightError.__init__(error, "no")
    return error


@pytest.mark.conformance("compat_mapping", kind="reasoning_effort_to_think")
def test_an_effort_is_a_way_to_think(case: dict[str, Any]) -> None:
    if case["error"]:
        with pytest.raises(Invalid, match="extreme"):
            read_effort(case["effort"])
    else:
        assert read_effort(case["effort"] or "") == case["think"]


@pytest.mark.conformance("compat_mapping", kind="finish_reason")
def test_the_end_of_an_answer_in_openais_words(case: dict[str, Any]) -> None:
    if why := DIFFERENT.get(case_name(case)):
        pytest.skip(why)
    answer = events(case["doneReason"], called=case["toolCallSent"])
    (choice,) = openai.ChatWriter(openai.Shape("m")).whole(answer)["choices"]
    assert choice["finish_reason"] == case["expectedReason"]
    streaming = openai.ChatWriter(openai.Shape("m"))
    *_, last = [streaming.frame(event) for event in answer]
    chunk = json.loads(last.removeprefix(b"data: ").partition(b"\n\n")[0])
    assert chunk["choices"][0]["finish_reason"] == case["expectedReason"]


@pytest.mark.conformance("compat_mapping", kind="anthropic_stop_reason")
def test_the_end_of_an_answer_in_anthropics_words(case: dict[str, Any]) -> None:
    if why := DIFFERENT.get(case_name(case)):
        pytest.skip(why)
    answer = events(case["reason"], called=case["hasToolCalls"])
    assert anthropic.MessageWriter(anthropic.Shape("m")).whole(answer)["stop_reason"] == case["want"]


@pytest.mark.conformance("compat_mapping", kind="openai_error_type")
def test_what_openais_clients_are_told_a_status_is(case: dict[str, Any]) -> None:
    assert openai.error_body(error_of(case["status"]))["error"]["type"] == case["type"]


@pytest.mark.conformance("compat_mapping", kind="anthropic_error_type")
def test_what_anthropics_clients_are_told_a_status_is(case: dict[str, Any]) -> None:
    if why := DIFFERENT.get(case_name(case)):
        pytest.skip(why)
    assert anthropic.error_body(error_of(case["status"]))["error"]["type"] == case["type"]
