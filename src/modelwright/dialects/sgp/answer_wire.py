"""What the platform's clients ask of a model, and what it answers (SGP v4).

Facts: scale-gp 0.1.0a62 for the routes of their own, the execute bodies of the
older scale-egp for `execute`, whose types these are the schemas of.
"""

from typing import Annotated, Literal, TypeAlias

from pydantic import ConfigDict, Field

from modelwright.dialects.fields import (
    MOST_MESSAGES,
    MOST_TOOLS,
    Count,
    Flag,
    LaterTable,
    LaterText,
    Number,
    Table,
    Text,
    Wire,
)

Stops: TypeAlias = Annotated[tuple[Text, ...], Field(max_length=4)]
Temperature: TypeAlias = Annotated[Number, Field(ge=0, le=2)]
Share: TypeAlias = Annotated[Number, Field(ge=0, le=1)]
Penalty: TypeAlias = Annotated[Number, Field(ge=-2, le=2)]
Kept: TypeAlias = Annotated[Number, Field(ge=0, le=1_000_000)]
Effort: TypeAlias = Literal["low", "medium", "high"]
Texts: TypeAlias = Annotated[tuple[Text, ...], Field(min_length=1, max_length=MOST_MESSAGES)]
Messages: TypeAlias = Annotated[tuple[Table, ...], Field(max_length=MOST_MESSAGES)]


class Bindings(Wire):
    """Values for what a model's template lets a request say."""

    bindings: dict[str, Text | Flag | Number] = Field(default_factory=dict)


class LastK(Wire):
    k: Annotated[int, Field(strict=True, ge=1, le=MOST_MESSAGES)]


class MemoryStrategy(Wire):
    """Only the last `k` messages are seen."""

    name: Literal["last_k"] = "last_k"
    params: LastK


class ModelParameters(Wire):
    """Parameters of an account-level answer; what is left out the model decides."""

    temperature: Temperature | None = None
    max_tokens: Count | None = None
    stop_sequences: Stops | None = None
    top_k: Annotated[Kept | None, Field(alias="topK")] = None
    top_p: Annotated[Share | None, Field(alias="topP")] = None
    frequency_penalty: Penalty | None = None
    presence_penalty: Penalty | None = None
    reasoning_effort: Effort | None = None


class AccountChatRequest(Wire):
    """A chat with any model, by its name or its id."""

    model: Text
    messages: Annotated[tuple[Table, ...], Field(min_length=1, max_length=MOST_MESSAGES)]
    instructions: Text | None = None
    memory_strategy: MemoryStrategy | None = None
    chat_template: LaterText = ""
    model_parameters: ModelParameters = Field(default_factory=ModelParameters)
    account_id: Text | None = None
    stream: Flag = False


class Image(Wire):
    image_url: Text
    detail: Text | None = None


class AccountCompletionRequest(Wire):
    """A prompt for any model, by its name or its id."""

    model: Text
    prompt: Text
    images: Annotated[tuple[Image, ...], Field(max_length=100)] = ()
    model_parameters: ModelParameters = Field(default_factory=ModelParameters)
    account_id: Text | None = None
    stream: Flag = False


class CompletionRequest(Wire):
    """A prompt for a deployment."""

    prompt: Text
    temperature: Temperature | None = None
    max_tokens: Count | None = None
    top_p: Share | None = None
    top_k: Kept | None = None
    frequency_penalty: Penalty | None = None
    presence_penalty: Penalty | None = None
    stop_sequences: Stops | None = None
    reasoning_effort: Effort | None = None
    logprobs: Flag = False
    top_logprobs: Annotated[int | None, Field(strict=True, ge=0, le=20)] = None
    chat_template: LaterText = ""
    chat_template_kwargs: LaterTable = Field(default_factory=dict)
    model_request_parameters: Bindings = Field(default_factory=Bindings)
    stream: Flag = False


class ChatCompletionRequest(CompletionRequest):
    """A conversation and the next prompt in it, for a deployment."""

    chat_history: Messages


class EmbeddingRequest(Wire):
    """Texts to be turned into vectors."""

    texts: Texts
    model_request_parameters: Bindings = Field(default_factory=Bindings)


class RerankingRequest(Wire):
    """Chunks to be judged by how well they answer a query."""

    query: Text
    chunks: Texts
    instruction: LaterText = ""
    model_request_parameters: Bindings = Field(default_factory=Bindings)


class Execution(Wire):
    """What all execute bodies may hold; unknown fields are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True, protected_namespaces=())

    model_request_parameters: Bindings = Field(default_factory=Bindings)
    stream: Flag = False


class Sampling(Execution):
    temperature: Temperature | None = None
    stop_sequences: Stops | None = None
    max_tokens: Count | None = None


class ExecuteCompletion(Sampling):
    """Prompts, each answered on its own."""

    prompts: Annotated[tuple[Text, ...], Field(min_length=1, max_length=128)]


class ExecuteChat(Sampling):
    """A conversation to be continued."""

    messages: Annotated[tuple[Table, ...], Field(min_length=1, max_length=MOST_MESSAGES)]


class ExecuteEmbedding(Execution):
    """Texts to be turned into vectors."""

    texts: Texts


class ExecuteReranking(Execution):
    """Chunks to be judged by how well they answer a query."""

    query: Text
    chunks: Texts


class AgentTool(Wire):
    """What an agent may ask for; `arguments` is a JSON Schema of an object."""

    name: Text
    description: Text
    arguments: Table


class ExecuteAgent(Sampling):
    """A conversation, and tools that may be asked for before it is answered."""

    messages: Annotated[tuple[Table, ...], Field(min_length=1, max_length=MOST_MESSAGES)]
    tools: Annotated[tuple[AgentTool, ...], Field(max_length=MOST_TOOLS)] = ()
    instructions: Text | None = None
    memory_strategy: MemoryStrategy | None = None


class ExecuteGeneric(Wire):
    """Anything that the model takes."""

    model_config = ConfigDict(extra="allow", frozen=True, protected_namespaces=())


class CompletionAnswer(Wire):
    """For each prompt, the prompt and its answers."""

    completions: list[tuple[str, list[str]]]
    finish_reason: str | None = None
    prompt_tokens: int | None = None
    response_tokens: int | None = None


class AnswerMessage(Wire):
    role: Literal["assistant"]
    content: str


class ChatAnswer(Wire):
    message: AnswerMessage
    finish_reason: str | None = None


class EmbeddingAnswer(Wire):
    """Each text and its vector."""

    embeddings: list[tuple[str, list[float]]]
    tokens_used: int | None = None


class RerankingAnswer(Wire):
    """A score for each chunk, in their order; more is better."""

    chunk_scores: list[float]
    tokens_used: int | None = None


class ToolRequest(Wire):
    name: str
    arguments: str


class AgentContext(Wire):
    content: str | None = None
    tool_request: ToolRequest | None = None


class AgentAnswer(Wire):
    """What the agent does next; only that key of `context` holds something."""

    action: Literal["content", "tool_request"]
    context: AgentContext


class GenericAnswer(Wire):
    """Anything that the model gives."""

    model_config = ConfigDict(extra="allow", frozen=True, protected_namespaces=())
