"""What OpenAI's clients send (its API reference; Ollama, openai/openai.go)."""

from typing import Annotated, Any

from pydantic import Field, Strict, WithJsonSchema

from modelwright.dialects.fields import (
    MOST_MESSAGES,
    MOST_TOOLS,
    Anything,
    Count,
    Flag,
    Later,
    LaterFlag,
    LaterTable,
    Number,
    Table,
    Text,
    TextOrTexts,
    Whole,
    Wire,
)

MOST_CHOICES = 128

MostTokens = Annotated[int, Strict(), Field(ge=1, le=16_777_216)]
Choices = Annotated[int, Strict(), Field(ge=1, le=MOST_CHOICES)]
Tools = Annotated[tuple[Table, ...], Field(max_length=MOST_TOOLS)]
Prompts = Annotated[
    Any,
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "string"},
                {
                    "type": "array",
                    "items": {
                        "anyOf": [{"type": "string"}, {"type": "integer", "minimum": 0, "maximum": 2**31 - 1}]
                    },
                },
            ]
        }
    ),
]
"""A text, tokens, or a list of these."""


class Message(Wire):
    """One turn; `content` is a text or a list of parts."""

    role: Text = ""
    content: Anything = None
    name: Text = ""
    reasoning: Text = ""
    reasoning_content: Text = ""
    refusal: Text = ""
    tool_calls: tuple[Table, ...] = ()
    tool_call_id: Text = ""
    function_call: Table = Field(default_factory=dict)
    audio: Later = None


class StreamOptions(Wire):
    include_usage: Flag = False
    include_obfuscation: Flag = False


class Reasoning(Wire):
    """How hard to think; a summary is never made, the thinking itself is given."""

    effort: Text = ""
    summary: Text = ""


class _Sampling(Wire):
    """What chat and completions share; where it is silent the model decides."""

    model: Text = ""
    stream: Flag = False
    stream_options: StreamOptions = StreamOptions()
    temperature: Number | None = None
    top_p: Number | None = None
    frequency_penalty: Number | None = None
    presence_penalty: Number | None = None
    seed: Whole | None = None
    stop: TextOrTexts = None
    n: Choices = 1
    logit_bias: Table = Field(default_factory=dict)


class ChatRequest(_Sampling):
    """A conversation to be continued."""

    messages: Annotated[tuple[Message, ...], Field(max_length=MOST_MESSAGES)] = ()
    max_tokens: MostTokens | None = None
    max_completion_tokens: MostTokens | None = None
    tools: Tools = ()
    tool_choice: Anything = None
    parallel_tool_calls: Flag = True
    functions: Tools = ()
    function_call: Anything = None
    response_format: Table = Field(default_factory=dict)
    reasoning_effort: Text = ""
    reasoning: Reasoning = Reasoning()
    logprobs: Flag = False
    top_logprobs: Annotated[int, Strict(), Field(ge=0, le=20)] = 0
    store: LaterFlag = False
    audio: Later = None
    modalities: Annotated[tuple[Text, ...], Field(description="text only")] = ()
    prediction: Later = None
    web_search_options: LaterTable | None = None


class CompletionRequest(_Sampling):
    """A text to be answered; with `echo`, or as tokens, it is continued as it stands."""

    prompt: Prompts = ""
    max_tokens: Annotated[int, Strict(), Field(ge=0, le=16_777_216)] | None = None
    suffix: Text = ""
    echo: Flag = False
    best_of: Choices | None = None
    logprobs: Annotated[int, Strict(), Field(ge=0, le=20)] | None = None


class EmbeddingRequest(Wire):
    """Texts, or tokens, to be turned into vectors of unit length."""

    model: Text = ""
    input: Prompts = None
    encoding_format: Text = "float"
    dimensions: Count | None = None


class RerankRequest(Wire):
    """Documents to be ordered; texts, or objects with a `text` (Jina, Cohere)."""

    model: Text = ""
    query: Text = ""
    documents: Annotated[tuple[Anything, ...], Field(max_length=10_000)] = ()
    texts: Annotated[tuple[Anything, ...], Field(max_length=10_000)] = ()
    top_n: Count | None = None
    return_documents: Flag = False
    return_text: Flag = False
