"""From Ollama's wire to the core's requests; refusals in upstream's words.

Facts: Ollama, server/routes.go and server/create.go (checks and their order).
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import Final

from modelwright.core import chat
from modelwright.core.answer_format import read_format
from modelwright.core.draft import read_message
from modelwright.core.duration import keep_alive_seconds
from modelwright.core.errors import Denied, Invalid, NotFound, Unsupported
from modelwright.core.images import read_images
from modelwright.core.model_reference import Source, SourcedName
from modelwright.core.names import check_reference
from modelwright.core.parameters import Parameters
from modelwright.core.tools import check_choice, read_call, read_tools
from modelwright.core.wording import excerpt
from modelwright.dialects.fields import refuse, texts_of
from modelwright.dialects.ollama import wire

_LEVELS: Final = ("high", "medium", "low", "max")
_SPEAKERS: Final[Mapping[str, str]] = MappingProxyType(
    {"thinking": "assistant", "tool_calls": "assistant", "tool_name": "tool", "tool_call_id": "tool"}
)
"""Whose turns have a field that not all have."""
_LEVEL_WORDS: Final = '"high", "medium", "low", "max", true, or false'


def model_reference(text: str, *, field: str = "model", fault: str = "invalid model name") -> str:
    """A model's name without its source suffix; raises Invalid saying `fault`."""
    sourced = SourcedName.parse(text, field=field)
    if sourced.source is Source.CLOUD:
        raise Denied(
            "ollama cloud is disabled: remote model is unavailable",
            field=field,
            hint="This server answers with models that are here",
        )
    try:
        check_reference(sourced.base, field=field)
    except Invalid:
        raise Invalid(fault, field=field) from None
    return sourced.base


def required_model(text: str) -> str:
    """The name where generate and embed want one: none at all is not found."""
    if not text.strip():
        raise NotFound("model", "", field="model")
    return model_reference(text)


def parse_chat(body: wire.ChatRequest) -> chat.ChatRequest:
    """Read a chat; raises Invalid, TooLarge or Unsupported."""
    model = model_reference(body.model)
    check_logprobs(body.top_logprobs)
    tools = read_tools(body.tools)
    choice = check_choice(_choice(body.tool_choice), tools)
    return chat.ChatRequest(
        model=model,
        messages=tuple(_turn(message, f"messages.{index}") for index, message in enumerate(body.messages)),
        options=replace(_answer_options(body), tools=tools, tool_choice=choice),
        parameters=read_options(body.options),
        keep_alive=keep_alive_seconds(body.keep_alive),
    )


def parse_generate(body: wire.GenerateRequest) -> chat.GenerateRequest:
    """Read a prompt; raises as parse_chat does."""
    model = required_model(body.model)
    check_logprobs(body.top_logprobs)
    if body.raw and (body.template or body.system or body.context):
        raise Invalid("raw mode does not support template, system, or context", field="raw")
    images = read_images(body.images, field="images")
    if images and body.context:
        raise Unsupported('"images" and "context" do not go together here', field="context")
    return chat.GenerateRequest(
        model=model,
        prompt=body.prompt,
        system=body.system or None,
        template=body.template or None,
        suffix=body.suffix,
        raw=body.raw,
        images=images,
        context=body.context,
        options=replace(_answer_options(body), returns_context=not body.raw),
        parameters=read_options(body.options),
        keep_alive=keep_alive_seconds(body.keep_alive),
    )


def parse_embed(body: wire.EmbedRequest) -> chat.EmbedRequest:
    """Read texts to embed; an empty text alone counts as none."""
    inputs = texts_of(body.input, lambda _: Invalid("invalid input type", field="input"))
    if body.dimensions < 0:
        raise Invalid('"dimensions" must be at least 0', field="dimensions")
    return chat.EmbedRequest(
        model=required_model(body.model),
        inputs=() if inputs == ("",) else inputs,
        parameters=read_options(body.options),
        keep_alive=keep_alive_seconds(body.keep_alive),
        truncate=body.truncate,
        dimensions=body.dimensions or None,
    )


def parse_embeddings(body: wire.EmbeddingsRequest) -> chat.EmbedRequest:
    """Read one text whose vector is wanted as the engine gives it."""
    return chat.EmbedRequest(
        model=model_reference(body.model),
        inputs=(body.prompt,) if body.prompt else (),
        parameters=read_options(body.options),
        keep_alive=keep_alive_seconds(body.keep_alive),
        normalise=False,
    )


def read_messages(messages: Sequence[wire.Message]) -> tuple[chat.Message, ...]:
    """Check turns; the role in any letter case."""
    return tuple(_message(message, f"messages.{index}") for index, message in enumerate(messages))


def read_options(options: Mapping[str, object]) -> Parameters:
    """Read `options`; unknown names are left out, as upstream does."""
    return Parameters.of_known(options, field="options")[0]


def check_logprobs(top: int) -> None:
    if not 0 <= top <= 20:
        raise Invalid("top_logprobs must be between 0 and 20", field="top_logprobs")


def read_think(think: object) -> chat.Think:
    """Refuse what is no think value; whether the model can is not known here."""
    if think is None or isinstance(think, bool):
        return think
    if isinstance(think, str):
        if think in _LEVELS:
            return think
        fault = f"invalid think value: {excerpt(think)} (must be {_LEVEL_WORDS})"
        raise Invalid(fault, field="think")
    raise Invalid(f"think must be a boolean or string ({_LEVEL_WORDS})", field="think")


def _answer_options(body: wire.ChatRequest | wire.GenerateRequest) -> chat.AnswerOptions:
    return chat.AnswerOptions(
        format=read_format(body.format),
        think=read_think(body.think),
        logprobs=body.top_logprobs if body.logprobs else None,
        truncate=body.truncate,
        shift=body.shift,
    )


def _choice(value: object) -> chat.ToolChoice:
    """A choice in OpenAI's form, which Ollama's own server does not know."""
    match value:
        case None | "auto":
            return chat.ToolChoice()
        case "none":
            return chat.ToolChoice("none")
        case "required":
            return chat.ToolChoice("required")
        case {"function": {"name": str(name)}}:
            return chat.ToolChoice("required", name)
    raise Invalid('"tool_choice" must be "auto", "none", "required" or a tool', field="tool_choice")


def _turn(message: wire.Message, field: str) -> chat.Message:
    """A turn of a conversation, where tools speak too."""
    role = message.role.lower()
    if role != "tool":
        read_message(role, message.content, field=f"{field}.role")
    for name, speaker in _SPEAKERS.items():
        if getattr(message, name) and role != speaker:
            place = f"{field}.{name}"
            raise Unsupported(f'"{place}" is not supported where the role is "{role}"', field=place)
    calls = enumerate(message.tool_calls)
    return chat.Message(
        role,
        message.content,
        message.thinking,
        read_images(message.images, field=f"{field}.images"),
        tuple(read_call(call, field=f"{field}.tool_calls.{index}", index=index) for index, call in calls),
        message.tool_name,
        message.tool_call_id,
    )


def _message(message: wire.Message, field: str) -> chat.Message:
    """A turn that a model is made with: text only."""
    refuse(message, "images", "tool_calls", "tool_name", "tool_call_id", "thinking", within=field)
    role = message.role.lower()
    if role == "tool":
        raise Unsupported('a model\'s own messages cannot have the role "tool"', field=f"{field}.role")
    return read_message(role, message.content, field=f"{field}.role")
