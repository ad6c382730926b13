"""From Anthropic's wire to the core's requests.

A parameter that the request does not mention is not set: the model's own holds.
The error texts are those of Ollama's layer (anthropic/anthropic.go) where it has one.
"""

from collections.abc import Mapping
from typing import Any, Final

from modelwright.core import chat
from modelwright.core.answer_format import read_format
from modelwright.core.errors import Invalid, Unsupported
from modelwright.core.names import check_reference
from modelwright.core.parameters import Parameters
from modelwright.core.tools import check_choice
from modelwright.core.wording import excerpt
from modelwright.dialects.anthropic import wire
from modelwright.dialects.anthropic.messages import read_messages, read_system
from modelwright.dialects.content import as_tool, checked_tools
from modelwright.dialects.fields import refuse

EFFORTS: Final = {"low": "low", "medium": "medium", "high": "high", "xhigh": "max", "max": "max"}
_SAME_NAME: Final = ("temperature", "top_p", "top_k")


def parse_messages(body: wire.MessagesRequest) -> chat.ChatRequest:
    """Read a request for an answer; raises Invalid or Unsupported."""
    if body.max_tokens <= 0:
        raise Invalid("max_tokens is required and must be positive", field="max_tokens")
    refuse(body, "prefill")
    values: dict[str, object] = {name: getattr(body, name) for name in _SAME_NAME}
    values["num_predict"] = body.max_tokens
    values["stop"] = list(body.stop_sequences) or None
    given = {name: value for name, value in values.items() if value is not None}
    return _asked(body, Parameters.of(given, field=""))


def parse_count(body: wire.CountRequest) -> chat.ChatRequest:
    """Read a conversation that is to be counted."""
    return _asked(body, Parameters())


def _asked(body: wire.Asking, parameters: Parameters) -> chat.ChatRequest:
    if not body.model.strip():
        raise Invalid("model is required", field="model")
    check_reference(body.model)
    if not body.messages:
        raise Invalid("messages is required", field="messages")
    refuse(body, "mcp_servers", "container")
    _check_edits(body.context_management)
    messages = read_messages(body.messages)
    system = read_system(body.system)
    if system is not None:
        messages = (chat.Message("system", system), *messages)
    found = tuple(_tool(tool, f"tools.{index}") for index, tool in enumerate(body.tools))
    tools = checked_tools(found, function="", parameters="input_schema")
    return chat.ChatRequest(
        model=body.model,
        messages=messages,
        parameters=parameters,
        options=chat.AnswerOptions(
            format=_format(body.output_config.format),
            think=_think(body.thinking, body.output_config.effort),
            thinking_budget=body.thinking.budget_tokens if body.thinking.type == "enabled" else None,
            tools=tools,
            tool_choice=_choice(body.tool_choice, tools),
        ),
    )


def _check_edits(management: Mapping[str, Any]) -> None:
    """Refuse edits of the conversation, but those of thoughts.

    Which of them a model sees again is its prompt template's affair.
    """
    edits = management.get("edits")
    for edit in edits if isinstance(edits, list) else []:
        kind = edit.get("type") if isinstance(edit, dict) else None
        if not isinstance(kind, str) or not kind.startswith("clear_thinking_"):
            raise Unsupported(
                f'"context_management" with {excerpt(str(kind))} is not supported', field="context_management"
            )


def _tool(tool: Mapping[str, Any], place: str) -> chat.Tool:
    kind = tool.get("type") or "custom"
    if kind != "custom":
        raise Unsupported(
            f"a tool of type {excerpt(str(kind))} is not supported",
            field=f"{place}.type",
            hint="Give it a name and an input_schema",
        )
    schema = tool.get("input_schema")
    if not isinstance(schema, dict):
        raise Invalid(f'"{place}.input_schema" must be an object', field=f"{place}.input_schema")
    return as_tool(tool, parameters="input_schema")


def _choice(choice: Mapping[str, Any], tools: tuple[chat.Tool, ...]) -> chat.ToolChoice:
    kind = choice.get("type", "auto")
    parallel = choice.get("disable_parallel_tool_use") is not True
    if kind == "auto":
        return chat.ToolChoice("auto", parallel=parallel)
    if kind == "none":
        return chat.ToolChoice("none", parallel=parallel)
    if kind not in ("any", "tool"):
        raise Invalid(
            f'"tool_choice.type" must be "auto", "any", "tool" or "none", not {excerpt(str(kind))}',
            field="tool_choice.type",
        )
    name = choice.get("name", "") if kind == "tool" else ""
    if kind == "tool" and (not isinstance(name, str) or not name):
        raise Invalid('"tool_choice.name" must name a tool', field="tool_choice.name")
    return check_choice(chat.ToolChoice("required", name, parallel), tools)


def _think(thinking: wire.Thinking, effort: str) -> chat.Think:
    """Whether to think; "adaptive" leaves it to the model, as does silence."""
    if effort and effort not in EFFORTS:
        allowed = ", ".join(f'"{word}"' for word in EFFORTS)
        raise Invalid(
            f'"output_config.effort" must be one of {allowed}, not {excerpt(effort)}',
            field="output_config.effort",
        )
    if thinking.display not in ("", "summarized", "omitted"):
        raise Invalid(
            f'"thinking.display" must be "summarized" or "omitted", not {excerpt(thinking.display)}',
            field="thinking.display",
        )
    if thinking.type == "enabled":
        return EFFORTS.get(effort, True)
    if thinking.type == "disabled":
        return False
    if thinking.type in ("", "adaptive"):
        return None
    raise Unsupported(
        f'"thinking" of type {excerpt(thinking.type)} is not supported',
        field="thinking.type",
        hint='Use "enabled", "disabled" or "adaptive"',
    )


def _format(form: Mapping[str, Any]) -> chat.AnswerFormat | None:
    if not form:
        return None
    schema = form.get("schema")
    if form.get("type") != "json_schema" or not isinstance(schema, dict):
        raise Invalid(
            '"output_config.format" must be of type "json_schema" with a "schema"',
            field="output_config.format",
        )
    return read_format(schema, field="output_config.format.schema")
