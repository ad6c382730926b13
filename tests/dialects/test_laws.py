"""The laws of dialects, for every dialect in the list."""

import json
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelwright.core import errors
from modelwright.core.chat import ChatEvent, ChatRequest, Done, Message, TextDelta, Usage
from modelwright.core.parameters import Parameters
from modelwright.dialects.ai_middleware import AIMiddleware
from modelwright.dialects.answer import Writer
from modelwright.dialects.anthropic import Anthropic
from modelwright.dialects.base import ChatDialect, Dialect
from modelwright.dialects.failure import STATUS, HeadersTooLarge, Internal, WrongMethod, status_of
from modelwright.dialects.native import Native
from modelwright.dialects.ollama import Ollama
from modelwright.dialects.openai import OpenAI
from modelwright.dialects.openwebui import OpenWebUI
from modelwright.dialects.sgp import SGP
from modelwright.dialects.tigercity import TigerCity

CHAT_DIALECTS: tuple[ChatDialect, ...] = (Ollama(), OpenAI(), Anthropic(), OpenWebUI(), TigerCity(), SGP())
DIALECTS: tuple[Dialect, ...] = (*CHAT_DIALECTS, AIMiddleware(), Native(None))  # type: ignore[arg-type]  # its identity is not asked for here

ERRORS = (
    errors.NotFound("model", "mario", hint="look again"),
    errors.Conflict("mario is there already"),
    errors.Invalid("bad temperature", field="options.temperature", hint="Use 0 to 2"),
    errors.TooLarge("the body is too large"),
    errors.Denied("not yours"),
    errors.Unauthenticated("who are you?"),
    errors.Unsupported("no tools yet"),
    errors.Unavailable("busy", retry_after=3),
    errors.Exhausted("no more today", retry_after=60),
    errors.Corrupt("the blob rotted"),
    WrongMethod("GET", "/api/chat", "POST"),
    HeadersTooLarge("too many headers"),
    Internal("internal error 0123"),
)

called = pytest.mark.parametrize("dialect", CHAT_DIALECTS, ids=lambda dialect: dialect.name)


def test_every_kind_of_error_has_its_status() -> None:
    assert {type(error) for error in ERRORS} == set(STATUS)
    assert set(errors.ERROR_KINDS) <= set(STATUS)


FIXED_WORDS = {("openwebui", "unauthenticated")}
"""What a product says in words of its own, which its clients look for."""


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: error.kind)
@pytest.mark.parametrize("dialect", DIALECTS, ids=lambda dialect: dialect.name)
def test_every_error_is_rendered_with_its_message(dialect: Dialect, error: errors.ModelwrightError) -> None:
    status, body = dialect.render_error(error)
    assert status == status_of(error)
    assert 400 <= status < 600
    said = error.message in json.dumps(body, ensure_ascii=False)
    assert said != ((dialect.name, error.kind) in FIXED_WORDS)
    assert isinstance(body.get("error", body.get("detail", body.get("message"))), str | dict)


TEXTS = st.lists(st.text(st.characters(codec="utf-8"), min_size=1), max_size=8)
USAGE = st.builds(Usage, st.integers(0, 10**6), st.integers(0, 10**6))
ANSWERS = st.builds(
    lambda texts, reason, usage: (*map(TextDelta, texts), Done(reason, usage)),
    TEXTS,
    st.sampled_from(["stop", "length"]),
    USAGE,
)


def objects(frames: bytes) -> list[dict[str, Any]]:
    """The JSON objects of a stream, in either framing."""
    lines = [
        line.removeprefix("data: ")
        for line in frames.decode().split("\n")
        if line and not line.startswith("event: ")
    ]
    return [json.loads(line) for line in lines if line != "[DONE]"]


def text_of(tree: dict[str, Any]) -> str:
    """The text of a frame, or of a whole answer, in any dialect."""
    tree = tree.get("chat_completion", tree)
    if "content" in tree:
        return "".join(block["text"] for block in tree["content"])
    if tree.get("type") == "content_block_delta":
        return str(tree["delta"]["text"])
    if tree.get("type") in ("info", "delta", "stop"):
        return str(tree.get("delta", ""))
    piece = tree["choices"][0] if tree.get("choices") else tree
    piece = piece.get("delta") or piece.get("message") or {}
    return str(piece.get("content") or "")


def ended(tree: dict[str, Any]) -> str | None:
    """Why the answer ended, if this frame says so."""
    if "chat_completion" in tree:
        return tree["chat_completion"]["finish_reason"]  # type: ignore[no-any-return]  # JSON has no types
    if "choices" in tree:
        return tree["choices"][0]["finish_reason"] if tree["choices"] else None
    inner = tree["delta"] if isinstance(tree.get("delta"), dict) else tree
    return tree.get("done_reason") or inner.get("stop_reason")


def streamed(writer: Writer[ChatEvent], events: Sequence[ChatEvent]) -> list[dict[str, Any]]:
    return objects(writer.opening() + b"".join(map(writer.frame, events)))


@called
@given(events=ANSWERS)
def test_a_stream_says_what_the_whole_says(dialect: ChatDialect, events: Sequence[ChatEvent]) -> None:
    writer = dialect.chat_writer({"model": "mario", "max_tokens": 9})
    frames, whole = streamed(writer, events), writer.whole(events)
    assert "".join(map(text_of, frames)) == text_of(whole)
    assert [reason for reason in map(ended, frames) if reason] == [ended(whole)]


@called
@given(events=ANSWERS)
def test_no_frame_is_an_empty_line(dialect: ChatDialect, events: Sequence[ChatEvent]) -> None:
    """A blank line in a stream of JSON lines is a parse error for ollama4j."""
    frames = b"".join(map(dialect.chat_writer({"model": "m"}).frame, events))
    assert b"\n\n\n" not in frames
    if dialect.name == "ollama":
        assert all(frames.rstrip(b"\n").split(b"\n"))


@called
def test_a_broken_stream_ends_with_the_error_alone(dialect: ChatDialect) -> None:
    last = dialect.chat_writer({"model": "m"}).failure(errors.Unavailable("the engine died"))
    (tree,) = objects(last)
    assert "the engine died" in str(tree["error"])
    assert b"[DONE]" not in last


MESSAGES = st.lists(
    st.builds(
        Message, st.sampled_from(["system", "user", "assistant"]), st.text(st.characters(codec="utf-8"))
    ),
    min_size=1,
    max_size=4,
)
SETTINGS = st.fixed_dictionaries(
    {},
    optional={
        "temperature": st.floats(0, 2),
        "top_p": st.floats(0, 1),
        "seed": st.integers(0, 2**31 - 1),
        "presence_penalty": st.floats(-2, 2),
        "frequency_penalty": st.floats(-2, 2),
        "num_predict": st.integers(1, 100_000),
        "stop": st.lists(st.text(st.characters(codec="utf-8"), min_size=1, max_size=20), max_size=4),
    },
)


def _ollama(messages: list[dict[str, str]], settings: dict[str, Any]) -> dict[str, Any]:
    return {"model": "mario", "messages": messages, "options": settings}


def _openai(messages: list[dict[str, str]], settings: dict[str, Any]) -> dict[str, Any]:
    named = {"max_tokens" if name == "num_predict" else name: value for name, value in settings.items()}
    return {"model": "mario", "messages": messages, **named}


def _anthropic(messages: list[dict[str, str]], settings: dict[str, Any]) -> dict[str, Any] | None:
    names = {
        "num_predict": "max_tokens",
        "stop": "stop_sequences",
        "temperature": "temperature",
        "top_p": "top_p",
    }
    if "num_predict" not in settings or settings.keys() - names or settings.get("stop") == []:
        return None  # it cannot be said
    return {
        "model": "mario",
        "messages": messages,
        **{names[name]: value for name, value in settings.items()},
    }


def _tigercity(messages: list[dict[str, str]], settings: dict[str, Any]) -> dict[str, Any] | None:
    names = {"num_predict": "max_tokens", "temperature": "temperature", "top_p": "top_p"}
    if settings.keys() - names:
        return None  # it cannot be said
    return {"model": "mario", "messages": messages, **{names[n]: value for n, value in settings.items()}}


def _sgp(messages: list[dict[str, str]], settings: dict[str, Any]) -> dict[str, Any] | None:
    if "seed" in settings:
        return None  # it cannot be said
    names = {"num_predict": "max_tokens", "stop": "stop_sequences", "top_p": "topP"}
    named = {names.get(name, name): value for name, value in settings.items()}
    return {"model": "mario", "messages": messages, "model_parameters": named}


Spelling = Callable[[list[dict[str, str]], dict[str, Any]], dict[str, Any] | None]
SPELLINGS: dict[str, Spelling] = {
    "ollama": _ollama,
    "openai": _openai,
    "anthropic": _anthropic,
    "openwebui": _openai,
    "tigercity": _tigercity,
    "sgp": _sgp,
}


@given(messages=MESSAGES, settings=SETTINGS)
def test_the_same_request_means_the_same_in_every_dialect(
    messages: list[Message], settings: dict[str, Any]
) -> None:
    turns = [{"role": message.role, "content": message.content} for message in messages]
    expected = ChatRequest("mario", tuple(messages), Parameters.of(settings))
    for dialect in CHAT_DIALECTS:
        body = json.loads(json.dumps(SPELLINGS[dialect.name](turns, settings)))
        assert body is None or dialect.parse_chat(body) == expected


REFUSED: dict[str, list[dict[str, Any]]] = {
    "ollama": [{"tool_calls": [{"function": {"name": "f", "arguments": "{}"}}]}, {"tool_call_id": "1"}],
    "openai": [{"content": [{"type": "input_audio"}]}, {"audio": {"id": "x"}}],
    "openwebui": [{"content": [{"type": "input_audio"}]}],
    "tigercity": [{"content": [{"type": "input_audio"}]}, {"role": "tool"}],
    "sgp": [{"content": [{"type": "input_audio"}]}, {"role": "tool"}],
    "anthropic": [{"content": [{"type": "document"}]}, {"content": [{"type": "redacted_thinking"}]}],
}


@called
def test_what_cannot_be_held_is_refused_and_not_dropped(dialect: ChatDialect) -> None:
    for part in REFUSED[dialect.name]:
        body = {"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": "x", **part}]}
        with pytest.raises((errors.Unsupported, errors.Invalid)):
            dialect.parse_chat(body)
