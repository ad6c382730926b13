"""Turns: a conversation and its tools, as a template is given them.

Facts: Ollama, api/types.go and template/template.go (field names, order and
printing). What a client sent as tools is read leniently: what is not of the
right type counts as not there.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from modelwright.core.chat import ToolCall
from modelwright.core.prompt_template.values import JsonList, JsonMap, Record, TypeNames

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Turn:
    """One message; `images` are what the caller means by them."""

    role: str
    content: str = ""
    thinking: str = ""
    images: tuple[Any, ...] = ()
    tool_calls: tuple[ToolCall, ...] = ()
    tool_name: str = ""
    tool_call_id: str = ""


def collate(turns: Sequence[Turn]) -> tuple[str, list[Turn]]:
    """All system text, and the turns with neighbours of one role as one.

    Their contents are joined by a blank line; results of tools stay apart.
    """
    system = "\n\n".join(turn.content for turn in turns if turn.role == "system")
    groups: list[list[Turn]] = []
    for turn in turns:
        if groups and groups[-1][0].role == turn.role and turn.role != "tool":
            groups[-1].append(turn)
        else:
            groups.append([turn])
    return system, [_joined(group) for group in groups]


def turn_record(turn: Turn) -> Record:
    """A turn as `range .Messages` gives it."""
    calls = JsonList(_call_record(call) for call in turn.tool_calls)
    fields = {
        "Role": turn.role,
        "Content": turn.content,
        "Thinking": turn.thinking,
        "Images": turn.images,
        "ToolCalls": calls,
        "ToolName": turn.tool_name,
        "ToolCallID": turn.tool_call_id,
    }
    tree = {
        "role": turn.role,
        "content": turn.content,
        **_present(thinking=turn.thinking, tool_calls=calls),
        **_present(tool_name=turn.tool_name, tool_call_id=turn.tool_call_id),
    }
    return Record("Message", fields, tree)


def tool_records(tools: Sequence[Any]) -> JsonList:
    """Tools as `.Tools`, from the JSON that a client sent."""
    return JsonList(_tool(_table(tool)) for tool in tools)


def _joined(group: Sequence[Turn]) -> Turn:
    if len(group) == 1:
        return group[0]
    return replace(
        group[0],
        content="\n\n".join(turn.content for turn in group),
        images=tuple(image for turn in group for image in turn.images),
        tool_calls=tuple(call for turn in group for call in turn.tool_calls),
    )


def _call_record(call: ToolCall) -> Record:
    arguments = JsonMap(call.arguments)
    function = {"index": call.index, "name": call.name, "arguments": arguments}
    fields = {"Index": call.index, "Name": call.name, "Arguments": arguments}
    record = Record("ToolCallFunction", fields, function)
    return Record(
        "ToolCall", {"ID": call.id, "Function": record}, {**_present(id=call.id), "function": record}
    )


def _tool(tool: Mapping[str, Any]) -> Record:
    kind, items, function = (
        _text(tool.get("type")),
        tool.get("items"),
        _function(_table(tool.get("function"))),
    )
    fields = {"Type": kind, "Items": items, "Function": function}
    return Record("Tool", fields, {"type": kind, **_present(items=items), "function": function})


def _function(function: Mapping[str, Any]) -> Record:
    name, description = _text(function.get("name")), _text(function.get("description"))
    parameters = _parameters(_table(function.get("parameters")))
    fields = {"Name": name, "Description": description, "Parameters": parameters}
    tree = {"name": name, **_present(description=description), "parameters": parameters}
    return Record("ToolFunction", fields, tree)


def _parameters(schema: Mapping[str, Any]) -> Record:
    kind, defs, items = _text(schema.get("type")), schema.get("$defs"), schema.get("items")
    required = [name for name in _list(schema.get("required")) if isinstance(name, str)]
    properties = _properties(schema)
    fields = {"Type": kind, "Defs": defs, "Items": items, "Required": required, "Properties": properties}
    defined = {"$defs": defs} if defs else {}
    tree = {"type": kind, **defined, **_present(items=items, required=required), "properties": properties}
    return Record("ToolFunctionParameters", fields, tree)


def _properties(schema: Mapping[str, Any]) -> JsonMap:
    return JsonMap({name: _property(_table(each)) for name, each in _table(schema.get("properties")).items()})


def _property(schema: Mapping[str, Any]) -> Record:
    any_of = JsonList(_property(_table(each)) for each in _list(schema.get("anyOf")))
    kind = schema.get("type")
    kinds = TypeNames(
        name for name in ([kind] if isinstance(kind, str) else _list(kind)) if isinstance(name, str)
    )
    description, enum, items = (
        _text(schema.get("description")),
        _list(schema.get("enum")),
        schema.get("items"),
    )
    required = [name for name in _list(schema.get("required")) if isinstance(name, str)]
    properties = _properties(schema)
    fields = {
        "AnyOf": any_of,
        "Type": kinds,
        "Items": items,
        "Description": description,
        "Enum": enum,
        "Properties": properties,
        "Required": required,
    }
    tree = {
        **_present(anyOf=any_of, type=kinds, items=items, description=description, enum=enum),
        **_present(properties=properties, required=required),
    }
    return Record("ToolProperty", fields, tree)


def _present(**values: T) -> dict[str, T]:
    """Those that are not empty."""
    return {name: value for name, value in values.items() if value}


def _table(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _list(value: Any) -> Sequence[Any]:
    return value if isinstance(value, list | tuple) else ()


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""
