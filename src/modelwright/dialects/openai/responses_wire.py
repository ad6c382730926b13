"""What OpenAI's clients send to /v1/responses (its API reference)."""

from typing import Annotated, Any

from pydantic import Field, Strict, WithJsonSchema

from modelwright.dialects.fields import (
    MOST_MESSAGES,
    Anything,
    Flag,
    Later,
    LaterFlag,
    Number,
    Table,
    Text,
    Wire,
)
from modelwright.dialects.openai.wire import MostTokens, Reasoning, StreamOptions, Tools

TextOrItems = Annotated[
    Any, WithJsonSchema({"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "object"}}]})
]

MOST_ITEMS = MOST_MESSAGES


class TextForm(Wire):
    """The form of the text; how wordy it is, is the model's own affair."""

    format: Table = Field(default_factory=dict)
    verbosity: Text = ""


class Asking(Wire):
    """What is asked of a model."""

    model: Text = ""
    input: TextOrItems = None
    instructions: Text | None = None
    previous_response_id: Text = ""
    tools: Tools = ()
    tool_choice: Anything = None
    parallel_tool_calls: Flag = True
    text: TextForm = TextForm()
    reasoning: Reasoning = Reasoning()
    truncation: Text = "disabled"
    conversation: Later = None
    prompt: Later = None


class ResponseRequest(Asking):
    """Input to be answered, and whether the answer is kept to be continued."""

    stream: Flag = False
    stream_options: StreamOptions = StreamOptions()
    store: Flag = True
    metadata: Table = Field(default_factory=dict)
    include: Annotated[tuple[Text, ...], Field(max_length=20)] = ()
    max_output_tokens: MostTokens | None = None
    temperature: Number | None = None
    top_p: Number | None = None
    top_logprobs: Annotated[int, Strict(), Field(ge=0, le=20)] | None = None
    background: LaterFlag = False
    max_tool_calls: Later = None
    moderation: Later = None
    context_management: Later = None
    prompt_cache_retention: Text = ""
    service_tier: Text = ""
    user: Text = ""
    safety_identifier: Text = ""


class CountRequest(Asking):
    """Input whose tokens are to be counted."""
