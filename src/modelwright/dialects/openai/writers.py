"""Answers in OpenAI's words: one object, or chunks that end in [DONE].

A stream that breaks off ends with an error chunk and without [DONE].
"""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final, TypeAlias

from modelwright.core.chat import ChatEvent, Done, TextDelta, ThinkingDelta, TokenLogprob, ToolCall, Usage
from modelwright.core.errors import ContextExceeded, ModelwrightError
from modelwright.dialects.answer import sse
from modelwright.dialects.content import text_of_json
from modelwright.dialects.failure import status_of
from modelwright.dialects.openai.logprobs import TokenColumns, chat_tokens
from modelwright.service.several import Choice

_DONE: Final = b"data: [DONE]\n\n"
_TYPES: Final = {400: "invalid_request_error", 404: "not_found_error"}

AnyEvent: TypeAlias = ChatEvent | Choice


def error_body(error: ModelwrightError) -> dict[str, Any]:
    """An error object; `param` is the field at fault (Ollama, openai.go)."""
    kind = _TYPES.get(status_of(error), "api_error")
    param = None if error.kind == "not_found" else error.field or None
    code = "context_length_exceeded" if isinstance(error, ContextExceeded) else None
    return {"error": {"message": str(error), "type": kind, "param": param, "code": code}}


def call_id(call: ToolCall) -> str:
    """What a result names the call by."""
    return call.id or f"call_{secrets.token_hex(12)}"


@dataclass(frozen=True, slots=True)
class Shape:
    """What the request says about the form of its answer."""

    model: str
    include_usage: bool = False
    choices: int = 1
    logprobs: bool = False
    functions: bool = False
    """Whether calls are wanted in the old form, one `function_call`."""


@dataclass(slots=True)
class _Told:
    """What a choice's stream has said so far."""

    calls: int = 0
    columns: TokenColumns = field(default_factory=TokenColumns)


class ChatWriter:
    """Renders /v1/chat/completions.

    Of one answer it is given the events, of several their Choices and then a
    Done with what all of them took.
    """

    stream_type = "text/event-stream"
    whole_type = "application/json"

    prefix = "chatcmpl-"
    whole_object = "chat.completion"
    chunk_object = "chat.completion.chunk"

    def __init__(self, shape: Shape) -> None:
        self.shape = shape
        self._told = [_Told() for _ in range(shape.choices)]
        self._head = {
            "id": self.prefix + secrets.token_hex(12),
            "created": int(datetime.now(UTC).timestamp()),
            "model": shape.model,
        }

    def opening(self) -> bytes:
        first = {"delta": {"role": "assistant", "content": ""}}
        return b"".join(self._chunk(index, first) for index in range(self.shape.choices))

    def frame(self, event: AnyEvent) -> bytes:
        if isinstance(event, Choice):
            return self._frame(event.index, event.event)
        if not isinstance(event, Done):
            return self._frame(0, event)
        end = self._frame(0, event) if self.shape.choices == 1 else b""
        if self.shape.include_usage:
            end += sse(self._tree(self.chunk_object, [], _usage(event.usage)))
        return end + _DONE

    def failure(self, error: ModelwrightError) -> bytes:
        return sse(error_body(error))

    def whole(self, events: Sequence[AnyEvent]) -> dict[str, Any]:
        answers: list[list[ChatEvent]] = [[] for _ in range(self.shape.choices)]
        total = Usage()
        for event in events:
            if isinstance(event, Choice):
                answers[event.index].append(event.event)
            elif isinstance(event, Done):
                total = event.usage
                if self.shape.choices == 1:
                    answers[0].append(event)
            else:
                answers[0].append(event)
        choices = [self._choice(index, answer) for index, answer in enumerate(answers)]
        return self._tree(self.whole_object, choices, _usage(total))

    def _frame(self, index: int, event: ChatEvent) -> bytes:
        if isinstance(event, Done):
            return self._chunk(index, self._last_piece(), self._finish(event, self._told[index].calls > 0))
        if isinstance(event, ToolCall):
            piece = self._call_piece(event, self._told[index].calls)
            self._told[index].calls += 1
            return self._chunk(index, piece)
        if isinstance(event, ThinkingDelta):
            return self._chunk(index, self._thinking_piece(event.text))
        return self._chunk(index, self._piece(event.text), logprobs=self._logprobs(index, event.logprobs))

    def _choice(self, index: int, answer: Sequence[ChatEvent]) -> dict[str, Any]:
        texts = [event for event in answer if isinstance(event, TextDelta)]
        calls = [event for event in answer if isinstance(event, ToolCall)]
        thinking = "".join(event.text for event in answer if isinstance(event, ThinkingDelta))
        done = next(event for event in answer if isinstance(event, Done))
        piece = self._whole_piece("".join(event.text for event in texts), thinking, calls)
        logprobs = self._logprobs(index, [token for event in texts for token in event.logprobs])
        finish = self._finish(done, bool(calls))
        return {"index": index, **piece, "finish_reason": finish, "logprobs": logprobs}

    def _chunk(
        self,
        index: int,
        piece: dict[str, Any],
        finish: str | None = None,
        logprobs: dict[str, Any] | None = None,
    ) -> bytes:
        choice = {"index": index, **piece, "finish_reason": finish, "logprobs": logprobs}
        tree = {**self._head, "object": self.chunk_object, "choices": [choice]}
        return sse({**tree, "usage": None} if self.shape.include_usage else tree)

    def _tree(self, kind: str, choices: list[Any], usage: dict[str, Any]) -> dict[str, Any]:
        return {**self._head, "object": kind, "choices": choices, "usage": usage}

    def _finish(self, done: Done, called: bool) -> str:
        if done.reason != "stop":
            return done.reason
        if called:
            return "function_call" if self.shape.functions else "tool_calls"
        return "stop"

    def _piece(self, text: str) -> dict[str, Any]:
        return {"delta": {"content": text}}

    def _thinking_piece(self, text: str) -> dict[str, Any]:
        return {"delta": {"reasoning": text}}

    def _call_piece(self, call: ToolCall, number: int) -> dict[str, Any]:
        if self.shape.functions:
            return {"delta": {"function_call": _function(call)}}
        return {"delta": {"tool_calls": [{"index": number, **_call(call)}]}}

    def _last_piece(self) -> dict[str, Any]:
        return {"delta": {}}

    def _whole_piece(self, text: str, thinking: str, calls: Sequence[ToolCall]) -> dict[str, Any]:
        message: dict[str, Any] = {"role": "assistant", "content": text, "refusal": None}
        if thinking:
            message["reasoning"] = thinking
        if calls:
            message["content"] = text or None
            if self.shape.functions:
                message["function_call"] = _function(calls[0])
            else:
                message["tool_calls"] = [_call(call) for call in calls]
        return {"message": message}

    def _logprobs(self, index: int, tokens: Sequence[TokenLogprob]) -> dict[str, Any] | None:
        if not self.shape.logprobs or not tokens:
            return None
        return {"content": chat_tokens(tokens), "refusal": None}


class CompletionWriter(ChatWriter):
    """Renders /v1/completions."""

    prefix = "cmpl-"
    whole_object = "text_completion"
    chunk_object = "text_completion"

    def opening(self) -> bytes:
        return b""

    def _piece(self, text: str) -> dict[str, Any]:
        return {"text": text}

    def _thinking_piece(self, text: str) -> dict[str, Any]:
        return {"text": "", "reasoning": text}

    def _call_piece(self, call: ToolCall, number: int) -> dict[str, Any]:
        return {"text": ""}  # a completion has no tools, so no call either

    def _last_piece(self) -> dict[str, Any]:
        return self._piece("")

    def _whole_piece(self, text: str, thinking: str, calls: Sequence[ToolCall]) -> dict[str, Any]:
        return {"text": text, "reasoning": thinking} if thinking else {"text": text}

    def _logprobs(self, index: int, tokens: Sequence[TokenLogprob]) -> dict[str, Any] | None:
        if not self.shape.logprobs or not tokens:
            return None
        return self._told[index].columns.columns(tokens)


def _call(call: ToolCall) -> dict[str, Any]:
    return {"id": call_id(call), "type": "function", "function": _function(call)}


def _function(call: ToolCall) -> dict[str, Any]:
    return {"name": call.name, "arguments": text_of_json(dict(call.arguments))}


def _usage(usage: Usage) -> dict[str, Any]:
    return {
        "prompt_tokens": usage.prompt_tokens,
        "completion_tokens": usage.completion_tokens,
        "total_tokens": usage.prompt_tokens + usage.completion_tokens,
        "prompt_tokens_details": {"cached_tokens": usage.cached_tokens},
    }
