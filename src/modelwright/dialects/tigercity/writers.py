"""TigerCity's answers: one object, or JSON lines of info, delta, stop and error.

A stream that breaks off ends with its error line.
"""

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from modelwright.core.chat import ChatEvent, Done, TextDelta, Usage
from modelwright.core.errors import ModelwrightError
from modelwright.core.runs import RunEvent
from modelwright.dialects.answer import ndjson

Json: TypeAlias = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Learned:
    """The end of a training call: what is answered."""

    tree: Mapping[str, Any] = field(default_factory=dict)


class ResponseWriter:
    """Renders /v1/generate_response; thoughts are not part of an answer here."""

    stream_type = "application/x-ndjson"
    whole_type = "application/json"

    def __init__(self, model: str) -> None:
        self._model = model

    def opening(self) -> bytes:
        return _info(f"Loading model {self._model}")

    def frame(self, event: ChatEvent) -> bytes:
        if isinstance(event, TextDelta):
            return ndjson({"type": "delta", "delta": event.text})
        if isinstance(event, Done):
            return ndjson({"type": "stop", "stop_reason": _reason(event), "usage": usage(event.usage)})
        return b""

    def failure(self, error: ModelwrightError) -> bytes:
        return failure(error)

    def whole(self, events: Sequence[ChatEvent]) -> Json:
        done = next(event for event in events if isinstance(event, Done))
        text = "".join(event.text for event in events if isinstance(event, TextDelta))
        return {
            "id": f"response-{secrets.token_hex(12)}",
            "message": {"role": "assistant", "content": text},
            "stop_reason": _reason(done),
            "usage": usage(done.usage),
        }


class TrainingWriter:
    """Renders /v1/train: what the run tells, then what came of it."""

    stream_type = "application/x-ndjson"
    whole_type = "application/json"

    def opening(self) -> bytes:
        return b""

    def frame(self, event: RunEvent | Learned) -> bytes:
        if isinstance(event, Learned):
            return ndjson({"type": "stop", "stop_reason": "end_turn", **event.tree})
        return _info(_told(event))

    def failure(self, error: ModelwrightError) -> bytes:
        return failure(error)

    def whole(self, events: Sequence[RunEvent | Learned]) -> Json:
        return dict(next(event for event in events if isinstance(event, Learned)).tree)


def failure(error: ModelwrightError) -> bytes:
    return ndjson({"type": "error", "message": str(error), "error": str(error)})


def usage(taken: Usage) -> Json:
    return {
        "duration_ms": taken.total_ns // 1_000_000,
        "input_tokens": taken.prompt_tokens,
        "output_tokens": taken.completion_tokens,
    }


def _info(text: str) -> bytes:
    return ndjson({"type": "info", "message": text})


def _reason(done: Done) -> str:
    return "max_tokens" if done.reason == "length" else "end_turn"


def _told(event: RunEvent) -> str:
    content = event.content
    if event.kind == "progress":
        figures = [f"{name} {content[name]:g}" for name in ("loss", "reward", "kl") if name in content]
        return f"Step {content['step']} of {content['steps']}: {', '.join(figures)}"
    text = content.get("text") or content.get("error")
    return str(text) if text else f"The training is {event.kind}"
