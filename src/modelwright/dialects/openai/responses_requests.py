"""From /v1/responses to the core's request for a chat."""

from collections.abc import Sequence
from typing import Final

from modelwright.core import chat
from modelwright.core.errors import Invalid, Unsupported
from modelwright.core.parameters import Parameters
from modelwright.core.wording import excerpt
from modelwright.dialects.fields import refuse
from modelwright.dialects.openai.requests import reference, require
from modelwright.dialects.openai.responses_items import Item, conversation
from modelwright.dialects.openai.responses_wire import Asking, ResponseRequest
from modelwright.dialects.openai.tools import read_choice, read_effort, read_format, read_tools

LOGPROBS: Final = "message.output_text.logprobs"
_INCLUDABLE: Final = (LOGPROBS, "reasoning.encrypted_content")
"""The second is always there: reasoning is given as it is, so nothing is encrypted."""


def check_response(body: ResponseRequest) -> None:
    """Refuse what is not built, by name; raises Unsupported or Invalid."""
    require(body.model, "model")
    refuse(body, "background", "max_tool_calls", "moderation", "context_management")
    for name in body.include:
        if name not in _INCLUDABLE:
            allowed = ", ".join(_INCLUDABLE)
            raise Unsupported(
                f'"include" of {excerpt(name)} is not supported', field="include", hint=f"Use {allowed}"
            )
    if len(body.metadata) > 16:
        raise Invalid(
            f'"metadata" may hold at most 16 entries, and holds {len(body.metadata)}', field="metadata"
        )
    for key, value in body.metadata.items():
        if not isinstance(value, str):
            raise Invalid(f'"metadata.{key[:64]}" must be a text', field=f"metadata.{key[:64]}")


def parse_asking(
    body: Asking, items: Sequence[Item], parameters: Parameters | None = None
) -> chat.ChatRequest:
    """The chat that items, with what came before them, ask for."""
    require(body.model, "model")
    refuse(body, "conversation", "prompt")
    if body.truncation not in ("auto", "disabled"):
        raise Invalid(
            f'"truncation" must be "auto" or "disabled", not {excerpt(body.truncation)}', field="truncation"
        )
    messages = conversation(items)
    if body.instructions is not None:
        messages = (chat.Message("system", body.instructions), *messages)
    toolbox = read_choice(
        body.tool_choice, read_tools(body.tools, flat=True), parallel=body.parallel_tool_calls
    )
    return chat.ChatRequest(
        model=reference(body.model),
        messages=messages,
        parameters=parameters or Parameters(),
        options=chat.AnswerOptions(
            format=read_format(body.text.format, "text.format"),
            think=read_effort(body.reasoning.effort),
            tools=toolbox.tools,
            tool_choice=toolbox.choice,
            logprobs=logprobs_of(body),
            truncate=body.truncation == "auto",
        ),
    )


def parameters_of(body: ResponseRequest) -> Parameters:
    """What the request says; where it is silent the model decides."""
    values = {
        "temperature": body.temperature,
        "top_p": body.top_p,
        "num_predict": body.max_output_tokens,
    }
    return Parameters.of({name: value for name, value in values.items() if value is not None}, field="")


def logprobs_of(body: Asking) -> int | None:
    """How many other tokens are named at each place; None for no probabilities."""
    if not isinstance(body, ResponseRequest):
        return None
    if LOGPROBS in body.include:
        return body.top_logprobs or 0
    return body.top_logprobs
