"""A call that must be made: a form that an answer obeys, and its reading.

Engines that are only told to call may talk instead (llama.cpp b11549, tried with
tool_choice "required"); one that must write this JSON cannot.
"""

import json
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from typing import Any, Final

from modelwright.core.chat import (
    AnswerFormat,
    AnswerOptions,
    ChatEvent,
    TextDelta,
    Tool,
    ToolCall,
    ToolChoice,
)
from modelwright.core.json_schema import closed, enforceable

_NO_PARAMETERS: Final = {"type": "object"}


def is_forced(options: AnswerOptions) -> bool:
    """Whether the answer must be a call."""
    return bool(options.tools) and options.tool_choice.mode == "required"


def call_form(tools: Sequence[Tool], choice: ToolChoice) -> AnswerFormat:
    """The form of a call of one of the tools, or of the one that is named."""
    chosen = [
        tool["function"] for tool in tools if not choice.name or tool["function"]["name"] == choice.name
    ]
    calls = [_schema(function) for function in chosen]
    return AnswerFormat({"anyOf": calls} if len(calls) > 1 else calls[0])


async def as_call(events: AsyncGenerator[ChatEvent, None]) -> AsyncGenerator[ChatEvent, None]:
    """An answer in that form as a call; there is none when it was cut."""
    text: list[str] = []
    async with aclosing(events):
        async for event in events:
            if isinstance(event, TextDelta):
                text.append(event.text)
                continue
            call = _read("".join(text))
            if call is not None:
                yield call
            yield event


def _schema(function: Any) -> dict[str, Any]:
    parameters = function.get("parameters") or _NO_PARAMETERS
    return {
        "type": "object",
        "properties": {"name": {"const": function["name"]}, "arguments": closed(enforceable(parameters))},
        "required": ["name", "arguments"],
        "additionalProperties": False,
    }


def _read(text: str) -> ToolCall | None:
    try:
        tree = json.loads(text)
    except ValueError:
        return None
    return ToolCall(tree["name"], tree["arguments"])
