"""Answers: what an engine says over HTTP, in the words of core.chat.

Pure: bytes and trees in, events and errors out. Shapes: llama.cpp b11549,
tools/server, as seen on the wire.
"""

import re
from collections.abc import Mapping
from typing import Any, Final

import orjson

from modelwright.core.chat import ChatEvent, Done, TextDelta, Usage
from modelwright.core.errors import Invalid, ModelwrightError, TooLarge, Unavailable, Unsupported

_LOG_LINE: Final = re.compile(r"[\d.]+ (?P<level>[A-Z]) (?:\w+ +)?[\w~]+: +(?P<text>.*)")
_FOLDERS: Final = re.compile(r"(?:/[\w.-]+)+/")
"""Where the library was built."""
_JINJA: Final = re.compile(r"Error: (?:Jinja Exception: )?(?P<text>[^\n]+)\Z")


class EventLines:
    """Cuts a server-sent event stream into its JSON payloads."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, piece: bytes) -> list[Any]:
        """The payloads that this piece completes; comments and [DONE] are none."""
        *events, self._rest = (self._rest + piece).split(b"\n\n")
        return [
            orjson.loads(event[event.index(b"{") :])
            for event in events
            if event.startswith((b"data: {", b"error: {"))
        ]


def chat_event(payload: Mapping[str, Any]) -> ChatEvent | None:
    """Read one payload of /v1/chat/completions; None when it says nothing new."""
    if "choices" not in payload:
        raise refusal(int(payload["error"].get("code", 500)), payload)
    choice = payload["choices"][0]
    text = choice["delta"].get("content")
    if text:
        return TextDelta(text)
    reason = choice["finish_reason"]
    if reason is None:
        return None
    return Done("length" if reason == "length" else "stop", usage(payload.get("timings", {})))


def completion_event(payload: Mapping[str, Any]) -> ChatEvent | None:
    """The same for /completion, where the last payload may carry text no more."""
    if "content" not in payload:
        raise refusal(int(payload["error"].get("code", 500)), payload)
    if payload["stop"]:
        return Done("length" if payload.get("stop_type") == "limit" else "stop", usage(payload["timings"]))
    return TextDelta(payload["content"]) if payload["content"] else None


def usage(timings: Mapping[str, Any]) -> Usage:
    """Read the engine's timings; milliseconds there, nanoseconds here."""
    cached = int(timings.get("cache_n", 0))
    prompt_ns = int(timings.get("prompt_ms", 0) * 1e6)
    completion_ns = int(timings.get("predicted_ms", 0) * 1e6)
    return Usage(
        prompt_tokens=cached + int(timings.get("prompt_n", 0)),
        completion_tokens=int(timings.get("predicted_n", 0)),
        cached_tokens=cached,
        total_ns=prompt_ns + completion_ns,
        prompt_ns=prompt_ns,
        completion_ns=completion_ns,
    )


def refusal(status: int, payload: object) -> ModelwrightError:
    """Turn an engine's error answer into one of ours."""
    error = payload.get("error") if isinstance(payload, Mapping) else None
    fault: Mapping[str, Any] = error if isinstance(error, Mapping) else {}
    text = str(fault.get("message", f"status {status}"))
    if fault.get("type") == "exceed_context_size_error":
        return too_long(int(fault.get("n_prompt_tokens", 0)), int(fault.get("n_ctx", 0)))
    if status == 501:
        return Unsupported(f"the engine cannot do this with these weights: {text}")
    if status == 413:
        return TooLarge(f"the engine refused the request: {text}")
    if status >= 500:
        return Unavailable(f"the engine failed: {text}")
    jinja = _JINJA.search(text)
    if jinja is not None:
        return Invalid(
            f"the model's prompt template refuses this conversation: {jinja['text']}", field="messages"
        )
    return Invalid(f"the engine refused the request: {text}")


def too_long(tokens: int, context: int, *, field: str = "messages") -> Invalid:
    """The error for text that no slot can hold."""
    return Invalid(
        f"the prompt is {tokens} tokens long, the context holds {context}: "
        "the input length exceeds the context length",
        field=field,
        hint="Shorten it, or raise num_ctx as far as the model was trained for",
    )


def reason_for_failing(stderr: str) -> str:
    """Why loading failed: the engine's first error, since the rest follows from it."""
    lines = [line.strip() for line in stderr.splitlines() if line.strip()]
    matches = [match for line in lines if (match := _LOG_LINE.fullmatch(line))]
    first = next((match["text"] for match in matches if match["level"] == "E"), "")
    return first or (lines[-1] if lines else "")


def reason_for_dying(stderr: str) -> str:
    """What a process that crashed wrote last."""
    lines = [line.strip() for line in stderr.splitlines() if line.strip()]
    if not lines:
        return ""
    match = _LOG_LINE.fullmatch(lines[-1])
    return match["text"] if match else _FOLDERS.sub("", lines[-1])
