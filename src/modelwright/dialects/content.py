"""Content that several dialects write alike: pictures, tools, calls of tools.

From JSON to the core's values. Knows no dialect's names for these things.
"""

from collections.abc import Sequence
from typing import Any

import orjson

from modelwright.core.chat import Tool, ToolCall
from modelwright.core.errors import Invalid, TooLarge
from modelwright.core.images import read_image
from modelwright.core.tools import read_tools
from modelwright.core.wording import excerpt


def read_data_url(url: object, field: str) -> bytes:
    """The bytes of a picture in a data URL; nothing is fetched from elsewhere."""
    if not isinstance(url, str):
        raise Invalid(f'"{field}" must be a text', field=field)
    if url.startswith(("http://", "https://")):
        raise Invalid("image URLs are not currently supported, please use base64 encoded data instead")
    if not url.startswith("data:") or ";base64," not in url[:200]:
        raise Invalid(
            f'"{field}" is no data URL: {excerpt(url[:60])}',
            field=field,
            hint="Use data:image/png;base64,...",
        )
    return read_image(url, field=field)


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


def checked_tools(
    tools: Sequence[Tool], *, function: str = ".function", parameters: str = "parameters"
) -> tuple[Tool, ...]:
    """The tools, with schemas that can be used; raises Invalid or TooLarge.

    `function` and `parameters` are what the dialect calls these, for the messages.
    """
    try:
        return read_tools(tools)
    except (Invalid, TooLarge) as error:
        pairs = ((".function.parameters", f"{function}.{parameters}"), (".function", function))
        message, field = error.message, error.field
        for ours, theirs in pairs:
            message, field = message.replace(ours, theirs), field.replace(ours, theirs)
        raise type(error)(message, field=field, hint=error.hint) from None


def read_call(name: object, arguments: object, call_id: object, index: int, field: str) -> ToolCall:
    """A call that a model made earlier; `arguments` as an object or as its JSON."""
    if not isinstance(name, str) or not name:
        raise Invalid(f'"{field}.name" must be a text', field=f"{field}.name")
    if isinstance(arguments, str):
        arguments = _parsed(arguments.strip() or "{}")
    if not isinstance(arguments, dict):
        raise Invalid("invalid tool call arguments")
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
