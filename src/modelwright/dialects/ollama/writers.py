"""Answers in Ollama's words: chat and generate lines, create's progress.

Durations are nanoseconds. The last line of an answer says why it ended and what
it took; one that only loaded or unloaded a model took nothing worth a figure.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from modelwright.core.chat import (
    ChatEvent,
    Done,
    TextDelta,
    ThinkingDelta,
    TokenChance,
    TokenLogprob,
    ToolCall,
    Usage,
)
from modelwright.core.errors import ModelwrightError
from modelwright.dialects.answer import ndjson
from modelwright.dialects.base import timestamp
from modelwright.service.transfer_events import LayerMoved, Stated, TransferEvent, Transferred
from modelwright.service.views import Created, CreateEvent, LayerReady, ManifestReady, Notice, Working

JSON_TYPE: Final = "application/json; charset=utf-8"
NDJSON_TYPE: Final = "application/x-ndjson"
NO_DIGEST: Final = "0" * 19
"""What stands for the digest of a blob that is still being made."""


class StatusLines:
    """What all of Ollama's streams have in common."""

    stream_type = NDJSON_TYPE
    whole_type = JSON_TYPE

    def opening(self) -> bytes:
        return b""

    def failure(self, error: ModelwrightError) -> bytes:
        return ndjson({"error": str(error)})


class GenerateWriter(StatusLines):
    """Lines of /api/generate; `model` is the name as it was asked for."""

    def __init__(self, model: str) -> None:
        self._model = model

    def frame(self, event: ChatEvent) -> bytes:
        return ndjson(self._line(event, (event,)))

    def whole(self, events: Sequence[ChatEvent]) -> dict[str, Any]:
        return self._line(events[-1], events)

    def rendered(self, text: str) -> dict[str, Any]:
        """The body that shows a prompt instead of its answer."""
        head = {"model": self._model, "created_at": timestamp(), **self._content(())}
        return {**head, "done": False, "_debug_info": {"rendered_template": text}}

    def _line(self, last: ChatEvent, events: Sequence[ChatEvent]) -> dict[str, Any]:
        line = {"model": self._model, "created_at": timestamp(), **self._content(events)}
        logprobs = [each for e in events if isinstance(e, TextDelta) for each in e.logprobs]
        if logprobs:
            line["logprobs"] = [_logprob(each) for each in logprobs]
        if not isinstance(last, Done):
            return {**line, "done": False}
        return {**line, "done": True, "done_reason": last.reason, **self._end(last)}

    def _content(self, events: Sequence[ChatEvent]) -> dict[str, Any]:
        return {"response": _text(events), **_beside(events)}

    def _end(self, done: Done) -> Mapping[str, object]:
        context = {"context": done.context} if done.context else {}
        return {**context, **_figures(done)}


class ChatWriter(GenerateWriter):
    """Lines of /api/chat; the last one carries a message too."""

    def _content(self, events: Sequence[ChatEvent]) -> dict[str, Any]:
        return {"message": {"role": "assistant", "content": _text(events), **_beside(events)}}

    def _end(self, done: Done) -> Mapping[str, object]:
        return _figures(done)


class CreateWriter(StatusLines):
    """Status lines of /api/create, ending in "success"; a pull's may come first."""

    def frame(self, event: CreateEvent | TransferEvent) -> bytes:
        if isinstance(event, Stated | LayerMoved | Transferred):
            return ndjson(transfer_line(event))
        return ndjson({"status": _status(event), **_progress(event)})

    def whole(self, events: Sequence[CreateEvent | TransferEvent]) -> dict[str, Any]:
        last = events[-1]
        if isinstance(last, Stated | LayerMoved | Transferred):
            return transfer_line(last)
        return {"status": _status(last)}


class TransferWriter(StatusLines):
    """Status lines of /api/pull and /api/push, ending in "success"."""

    def frame(self, event: TransferEvent) -> bytes:
        return ndjson(transfer_line(event))

    def whole(self, events: Sequence[TransferEvent]) -> dict[str, Any]:
        return transfer_line(events[-1])


def transfer_line(event: TransferEvent) -> dict[str, Any]:
    """One line; what is moved has its digest, so that clients show a bar."""
    match event:
        case Stated():
            return {"status": event.status}
        case LayerMoved():
            place = {"status": f"{event.verb} {event.digest.hex[:12]}", "digest": str(event.digest)}
            done = {"completed": event.completed} if event.completed else {}
            return {**place, "total": event.total, **done}
        case Notice():
            return {"status": event.text}
        case Transferred():
            return {"status": "success"}


def usage_figures(usage: Usage) -> Mapping[str, int]:
    """Counts and durations of an embedding."""
    return {
        "total_duration": usage.total_ns,
        "load_duration": usage.load_ns,
        "prompt_eval_count": usage.prompt_tokens,
    }


def _text(events: Sequence[ChatEvent]) -> str:
    return "".join(event.text for event in events if isinstance(event, TextDelta))


def _beside(events: Sequence[ChatEvent]) -> dict[str, Any]:
    """Thoughts and calls; left out when there are none."""
    thinking = "".join(event.text for event in events if isinstance(event, ThinkingDelta))
    calls = [_call(event) for event in events if isinstance(event, ToolCall)]
    return {name: value for name, value in (("thinking", thinking), ("tool_calls", calls)) if value}


def _call(call: ToolCall) -> dict[str, Any]:
    function = {"index": call.index, "name": call.name, "arguments": dict(call.arguments)}
    return {"id": call.id, "function": function} if call.id else {"function": function}


def _logprob(token: TokenLogprob) -> dict[str, Any]:
    top = [_chance(each) for each in token.top]
    return {**_chance(token.chosen), "top_logprobs": top} if top else _chance(token.chosen)


def _chance(chance: TokenChance) -> dict[str, Any]:
    return {"token": chance.text, "logprob": chance.logprob, "bytes": list(chance.content)}


def _figures(done: Done) -> Mapping[str, int]:
    if done.reason in ("load", "unload"):
        return {}
    return {
        **usage_figures(done.usage),
        "prompt_eval_duration": done.usage.prompt_ns,
        "eval_count": done.usage.completion_tokens,
        "eval_duration": done.usage.completion_ns,
    }


def _progress(event: CreateEvent) -> Mapping[str, object]:
    """How far it is; without a digest clients show no bar (server/quantization.go)."""
    if not isinstance(event, Working) or not event.total:
        return {}
    return {"digest": NO_DIGEST, "total": event.total, "completed": event.completed}


def _status(event: CreateEvent) -> str:
    match event:
        case Working():
            return event.status
        case LayerReady():
            return f"{'using existing' if event.existing else 'creating new'} layer {event.digest}"
        case Notice():
            return event.text
        case ManifestReady():
            return "writing manifest"
        case Created():
            return "success"
