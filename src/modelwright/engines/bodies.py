"""Bodies: what an engine is asked, from messages, parameters and options.

Pure. Source of the names: llama.cpp b11549, tools/server, as tried on the wire.
"""

import base64
from collections.abc import Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import Any, Final

import orjson

from modelwright.core.chat import AnswerFormat, AnswerOptions, Message, Tool, ToolCall, ToolChoice
from modelwright.core.errors import Invalid
from modelwright.core.images import data_url
from modelwright.core.sounds import sound_format

_SPACING: Final = MappingProxyType(
    {"whitespace_flexible": False, "item_separator": ", ", "key_separator": ": "}
)
"""What llguidance is told, or a small model writes line ends for ever."""


def chat_fields(options: AnswerOptions) -> dict[str, object]:
    """What /v1/chat/completions needs for the options."""
    fields: dict[str, object] = {**template_fields(options), **_chances(options, "top_logprobs")}
    if options.think and options.thinking_budget is not None:
        fields["reasoning_budget_tokens"] = options.thinking_budget
    if options.logprobs is not None:
        fields["logprobs"] = True
    if options.format is not None:
        fields["response_format"] = _response_format(options.format)
    return fields


def template_fields(options: AnswerOptions) -> dict[str, object]:
    """What a prompt template in the weights is rendered with."""
    fields: dict[str, object] = {"reasoning_format": "none"}  # the text as it is
    if options.think is not None:
        kwargs: dict[str, object] = {"enable_thinking": bool(options.think)}
        if isinstance(options.think, str):
            kwargs["reasoning_effort"] = options.think
        fields |= {"reasoning_format": "deepseek", "chat_template_kwargs": kwargs}
    if options.tools and options.tool_choice.mode != "none":
        choice = options.tool_choice
        fields |= {
            "tools": chosen_tools(options.tools, choice),
            "tool_choice": choice.mode,
            "parallel_tool_calls": choice.parallel,
        }
    return fields


def completion_fields(options: AnswerOptions) -> dict[str, object]:
    """What /completion needs for the options."""
    fields = _chances(options, "n_probs")
    if options.format is not None:
        fields["json_schema"] = {**schema_of(options.format), "x-guidance": dict(_SPACING)}
    return fields


def writing_fields(tokens: Sequence[int], top: int) -> dict[str, object]:
    """What makes /completion write these tokens, and tell how likely each was."""
    grammar = "root ::= " + " ".join(f"<[{token}]>" for token in tokens)
    return {"grammar": grammar, "n_predict": len(tokens), "n_probs": max(top, 1)}


def schema_of(wanted: AnswerFormat) -> Mapping[str, Any]:
    """The JSON Schema that an answer must obey; any object when none is given."""
    return {"type": "object"} if wanted.schema is None else wanted.schema


def chosen_tools(tools: Sequence[Tool], choice: ToolChoice) -> list[Tool]:
    """All tools, or the one that must be called."""
    return [tool for tool in tools if not choice.name or tool["function"]["name"] == choice.name]


def turn(message: Message) -> dict[str, object]:
    """A message in OpenAI's form, which the engine takes."""
    tree: dict[str, object] = {"role": message.role, "content": message.content}
    if message.images:
        parts: list[object] = [_medium(each) for each in message.images]
        tree["content"] = [*parts, {"type": "text", "text": message.content}] if message.content else parts
    if message.thinking:
        tree["reasoning_content"] = message.thinking
    if message.tool_calls:
        tree["tool_calls"] = [_call(call, number) for number, call in enumerate(message.tool_calls)]
    if message.role == "tool":
        tree["tool_call_id"] = message.tool_call_id
        if message.tool_name:
            tree["name"] = message.tool_name
    return tree


def _medium(content: bytes) -> dict[str, object]:
    """A sound, or else an image."""
    if kind := sound_format(content):
        encoded = base64.b64encode(content).decode()
        return {"type": "input_audio", "input_audio": {"data": encoded, "format": kind}}
    return {"type": "image_url", "image_url": {"url": data_url(content)}}


def without_system(messages: Sequence[Message]) -> list[Message]:
    """Put system text in front of the next user message.

    For prompt templates that know no system role: some fail, some drop it unsaid.
    """
    turns: list[Message] = []
    system: list[str] = []
    for message in messages:
        if message.role == "system":
            system.append(message.content)
        elif message.role == "user" and system:
            turns.append(replace(message, content="\n\n".join([*system, message.content])))
            system = []
        else:
            turns.append(message)
    return [*turns, Message("user", "\n\n".join(system))] if system else turns


def media_prompt(prompt: str, images: Sequence[bytes], marker: str) -> Mapping[str, object]:
    """A prompt with images for its [img-0], [img-1], ...; the marker is the engine's."""
    if marker and marker in prompt:
        raise Invalid("the text holds the engine's own mark of an image", field="prompt")
    for number in range(len(images)):
        prompt = prompt.replace(f"[img-{number}]", marker, 1)
    encoded = [data_url(image).partition(",")[2] for image in images]
    return {"prompt_string": prompt, "multimodal_data": encoded}


def _call(call: ToolCall, number: int) -> dict[str, object]:
    arguments = orjson.dumps(dict(call.arguments)).decode()
    return {
        "id": call.id or f"call_{number}",
        "type": "function",
        "function": {"name": call.name, "arguments": arguments},
    }


def _chances(options: AnswerOptions, top: str) -> dict[str, object]:
    fields: dict[str, object] = {}
    if options.logprobs is not None:
        fields[top] = max(options.logprobs, 1)  # none at all would name not even the chosen one
    if options.logit_bias:
        fields["logit_bias"] = [[token, bias] for token, bias in options.logit_bias.items()]
    return fields


def _response_format(wanted: AnswerFormat) -> Mapping[str, object]:
    if wanted.schema is None:
        return {"type": "json_object"}
    return {"type": "json_schema", "json_schema": {"schema": wanted.schema}}
