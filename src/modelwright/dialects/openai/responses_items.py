"""Items: what goes into a response and comes out of one, as a conversation.

An item is JSON in OpenAI's words; what an answer gave can be sent back as it is.
"""

import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final, TypeAlias

from modelwright.core.chat import Message, ToolCall
from modelwright.core.errors import Invalid, TooLarge, Unsupported
from modelwright.core.wording import excerpt
from modelwright.dialects.content import read_call
from modelwright.dialects.openai.messages import read_parts, read_role
from modelwright.dialects.openai.responses_wire import MOST_ITEMS

Item: TypeAlias = dict[str, Any]

_PREFIXES: Final = {
    "message": "msg_",
    "function_call": "fc_",
    "function_call_output": "fco_",
    "reasoning": "rs_",
}
"""The kinds of items that there are -> how their ids begin."""


def read_items(given: object) -> tuple[Item, ...]:
    """Input as items with ids; a text is one message. Raises Invalid or Unsupported."""
    if isinstance(given, str):
        given = [{"role": "user", "content": given}]
    if not isinstance(given, list) or not given:
        raise Invalid('"input" must be a text or a list of items, and not empty', field="input")
    if len(given) > MOST_ITEMS:
        raise TooLarge(f'"input" may hold at most {MOST_ITEMS} items, and holds {len(given)}', field="input")
    return tuple(_item(item, f"input.{index}") for index, item in enumerate(given))


def conversation(items: Iterable[Item]) -> tuple[Message, ...]:
    """Items as messages; raises Invalid or Unsupported for the field at fault."""
    reader = _Reader()
    for index, item in enumerate(items):
        reader.add(item, f"input.{index}")
    return reader.messages()


def _item(item: object, field: str) -> Item:
    if not isinstance(item, dict):
        raise Invalid(f'"{field}" must be an object', field=field)
    kind = item.get("type") or ("message" if "role" in item else "")
    if kind not in _PREFIXES:
        allowed = ", ".join(f'"{name}"' for name in _PREFIXES)
        raise Unsupported(
            f"an item of type {excerpt(str(kind))} is not supported",
            field=f"{field}.type",
            hint=f"Use {allowed}",
        )
    given = item.get("id")
    named = given if isinstance(given, str) and given else _PREFIXES[kind] + secrets.token_hex(12)
    whole = {**item, "id": named, "type": kind}
    if kind == "message" and isinstance(item.get("content"), str):
        part = "output_text" if item.get("role") == "assistant" else "input_text"
        whole["content"] = [{"type": part, "text": item["content"]}]
    if kind in ("message", "function_call", "function_call_output"):
        whole.setdefault("status", "completed")
    return whole


@dataclass(slots=True)
class _Reader:
    """Puts neighbouring items of the assistant into one message."""

    found: list[Message] = field(default_factory=list)
    pending: Message | None = None
    called: dict[str, str] = field(default_factory=dict)

    def add(self, item: Item, place: str) -> None:
        if item["type"] == "reasoning":
            self._think(item)
        elif item["type"] == "function_call":
            self._call(item, place)
        elif item["type"] == "function_call_output":
            self._result(item, place)
        else:
            self._say(item, place)

    def messages(self) -> tuple[Message, ...]:
        self._flush()
        return tuple(self.found)

    def _think(self, item: Item) -> None:
        if self.pending is not None and (self.pending.content or self.pending.tool_calls):
            self._flush()
        message = self.pending or Message("assistant", "")
        self.pending = replace(message, thinking=message.thinking + _thinking(item))

    def _call(self, item: Item, place: str) -> None:
        message = self.pending or Message("assistant", "")
        number = len(message.tool_calls)
        call = read_call(item.get("name"), item.get("arguments"), item.get("call_id"), number, place)
        if not call.id:
            raise Invalid(f'"{place}.call_id" is required', field=f"{place}.call_id")
        self.called[call.id] = call.name
        self.pending = replace(message, tool_calls=(*message.tool_calls, call))

    def _result(self, item: Item, place: str) -> None:
        self._flush()
        named = item.get("call_id")
        if not isinstance(named, str) or named not in self.called:
            raise Invalid(
                f'"{place}.call_id" is {excerpt(str(named))}, which no function_call before it has',
                field=f"{place}.call_id",
            )
        text, images = read_parts(item.get("output"), f"{place}.output")
        self.found.append(
            Message("tool", text, images=images, tool_name=self.called[named], tool_call_id=named)
        )

    def _say(self, item: Item, place: str) -> None:
        role = read_role(str(item.get("role")), f"{place}.role")
        if role == "tool":
            raise Invalid(f'"{place}.role" is no role of a message', field=f"{place}.role")
        text, images = read_parts(item.get("content"), f"{place}.content")
        if role != "assistant":
            self._flush()
            self.found.append(Message(role, text, images=images))
            return
        if self.pending is not None and (self.pending.content or self.pending.tool_calls):
            self._flush()
        self.pending = replace(self.pending or Message("assistant", ""), content=text)

    def _flush(self) -> None:
        if self.pending is not None:
            self.found.append(self.pending)
            self.pending = None


def _thinking(item: Item) -> str:
    """The text of a reasoning item: its content, else its summary."""
    for name in ("content", "summary"):
        parts = item.get(name)
        texts = (
            [part.get("text") for part in parts if isinstance(part, dict)] if isinstance(parts, list) else []
        )
        if texts:
            return "".join(text for text in texts if isinstance(text, str))
    return ""


def message_item(id: str, text: str, logprobs: Sequence[Any], status: str) -> Item:
    """The text of an answer."""
    content = [text_part(text, logprobs)]
    return {"id": id, "type": "message", "status": status, "role": "assistant", "content": content}


def text_part(text: str, logprobs: Sequence[Any] = ()) -> Item:
    return {"type": "output_text", "text": text, "annotations": [], "logprobs": list(logprobs)}


def reasoning_item(id: str, text: str | None, status: str) -> Item:
    """What the model thought; None before it began."""
    content = [] if text is None else [{"type": "reasoning_text", "text": text}]
    return {"id": id, "type": "reasoning", "summary": [], "content": content, "status": status}


def call_item(id: str, call: ToolCall, arguments: str, status: str) -> Item:
    """A call of a function, with its arguments as far as they were told."""
    return {
        "id": id,
        "type": "function_call",
        "call_id": call.id,
        "name": call.name,
        "arguments": arguments,
        "status": status,
    }
