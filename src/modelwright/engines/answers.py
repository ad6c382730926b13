"""Answers: what an engine says over HTTP, in the words of core.chat.

Pure: bytes and trees in, events and errors out. Shapes: llama.cpp b11549,
tools/server, as seen on the wire.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

import orjson

from modelwright.core.chat import (
    AnswerOptions,
    ChatEvent,
    Done,
    TextDelta,
    ThinkingDelta,
    TokenChance,
    TokenLogprob,
    ToolCall,
    Usage,
)
from modelwright.core.errors import (
    ContextExceeded,
    Invalid,
    ModelwrightError,
    TooLarge,
    Unavailable,
    Unsupported,
)

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


class ChatReader:
    """Reads the payloads of one /v1/chat/completions."""

    def __init__(self, options: AnswerOptions) -> None:
        self._top = options.logprobs
        self._hides_thinking = options.think is False
        self._calls: list[_PartOfCall] = []
        self._stop_text = ""

    def read(self, payload: Mapping[str, Any]) -> list[ChatEvent]:
        """What a payload says that is new; a call of a tool is told when it is whole."""
        if "choices" not in payload:
            raise refusal(int(payload["error"].get("code", 500)), payload)
        self._stop_text = payload.get("__verbose", {}).get("stopping_word") or self._stop_text
        if not payload["choices"]:
            return []
        choice = payload["choices"][0]
        delta, reason = choice["delta"], choice["finish_reason"]
        events: list[ChatEvent] = []
        if delta.get("reasoning_content") and not self._hides_thinking:
            events.append(ThinkingDelta(delta["reasoning_content"]))
        told = chances((choice.get("logprobs") or {}).get("content"), self._top)
        if delta.get("content") or told:
            events.append(TextDelta(delta.get("content") or "", told))
        for part in delta.get("tool_calls") or ():
            self._add_call(part)
        if reason is not None:
            events.extend(self._whole_calls(cut=reason == "length"))
            ending: Literal["stop", "length"] = "length" if reason == "length" else "stop"
            word = self._stop_text if ending == "stop" else ""
            events.append(Done(ending, usage(payload.get("timings", {})), word))
        return events

    def _add_call(self, part: Mapping[str, Any]) -> None:
        number, function = part.get("index", 0), part.get("function", {})
        while len(self._calls) <= number:
            self._calls.append(_PartOfCall())
        call = self._calls[number]
        call.id += part.get("id") or ""
        call.name += function.get("name") or ""
        call.arguments += function.get("arguments") or ""

    def _whole_calls(self, *, cut: bool) -> Iterator[ToolCall]:
        """The calls; the last one is none when the answer was cut in the middle of it."""
        for number, call in enumerate(self._calls):
            try:
                arguments = orjson.loads(call.arguments or "{}")
            except orjson.JSONDecodeError:
                if cut:
                    return
                raise Unavailable("the engine called a tool with arguments that are no JSON") from None
            if isinstance(arguments, dict):
                yield ToolCall(call.name, arguments, call.id, number)


class CompletionReader:
    """Reads the payloads of one /completion; `context`: the tokens of its prompt."""

    def __init__(self, options: AnswerOptions, context: Sequence[int] | None = None) -> None:
        self._top = options.logprobs
        self._context = list(context or ()) if options.returns_context else None

    def read(self, payload: Mapping[str, Any]) -> list[ChatEvent]:
        """What a payload says that is new; the last may carry text no more."""
        if "content" not in payload:
            raise refusal(int(payload["error"].get("code", 500)), payload)
        if self._context is not None and not payload["stop"]:
            self._context.extend(payload.get("tokens", ()))
        if payload["stop"]:
            reason: Literal["stop", "length"] = "length" if payload.get("stop_type") == "limit" else "stop"
            word = payload.get("stopping_word", "") if reason == "stop" else ""
            return [Done(reason, usage(payload["timings"]), word, tuple(self._context or ()))]
        told = chances(payload.get("completion_probabilities"), self._top)
        return [TextDelta(payload["content"], told)] if payload["content"] or told else []


@dataclass(slots=True)
class _PartOfCall:
    """A call of a tool as far as it is known."""

    id: str = ""
    name: str = ""
    arguments: str = ""


def chances(items: Sequence[Mapping[str, Any]] | None, top: int | None) -> tuple[TokenLogprob, ...]:
    """Tokens with their likeliest rivals, at most `top` of them."""
    if not items or top is None:
        return ()
    return tuple(
        TokenLogprob(_chance(item), tuple(_chance(each) for each in item.get("top_logprobs", ())[:top]))
        for item in items
    )


def _chance(item: Mapping[str, Any]) -> TokenChance:
    return TokenChance(item["token"], float(item["logprob"]), bytes(item.get("bytes") or ()))


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
        return ContextExceeded(int(fault.get("n_prompt_tokens", 0)), int(fault.get("n_ctx", 0)))
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


def tree_of(body: bytes) -> object:
    """The JSON of a body; None where it is none."""
    try:
        tree: object = orjson.loads(body)
    except orjson.JSONDecodeError:
        return None
    return tree


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
