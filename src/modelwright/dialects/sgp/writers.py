"""Answers in the platform's words: one object, or events of the same shape.

No stream ends in [DONE]: the platform's clients would take it for an answer.
"""

from collections.abc import Collection, Sequence
from typing import Any, Final, TypeAlias

from modelwright.core.chat import (
    ChatEvent,
    Done,
    Embeddings,
    Ranking,
    TextDelta,
    TokenChance,
    TokenLogprob,
    ToolCall,
    Usage,
)
from modelwright.core.errors import ModelwrightError
from modelwright.dialects.answer import sse
from modelwright.dialects.base import Json
from modelwright.dialects.content import text_of_json
from modelwright.dialects.failure import status_of
from modelwright.service.several import Choice

AnyEvent: TypeAlias = ChatEvent | Choice
_FINISH: Final = {"stop": "stop", "length": "length", "load": "stop", "unload": "stop"}


class Shape:
    """What the writers have in common: a text, then an end."""

    stream_type = "text/event-stream"
    whole_type = "application/json"

    def opening(self) -> bytes:
        return b""

    def frame(self, event: ChatEvent) -> bytes:
        if isinstance(event, TextDelta):
            return sse(self.piece(event.text, None, event.logprobs))
        return sse(self.piece("", event)) if isinstance(event, Done) else b""

    def failure(self, error: ModelwrightError) -> bytes:
        tree = {"error": str(error), "detail": str(error), "status_code": status_of(error)}
        return sse(tree, "error")

    def whole(self, events: Sequence[ChatEvent]) -> Json:
        texts = [event for event in events if isinstance(event, TextDelta)]
        done = next(event for event in events if isinstance(event, Done))
        tokens = [token for event in texts for token in event.logprobs]
        return self.tree("".join(event.text for event in texts), done, tokens)

    def piece(self, text: str, done: Done | None, tokens: Sequence[TokenLogprob] = ()) -> Json:
        """A piece of a stream; like the whole unless a shape says otherwise."""
        return self.tree(text, done, tokens)

    def tree(self, text: str, done: Done | None, tokens: Sequence[TokenLogprob] = ()) -> Json:
        """An answer as far as it is known; `done` stands at its end."""
        raise LookupError(type(self).__name__)


class Pieces(Shape):
    """Renders what is no engine's answer: each piece as it came."""

    def frame(self, event: Any) -> bytes:
        return sse(event)


class AccountShape(Shape):
    """What the account's routes have in common.

    A piece of a stream is of two shapes at once: of the whole's, as the platform's document says,
    and of a deployment's, which is the one that scale-gp reads streams as (`completions`, ...).
    """

    def __init__(self, prompt: str = "") -> None:
        self._prompt = prompt

    def piece(self, text: str, done: Done | None, tokens: Sequence[TokenLogprob] = ()) -> Json:
        return {**self.tree(text, done), **Completion(self._prompt).tree(text, done)}


class AccountChat(AccountShape):
    """Renders POST /v4/chat-completions."""

    def tree(self, text: str, done: Done | None, tokens: Sequence[TokenLogprob] = ()) -> Json:
        message = {"role": "assistant", "content": text}
        return {
            "chat_completion": {"message": message, "finish_reason": finish(done)},
            "token_usage": _usage(done),
        }


class AccountCompletion(AccountShape):
    """Renders POST /v4/completions."""

    def tree(self, text: str, done: Done | None, tokens: Sequence[TokenLogprob] = ()) -> Json:
        return {"completion": {"text": text, "finish_reason": finish(done)}, "token_usage": _usage(done)}


class Completion(Shape):
    """Renders a deployment's completions, of chats too."""

    def __init__(self, prompt: str, *, logprobs: bool = False) -> None:
        self._prompt = prompt
        self._logprobs = logprobs

    def tree(self, text: str, done: Done | None, tokens: Sequence[TokenLogprob] = ()) -> Json:
        tree: Json = {
            "completions": [[self._prompt, [text]]],
            "finish_reason": finish(done),
            **_counts(done.usage if done else None),
        }
        if self._logprobs:
            tree["choices"] = [{"index": 0, "logprobs": {"content": [_token(token) for token in tokens]}}]
        return tree


class ExecuteChat(Shape):
    """Renders the execution of a chat model."""

    def tree(self, text: str, done: Done | None, tokens: Sequence[TokenLogprob] = ()) -> Json:
        return {"message": {"role": "assistant", "content": text}, "finish_reason": finish(done)}


class ExecuteCompletions:
    """Renders the execution of a completion model: one answer for each prompt."""

    stream_type = "text/event-stream"
    whole_type = "application/json"

    def __init__(self, prompts: Sequence[str]) -> None:
        self._prompts = prompts
        self._reasons: set[str | None] = set()

    def opening(self) -> bytes:
        return b""

    def frame(self, event: AnyEvent) -> bytes:
        if isinstance(event, Choice):
            if isinstance(event.event, Done):
                self._reasons.add(finish(event.event))
            if not isinstance(event.event, TextDelta):
                return b""
            pieces = [[self._prompts[event.index], [event.event.text]]]
            return sse({"completions": pieces, "finish_reason": None, **_counts(None)})
        usage = event.usage if isinstance(event, Done) else None
        return sse({"completions": [], "finish_reason": _together(self._reasons), **_counts(usage)})

    def failure(self, error: ModelwrightError) -> bytes:
        return AccountChat().failure(error)

    def whole(self, events: Sequence[AnyEvent]) -> Json:
        texts = ["" for _ in self._prompts]
        reasons: set[str | None] = set()
        usage = Usage()
        for event in events:
            if isinstance(event, Done):
                usage = event.usage
            elif isinstance(event, Choice) and isinstance(event.event, TextDelta):
                texts[event.index] += event.event.text
            elif isinstance(event, Choice) and isinstance(event.event, Done):
                reasons.add(finish(event.event))
        completions = [[prompt, [text]] for prompt, text in zip(self._prompts, texts, strict=True)]
        return {"completions": completions, "finish_reason": _together(reasons), **_counts(usage)}


class ExecuteAgent(Shape):
    """Renders the execution of an agent: what it says, or the tool that it asks for."""

    def frame(self, event: ChatEvent) -> bytes:
        if isinstance(event, ToolCall):
            return sse(_asks_for(event))
        return sse(_says(event.text)) if isinstance(event, TextDelta) else b""

    def whole(self, events: Sequence[ChatEvent]) -> Json:
        call = next((event for event in events if isinstance(event, ToolCall)), None)
        if call is not None:
            return _asks_for(call)
        return _says("".join(event.text for event in events if isinstance(event, TextDelta)))


def finish(done: Done | None) -> str | None:
    return None if done is None else _FINISH[done.reason]


def _together(reasons: Collection[str | None]) -> str:
    """Why several answers ended: "length" where any was cut off."""
    return "length" if "length" in reasons else "stop"


def embeddings(texts: Sequence[str], found: Embeddings) -> Json:
    pairs = [[text, list(vector)] for text, vector in zip(texts, found.vectors, strict=True)]
    return {"embeddings": pairs, "tokens_used": found.usage.prompt_tokens}


def ranking(found: Ranking) -> Json:
    return {"chunk_scores": list(found.scores), "tokens_used": found.usage.prompt_tokens}


def _says(text: str) -> Json:
    return {"action": "content", "context": {"content": text, "tool_request": None}}


def _asks_for(call: ToolCall) -> Json:
    request = {"name": call.name, "arguments": text_of_json(dict(call.arguments))}
    return {"action": "tool_request", "context": {"content": None, "tool_request": request}}


def _usage(done: Done | None) -> Json | None:
    if done is None:
        return None
    read, written = done.usage.prompt_tokens, done.usage.completion_tokens
    return {"prompt": read, "completion": written, "total": read + written}


def _counts(usage: Usage | None) -> dict[str, Any]:
    if usage is None:
        return {"prompt_tokens": None, "response_tokens": None}
    return {"prompt_tokens": usage.prompt_tokens, "response_tokens": usage.completion_tokens}


def _token(token: TokenLogprob) -> Json:
    return {**_chance(token.chosen), "top_logprobs": [_chance(other) for other in token.top]}


def _chance(chance: TokenChance) -> Json:
    content = chance.content or chance.text.encode()
    logprob = chance.logprob if chance.logprob == chance.logprob else 0.0  # NaN: it has none
    return {"token": chance.text, "logprob": max(logprob, -9999.0), "bytes": list(content)}
