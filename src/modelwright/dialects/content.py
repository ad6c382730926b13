"""Content that several dialects write alike: pictures, tools, calls of tools.

From JSON to the core's values. Knows no dialect's names for these things.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import orjson

from modelwright.core import tools
from modelwright.core.chat import Tool, ToolCall
from modelwright.core.errors import Invalid, TooLarge
from modelwright.core.images import read_image
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


def as_tool(function: Mapping[str, Any], *, parameters: str = "parameters") -> Tool:
    """A function in core's form, still unchecked; `parameters` is its schema's name."""
    given = {
        "name": function.get("name"),
        "description": function.get("description"),
        "parameters": function.get(parameters),
    }
    found = {name: value for name, value in given.items() if value is not None and value != ""}
    return {"type": "function", "function": found}


def checked_tools(
    given: Sequence[Tool], *, function: str = ".function", parameters: str = "parameters"
) -> tuple[Tool, ...]:
    """The tools, checked as all tools are; raises Invalid or TooLarge.

    `function` and `parameters` are what the dialect calls these, for the messages.
    """
    try:
        return tools.read_tools(given)
    except (Invalid, TooLarge) as error:
        pairs = ((".function.parameters", f"{function}.{parameters}"), (".function", function))
        raise _renamed(error, pairs) from None


def read_call(name: object, arguments: object, call_id: object, index: int, field: str) -> ToolCall:
    """A call that a model made earlier; `arguments` as an object or as its JSON."""
    if arguments is None:
        raise Invalid(f'"{field}" has no arguments', field=field)
    call = {"function": {"name": name, "arguments": arguments}, "id": call_id}
    try:
        return tools.read_call(call, field=field, index=index)
    except Invalid as error:
        raise _renamed(error, [(".function", "")]) from None


def text_of_json(value: object) -> str:
    """JSON as it is put into a text."""
    return orjson.dumps(value).decode()


def _renamed(error: Invalid | TooLarge, pairs: Iterable[tuple[str, str]]) -> Invalid | TooLarge:
    """The error in a dialect's words: what core calls so, it calls so."""
    message, field = error.message, error.field
    for ours, theirs in pairs:
        message, field = message.replace(ours, theirs), field.replace(ours, theirs)
    return type(error)(message, field=field, hint=error.hint)


def read_bias(bias: Mapping[str, Any]) -> dict[int, float]:
    """Token -> what is added to its logit, from -100 to 100."""
    found = {}
    for token, value in bias.items():
        place = f"logit_bias.{token[:20]}"
        if not token.isascii() or not token.isdigit() or len(token) > 9:
            raise Invalid(f'"{place}": {excerpt(token)} is no token number', field=place)
        if isinstance(value, bool) or not isinstance(value, int | float) or not -100 <= value <= 100:
            raise Invalid(f'"{place}" must be a number from -100 to 100', field=place)
        found[int(token)] = float(value)
    return found
