"""From the platform's wire to the core's requests.

A parameter that a request does not mention is not set: the model's own holds, where
the platform would say 0.2 for the temperature.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from modelwright.core.chat import (
    AnswerOptions,
    ChatRequest,
    EmbedRequest,
    GenerateRequest,
    Message,
    RerankRequest,
    Tool,
)
from modelwright.core.errors import Invalid
from modelwright.core.images import read_image
from modelwright.core.parameters import Parameters
from modelwright.core.wording import excerpt
from modelwright.dialects.content import as_tool, checked_tools, read_data_url
from modelwright.dialects.fields import refuse
from modelwright.dialects.sgp import answer_wire as wire

_ROLES: Final = ("system", "user", "assistant")
_PARTS: Final = ("text", "image_url", "image_data")
_SAMPLING: Final[Mapping[str, str]] = {
    "temperature": "temperature",
    "top_p": "top_p",
    "top_k": "top_k",
    "frequency_penalty": "frequency_penalty",
    "presence_penalty": "presence_penalty",
    "max_tokens": "num_predict",
    "stop_sequences": "stop",
}
"""The platform's names for parameters, and ours."""


def account_chat(body: wire.AccountChatRequest, model: str = "") -> ChatRequest:
    """Read an account-level chat; raises Invalid, or Unsupported."""
    refuse(body, "chat_template")
    messages = remembered(read_messages(body.messages), body.memory_strategy)
    return ChatRequest(
        model=model or body.model,
        messages=instructed(messages, body.instructions),
        parameters=sampling(body.model_parameters),
        options=AnswerOptions(think=body.model_parameters.reasoning_effort),
    )


def account_completion(body: wire.AccountCompletionRequest, model: str) -> GenerateRequest:
    images = [read_data_url(each.image_url, f"images.{place}") for place, each in enumerate(body.images)]
    return GenerateRequest(
        model=model,
        prompt=body.prompt,
        images=tuple(images),
        parameters=sampling(body.model_parameters),
        options=AnswerOptions(think=body.model_parameters.reasoning_effort),
    )


def completion(body: wire.CompletionRequest, model: str, bound: Parameters) -> GenerateRequest:
    """Read a prompt for a deployment; `bound` is what its bindings say."""
    refuse(body, "chat_template", "chat_template_kwargs")
    return GenerateRequest(
        model=model, prompt=body.prompt, parameters=bound.merged(sampling(body)), options=_options(body)
    )


def chat(body: wire.ChatCompletionRequest, model: str, bound: Parameters) -> ChatRequest:
    """Read a history and a prompt for a deployment."""
    refuse(body, "chat_template", "chat_template_kwargs")
    history = read_messages(body.chat_history, "chat_history")
    return ChatRequest(
        model=model,
        messages=(*history, Message("user", body.prompt)),
        parameters=bound.merged(sampling(body)),
        options=_options(body),
    )


def embedding(texts: Sequence[str], model: str, bound: Parameters) -> EmbedRequest:
    return EmbedRequest(model=model, inputs=tuple(texts), parameters=bound)


def reranking(body: wire.RerankingRequest, model: str, bound: Parameters) -> RerankRequest:
    refuse(body, "instruction")
    return RerankRequest(model=model, query=body.query, documents=tuple(body.chunks), parameters=bound)


def agent(body: wire.ExecuteAgent, model: str, bound: Parameters) -> ChatRequest:
    """Read what an agent is asked, with the tools that it may ask for."""
    messages = remembered(read_messages(body.messages), body.memory_strategy)
    return ChatRequest(
        model=model,
        messages=instructed(messages, body.instructions),
        parameters=bound.merged(sampling(body)),
        options=AnswerOptions(tools=_tools(body.tools)),
    )


def sampling(body: Any) -> Parameters:
    """The parameters that a body names; raises Invalid for one out of range."""
    values: dict[str, Any] = {}
    for theirs, ours in _SAMPLING.items():
        value = getattr(body, theirs, None)
        if value is not None:
            values[ours] = int(value) if ours == "top_k" else list(value) if ours == "stop" else value
    return Parameters.of(values, field="")


def read_messages(messages: Sequence[Mapping[str, Any]], field: str = "messages") -> tuple[Message, ...]:
    """Read turns; raises Invalid for a role or a part that is not known.

    The platform's types let both be left out: a turn is the user's then, and a part what it holds.
    """
    return tuple(_message(each, f"{field}.{place}") for place, each in enumerate(messages))


def remembered(messages: tuple[Message, ...], strategy: wire.MemoryStrategy | None) -> tuple[Message, ...]:
    """The last `k` messages, and what the system says before them."""
    if strategy is None:
        return messages
    kept = messages[-strategy.params.k :]
    opening = messages[:1] if messages and messages[0].role == "system" and messages[0] not in kept else ()
    return (*opening, *kept)


def instructed(messages: tuple[Message, ...], instructions: str | None) -> tuple[Message, ...]:
    return (Message("system", instructions), *messages) if instructions else messages


def _options(body: wire.CompletionRequest) -> AnswerOptions:
    if body.top_logprobs and not body.logprobs:
        raise Invalid('"top_logprobs" needs "logprobs"', field="top_logprobs", hint='Set "logprobs" to true')
    wanted = (body.top_logprobs or 0) if body.logprobs else None
    return AnswerOptions(think=body.reasoning_effort, logprobs=wanted)


def _message(tree: Mapping[str, Any], place: str) -> Message:
    role, content = tree.get("role", "user"), tree.get("content")
    if role not in _ROLES:
        allowed = ", ".join(_ROLES)
        raise Invalid(f'"{place}.role" is {excerpt(str(role))}', field=f"{place}.role", hint=f"Use {allowed}")
    if isinstance(content, str):
        return Message(role, content)
    if not isinstance(content, list):
        raise Invalid(f'"{place}.content" must be a text or a list of parts', field=f"{place}.content")
    parts = [_part(part, f"{place}.content.{number}") for number, part in enumerate(content)]
    text = "".join(value for kind, value in parts if kind == "text")
    return Message(role, text, images=tuple(value for kind, value in parts if kind == "image"))


def _part(part: object, where: str) -> tuple[str, Any]:
    """A part of a message: its kind, and its text or the bytes of its picture."""
    held = next((kind for kind in _PARTS if kind in part), "text") if isinstance(part, dict) else None
    kind = part.get("type", held) if isinstance(part, dict) else None
    if not isinstance(part, dict) or kind not in _PARTS:
        shown = excerpt(str(kind)) if kind else "no object"
        raise Invalid(f'"{where}" is {shown}', field=where, hint="Use text, image_url or image_data")
    inner = part.get(kind)
    if kind == "text":
        if not isinstance(inner, str):
            raise Invalid(f'"{where}.text" must be a text', field=f"{where}.text")
        return "text", inner
    if not isinstance(inner, dict):
        raise Invalid(f'"{where}.{kind}" must be an object', field=f"{where}.{kind}")
    if kind == "image_url":
        return "image", read_data_url(inner.get("url"), f"{where}.image_url.url")
    picture = inner.get("data")
    if not isinstance(picture, str):
        raise Invalid(f'"{where}.image_data.data" must be a text', field=f"{where}.image_data.data")
    return "image", read_image(picture, field=f"{where}.image_data.data")


def _tools(tools: Sequence[wire.AgentTool]) -> tuple[Tool, ...]:
    read = [as_tool(each.model_dump(), parameters="arguments") for each in tools]
    return checked_tools(read, function="", parameters="arguments")
