"""Answers in Anthropic's words: one message, or the events that make it."""

import hashlib
import secrets
from base64 import b64encode
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from modelwright.core.chat import ChatEvent, Done, TextDelta, ThinkingDelta, ToolCall, Usage
from modelwright.core.errors import ModelwrightError
from modelwright.dialects.answer import sse
from modelwright.dialects.anthropic.requests import EFFORTS
from modelwright.dialects.base import timestamp
from modelwright.dialects.content import text_of_json
from modelwright.dialects.failure import status_of
from modelwright.service.views import ModelSummary

_TYPES: Final = {
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    503: "overloaded_error",
}

Block = dict[str, Any]
Frame = dict[str, Any]


def request_id() -> str:
    """What names a request, in its answer's header and in its error."""
    return f"req_{secrets.token_hex(12)}"


def error_body(error: ModelwrightError, id: str = "") -> dict[str, Any]:
    """An error object; clients choose their exception by the status."""
    status = status_of(error)
    kind = _TYPES.get(status, "invalid_request_error" if status < 500 else "api_error")
    inner = {"type": kind, "message": str(error)}
    return {"type": "error", "error": inner, "request_id": id or request_id()}


def model(summary: ModelSummary, room: int) -> dict[str, Any]:
    """One model, as `GET /v1/models` lists it.

    `room`: tokens for prompt and answer, 0 = not known.
    """
    return {
        "type": "model",
        "id": str(summary.name),
        "display_name": summary.name.short,
        "created_at": timestamp(summary.modified_at),
        "lifecycle": "active",
        "deprecated_at": None,
        "retires_at": None,
        "line": None,
        "max_input_tokens": room or None,
        "max_tokens": room or None,
        "capabilities": _capabilities(summary.capabilities),
    }


def _capabilities(found: Sequence[str]) -> dict[str, Any]:
    """What requests of this dialect may ask of a model."""
    yes, no, thinks = _support(True), _support(False), _support("thinking" in found)
    return {
        "batch": no,
        "citations": no,
        "code_execution": no,
        "context_management": yes | {"clear_thinking_20251015": yes},
        "effort": thinks | dict.fromkeys(EFFORTS, thinks),
        "image_input": _support("vision" in found),
        "pdf_input": no,
        "server_tools": no | {"code_execution": no, "web_search": no},
        "structured_outputs": _support("completion" in found),
        "thinking": thinks
        | {"types": {"adaptive": yes, "between_tools": no, "disabled": yes, "enabled": thinks}},
    }


def _support(supported: bool) -> dict[str, Any]:
    return {"supported": supported}


@dataclass(frozen=True, slots=True)
class Shape:
    """What the request says about the form of its answer."""

    model: str
    stop_sequences: tuple[str, ...] = ()
    hide_thinking: bool = False
    request_id: str = ""


class Run:
    """An answer so far: its blocks, and the events that tell of each step."""

    def __init__(self, *, hide_thinking: bool) -> None:
        self.blocks: list[Block] = []
        self._hide = hide_thinking
        self._open = ""
        self._thought = ""

    def feed(self, event: ChatEvent) -> Iterator[Frame]:
        """Take the next event; what there is to tell of it."""
        if isinstance(event, TextDelta):
            if event.text:
                yield from self._begin({"type": "text", "text": ""})
                self.blocks[-1]["text"] += event.text
                yield self._delta({"type": "text_delta", "text": event.text})
        elif isinstance(event, ThinkingDelta):
            yield from self._begin({"type": "thinking", "thinking": "", "signature": ""})
            self._thought += event.text
            if not self._hide:
                self.blocks[-1]["thinking"] += event.text
                yield self._delta({"type": "thinking_delta", "thinking": event.text})
        elif isinstance(event, ToolCall):
            yield from self._call(event)
        else:
            yield from self._end()

    @property
    def called(self) -> bool:
        return any(block["type"] == "tool_use" for block in self.blocks)

    def _begin(self, block: Block) -> Iterator[Frame]:
        if self._open == block["type"]:
            return
        yield from self._end()
        self._open = block["type"]
        self.blocks.append(block)
        yield {"type": "content_block_start", "index": self._index, "content_block": dict(block)}

    def _end(self) -> Iterator[Frame]:
        if not self._open:
            return
        if self._open == "thinking":
            # Clients want one and send it back; nothing here depends on it.
            signature = b64encode(hashlib.sha256(self._thought.encode()).digest()).decode()
            self.blocks[-1]["signature"], self._thought = signature, ""
            yield self._delta({"type": "signature_delta", "signature": signature})
        self._open = ""
        yield {"type": "content_block_stop", "index": self._index}

    def _call(self, call: ToolCall) -> Iterator[Frame]:
        yield from self._end()
        id = call.id or f"toolu_{secrets.token_hex(12)}"
        block = {"type": "tool_use", "id": id, "name": call.name, "input": dict(call.arguments)}
        self.blocks.append(block)
        yield {"type": "content_block_start", "index": self._index, "content_block": {**block, "input": {}}}
        yield self._delta({"type": "input_json_delta", "partial_json": text_of_json(block["input"])})
        yield {"type": "content_block_stop", "index": self._index}

    @property
    def _index(self) -> int:
        return len(self.blocks) - 1

    def _delta(self, delta: dict[str, Any]) -> Frame:
        return {"type": "content_block_delta", "index": self._index, "delta": delta}


class MessageWriter:
    """Renders /v1/messages."""

    stream_type = "text/event-stream"
    whole_type = "application/json"

    def __init__(self, shape: Shape) -> None:
        self._shape = shape
        self._id = f"msg_{secrets.token_hex(12)}"
        self._run = self._new_run()

    def opening(self) -> bytes:
        start = {"type": "message_start", "message": self._message([], None, None, _usage(Usage()))}
        return _sse(start) + _sse({"type": "ping"})

    def frame(self, event: ChatEvent) -> bytes:
        frames = b"".join(map(_sse, self._run.feed(event)))
        if isinstance(event, Done):
            reason, sequence = self._ended(event, self._run)
            delta = {"stop_reason": reason, "stop_sequence": sequence}
            frames += _sse({"type": "message_delta", "delta": delta, "usage": _usage(event.usage)})
            frames += _sse({"type": "message_stop"})
        return frames

    def failure(self, error: ModelwrightError) -> bytes:
        return _sse(error_body(error, self._shape.request_id))

    def whole(self, events: Sequence[ChatEvent]) -> dict[str, Any]:
        run = self._new_run()
        for event in events:
            for _ in run.feed(event):
                pass
        done = next(event for event in events if isinstance(event, Done))
        return self._message(run.blocks, *self._ended(done, run), _usage(done.usage))

    def _new_run(self) -> Run:
        return Run(hide_thinking=self._shape.hide_thinking)

    def _ended(self, done: Done, run: Run) -> tuple[str, str | None]:
        """Why an answer ended, and the stop sequence that did it, if it is the request's."""
        if done.reason == "length":
            return "max_tokens", None
        if run.called:
            return "tool_use", None
        if done.stop_text and done.stop_text in self._shape.stop_sequences:
            return "stop_sequence", done.stop_text
        return "end_turn", None

    def _message(
        self, content: Sequence[Block], reason: str | None, sequence: str | None, usage: dict[str, int]
    ) -> dict[str, Any]:
        return {
            "id": self._id,
            "type": "message",
            "role": "assistant",
            "model": self._shape.model,
            "content": list(content),
            "stop_reason": reason,
            "stop_sequence": sequence,
            "usage": usage,
        }


def _usage(usage: Usage) -> dict[str, int]:
    """Tokens; those that were read before are counted apart from the rest."""
    return {
        "input_tokens": usage.prompt_tokens - usage.cached_tokens,
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": usage.cached_tokens,
        "output_tokens": usage.completion_tokens,
    }


def _sse(frame: Frame) -> bytes:
    return sse(frame, frame["type"])
