"""What OpenAI's clients send (its API reference; Ollama, openai/openai.go)."""

from typing import Annotated

from pydantic import Field, Strict

from modelwright.dialects.fields import (
    MOST_MESSAGES,
    MOST_TOOLS,
    NOT_YET,
    Anything,
    Count,
    Flag,
    Later,
    LaterFlag,
    LaterList,
    LaterTable,
    LaterText,
    Number,
    Table,
    Text,
    TextOrTexts,
    Whole,
    Wire,
)

MostTokens = Annotated[int, Strict(), Field(ge=1, le=16_777_216)]
One = Annotated[Count, Field(description="1 only")]
Tools = Annotated[LaterList, Field(max_length=MOST_TOOLS)]


class Message(Wire):
    """One turn; `content` is a text or a list of text parts."""

    role: Text = ""
    content: Anything = None
    tool_calls: LaterList = ()
    tool_call_id: LaterText = ""
    function_call: Later = None
    audio: Later = None


class StreamOptions(Wire):
    include_usage: Flag = False


class _Sampling(Wire):
    """What chat and completions share; where it is silent the model decides."""

    model: Text = ""
    stream: Flag = False
    stream_options: StreamOptions = StreamOptions()
    max_tokens: MostTokens | None = None
    temperature: Number | None = None
    top_p: Number | None = None
    frequency_penalty: Number | None = None
    presence_penalty: Number | None = None
    seed: Whole | None = None
    stop: TextOrTexts = None
    n: One = 1
    logit_bias: LaterTable = Field(default_factory=dict)


class ChatRequest(_Sampling):
    """A conversation to be continued."""

    messages: Annotated[tuple[Message, ...], Field(max_length=MOST_MESSAGES)] = ()
    max_completion_tokens: MostTokens | None = None
    tools: Tools = ()
    functions: Tools = ()
    response_format: Table = Field(default_factory=dict, description="text only")
    reasoning_effort: Annotated[Anything, Field(description='"none" only')] = None
    logprobs: LaterFlag = False
    top_logprobs: Whole = 0
    audio: Later = None
    modalities: Annotated[tuple[Text, ...], Field(description="text only")] = ()
    prediction: Later = None
    web_search_options: Later = None


class CompletionRequest(_Sampling):
    """A text to be answered."""

    prompt: Anything = ""
    suffix: LaterText = ""
    echo: LaterFlag = False
    best_of: One = 1
    logprobs: Annotated[Whole | None, Field(description=NOT_YET)] = None


class EmbeddingRequest(Wire):
    """Texts to be turned into vectors of unit length."""

    model: Text = ""
    input: TextOrTexts = None
    encoding_format: Text = "float"
    dimensions: Count | None = None
