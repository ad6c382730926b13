"""/v1/audio/transcriptions: what is said in a recording (OpenAI's API reference).

A model whose projector hears writes it down; knows of sounds only that they are a
form's file.
"""

import json
from collections.abc import Callable, Coroutine, Iterator, Mapping, Sequence
from contextlib import aclosing
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from modelwright.core.chat import ChatEvent, ChatRequest, Done, TextDelta, Usage
from modelwright.core.errors import Invalid, ModelwrightError, Unsupported
from modelwright.core.grants import Principal, Verb
from modelwright.core.sounds import MOST_BYTES
from modelwright.core.wording import excerpt
from modelwright.dialects.answer import Answer, note_usage, sse, while_connected
from modelwright.dialects.base import Backing, needs
from modelwright.dialects.dictation import dictation
from modelwright.dialects.fields import Wire
from modelwright.dialects.multipart import read_form
from modelwright.dialects.openai.writers import error_body

LONGEST_LANGUAGE: Final = 64
"""Characters; the names of languages are short."""
_FLAGS: Final[Mapping[str, bool]] = {"": False, "false": False, "0": False, "true": True, "1": True}
_BEYOND: Final = ("include", "timestamp_granularities", "known_speaker_names", "known_speaker_references")

Row = tuple[str, str, Callable[[Request], Coroutine[Any, Any, Response]], str, type[Wire] | None]


class TranscriptionRoutes:
    """What stands under /v1/audio."""

    def __init__(self, backing: Backing) -> None:
        self._chat = backing.services.chat
        self._principal_of = backing.principal_of
        self._limits = backing.limits

    def table(self) -> Iterator[Row]:
        summary = "Write down what is said in a recording, sent as a form"
        yield "POST", "/v1/audio/transcriptions", self.transcribe, summary, None

    @needs(Verb.USE)
    async def transcribe(self, request: Request) -> Response:
        principal = self._principal_of(request)
        async with read_form(request, "file", MOST_BYTES, self._limits) as form:
            sound = b"".join([piece async for piece in form.content()])
            texts = form.texts
        form_of_answer, stream = _form(texts), _flag(texts, "stream")
        question = _question(texts, sound)
        if form_of_answer == "json":
            return Answer(self._chat.chat(principal, question), TranscriptionWriter(), stream=stream)
        if stream:
            raise Unsupported('"stream" goes with the response_format json only', field="stream")
        text = await while_connected(request.receive, self._plain(request, principal, question))
        return PlainTextResponse(text + "\n")

    async def _plain(self, request: Request, principal: Principal, question: ChatRequest) -> str:
        found: list[ChatEvent] = []
        async with aclosing(self._chat.chat(principal, question)) as events:
            async for event in events:
                note_usage(request.scope, event)
                found.append(event)
        return _text(found)


class TranscriptionWriter:
    """Renders one transcription."""

    stream_type = "text/event-stream"
    whole_type = "application/json"

    def __init__(self) -> None:
        self._said: list[ChatEvent] = []

    def opening(self) -> bytes:
        return b""

    def frame(self, event: ChatEvent) -> bytes:
        """What is said goes out as it comes; the last frame has all of it."""
        self._said.append(event)
        if isinstance(event, TextDelta):
            return sse({"type": "transcript.text.delta", "delta": event.text})
        if isinstance(event, Done):
            return sse({"type": "transcript.text.done", **self.whole(self._said)}) + b"data: [DONE]\n\n"
        return b""

    def failure(self, error: ModelwrightError) -> bytes:
        return sse(error_body(error))

    def whole(self, events: Sequence[ChatEvent]) -> dict[str, Any]:
        usage = next((event.usage for event in events if isinstance(event, Done)), Usage())
        return {"text": _text(events), "usage": _usage(usage)}


def _text(events: Sequence[ChatEvent]) -> str:
    return "".join(event.text for event in events if isinstance(event, TextDelta))


def _usage(usage: Usage) -> dict[str, Any]:
    asked, told = usage.prompt_tokens, usage.completion_tokens
    return {"type": "tokens", "input_tokens": asked, "output_tokens": told, "total_tokens": asked + told}


def _question(texts: Mapping[str, str], sound: bytes) -> ChatRequest:
    """A form's texts and its file; raises Invalid, TooLarge or Unsupported."""
    for name in _BEYOND:
        if texts.get(name) or texts.get(f"{name}[]"):
            raise Unsupported(
                f'"{name}" is not supported: a model that hears tells the text alone', field=name
            )
    model = texts.get("model", "").strip()
    if not model:
        raise Invalid('"model" is required', field="model", hint='Name a model with the ability "audio"')
    hints = []
    if language := texts.get("language", "").strip():
        if len(language) > LONGEST_LANGUAGE:
            raise Invalid(
                f'"language" is over the limit of {LONGEST_LANGUAGE} characters',
                field="language",
                hint="Send its code, such as en",
            )
        hints.append(f"Its language is {_quoted(language)}.")
    if before := texts.get("prompt", "").strip():
        hints.append(f"This came before it, or shows how it is to be written: {_quoted(before)}.")
    heat = _temperature(texts.get("temperature", ""))
    return dictation(model, sound, field="file", hints=tuple(hints), temperature=heat)


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def _temperature(text: str) -> float | None:
    try:
        return float(text) if text else None
    except ValueError:
        raise Invalid(f'"temperature" must be a number, not {excerpt(text)}', field="temperature") from None


def _form(texts: Mapping[str, str]) -> str:
    wanted = texts.get("response_format", "") or "json"
    if wanted not in ("json", "text"):
        raise Unsupported(
            f"response_format {excerpt(wanted)} is not supported",
            field="response_format",
            hint="Ask for json or text",
        )
    return wanted


def _flag(texts: Mapping[str, str], name: str) -> bool:
    text = texts.get(name, "")
    if text.lower() not in _FLAGS:
        raise Invalid(f'"{name}" must be true or false, not {excerpt(text)}', field=name)
    return _FLAGS[text.lower()]
