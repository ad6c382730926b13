"""Answers as responses: one object, or the events by which it comes to be.

An answer's items are built by one function from its events, so that the stream
and the whole cannot differ.
"""

import secrets
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Final

from modelwright.core.chat import ChatEvent, Done, TextDelta, ThinkingDelta, ToolCall, Usage
from modelwright.core.errors import ModelwrightError
from modelwright.dialects.answer import sse
from modelwright.dialects.content import text_of_json
from modelwright.dialects.openai.logprobs import chat_tokens
from modelwright.dialects.openai.responses_items import (
    Item,
    call_item,
    message_item,
    reasoning_item,
    text_part,
)
from modelwright.dialects.openai.responses_requests import logprobs_of
from modelwright.dialects.openai.responses_wire import ResponseRequest

_TEXT: Final = "message"
_THOUGHT: Final = "reasoning"

Frame = dict[str, Any]


class Run:
    """An answer so far: its items, and the events that tell of each step."""

    def __init__(self, token: str, *, logprobs: bool) -> None:
        self.output: list[Item] = []
        self.thoughts = 0
        self._token = token
        self._with_logprobs = logprobs
        self._open = ""
        self._text = ""
        self._logprobs: list[dict[str, Any]] = []

    def feed(self, event: ChatEvent) -> Iterator[Frame]:
        """Take the next event; what there is to tell of it."""
        if isinstance(event, TextDelta):
            yield from self._begin(_TEXT)
            yield from self._write(event)
        elif isinstance(event, ThinkingDelta):
            yield from self._begin(_THOUGHT)
            self.thoughts += 1
            self._text += event.text
            yield self._at("response.reasoning_text.delta", delta=event.text, content_index=0)
        elif isinstance(event, ToolCall):
            yield from self._end("completed")
            yield from self._call(event)
        else:
            if not self.output:
                yield from self._begin(_TEXT)
            yield from self._end("incomplete" if event.reason == "length" else "completed")

    def _begin(self, kind: str) -> Iterator[Frame]:
        if self._open == kind:
            return
        yield from self._end("completed")
        self._open, self._text, self._logprobs = kind, "", []
        number = len(self.output)
        if kind == _TEXT:
            item = message_item(f"msg_{self._token}{number:02d}", "", (), "in_progress")
            part = text_part("")
        else:
            item = reasoning_item(f"rs_{self._token}{number:02d}", None, "in_progress")
            part = {"type": "reasoning_text", "text": ""}
        self.output.append(item)
        yield self._at("response.output_item.added", named=False, item={**item, "content": []})
        yield self._at("response.content_part.added", content_index=0, part=part)

    def _write(self, event: TextDelta) -> Iterator[Frame]:
        tokens = chat_tokens(event.logprobs) if self._with_logprobs else []
        self._text += event.text
        self._logprobs += tokens
        yield self._at("response.output_text.delta", content_index=0, delta=event.text, logprobs=tokens)

    def _end(self, status: str) -> Iterator[Frame]:
        if not self._open:
            return
        kind, self._open = self._open, ""
        id = self.output[-1]["id"]
        if kind == _TEXT:
            item = message_item(id, self._text, self._logprobs, status)
            yield self._at(
                "response.output_text.done", content_index=0, text=self._text, logprobs=self._logprobs
            )
        else:
            item = reasoning_item(id, self._text, status)
            yield self._at("response.reasoning_text.done", content_index=0, text=self._text)
        self.output[-1] = item
        yield self._at("response.content_part.done", content_index=0, part=item["content"][0])
        yield self._at("response.output_item.done", named=False, item=item)

    def _call(self, call: ToolCall) -> Iterator[Frame]:
        number = len(self.output)
        named = replace(call, id=call.id or f"call_{self._token}{number:02d}")
        id, arguments = f"fc_{self._token}{number:02d}", text_of_json(dict(call.arguments))
        self.output.append(call_item(id, named, arguments, "completed"))
        yield self._at(
            "response.output_item.added", named=False, item=call_item(id, named, "", "in_progress")
        )
        yield self._at("response.function_call_arguments.delta", delta=arguments)
        yield self._at("response.function_call_arguments.done", name=call.name, arguments=arguments)
        yield self._at("response.output_item.done", named=False, item=self.output[-1])

    def _at(self, kind: str, *, named: bool = True, **more: Any) -> Frame:
        """An event about the last item."""
        item = {"item_id": self.output[-1]["id"]} if named else {}
        return {"type": kind, **item, "output_index": len(self.output) - 1, **more}


class ResponseWriter:
    """Renders /v1/responses."""

    stream_type = "text/event-stream"
    whole_type = "application/json"

    def __init__(self, body: ResponseRequest, *, stored: bool) -> None:
        self._token = secrets.token_hex(24)
        self._head = _head(body, f"resp_{self._token}", stored=stored)
        self._logprobs = logprobs_of(body) is not None
        self._number = 0
        self._run = self._new_run()

    @property
    def id(self) -> str:
        return str(self._head["id"])

    def opening(self) -> bytes:
        response = self._response("in_progress", [])
        return self._sse({"type": "response.created", "response": response}) + self._sse(
            {"type": "response.in_progress", "response": response}
        )

    def frame(self, event: ChatEvent) -> bytes:
        frames = b"".join(map(self._sse, self._run.feed(event)))
        if isinstance(event, Done):
            response = self._ended(event, self._run)
            frames += self._sse({"type": f"response.{response['status']}", "response": response})
        return frames

    def failure(self, error: ModelwrightError) -> bytes:
        response = self._response("failed", self._run.output)
        response["error"] = {"code": "server_error", "message": str(error)}
        return self._sse({"type": "response.failed", "response": response})

    def whole(self, events: Sequence[ChatEvent]) -> dict[str, Any]:
        run = self._new_run()
        for event in events:
            for _ in run.feed(event):
                pass
        return self._ended(next(event for event in events if isinstance(event, Done)), run)

    def _new_run(self) -> Run:
        return Run(self._token[:16], logprobs=self._logprobs)

    def _ended(self, done: Done, run: Run) -> dict[str, Any]:
        cut = done.reason == "length"
        response = self._response("incomplete" if cut else "completed", run.output)
        response["incomplete_details"] = {"reason": "max_output_tokens"} if cut else None
        response["usage"] = _usage(done.usage, run.thoughts)
        return response

    def _response(self, status: str, output: Sequence[Item]) -> dict[str, Any]:
        return {**self._head, "status": status, "output": list(output)}

    def _sse(self, frame: Frame) -> bytes:
        numbered = {**frame, "sequence_number": self._number}
        self._number += 1
        return sse(numbered, frame["type"])


def _head(body: ResponseRequest, id: str, *, stored: bool) -> dict[str, Any]:
    """All of a response that the request already says."""
    return {
        "id": id,
        "object": "response",
        "created_at": int(datetime.now(UTC).timestamp()),
        "background": False,
        "error": None,
        "incomplete_details": None,
        "instructions": body.instructions,
        "max_output_tokens": body.max_output_tokens,
        "metadata": body.metadata,
        "model": body.model,
        "parallel_tool_calls": body.parallel_tool_calls,
        "previous_response_id": body.previous_response_id or None,
        "reasoning": {"effort": body.reasoning.effort or None, "summary": None},
        "store": stored,
        "temperature": body.temperature,
        "text": {"format": body.text.format or {"type": "text"}},
        "tool_choice": body.tool_choice or "auto",
        "tools": [{"type": "function", "strict": None, **tool} for tool in body.tools],
        "top_logprobs": body.top_logprobs,
        "top_p": body.top_p,
        "truncation": body.truncation,
        "usage": None,
        "user": body.user or None,
    }


def _usage(usage: Usage, thoughts: int) -> dict[str, Any]:
    """Tokens; thinking comes a token at a time, so its pieces are counted."""
    return {
        "input_tokens": usage.prompt_tokens,
        "input_tokens_details": {"cached_tokens": usage.cached_tokens, "cache_write_tokens": 0},
        "output_tokens": usage.completion_tokens,
        "output_tokens_details": {"reasoning_tokens": min(thoughts, usage.completion_tokens)},
        "total_tokens": usage.prompt_tokens + usage.completion_tokens,
    }
