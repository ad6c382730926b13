"""What is asked of a model and what it answers, in no dialect's words.

Plain values: requests in, events out. Knows nothing of wires, engines or how
an answer is made.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal, TypeAlias

from modelwright.core.parameters import Parameters

ROLES: Final = ("system", "user", "assistant")
"""Who may speak in a model's own messages; in a conversation there is "tool", too."""

Think: TypeAlias = bool | str | None
"""Whether to think, or how hard ("low", ...); None when nobody said."""

Tool: TypeAlias = Mapping[str, Any]
"""{"type": "function", "function": {"name", "description", "parameters"}}, checked."""


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A call that a model makes; `arguments` is a JSON object."""

    name: str
    arguments: Mapping[str, Any] = field(default_factory=dict)
    id: str = ""
    index: int = 0


@dataclass(frozen=True, slots=True)
class ToolChoice:
    """Whether tools are called: as the model likes, never, always; `name`: this one."""

    mode: Literal["auto", "none", "required"] = "auto"
    name: str = ""
    parallel: bool = True


@dataclass(frozen=True, slots=True)
class AnswerFormat:
    """JSON that an answer must be; `schema` is a JSON Schema, None = any object."""

    schema: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Message:
    """One turn of a conversation.

    `images` are files' bytes, of sounds too. A turn of the role "tool" is what the call
    `tool_call_id` of the tool `tool_name` gave.
    """

    role: str
    content: str
    thinking: str = ""
    images: tuple[bytes, ...] = ()
    tool_calls: tuple[ToolCall, ...] = ()
    tool_name: str = ""
    tool_call_id: str = ""


@dataclass(frozen=True, slots=True)
class AnswerOptions:
    """What an answer is to be like, beyond what a model's parameters say.

    `logprobs`: None = none, else how many other tokens are named at each place.
    `truncate`: whole messages are left out when they do not fit, else TooLarge.
    `thinking_budget`: tokens after which a thought is ended, None = whenever the
    model likes. `shift`: the answer may go on when the context is full. `returns_context`:
    Done has the tokens of prompt and answer.
    """

    format: AnswerFormat | None = None
    think: Think = None
    thinking_budget: int | None = None
    tools: tuple[Tool, ...] = ()
    tool_choice: ToolChoice = ToolChoice()
    logprobs: int | None = None
    logit_bias: Mapping[int, float] = field(default_factory=dict)
    truncate: bool = True
    shift: bool = True
    returns_context: bool = False


PLAIN: Final = AnswerOptions()
"""An answer of which nothing special is asked."""


@dataclass(frozen=True, slots=True)
class ChatRequest:
    """A conversation to be continued by `model` (a name, `name@3` too).

    `parameters` holds only what the request itself says, `usual` what holds where
    neither it nor the model says anything; `keep_alive` is in seconds, infinite for
    ever, None for the server's default. `worker` says which of several equal engines
    is to answer, `deployment` what the use is counted for, as with the other requests.
    """

    model: str
    messages: tuple[Message, ...]
    parameters: Parameters = field(default_factory=Parameters)
    keep_alive: float | None = None
    options: AnswerOptions = AnswerOptions()
    worker: int = 0
    deployment: str = ""
    usual: Parameters = field(default_factory=Parameters)


@dataclass(frozen=True, slots=True)
class GenerateRequest:
    """One prompt to be answered by `model`.

    `system` and `template` replace the model's own when not None; `suffix` is
    what the answer stands before; `raw` hands the prompt to the engine as it
    is, without any prompt template; `context` are the tokens an earlier answer
    ended with; `echo` repeats the prompt before the answer.
    """

    model: str
    prompt: str
    system: str | None = None
    template: str | None = None
    suffix: str = ""
    raw: bool = False
    images: tuple[bytes, ...] = ()
    context: tuple[int, ...] = ()
    echo: bool = False
    parameters: Parameters = field(default_factory=Parameters)
    keep_alive: float | None = None
    options: AnswerOptions = AnswerOptions()
    worker: int = 0
    deployment: str = ""


@dataclass(frozen=True, slots=True)
class EmbedRequest:
    """Texts, or the tokens of some, to be turned into vectors by `model`."""

    model: str
    inputs: tuple[str | tuple[int, ...], ...]
    parameters: Parameters = field(default_factory=Parameters)
    keep_alive: float | None = None
    truncate: bool = True
    dimensions: int | None = None
    normalise: bool = True
    worker: int = 0
    deployment: str = ""


@dataclass(frozen=True, slots=True)
class RerankRequest:
    """Documents to be ordered by how well they answer `query`."""

    model: str
    query: str
    documents: tuple[str, ...]
    parameters: Parameters = field(default_factory=Parameters)
    keep_alive: float | None = None
    worker: int = 0
    deployment: str = ""


@dataclass(frozen=True, slots=True)
class Usage:
    """What an answer took: tokens, and durations in nanoseconds.

    `cached_tokens` of the `prompt_tokens` were not evaluated again.
    """

    prompt_tokens: int = 0
    completion_tokens: int = 0
    cached_tokens: int = 0
    total_ns: int = 0
    load_ns: int = 0
    prompt_ns: int = 0
    completion_ns: int = 0


@dataclass(frozen=True, slots=True)
class TokenChance:
    """A token and the natural logarithm of its probability."""

    text: str
    logprob: float
    content: bytes = b""


@dataclass(frozen=True, slots=True)
class TokenLogprob:
    """A token of the answer, and the likeliest at its place, best first."""

    chosen: TokenChance
    top: tuple[TokenChance, ...] = ()


@dataclass(frozen=True, slots=True)
class TextDelta:
    """The next piece of the answer's text; never empty unless it has logprobs."""

    text: str
    logprobs: tuple[TokenLogprob, ...] = ()


@dataclass(frozen=True, slots=True)
class ThinkingDelta:
    """The next piece of what the model thinks before it answers; never empty."""

    text: str


@dataclass(frozen=True, slots=True)
class Done:
    """The end of an answer: why it ended and what it took.

    `stop_text` is the stop text that ended it, where one did; `context` are the
    tokens of prompt and answer, where they were asked for.
    """

    reason: Literal["stop", "length", "load", "unload"]
    usage: Usage = Usage()
    stop_text: str = ""
    context: tuple[int, ...] = ()


ChatEvent: TypeAlias = TextDelta | ThinkingDelta | ToolCall | Done
"""Any number of pieces, then exactly one Done; a failure is an exception.

A ToolCall is whole; an answer with one ends with the reason "stop".
"""


@dataclass(frozen=True, slots=True)
class Embeddings:
    """One vector for each input, in order, all of one length."""

    vectors: tuple[tuple[float, ...], ...]
    usage: Usage


@dataclass(frozen=True, slots=True)
class Ranking:
    """How relevant each document is, in the order they were given; higher is better."""

    scores: tuple[float, ...]
    usage: Usage
