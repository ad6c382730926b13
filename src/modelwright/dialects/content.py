"""Content that several dialects write alike: pictures, tools, calls of tools.

From JSON to the core's values. Knows no dialect's names for these things.
"""

import binascii
from base64 import b64decode
from typing import Any, Final

import orjson

from modelwright.core.chat import Tool, ToolCall
from modelwright.core.errors import Invalid
from modelwright.core.wording import excerpt

_IMAGE_TYPES: Final = ("image/png", "image/jpeg", "image/jpg", "image/webp", "image/gif", "image/bmp")


def read_data_url(url: object, field: str) -> bytes:
    """The bytes of a picture in a data URL; nothing is fetched from elsewhere."""
    if not isinstance(url, str):
        raise Invalid(f'"{field}" must be a text', field=field)
    if url.startswith(("http://", "https://")):
        raise Invalid(
            "image URLs are not currently supported, please use base64 encoded data instead", field=field
        )
    head, comma, content = url.partition(",")
    kind, _, encoding = head.removeprefix("data:").partition(";")
    if not comma or not head.startswith("data:") or encoding != "base64":
        raise Invalid(
            f'"{field}" is no data URL: {excerpt(url[:60])}',
            field=field,
            hint="Use data:image/png;base64,...",
        )
    return read_image(content, kind, field)


def read_image(content: object, kind: object, field: str) -> bytes:
    """The bytes of a picture in base64, of one of the types that engines read."""
    if kind not in _IMAGE_TYPES:
        allowed = ", ".join(_IMAGE_TYPES)
        raise Invalid(f'"{field}" has the type {excerpt(str(kind))}', field=field, hint=f"Use {allowed}")
    if not isinstance(content, str):
        raise Invalid(f'"{field}" must be a text in base64', field=field)
    try:
        image = b64decode(content, validate=True)
    except (binascii.Error, ValueError):
        raise Invalid(f'"{field}" is no base64: {excerpt(content[:40])}', field=field) from None
    if not image:
        raise Invalid(f'"{field}" is an empty picture', field=field)
    return image


def read_tool(name: object, description: object, parameters: object, field: str) -> Tool:
    """A function that a model may call; `parameters` is a JSON Schema of an object."""
    if not isinstance(name, str) or not name.strip():
        raise Invalid(f'"{field}.name" must be a text', field=f"{field}.name")
    if description is not None and not isinstance(description, str):
        raise Invalid(f'"{field}.description" must be a text', field=f"{field}.description")
    if parameters is not None and not isinstance(parameters, dict):
        raise Invalid(f'"{field}.parameters" must be an object', field=f"{field}.parameters")
    function: dict[str, Any] = {"name": name}
    if description:
        function["description"] = description
    function["parameters"] = parameters or {"type": "object", "properties": {}}
    return {"type": "function", "function": function}


def read_call(name: object, arguments: object, call_id: object, index: int, field: str) -> ToolCall:
    """A call that a model made earlier; `arguments` as an object or as its JSON."""
    if not isinstance(name, str) or not name:
        raise Invalid(f'"{field}.name" must be a text', field=f"{field}.name")
    if isinstance(arguments, str):
        arguments = _parsed(arguments.strip() or "{}")
    if not isinstance(arguments, dict):
        raise Invalid("invalid tool call arguments", field=f"{field}.arguments")
    return ToolCall(name, arguments, call_id if isinstance(call_id, str) else "", index)


def text_of_json(value: object) -> str:
    """JSON as it is put into a text."""
    return orjson.dumps(value).decode()


def _parsed(text: str) -> object:
    try:
        tree: object = orjson.loads(text)
    except orjson.JSONDecodeError:
        return None
    return tree
