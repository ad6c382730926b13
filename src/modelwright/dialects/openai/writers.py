"""Answers in OpenAI's words: one object, or chunks that end in [DONE].

A stream that breaks off ends with an error chunk and without [DONE].
"""

import secrets
from array import array
from base64 import b64encode
from collections.abc import Sequence
from datetime import UTC, datetime
from sys import byteorder
from typing import Any, Final

from modelwright.core.chat import ChatEvent, Done, Embeddings, TextDelta, Usage
from modelwright.core.errors import ModelwrightError
from modelwright.dialects.answer import sse
from modelwright.dialects.failure import status_of
from modelwright.service.views import ModelSummary

_DONE: Final = b"data: [DONE]\n\n"
_TYPES: Final = {400: "invalid_request_error", 404: "not_found_error"}


def error_body(error: ModelwrightError) -> dict[str, Any]:
    """An error object; `param` is the field at fault (Ollama, openai.go)."""
    kind = _TYPES.get(status_of(error), "api_error")
    param = None if error.kind == "not_found" else error.field or None
    return {"error": {"message": str(error), "type": kind, "param": param, "code": None}}


class ChatWriter:
    """Renders /v1/chat/completions; `model` is the name as it was asked for."""

    stream_type = "text/event-stream"
    whole_type = "application/json"

    prefix = "chatcmpl-"
    whole_object = "chat.completion"
    chunk_object = "chat.completion.chunk"

    def __init__(self, model: str, *, include_usage: bool) -> None:
        self._include_usage = include_usage
        self._head = {
            "id": self.prefix + secrets.token_hex(12),
            "created": int(datetime.now(UTC).timestamp()),
            "model": model,
        }

    def opening(self) -> bytes:
        return self._chunk({"delta": {"role": "assistant", "content": ""}}, None)

    def frame(self, event: ChatEvent) -> bytes:
        if not isinstance(event, Done):
            return self._chunk(self._piece(event.text if isinstance(event, TextDelta) else ""), None)
        end = self._chunk(self._last_piece(), _finish(event))
        if self._include_usage:
            end += sse(self._tree(self.chunk_object, [], _usage(event.usage)))
        return end + _DONE

    def failure(self, error: ModelwrightError) -> bytes:
        return sse(error_body(error))

    def whole(self, events: Sequence[ChatEvent]) -> dict[str, Any]:
        text = "".join(event.text for event in events if isinstance(event, TextDelta))
        done = next(event for event in events if isinstance(event, Done))
        choice = {"index": 0, **self._whole_piece(text), "finish_reason": _finish(done), "logprobs": None}
        return self._tree(self.whole_object, [choice], _usage(done.usage))

    def _chunk(self, piece: dict[str, Any], finish: str | None) -> bytes:
        choice = {"index": 0, **piece, "finish_reason": finish, "logprobs": None}
        tree = {**self._head, "object": self.chunk_object, "choices": [choice]}
        return sse({**tree, "usage": None} if self._include_usage else tree)

    def _tree(self, kind: str, choices: list[Any], usage: dict[str, Any]) -> dict[str, Any]:
        return {**self._head, "object": kind, "choices": choices, "usage": usage}

    def _piece(self, text: str) -> dict[str, Any]:
        return {"delta": {"content": text}}

    def _last_piece(self) -> dict[str, Any]:
        return {"delta": {}}

    def _whole_piece(self, text: str) -> dict[str, Any]:
        return {"message": {"role": "assistant", "content": text, "refusal": None}}


class CompletionWriter(ChatWriter):
    """Renders /v1/completions."""

    prefix = "cmpl-"
    whole_object = "text_completion"
    chunk_object = "text_completion"

    def opening(self) -> bytes:
        return b""

    def _piece(self, text: str) -> dict[str, Any]:
        return {"text": text}

    def _last_piece(self) -> dict[str, Any]:
        return self._piece("")

    def _whole_piece(self, text: str) -> dict[str, Any]:
        return self._piece(text)


def embeddings(model: str, found: Embeddings, encoding: str) -> dict[str, Any]:
    """Vectors as lists, or as base64 of little-endian 32-bit floats."""
    data = [
        {
            "object": "embedding",
            "index": index,
            "embedding": _base64(vector) if encoding == "base64" else vector,
        }
        for index, vector in enumerate(found.vectors)
    ]
    tokens = found.usage.prompt_tokens
    return {
        "object": "list",
        "data": data,
        "model": model,
        "usage": {"prompt_tokens": tokens, "total_tokens": tokens},
    }


def model(summary: ModelSummary) -> dict[str, Any]:
    """One model; who owns it is its namespace (Ollama, openai.go)."""
    return {
        "id": str(summary.name),
        "object": "model",
        "created": int(summary.modified_at.timestamp()),
        "owned_by": summary.name.namespace,
    }


def _finish(done: Done) -> str:
    return "length" if done.reason == "length" else "stop"


def _usage(usage: Usage) -> dict[str, Any]:
    return {
        "prompt_tokens": usage.prompt_tokens,
        "completion_tokens": usage.completion_tokens,
        "total_tokens": usage.prompt_tokens + usage.completion_tokens,
        "prompt_tokens_details": {"cached_tokens": usage.cached_tokens},
    }


def _base64(vector: Sequence[float]) -> str:
    numbers = array("f", vector)
    if byteorder == "big":
        numbers.byteswap()
    return b64encode(numbers.tobytes()).decode("ascii")
