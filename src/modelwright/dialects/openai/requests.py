"""From OpenAI's wire to the core's requests.

A parameter that the request does not mention is not set: the model's own holds.
Facts: OpenAI's API reference; the error texts are those of Ollama's layer
(openai/openai.go, middleware/openai.go), which its users already know.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final

from modelwright.core import chat
from modelwright.core.errors import Invalid, Unsupported
from modelwright.core.names import check_reference
from modelwright.core.parameters import Parameters
from modelwright.core.wording import excerpt
from modelwright.dialects.content import read_bias
from modelwright.dialects.fields import refuse, texts_of
from modelwright.dialects.openai import wire
from modelwright.dialects.openai.messages import read_messages
from modelwright.dialects.openai.tools import Toolbox, read_choice, read_effort, read_format, read_tools

_SAME_NAME: Final = ("temperature", "top_p", "frequency_penalty", "presence_penalty", "seed")
_SEEDS: Final = 2**31


def parse_chat(body: wire.ChatRequest) -> chat.ChatRequest:
    """Read a chat; raises Invalid, or Unsupported for what is not built."""
    require(body.model, "model")
    if not body.messages:
        raise Invalid("[] is too short - 'messages'")
    refuse(body, "store", "audio", "prediction", "web_search_options")
    if set(body.modalities) - {"text"}:
        raise Unsupported('"modalities" other than text are not supported yet', field="modalities")
    if body.top_logprobs and not body.logprobs:
        raise Invalid('"top_logprobs" needs "logprobs"', field="top_logprobs", hint='Set "logprobs" to true')
    toolbox = _toolbox(body)
    return chat.ChatRequest(
        model=reference(body.model),
        messages=read_messages(body.messages),
        parameters=_parameters(body, body.max_completion_tokens or body.max_tokens),
        options=chat.AnswerOptions(
            format=read_format(body.response_format, "response_format"),
            think=read_effort(body.reasoning_effort or body.reasoning.effort),
            tools=toolbox.tools,
            tool_choice=toolbox.choice,
            logprobs=body.top_logprobs if body.logprobs else None,
            logit_bias=read_bias(body.logit_bias),
        ),
    )


def parse_completion(body: wire.CompletionRequest) -> tuple[chat.GenerateRequest, ...]:
    """Read the prompts, one request for each.

    A text goes through the prompt template, as with Ollama, unless it is echoed;
    tokens are continued as they stand.
    """
    require(body.model, "model")
    count = body.n if body.best_of is None else body.best_of
    if count < body.n:
        raise Invalid(f'"best_of" is {count}, less than "n", {body.n}', field="best_of")
    if body.best_of is not None and count > body.n and body.stream:
        raise Invalid('"best_of" over "n" cannot be streamed', field="best_of", hint="Leave stream out")
    prompts = _prompts(body.prompt)
    if body.echo and body.suffix:
        raise Invalid('"echo" and "suffix" cannot both be given', field="echo")
    if len(prompts) * count > wire.MOST_CHOICES:
        raise Invalid(
            f"{len(prompts)} prompts with {count} answers each are more than {wire.MOST_CHOICES}",
            field="prompt",
        )
    comparing = count > body.n and body.logprobs is None
    request = chat.GenerateRequest(
        model=reference(body.model),
        prompt="",
        suffix=body.suffix,
        echo=body.echo,
        raw=body.echo,
        parameters=_parameters(body, body.max_tokens),
        options=chat.AnswerOptions(
            logprobs=0 if comparing else body.logprobs, logit_bias=read_bias(body.logit_bias)
        ),
    )
    return tuple(_asking(request, prompt) for prompt in prompts)


def numbered(parameters: Parameters, number: int) -> Parameters:
    """The parameters of the answer with this number: a given seed counts up."""
    seed = parameters.get("seed")
    if not number or not isinstance(seed, int) or seed < 0:
        return parameters
    return parameters.merged(Parameters.of({"seed": (seed + number) % _SEEDS}))


def parse_embedding(body: wire.EmbeddingRequest) -> chat.EmbedRequest:
    """Read texts to embed, or their tokens."""
    require(body.model, "model")
    if body.encoding_format not in ("float", "base64"):
        raise Invalid(
            f"Invalid value for 'encoding_format' = {excerpt(body.encoding_format)[1:-1]}. "
            "Supported values: ['float', 'base64']."
        )
    if not body.input:
        raise Invalid("invalid input")
    inputs = _texts_or_tokens(
        body.input, lambda: Invalid('"input" must be a text or a list of texts', field="input")
    )
    return chat.EmbedRequest(model=reference(body.model), inputs=inputs, dimensions=body.dimensions)


def parse_rerank(body: wire.RerankRequest) -> chat.RerankRequest:
    """Read a query and its documents."""
    require(body.model, "model")
    require(body.query, "query")
    documents = body.documents or body.texts
    if not documents:
        raise Invalid('"documents" must be a list of texts, and is empty', field="documents")
    texts = tuple(_document(item, f"documents.{index}") for index, item in enumerate(documents))
    return chat.RerankRequest(reference(body.model), body.query, texts)


def require(value: str, field: str) -> None:
    """Raise Invalid for a field that is not there."""
    if not value.strip():
        raise Invalid(f"{field} is required", field=field)


def reference(model: str) -> str:
    """Raise Invalid for what can be no model's name."""
    return check_reference(model)


def _toolbox(body: wire.ChatRequest) -> Toolbox:
    """The tools, or the functions that they were called before."""
    if body.functions and body.tools:
        raise Invalid('"functions" and "tools" cannot both be given', field="functions", hint='Use "tools"')
    if not body.functions:
        return read_choice(body.tool_choice, read_tools(body.tools), parallel=body.parallel_tool_calls)
    tools = read_tools([{"type": "function", "function": function} for function in body.functions])
    choice = body.function_call
    named = {"type": "function", "function": choice} if isinstance(choice, dict) else choice
    return read_choice(named, tools, parallel=False)


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


def _asking(request: chat.GenerateRequest, prompt: str | tuple[int, ...]) -> chat.GenerateRequest:
    if isinstance(prompt, str):
        return replace(request, prompt=prompt)
    return replace(request, context=prompt, raw=True)


def _prompts(prompt: Any) -> tuple[str | tuple[int, ...], ...]:
    return _texts_or_tokens(
        prompt, lambda: Invalid('"prompt" must be a text, tokens, or a list of these', field="prompt")
    )


def _texts_or_tokens(value: Any, fault: Callable[[], Invalid]) -> tuple[str | tuple[int, ...], ...]:
    """A text, tokens, or a list of these, as a tuple; else raises `fault`."""
    if isinstance(value, str):
        return (value,)
    if not isinstance(value, list) or not value:
        raise fault()
    if _are_tokens(value):
        return (tuple(value),)
    for item in value:
        if not isinstance(item, str) and not _are_tokens(item):
            raise fault()
    return tuple(item if isinstance(item, str) else tuple(item) for item in value)


def _are_tokens(value: object) -> bool:
    return (
        isinstance(value, list)
        and bool(value)
        and all(type(item) is int and 0 <= item < _SEEDS for item in value)
    )


def _document(item: object, field: str) -> str:
    text = item.get("text") if isinstance(item, dict) else item
    if not isinstance(text, str) or not text:
        raise Invalid(f'"{field}" must be a text that is not empty', field=field)
    return text
