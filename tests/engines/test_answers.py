"""What an engine says is read right, however it is cut and whatever it says."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelwright.core.chat import PLAIN, AnswerOptions, ChatEvent, Done, TextDelta, ThinkingDelta, ToolCall
from modelwright.core.errors import Invalid, Unavailable, Unsupported
from modelwright.engines.answers import (
    ChatReader,
    CompletionReader,
    EventLines,
    reason_for_dying,
    reason_for_failing,
    refusal,
)

TIMINGS = {"cache_n": 30, "prompt_n": 4, "prompt_ms": 2.5, "predicted_n": 6, "predicted_ms": 1.5}


def chunk(delta: dict[str, object], reason: str | None = None) -> dict[str, object]:
    return {"choices": [{"finish_reason": reason, "index": 0, "delta": delta}], "timings": TIMINGS}


@given(st.lists(st.dictionaries(st.text(), st.text(), min_size=1), max_size=5), st.data())
def test_events_are_the_same_however_the_stream_is_cut(payloads: list[object], data: st.DataObject) -> None:
    lines = [b"data: " + json.dumps(payload).encode() for payload in payloads]
    stream = b": ping\n\n" + b"\n\n".join([*lines, b"data: [DONE]"]) + b"\n\n"
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=8)))
    reader = EventLines()
    pieces = [stream[a:b] for a, b in zip([0, *cuts], [*cuts, len(stream)], strict=True)]
    assert [payload for piece in pieces for payload in reader.feed(piece)] == payloads


def test_a_conversation_is_read() -> None:
    read = ChatReader(PLAIN).read
    assert read(chunk({"role": "assistant", "content": None})) == []
    assert read(chunk({"content": " Mario"})) == [TextDelta(" Mario")]
    (done,) = read(chunk({}, "length"))
    assert isinstance(done, Done)
    assert done.reason == "length"
    assert (done.usage.prompt_tokens, done.usage.cached_tokens, done.usage.completion_tokens) == (34, 30, 6)
    assert (done.usage.prompt_ns, done.usage.completion_ns) == (2_500_000, 1_500_000)


@pytest.mark.parametrize(("stop_type", "reason"), [("eos", "stop"), ("word", "stop"), ("limit", "length")])
def test_a_continuation_is_read(stop_type: str, reason: str) -> None:
    read = CompletionReader(AnswerOptions(returns_context=True), [1, 2]).read
    assert read({"content": "", "stop": False, "tokens": [3]}) == []
    assert read({"content": "a", "stop": False, "tokens": [4]}) == [TextDelta("a")]
    (done,) = read({"content": "", "stop": True, "stop_type": stop_type, "timings": TIMINGS})
    assert isinstance(done, Done)
    assert (done.reason, done.context) == (reason, (1, 2, 3, 4))


def call(**function: str) -> dict[str, object]:
    return chunk(
        {"tool_calls": [{"index": 0, "id": "c" if "name" in function else "", "function": function}]}
    )


@pytest.mark.parametrize("reason", ["tool_calls", "length"])
def test_a_call_is_told_when_it_is_whole(reason: str) -> None:
    reader = ChatReader(PLAIN)
    for part in (call(name="add", arguments=""), call(arguments='{"a": '), call(arguments="2")):
        assert reader.read(part) == []
    events: list[ChatEvent] = [] if reason == "length" else reader.read(call(arguments="}"))
    events += reader.read(chunk({}, reason))
    assert events[:-1] == ([] if reason == "length" else [ToolCall("add", {"a": 2}, "c")])
    assert isinstance(events[-1], Done)


def test_a_thought_that_nobody_wants_is_left_out() -> None:
    payload = chunk({"reasoning_content": "hm", "content": "yes"})
    assert ChatReader(AnswerOptions(think=True)).read(payload) == [ThinkingDelta("hm"), TextDelta("yes")]
    assert ChatReader(AnswerOptions(think=False)).read(payload) == [TextDelta("yes")]


def test_an_error_in_the_middle_is_raised() -> None:
    with pytest.raises(Unavailable, match="decode failed"):
        ChatReader(PLAIN).read({"error": {"code": 500, "message": "decode failed", "type": "server_error"}})


def test_a_prompt_too_long_says_how_long_and_what_to_do() -> None:
    error = refusal(
        400, {"error": {"type": "exceed_context_size_error", "n_prompt_tokens": 909, "n_ctx": 512}}
    )
    assert isinstance(error, Invalid)
    assert "909 tokens" in error.message
    assert "512" in error.message
    assert "num_ctx" in error.hint


def test_a_template_that_refuses_gives_its_own_reason() -> None:
    text = "Unable to generate parser.\n---\n  ^\nError: Jinja Exception: Conversation roles must alternate"
    error = refusal(400, {"error": {"code": 400, "message": text}})
    assert isinstance(error, Invalid)
    assert error.message.endswith("refuses this conversation: Conversation roles must alternate")


@pytest.mark.parametrize("body", [None, [], {"error": "text"}, {"error": {}}, "text"])
def test_any_body_of_an_error_is_an_error(body: object) -> None:
    assert isinstance(refusal(400, body), Invalid)
    assert isinstance(refusal(500, body), Unavailable)
    assert isinstance(refusal(501, body), Unsupported)


def test_the_reason_for_failing_is_the_first_error() -> None:
    log = (
        "0.00.003.1 I srv  load: loading\n"
        "0.00.003.2 E llama_model_load: error loading model: unknown model architecture: 'lxama'\n"
        "0.00.003.3 E srv    load_model: failed to load model, 'the file'\n"
    )
    assert reason_for_failing(log) == "error loading model: unknown model architecture: 'lxama'"
    assert reason_for_failing("no log at all") == "no log at all"
    assert reason_for_failing("") == reason_for_dying("") == ""


def test_the_reason_for_dying_is_the_last_line() -> None:
    log = "0.00.003.1 E srv  load: loading\n/x/y-z/llama-vocab.cpp:2665: GGML_ASSERT(a == b) failed\n\n"
    assert reason_for_dying(log) == "llama-vocab.cpp:2665: GGML_ASSERT(a == b) failed"
