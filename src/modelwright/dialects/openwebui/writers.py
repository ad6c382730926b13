"""Answers of chats and embeddings, in the form that Open WebUI passes on.

A stream that breaks off ends with an error frame and without [DONE].
"""

import secrets
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Final

from modelwright.core.chat import ChatEvent, Done, Embeddings, TextDelta, ThinkingDelta, ToolCall, Usage
from modelwright.core.errors import ModelwrightError
from modelwright.dialects.answer import sse
from modelwright.dialects.content import text_of_json

_DONE: Final = b"data: [DONE]\n\n"


class ChatWriter:
    """Renders /api/chat/completions; `model` is the id as it was asked for."""

    stream_type = "text/event-stream"
    whole_type = "application/json"

    def __init__(self, model: str, *, include_usage: bool) -> None:
        self._include_usage = include_usage
        self._calls = 0
        self._head = {
            "id": f"{model}-{secrets.token_hex(8)}",
            "created": int(datetime.now(UTC).timestamp()),
            "model": model,
        }

    def opening(self) -> bytes:
        return self._chunk({"role": "assistant", "content": ""})

    def frame(self, event: ChatEvent) -> bytes:
        if isinstance(event, TextDelta):
            return self._chunk({"content": event.text})
        if isinstance(event, ThinkingDelta):
            return self._chunk({"reasoning_content": event.text})
        if isinstance(event, ToolCall):
            self._calls += 1
            return self._chunk({"tool_calls": [_call(event, self._calls - 1)]})
        end = self._chunk({}, _finish(event, self._calls > 0))
        if self._include_usage:
            tree = {"object": "chat.completion.chunk", "choices": [], "usage": usage(event.usage)}
            end += sse({**self._head, **tree})
        return end + _DONE

    def failure(self, error: ModelwrightError) -> bytes:
        return sse({"error": {"detail": str(error)}, "detail": str(error)})

    def whole(self, events: Sequence[ChatEvent]) -> dict[str, Any]:
        calls = [_call(event, i) for i, event in enumerate(e for e in events if isinstance(e, ToolCall))]
        thought = "".join(event.text for event in events if isinstance(event, ThinkingDelta))
        done = next(event for event in events if isinstance(event, Done))
        message: dict[str, Any] = {
            "role": "assistant",
            "content": "".join(event.text for event in events if isinstance(event, TextDelta)),
        }
        if thought:
            message["reasoning_content"] = thought
        if calls:
            message["tool_calls"] = calls
        choice = {
            "index": 0,
            "message": message,
            "logprobs": None,
            "finish_reason": _finish(done, bool(calls)),
        }
        return {**self._head, "object": "chat.completion", "choices": [choice], "usage": usage(done.usage)}

    def _chunk(self, delta: dict[str, Any], finish: str | None = None) -> bytes:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
        return sse({**self._head, "object": "chat.completion.chunk", "choices": [choice]})


def embeddings(model: str, found: Embeddings) -> dict[str, Any]:
    data = [
        {"object": "embedding", "index": index, "embedding": vector}
        for index, vector in enumerate(found.vectors)
    ]
    tokens = found.usage.prompt_tokens
    counted = {"prompt_tokens": tokens, "total_tokens": tokens}
    return {"object": "list", "data": data, "model": model, "usage": counted}


def usage(taken: Usage) -> dict[str, Any]:
    return {
        "prompt_tokens": taken.prompt_tokens,
        "completion_tokens": taken.completion_tokens,
        "total_tokens": taken.prompt_tokens + taken.completion_tokens,
        "prompt_tokens_details": {"cached_tokens": taken.cached_tokens},
    }


def _call(call: ToolCall, index: int) -> dict[str, Any]:
    function = {"name": call.name, "arguments": text_of_json(dict(call.arguments))}
    identifier = call.id or f"call_{secrets.token_hex(12)}"
    return {"index": index, "id": identifier, "type": "function", "function": function}


def _finish(done: Done, called: bool) -> str:
    if done.reason == "length":
        return "length"
    return "tool_calls" if called else "stop"
