"""What is asked of a model and what it answers, in no dialect's words.

Plain values: requests in, events out. Knows nothing of wires, engines or how
an answer is made.
"""

from dataclasses import dataclass, field
from typing import Final, Literal, TypeAlias

from modelwright.core.parameters import Parameters

ROLES: Final = ("system", "user", "assistant")


@dataclass(frozen=True, slots=True)
class Message:
    """One turn of a conversation; `role` is one of ROLES."""

    role: str
    content: str


@dataclass(frozen=True, slots=True)
class ChatRequest:
    """A conversation to be continued by `model` (a name, `name@3` too).

    `parameters` holds only what the request itself says; `keep_alive` is in
    seconds, infinite for ever, None for the server's default.
    """

    model: str
    messages: tuple[Message, ...]
    parameters: Parameters = field(default_factory=Parameters)
    keep_alive: float | None = None


@dataclass(frozen=True, slots=True)
class GenerateRequest:
    """One prompt to be answered by `model`.

    `system` and `template` replace the model's own when not None; `suffix` is
    what the answer stands before; `raw` hands the prompt to the engine as it
    is, without any prompt template.
    """

    model: str
    prompt: str
    system: str | None = None
    template: str | None = None
    suffix: str = ""
    raw: bool = False
    parameters: Parameters = field(default_factory=Parameters)
    keep_alive: float | None = None


@dataclass(frozen=True, slots=True)
class EmbedRequest:
    """Texts to be turned into vectors by `model`."""

    model: str
    inputs: tuple[str, ...]
    parameters: Parameters = field(default_factory=Parameters)
    keep_alive: float | None = None
    truncate: bool = True
    dimensions: int | None = None
    normalise: bool = True


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
class TextDelta:
    """The next piece of the answer's text; never empty."""

    text: str


@dataclass(frozen=True, slots=True)
class Done:
    """The end of an answer: why it ended and what it took."""

    reason: Literal["stop", "length", "load", "unload"]
    usage: Usage = Usage()


ChatEvent: TypeAlias = TextDelta | Done
"""Any number of TextDelta, then exactly one Done; a failure is an exception."""


@dataclass(frozen=True, slots=True)
class Embeddings:
    """One vector for each input, in order, all of one length."""

    vectors: tuple[tuple[float, ...], ...]
    usage: Usage
