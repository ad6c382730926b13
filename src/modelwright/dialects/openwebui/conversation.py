"""A chat as Open WebUI's clients send it: OpenAI's form, and what is its own.

Which value of a parameter counts: one at the top of the body, then those of the
body's `params`, then the model's, then what it inherits (open-webui 0.12.4,
utils/payload.py). What only Open WebUI's own parts act on is passed over.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any, Final

import orjson

from modelwright.core.answer_format import read_format
from modelwright.core.chat import (
    AnswerFormat,
    AnswerOptions,
    ChatRequest,
    EmbedRequest,
    Message,
    Tool,
    ToolChoice,
)
from modelwright.core.duration import keep_alive_seconds
from modelwright.core.errors import Invalid, Unsupported
from modelwright.core.parameters import Parameters
from modelwright.core.spec import ModelSpec
from modelwright.core.tools import check_choice
from modelwright.core.wording import excerpt
from modelwright.dialects.content import as_tool, checked_tools, read_bias, read_call, read_data_url
from modelwright.dialects.fields import MOST_MESSAGES, MOST_TOOLS, texts_of
from modelwright.dialects.openwebui.parameters import (
    deep_update,
    effective,
    our_name,
    read_parameters,
    with_controls,
)

ROLES: Final = {
    "system": "system",
    "developer": "system",
    "user": "user",
    "assistant": "assistant",
    "tool": "tool",
}
NOTHING: Final[Mapping[str, Any]] = MappingProxyType({})
_FORMATS: Final = ("text", "json_object", "json_schema")
_NOT_PARAMETERS: Final = frozenset(
    [
        "model",
        "messages",
        "stream",
        "stream_options",
        "params",
        "options",
        "tools",
        "tool_choice",
        "parallel_tool_calls",
        "variables",
        "chat_variables",
        "model_item",
        "model_options",
        "metadata",
        "files",
        "features",
        "session_id",
        "chat_id",
        "id",
        "parent_id",
        "user_message",
        "background_tasks",
        "tool_ids",
        "tool_servers",
        "filter_ids",
        "skill_ids",
        "terminal_id",
        "folder_id",
        "user",
        "n",
    ]
)
"""What stands at the top of a body and is no parameter."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A chat as it came; `defaults` are what the model's entry adds, weakest."""

    model: str
    messages: tuple[Message, ...]
    stream: bool
    include_usage: bool
    values: Mapping[str, Any]
    choices: object = None
    variables: object = None
    chat_variables: object = None
    tools: tuple[Tool, ...] = ()
    tool_choice: ToolChoice = field(default_factory=ToolChoice)
    system: str = ""

    def request(
        self, model: str, params: Mapping[str, Any], system: str, weak: Mapping[str, Any] = NOTHING
    ) -> ChatRequest:
        """The core's request; `params` are the model's own, `system` its text, rendered.

        `weak` are values that hold where nothing else is said.
        """
        defaults = deep_update(weak, effective(with_controls(params, self.choices)))
        least, _ = read_parameters(weak)
        known, _ = read_parameters(self.values)
        # The model's parameters stand in its spec; a choice of controls stands over those.
        chosen = effective(with_controls({**params, "custom_params": {}}, self.choices))
        over, _ = read_parameters({name: v for name, v in chosen.items() if params.get(name) != v})
        values = deep_update(defaults, self.values)
        options, bias = _options(values), values.get("logit_bias") or {}
        if not isinstance(bias, dict):
            raise Invalid('"logit_bias" must be an object', field="logit_bias")
        return ChatRequest(
            model=model,
            messages=with_system(self.messages, system),
            parameters=least.merged(over).merged(known),
            keep_alive=keep_alive_seconds(values.get("keep_alive")),
            options=AnswerOptions(
                format=options.format,
                think=options.think,
                tools=self.tools,
                tool_choice=self.tool_choice,
                logit_bias=read_bias(bias),
            ),
        )


def weaker(defaults: Mapping[str, Any], params: Mapping[str, Any], own: ModelSpec) -> dict[str, Any]:
    """Those defaults for all models that a model says nothing about itself."""
    said = {our_name(name) for name in effective(params)}
    if isinstance(own.parameters, Parameters):
        said |= own.parameters.as_dict().keys()
    return {name: value for name, value in effective(defaults).items() if our_name(name) not in said}


def read_chat(body: Mapping[str, Any]) -> Asked:
    """Read a chat; raises Invalid or Unsupported for the field at fault."""
    messages = body.get("messages")
    if not isinstance(messages, list) or not messages:
        raise Invalid('"messages" must be a list of messages', field="messages")
    if len(messages) > MOST_MESSAGES:
        raise Invalid(f'"messages" may hold at most {MOST_MESSAGES}', field="messages")
    streaming = body.get("stream_options") or {}
    params = _table(body, "params")
    values = effective(params)
    if (forced := params.get("stream_response")) is not None:
        body = {**body, "stream": bool(forced)}
    values |= _table(body, "options")
    values |= {name: v for name, v in body.items() if name not in _NOT_PARAMETERS and v is not None}
    system = params.get("system")
    if system is not None and not isinstance(system, str):
        raise Invalid('"params.system" must be a text', field="params.system")
    tools = read_tools(body.get("tools"))
    choice = read_choice(body.get("tool_choice"), body.get("parallel_tool_calls"))
    return Asked(
        model=_text(body, "model"),
        messages=read_messages(messages),
        stream=_flag(body, "stream"),
        include_usage=isinstance(streaming, dict) and streaming.get("include_usage") is True,
        values=values,
        choices=body.get("model_options"),
        variables=body.get("variables") or _table(body, "metadata").get("variables"),
        chat_variables=body.get("chat_variables") or _table(body, "metadata").get("chat_variables"),
        tools=tools,
        tool_choice=check_choice(choice, tools),
        system=system or "",
    )


def read_embeddings(body: Mapping[str, Any]) -> EmbedRequest:
    """Read texts to be embedded."""

    def fault(_: object) -> Invalid:
        return Invalid('"input" must be a text or a list of texts', field="input")

    texts = texts_of(body.get("input"), fault)
    if not texts:
        raise fault(None)
    dimensions = body.get("dimensions")
    if dimensions is not None and (type(dimensions) is not int or dimensions < 1):
        raise Invalid('"dimensions" must be a whole number of at least 1', field="dimensions")
    return EmbedRequest(_text(body, "model"), texts, dimensions=dimensions)


def embedding_of(model: str, asked: EmbedRequest) -> EmbedRequest:
    """The request, of a model by its name."""
    return replace(asked, model=model)


def with_system(messages: Sequence[Message], system: str) -> tuple[Message, ...]:
    """The messages with a system text in front; one that is there comes after it."""
    if not system:
        return tuple(messages)
    first = messages[0]
    if first.role == "system":
        return (Message("system", f"{system}\n{first.content}"), *messages[1:])
    return (Message("system", system), *messages)


def read_messages(messages: Sequence[Any]) -> tuple[Message, ...]:
    called: dict[str, str] = {}
    found = []
    for index, message in enumerate(messages):
        read = _message(message, f"messages.{index}", called)
        called |= {call.id: call.name for call in read.tool_calls if call.id}
        found.append(read)
    return tuple(found)


def read_tools(tools: object) -> tuple[Tool, ...]:
    if tools is None:
        return ()
    if not isinstance(tools, list) or len(tools) > MOST_TOOLS:
        raise Invalid(f'"tools" must be a list of at most {MOST_TOOLS} tools', field="tools")
    found = []
    for index, tool in enumerate(tools):
        function = tool.get("function") if isinstance(tool, dict) else None
        if not isinstance(function, dict) or tool.get("type", "function") != "function":
            raise Invalid(f'"tools.{index}" must be a function', field=f"tools.{index}")
        found.append(as_tool(function))
    return checked_tools(found)


def read_choice(choice: object, parallel: object) -> ToolChoice:
    several = parallel is not False
    if choice is None:
        return ToolChoice(parallel=several)
    if choice in ("auto", "none", "required"):
        return ToolChoice(choice, parallel=several)
    function = choice.get("function") if isinstance(choice, dict) else None
    name = function.get("name") if isinstance(function, dict) else None
    if not isinstance(name, str) or not name:
        raise Invalid('"tool_choice" must be "auto", "none", "required" or a function', field="tool_choice")
    return ToolChoice("required", name, several)


@dataclass(frozen=True, slots=True)
class _Options:
    format: AnswerFormat | None
    think: bool | str | None


def _options(values: Mapping[str, Any]) -> _Options:
    """What is asked of the answer, by OpenAI's words or by Ollama's."""
    wanted = values.get("response_format", values.get("format"))
    effort = values.get("reasoning_effort", values.get("think"))
    if effort is not None and not isinstance(effort, str | bool):
        raise Invalid('"reasoning_effort" must be a word', field="reasoning_effort")
    return _Options(_format(wanted), False if effort == "none" else effort)


def _format(wanted: Any) -> AnswerFormat | None:
    if isinstance(wanted, str) and wanted[:1] == "{":
        try:
            wanted = orjson.loads(wanted)
        except orjson.JSONDecodeError:
            raise Invalid('"format" must be "json" or a schema', field="format") from None
    if wanted in (None, "", "text"):
        return None
    if wanted == "json":
        return AnswerFormat()
    if not isinstance(wanted, dict):
        raise Invalid('"response_format" must be an object', field="response_format")
    kind = wanted.get("type")
    if kind not in _FORMATS:
        return read_format(wanted)  # Ollama's form: the schema itself
    if kind == "json_schema":
        schema = wanted.get("json_schema")
        inner = schema.get("schema") if isinstance(schema, dict) else None
        if not isinstance(inner, dict):
            raise Invalid('"response_format.json_schema.schema" must be an object', field="response_format")
        return read_format(inner, field="response_format.json_schema.schema")
    return AnswerFormat() if kind == "json_object" else None


def _message(message: Any, field: str, called: Mapping[str, str]) -> Message:
    if not isinstance(message, dict):
        raise Invalid(f'"{field}" must be an object', field=field)
    role = message.get("role")
    if not isinstance(role, str) or role not in ROLES:
        raise Invalid(
            f'"{field}.role" is {excerpt(str(role))}', field=f"{field}.role", hint=f"Use {', '.join(ROLES)}"
        )
    content, images = _content(message.get("content"), f"{field}.content")
    calls = message.get("tool_calls") or []
    if not isinstance(calls, list) or (calls and role != "assistant"):
        raise Invalid(f'"{field}.tool_calls" must be a list, of an assistant', field=f"{field}.tool_calls")
    identifier = message.get("tool_call_id")
    identifier = identifier if isinstance(identifier, str) else ""
    if identifier and role != "tool":
        raise Invalid(f'"{field}.tool_call_id" is for the role "tool"', field=f"{field}.tool_call_id")
    thought = message.get("reasoning_content") if role == "assistant" else None
    return Message(
        ROLES[role],
        content,
        thinking=thought if isinstance(thought, str) else "",
        images=images,
        tool_calls=tuple(_call(call, i, f"{field}.tool_calls.{i}") for i, call in enumerate(calls)),
        tool_name=called.get(identifier, "") if role == "tool" else "",
        tool_call_id=identifier,
    )


def _call(call: Any, index: int, field: str) -> Any:
    function = call.get("function") if isinstance(call, dict) else None
    if not isinstance(function, dict):
        raise Invalid("invalid tool call arguments", field=field)
    return read_call(function.get("name"), function.get("arguments"), call.get("id"), index, field)


def _content(content: Any, field: str) -> tuple[str, tuple[bytes, ...]]:
    if content is None or isinstance(content, str):
        return content or "", ()
    if not isinstance(content, list):
        raise Invalid(f'"{field}" must be a text or a list of parts', field=field)
    texts, images = [], []
    for index, part in enumerate(content):
        kind = part.get("type") if isinstance(part, dict) else None
        if kind == "text" and isinstance(part.get("text"), str):
            texts.append(part["text"])
        elif kind == "image_url":
            image = part.get("image_url")
            url = image.get("url") if isinstance(image, dict) else image
            images.append(read_data_url(url, f"{field}.{index}.image_url"))
        else:
            raise Unsupported(f'"{field}.{index}" is of no type that is supported', field=f"{field}.{index}")
    return "".join(texts), tuple(images)


def _table(body: Mapping[str, Any], name: str) -> dict[str, Any]:
    value = body.get(name)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise Invalid(f'"{name}" must be an object', field=name)
    return value


def _text(body: Mapping[str, Any], name: str) -> str:
    value = body.get(name)
    if not isinstance(value, str) or not value:
        raise Invalid(f'"{name}" must be a text', field=name)
    return value


def _flag(body: Mapping[str, Any], name: str) -> bool:
    value = body.get(name)
    if value is not None and not isinstance(value, bool):
        raise Invalid(f'"{name}" must be true or false', field=name)
    return bool(value)
