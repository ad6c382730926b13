"""Messages of chats, from OpenAI's wire to the core's.

Facts: OpenAI's API reference; the error texts are those of Ollama's layer
(openai/openai.go), which its users already know.
"""

from collections.abc import Sequence
from typing import Any, Final

import orjson

from modelwright.core.chat import Message, ToolCall
from modelwright.core.errors import Invalid, Unsupported
from modelwright.core.sounds import read_sound
from modelwright.core.wording import excerpt
from modelwright.dialects.content import read_call, read_data_url
from modelwright.dialects.fields import refuse
from modelwright.dialects.openai import wire

ROLES: Final = {
    "system": "system",
    "developer": "system",
    "user": "user",
    "assistant": "assistant",
    "tool": "tool",
    "function": "tool",
}
"""Who may speak -> the core's word ("developer" since OpenAI's o1 models)."""

_LATER: Final = ("file", "input_file", "video_url", "audio_url")


def read_messages(messages: Sequence[wire.Message]) -> tuple[Message, ...]:
    """Read a conversation; raises Invalid or Unsupported for the field at fault."""
    called: dict[str, str] = {}
    found = []
    for index, message in enumerate(messages):
        read = _message(message, f"messages.{index}", called)
        called |= {call.id: call.name for call in read.tool_calls if call.id}
        found.append(read)
    return tuple(found)


def read_role(role: str, field: str) -> str:
    """The core's word for a role; raises Invalid for one that there is not."""
    if role not in ROLES:
        raise Invalid(f"message role {excerpt(role)} is unknown", field=field, hint=f"Use {', '.join(ROLES)}")
    return ROLES[role]


def read_parts(content: Any, field: str) -> tuple[str, tuple[bytes, ...]]:
    """A text, or the texts of its parts joined; and the pictures among them."""
    if content is None or isinstance(content, str):
        return content or "", ()
    if not isinstance(content, list):
        raise Invalid(f'"{field}" must be a text or a list of parts', field=field)
    texts: list[str] = []
    images: list[bytes] = []
    for index, part in enumerate(content):
        place = f"{field}.{index}"
        if isinstance(part, dict) and part.get("type") in ("image_url", "input_image"):
            images.append(_image(part, place))
        elif isinstance(part, dict) and part.get("type") == "input_audio":
            images.append(_sound(part.get("input_audio"), f"{place}.input_audio"))
        else:
            texts.append(_text(part, place))
    return "".join(texts), tuple(images)


def _message(message: wire.Message, field: str, called: dict[str, str]) -> Message:
    refuse(message, "audio", within=field)
    role = read_role(message.role, f"{field}.role")
    content, images = read_parts(message.content, f"{field}.content")
    calls = _calls(message, field)
    if role != "assistant" and calls:
        raise Invalid(
            f'"{field}.tool_calls" is for the role "assistant"',
            field=f"{field}.tool_calls",
            hint="Leave it out",
        )
    if role != "tool" and message.tool_call_id:
        raise Invalid(f'"{field}.tool_call_id" is for the role "tool"', field=f"{field}.tool_call_id")
    return Message(
        role,
        content or message.refusal,
        thinking=(message.reasoning or message.reasoning_content) if role == "assistant" else "",
        images=images,
        tool_calls=calls,
        tool_name=(called.get(message.tool_call_id) or message.name) if role == "tool" else "",
        tool_call_id=message.tool_call_id,
    )


def _calls(message: wire.Message, field: str) -> tuple[ToolCall, ...]:
    calls = [
        _call(call, index, f"{field}.tool_calls.{index}") for index, call in enumerate(message.tool_calls)
    ]
    legacy = message.function_call
    if legacy:
        place = f"{field}.function_call"
        calls.append(read_call(legacy.get("name"), legacy.get("arguments"), "", len(calls), place))
    return tuple(calls)


def _call(call: dict[str, Any], index: int, field: str) -> ToolCall:
    kind = call.get("type", "function")
    if kind != "function":
        raise Unsupported(f"a tool call of type {excerpt(str(kind))} is not supported", field=f"{field}.type")
    function = call.get("function")
    if not isinstance(function, dict) or not _is_object(function.get("arguments")):
        raise Invalid("invalid tool call arguments")
    return read_call(function.get("name"), function.get("arguments"), call.get("id"), index, field)


def _text(part: Any, field: str) -> str:
    kind = part.get("type") if isinstance(part, dict) else None
    for name in ("text", "refusal"):
        if kind in (name, f"input_{name}", f"output_{name}") and isinstance(part.get(name), str):
            return str(part[name])
    if kind in _LATER:
        raise Unsupported(
            f'content of type "{kind}" is not supported yet', field=f"{field}.type", hint="Send text"
        )
    raise Invalid("invalid message format")


def _image(part: dict[str, Any], field: str) -> bytes:
    image = part.get("image_url")
    if image is None and part.get("file_id"):
        raise Unsupported(
            f'"{field}.file_id" is not supported', field=f"{field}.file_id", hint="Send a data URL"
        )
    url = image.get("url") if isinstance(image, dict) else image
    return read_data_url(url, f"{field}.image_url")


def _sound(given: object, field: str) -> bytes:
    if not isinstance(given, dict):
        raise Invalid(f'"{field}" must be an object', field=field)
    return read_sound(given.get("data"), field=f"{field}.data")


def _is_object(text: object) -> bool:
    """Whether it is a text that holds a JSON object, as arguments are sent."""
    try:
        return isinstance(text, str) and isinstance(orjson.loads(text), dict)
    except orjson.JSONDecodeError:
        return False
