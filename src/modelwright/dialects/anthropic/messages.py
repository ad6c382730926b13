"""Messages of Anthropic's wire as the core's: blocks become turns."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from modelwright.core.chat import Message, ToolCall
from modelwright.core.errors import Invalid, Unsupported
from modelwright.core.images import read_image
from modelwright.core.wording import excerpt
from modelwright.dialects.anthropic.wire import Message as WireMessage
from modelwright.dialects.content import read_call

_OF: Final[Mapping[str, tuple[str, ...]]] = {
    "user": ("text", "image", "tool_result"),
    "assistant": ("text", "thinking", "tool_use"),
    "system": ("text",),
    "tool_result": ("text", "image"),
}
"""Who speaks -> the blocks that may be said."""


@dataclass(slots=True)
class _Said:
    """What the blocks of one message say."""

    texts: list[str] = field(default_factory=list)
    thoughts: list[str] = field(default_factory=list)
    images: list[bytes] = field(default_factory=list)
    calls: list[ToolCall] = field(default_factory=list)
    results: list[Message] = field(default_factory=list)


def read_messages(messages: Sequence[WireMessage]) -> tuple[Message, ...]:
    """Read a conversation; raises Invalid or Unsupported for the field at fault."""
    called: dict[str, str] = {}
    found: list[Message] = []
    for index, message in enumerate(messages):
        place = f"messages.{index}"
        if message.role not in ("user", "assistant", "system"):
            raise Invalid(
                f"message role {excerpt(message.role)} is unknown",
                field=f"{place}.role",
                hint="Use user, assistant or system",
            )
        found.extend(_turns(message, place, called))
    return tuple(found)


def read_system(system: object) -> str | None:
    """The system text; None when the request has none, so that the model's own holds."""
    if system is None:
        return None
    return "\n\n".join(_read(system, "system", "system", {}).texts)


def _turns(message: WireMessage, place: str, called: dict[str, str]) -> list[Message]:
    """One message as turns: results of tools stand before what the user adds."""
    said = _read(message.content, message.role, f"{place}.content", called)
    called |= {call.id: call.name for call in said.calls}
    text = "".join(said.texts)
    if said.results and not text and not said.images:
        return said.results
    turn = Message(
        message.role,
        text,
        thinking="".join(said.thoughts),
        images=tuple(said.images),
        tool_calls=tuple(said.calls),
    )
    return [*said.results, turn]


def _read(content: object, role: str, place: str, called: Mapping[str, str]) -> _Said:
    said = _Said()
    if isinstance(content, str):
        said.texts.append(content)
        return said
    if not isinstance(content, list):
        raise Invalid(f'"{place}" must be a text or a list of blocks', field=place)
    for index, block in enumerate(content):
        _take(block, role, f"{place}.{index}", said, called)
    return said


def _take(block: object, role: str, place: str, said: _Said, called: Mapping[str, str]) -> None:
    """Add a block to what is said."""
    kind = block.get("type") if isinstance(block, dict) else None
    if not isinstance(block, dict) or not isinstance(kind, str):
        raise Invalid(f'"{place}" must be an object with a "type"', field=place)
    if kind not in _OF[role]:
        allowed = ", ".join(f'"{name}"' for name in _OF[role])
        raise Unsupported(
            f'"{place}" is of type {excerpt(kind)}, which is not supported here',
            field=f"{place}.type",
            hint=f"Use {allowed}",
        )
    if kind == "text":
        said.texts.append(_text(block, "text", place))
    elif kind == "thinking":
        said.thoughts.append(_text(block, "thinking", place))
    elif kind == "image":
        said.images.append(_image(block.get("source"), f"{place}.source"))
    elif kind == "tool_use":
        call = read_call(block.get("name"), block.get("input"), block.get("id"), len(said.calls), place)
        said.calls.append(call)
    else:
        said.results.append(_result(block, place, called))


def _text(block: Mapping[str, Any], name: str, place: str) -> str:
    text = block.get(name)
    if not isinstance(text, str):
        raise Invalid(f'"{place}.{name}" must be a text', field=f"{place}.{name}")
    return text


def _image(source: object, place: str) -> bytes:
    kind = source.get("type") if isinstance(source, dict) else None
    if not isinstance(source, dict) or kind != "base64":
        raise Unsupported(
            f'"{place}" is of type {excerpt(str(kind))}, which is not supported',
            field=place,
            hint='Send the picture itself, as "base64"',
        )
    return read_image(source.get("data"), field=f"{place}.data")


def _result(block: Mapping[str, Any], place: str, called: Mapping[str, str]) -> Message:
    named = block.get("tool_use_id")
    if not isinstance(named, str) or named not in called:
        raise Invalid(
            f'"{place}.tool_use_id" is {excerpt(str(named))}, which no tool_use before it has',
            field=f"{place}.tool_use_id",
        )
    said = _read(block.get("content") or "", "tool_result", f"{place}.content", {})
    text = "".join(said.texts)
    return Message(
        "tool",
        f"Error: {text}" if block.get("is_error") is True else text,
        images=tuple(said.images),
        tool_name=called[named],
        tool_call_id=named,
    )
