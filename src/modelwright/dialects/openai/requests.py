"""From OpenAI's wire to the core's requests.

A parameter that the request does not mention is not set: the model's own holds.
Facts: OpenAI's API reference; the error texts are those of Ollama's layer
(openai/openai.go, middleware/openai.go), which its users already know.
"""

from typing import Any, Final

import orjson

from modelwright.core import chat
from modelwright.core.draft import read_message
from modelwright.core.errors import Invalid, Unsupported
from modelwright.core.names import ModelRef
from modelwright.core.parameters import Parameters
from modelwright.core.wording import excerpt
from modelwright.dialects.fields import refuse, texts_of
from modelwright.dialects.openai import wire

_SAME_NAME: Final = ("temperature", "top_p", "frequency_penalty", "presence_penalty", "seed")
_EFFORTS: Final = ("minimal", "low", "medium", "high", "xhigh", "ultra", "max", "none")
_ROLES: Final = {"developer": "system"}
"""Roles under another name (OpenAI, since its o1 models)."""


def parse_chat(body: wire.ChatRequest) -> chat.ChatRequest:
    """Read a chat; raises Invalid, or Unsupported for what is not built yet."""
    _require(body.model, "model")
    if not body.messages:
        raise Invalid("[] is too short - 'messages'")
    _check_effort(body.reasoning_effort)
    _refuse_choices(body)
    refuse(body, "tools", "functions", "logprobs", "audio", "prediction", "web_search_options")
    if body.response_format.get("type", "text") != "text":
        raise Unsupported(
            '"response_format" is not supported yet', field="response_format", hint='Use {"type": "text"}'
        )
    if set(body.modalities) - {"text"}:
        raise Unsupported('"modalities" other than text are not supported yet', field="modalities")
    most = body.max_completion_tokens or body.max_tokens
    return chat.ChatRequest(
        model=_reference(body.model),
        messages=tuple(_message(message, f"messages.{i}") for i, message in enumerate(body.messages)),
        parameters=_parameters(body, most),
    )


def parse_completion(body: wire.CompletionRequest) -> chat.GenerateRequest:
    """Read one prompt; it goes through the prompt template, as with Ollama."""
    _require(body.model, "model")
    _refuse_choices(body)
    refuse(body, "suffix", "echo", "logprobs")
    if body.best_of > 1:
        raise Unsupported('"best_of" over 1 is not supported yet', field="best_of")
    return chat.GenerateRequest(
        model=_reference(body.model),
        prompt=_prompt(body.prompt),
        parameters=_parameters(body, body.max_tokens),
    )


def parse_embedding(body: wire.EmbeddingRequest) -> chat.EmbedRequest:
    """Read texts to embed; tokens instead of text are refused."""
    _require(body.model, "model")
    if body.encoding_format not in ("float", "base64"):
        raise Invalid(
            f"Invalid value for 'encoding_format' = {excerpt(body.encoding_format)[1:-1]}. "
            "Supported values: ['float', 'base64']."
        )
    inputs = texts_of(
        body.input, lambda _: Invalid('"input" must be a text or a list of texts', field="input")
    )
    if not inputs:
        raise Invalid("invalid input")
    return chat.EmbedRequest(model=_reference(body.model), inputs=inputs, dimensions=body.dimensions)


def _require(value: str, field: str) -> None:
    if not value.strip():
        raise Invalid(f"{field} is required", field=field)


def _reference(model: str) -> str:
    ModelRef.parse(model)
    return model


def _refuse_choices(body: wire.ChatRequest | wire.CompletionRequest) -> None:
    if body.n > 1:
        raise Unsupported('"n" over 1 is not supported yet', field="n", hint="Ask several times")
    refuse(body, "logit_bias")


def _check_effort(effort: object) -> None:
    if effort in (None, "none"):
        return
    if effort not in _EFFORTS:
        allowed = ", ".join(f'"{word}"' for word in _EFFORTS[:-1])
        raise Invalid(f'invalid reasoning value: {excerpt(str(effort))} (must be {allowed}, or "none")')
    raise Unsupported('"reasoning_effort" is not supported yet', field="reasoning_effort", hint='Use "none"')


def _parameters(body: wire.ChatRequest | wire.CompletionRequest, most: int | None) -> Parameters:
    values: dict[str, object] = {name: getattr(body, name) for name in _SAME_NAME}
    values["num_predict"] = most
    values["stop"] = _stops(body.stop)
    return Parameters.of({name: value for name, value in values.items() if value is not None}, field="")


def _stops(stop: object) -> list[str] | None:
    if stop is None:
        return None
    return list(texts_of(stop, lambda item: Invalid(f"invalid type for 'stop' field: {_go_type(item)}")))


def _go_type(value: object) -> str:
    """What Go calls a JSON value, as Ollama's error does."""
    if isinstance(value, bool):
        return "bool"
    return "float64" if isinstance(value, int | float) else "map[string]interface {}"


def _prompt(prompt: Any) -> str:
    if isinstance(prompt, list) and len(prompt) == 1:
        prompt = prompt[0]
    if isinstance(prompt, str):
        return prompt
    if isinstance(prompt, list):
        raise Unsupported("several prompts, or tokens as prompt, are not supported yet", field="prompt")
    raise Invalid('"prompt" must be a text', field="prompt")


def _message(message: wire.Message, field: str) -> chat.Message:
    _check_tool_calls(message.tool_calls)
    refuse(message, "tool_calls", "tool_call_id", "function_call", "audio", within=field)
    if message.role in ("tool", "function"):
        raise Unsupported(f'the role "{message.role}" is not supported yet', field=f"{field}.role")
    role = _ROLES.get(message.role, message.role)
    return read_message(role, _content(message.content, f"{field}.content"), field=f"{field}.role")


def _content(content: Any, field: str) -> str:
    """A text, or the texts of its parts joined; other parts are refused by name."""
    if content is None or isinstance(content, str):
        return content or ""
    if not isinstance(content, list):
        raise Invalid(f'"{field}" must be a text or a list of parts', field=field)
    return "".join(_part(part) for part in content)


def _part(part: Any) -> str:
    kind = part.get("type") if isinstance(part, dict) else None
    if kind == "text" and isinstance(part.get("text"), str):
        return str(part["text"])
    if kind == "image_url":
        _check_image(part)
        raise Unsupported('content of type "image_url" is not supported yet', hint="Send text")
    if kind in ("input_audio", "file"):
        raise Unsupported(f'content of type "{kind}" is not supported yet', hint="Send text")
    raise Invalid("invalid message format")


def _check_image(part: dict[str, Any]) -> None:
    image = part.get("image_url")
    url = image.get("url") if isinstance(image, dict) else image
    if isinstance(url, str) and url.startswith(("http://", "https://")):
        raise Invalid("image URLs are not currently supported, please use base64 encoded data instead")


def _check_tool_calls(calls: tuple[Any, ...]) -> None:
    """A broken call is refused as such, before calls are refused at all."""
    for call in calls:
        function = call.get("function") if isinstance(call, dict) else None
        arguments = function.get("arguments") if isinstance(function, dict) else None
        if not _is_json_object(arguments):
            raise Invalid("invalid tool call arguments")


def _is_json_object(text: object) -> bool:
    if not isinstance(text, str):
        return False
    try:
        return isinstance(orjson.loads(text), dict)
    except orjson.JSONDecodeError:
        return False
