"""Tools in OpenAI's words, as chat and responses both have them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from modelwright.core.answer_format import read_format as read_core_format
from modelwright.core.chat import AnswerFormat, Think, Tool, ToolChoice
from modelwright.core.errors import Invalid, Unsupported
from modelwright.core.tools import check_choice
from modelwright.core.wording import excerpt
from modelwright.dialects.content import as_tool, checked_tools

EFFORTS: Final[Mapping[str, Think]] = {
    "minimal": "low",
    "low": "low",
    "medium": "medium",
    "high": "high",
    "xhigh": "max",
    "ultra": "max",
    "max": "max",
    "none": False,
}
"""How hard to think -> the core's word for it (Ollama, openai/openai.go)."""


@dataclass(frozen=True, slots=True)
class Toolbox:
    """The tools of a request, and whether they are to be called."""

    tools: tuple[Tool, ...] = ()
    choice: ToolChoice = field(default_factory=ToolChoice)


def read_effort(effort: str) -> Think:
    """What an effort asks for; None when nothing is said. Raises Invalid."""
    if not effort:
        return None
    if effort not in EFFORTS:
        allowed = ", ".join(f'"{word}"' for word in EFFORTS if word != "none")
        raise Invalid(f'invalid reasoning value: {excerpt(effort)} (must be {allowed}, or "none")')
    return EFFORTS[effort]


def read_tools(tools: Sequence[Mapping[str, Any]], *, flat: bool = False) -> tuple[Tool, ...]:
    """Read functions; `flat`: as responses have them, without an inner object.

    Raises Unsupported for a tool that is none, which would have to run here.
    """
    found = tuple(_tool(tool, f"tools.{index}", flat) for index, tool in enumerate(tools))
    return checked_tools(found, function="" if flat else ".function")


def read_choice(choice: object, tools: tuple[Tool, ...], *, parallel: bool) -> Toolbox:
    """Apply `tool_choice` in any of its forms. Raises Invalid or Unsupported."""
    if choice is None or choice == "auto":
        return Toolbox(tools, ToolChoice("auto", parallel=parallel))
    if choice == "none":
        return Toolbox(tools, ToolChoice("none", parallel=parallel))
    if choice == "required":
        return _of(tools, ToolChoice("required", parallel=parallel))
    if isinstance(choice, str) or not isinstance(choice, dict):
        raise _bad_choice(choice)
    kind = choice.get("type")
    if kind == "function":
        inner = choice.get("function", choice)
        name = inner.get("name") if isinstance(inner, dict) else None
        return _of(tools, ToolChoice("required", _name(name), parallel))
    if kind == "allowed_tools":
        return _allowed(choice.get("allowed_tools", choice), tools, parallel)
    if isinstance(kind, str):
        raise Unsupported(f'"tool_choice" of type {excerpt(kind)} is not supported', field="tool_choice")
    raise _bad_choice(choice)


def read_format(form: Mapping[str, Any], field: str) -> AnswerFormat | None:
    """What an answer must be; the schema beside or inside of `json_schema`."""
    kind = form.get("type", "text")
    if kind == "text":
        return None
    if kind == "json_object":
        return AnswerFormat()
    if kind != "json_schema":
        allowed = '"text", "json_object" or "json_schema"'
        raise Invalid(f'"{field}.type" must be {allowed}, not {excerpt(str(kind))}', field=f"{field}.type")
    inner = form.get("json_schema", form)
    schema = inner.get("schema") if isinstance(inner, dict) else None
    place = f"{field}.json_schema.schema" if "json_schema" in form else f"{field}.schema"
    if not isinstance(schema, dict):
        raise Invalid(f'"{place}" must be an object', field=place)
    return read_core_format(schema, field=place)


def _tool(tool: Mapping[str, Any], field: str, flat: bool) -> Tool:
    kind = tool.get("type", "function")
    if kind != "function":
        raise Unsupported(
            f"a tool of type {excerpt(str(kind))} is not supported",
            field=f"{field}.type",
            hint="Use functions",
        )
    inner = tool if flat else tool.get("function")
    if not isinstance(inner, dict):
        raise Invalid(f'"{field}.function" must be an object', field=f"{field}.function")
    return as_tool(inner)


def _allowed(allowed: object, tools: tuple[Tool, ...], parallel: bool) -> Toolbox:
    """Some of the tools only; `mode` says whether one of them must be called."""
    mode = allowed.get("mode") if isinstance(allowed, dict) else None
    listed = allowed.get("tools") if isinstance(allowed, dict) else None
    if mode not in ("auto", "required") or not isinstance(listed, list):
        raise _bad_choice(allowed)
    names = set()
    for item in listed:
        inner = item.get("function", item) if isinstance(item, dict) else None
        name = _name(inner.get("name") if isinstance(inner, dict) else None)
        names.add(check_choice(ToolChoice(name=name), tools).name)
    kept = tuple(tool for tool in tools if tool["function"]["name"] in names)
    return _of(kept, ToolChoice("required" if mode == "required" else "auto", parallel=parallel))


def _of(tools: tuple[Tool, ...], choice: ToolChoice) -> Toolbox:
    return Toolbox(tools, check_choice(choice, tools))


def _name(name: object) -> str:
    if not isinstance(name, str) or not name:
        raise Invalid('"tool_choice" must name a tool', field="tool_choice")
    return name


def _bad_choice(choice: object) -> Invalid:
    return Invalid(
        f'"tool_choice" is {excerpt(str(choice))}',
        field="tool_choice",
        hint='Use "auto", "none", "required", one function, or allowed_tools',
    )
