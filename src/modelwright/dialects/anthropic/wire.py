"""What Anthropic's clients send (its API reference; Ollama, anthropic.go)."""

from typing import Annotated, Any

from pydantic import Field, Strict, WithJsonSchema

from modelwright.dialects.fields import (
    MOST_MESSAGES,
    MOST_TOOLS,
    Anything,
    Flag,
    Later,
    Number,
    Table,
    Text,
    Whole,
    Wire,
)

TextOrBlocks = Annotated[
    Any, WithJsonSchema({"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "object"}}]})
]


class Message(Wire):
    """One turn; `content` is a text or a list of blocks."""

    role: Text = ""
    content: TextOrBlocks = None


class Thinking(Wire):
    """Whether to think; after `budget_tokens` a thought is ended."""

    type: Text = ""
    budget_tokens: Annotated[int, Strict(), Field(ge=1, le=16_777_216)] | None = None
    display: Text = ""


class OutputConfig(Wire):
    """The form of an answer, and how hard to think where `thinking` is enabled."""

    effort: Text = ""
    format: Table = Field(default_factory=dict)


class Asking(Wire):
    """What is asked of a model; where it is silent the model decides."""

    model: Text = ""
    messages: Annotated[tuple[Message, ...], Field(max_length=MOST_MESSAGES)] = ()
    system: TextOrBlocks = None
    tools: Annotated[tuple[Table, ...], Field(max_length=MOST_TOOLS)] = ()
    tool_choice: Table = Field(default_factory=dict)
    thinking: Thinking = Thinking()
    output_config: OutputConfig = OutputConfig()
    mcp_servers: Annotated[tuple[Anything, ...], Field(description="not supported")] = ()
    container: Later = None
    context_management: Table = Field(default_factory=dict)


class MessagesRequest(Asking):
    """A conversation to be continued by at most `max_tokens` tokens."""

    max_tokens: Annotated[int, Strict(), Field(le=16_777_216)] = 0
    stream: Flag = False
    stop_sequences: Annotated[tuple[Text, ...], Field(max_length=1024)] = ()
    temperature: Number | None = None
    top_p: Number | None = None
    top_k: Whole | None = None
    metadata: Table = Field(default_factory=dict)
    service_tier: Text = ""
    prefill: Later = None


class CountRequest(Asking):
    """A conversation whose tokens are to be counted."""
