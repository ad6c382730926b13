"""Tools, from what a client sends; checked before anything else has them.

Their texts and schemas stay as they are, since the model reads them; only bounds so
high that an engine hangs are left out.
"""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from modelwright.core.chat import Tool, ToolCall, ToolChoice
from modelwright.core.errors import Invalid, TooLarge
from modelwright.core.json_schema import bounded, read_schema
from modelwright.core.wording import excerpt

MOST_TOOLS: Final = 512
MOST_BYTES: Final = 1024 * 1024
"""All tools of a request together."""

_NAME: Final = re.compile(r"[\w.:/-]{1,128}")


def read_tools(tools: Sequence[object], *, field: str = "tools") -> tuple[Tool, ...]:
    """Tools in OpenAI's form; raises Invalid, or TooLarge for too many."""
    if len(tools) > MOST_TOOLS:
        raise TooLarge(f'"{field}" holds {len(tools)}, at most {MOST_TOOLS} are allowed', field=field)
    found = tuple(_tool(tool, f"{field}.{number}") for number, tool in enumerate(tools))
    size = len(json.dumps(found).encode())
    if size > MOST_BYTES:
        raise TooLarge(f'"{field}" has {size} bytes, the limit is {MOST_BYTES}', field=field)
    names = [tool["function"]["name"] for tool in found]
    twice = next((name for number, name in enumerate(names) if name in names[:number]), None)
    if twice is not None:
        raise Invalid(f"two tools are called {excerpt(twice)}", field=field)
    return found


def read_call(call: object, *, field: str, index: int = 0) -> ToolCall:
    """A call that a client repeats; `arguments` are an object or the text of one."""
    function = call.get("function") if isinstance(call, dict) else None
    if not isinstance(call, dict) or not isinstance(function, dict):
        raise Invalid(f'"{field}" must be an object with "function"', field=field)
    name, arguments = function.get("name"), function.get("arguments")
    if not isinstance(name, str) or not name:
        raise Invalid(f'"{field}.function.name" is required', field=f"{field}.function.name")
    if isinstance(arguments, str):
        arguments = _object(arguments)
    if arguments is None:
        arguments = {}
    if not isinstance(arguments, dict):
        place = f"{field}.function.arguments"
        raise Invalid(f'"{place}" must be an object', field=place)
    identity = call.get("id")
    return ToolCall(name, arguments, identity if isinstance(identity, str) else "", index)


def check_choice(choice: ToolChoice, tools: Sequence[Tool], *, field: str = "tool_choice") -> ToolChoice:
    """The choice; raises Invalid when it names a tool that is not there."""
    names = [tool["function"]["name"] for tool in tools]
    if choice.name and choice.name not in names:
        hint = f"The tools are {', '.join(names) or 'none'}"
        fault = f'"{field}" names {excerpt(choice.name)}, which is none of the tools'
        raise Invalid(fault, field=field, hint=hint)
    if choice.mode == "required" and not tools:
        raise Invalid(f'"{field}" wants a call, and there are no tools', field=field)
    return choice


def _tool(tool: object, field: str) -> Tool:
    function = tool.get("function") if isinstance(tool, dict) else None
    if not isinstance(tool, dict) or not isinstance(function, dict):
        raise Invalid(f'"{field}" must be an object with "function"', field=field)
    if tool.get("type", "function") != "function":
        raise Invalid(f'"{field}.type" must be "function"', field=f"{field}.type")
    name = function.get("name")
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise Invalid(
            f'"{field}.function.name" must be 1 to 128 letters, digits, "_", "-", ".", ":" or "/"',
            field=f"{field}.function.name",
        )
    if not isinstance(function.get("description", "") or "", str):
        raise Invalid(f'"{field}.function.description" must be a text', field=field)
    return {**tool, "type": "function", "function": _function(function, field)}


def _function(function: Mapping[str, Any], field: str) -> dict[str, Any]:
    parameters = function.get("parameters")
    if parameters is None or parameters == {}:
        return {**function, "parameters": {"type": "object", "properties": {}}}
    place = f"{field}.function.parameters"
    read_schema(parameters, field=place)
    if parameters.get("type", "object") != "object":
        raise Invalid(f'"{place}.type" must be "object"', field=place)
    return {**function, "parameters": bounded(parameters)}


def _object(text: str) -> object:
    try:
        return json.loads(text or "{}")
    except ValueError:
        return text
