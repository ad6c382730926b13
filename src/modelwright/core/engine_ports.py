"""Engine ports: what the services need of the engines, as Protocols.

The engines implement them, tests/contracts holds one suite for them, app.py plugs
them in. All calls are async; errors are core.errors only.
"""

from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, Protocol

from modelwright.core.chat import PLAIN, AnswerOptions, ChatEvent, Embeddings, Message, Ranking, TokenLogprob
from modelwright.core.digest import Digest
from modelwright.core.parameters import Parameters


@dataclass(frozen=True, slots=True)
class EngineNeeds:
    """Which engine a request needs.

    An engine with the same base, projector, adapters and kind and at least `context`
    tokens a slot will do; how strongly each adapter applies, `scales`, is said
    with each request. `user` is the model's display name: what `ps` lists
    and what keeps the engine alive. `pooled`: the weights say how a text's vectors
    become one (WeightFacts.pooled), else it is their mean. `projector`: what turns
    images into the base's vectors, where a model has one. `start_parameters` are
    those fixed when an engine starts (num_gpu, num_thread, ...); neither forces a
    reload. `cache_bytes`: memory of one token of context, 0 = not known.
    `keep_alive` None: as before, at first as the server does.

    `constant` is what every prompt of the model begins with: messages for the
    template in the weights, or text; it is computed once and kept. `scope` is who
    may use what was computed of it, and `asker` of the rest of a conversation:
    requests that differ in them find nothing of each other's. Both empty: all share.
    `worker`: engines that differ in nothing else are several processes.
    """

    user: str
    base: Digest
    context: int
    kind: Literal["chat", "embed", "rerank"] = "chat"
    adapters: tuple[Digest, ...] = ()
    scales: tuple[float, ...] = ()
    pooled: bool = False
    projector: Digest | None = None
    start_parameters: Parameters = field(default_factory=Parameters)
    keep_alive: float | None = None
    cache_bytes: int = 0
    constant: tuple[Message, ...] | str = ()
    scope: str = ""
    asker: str = ""
    worker: int = 0


@dataclass(frozen=True, slots=True)
class RunningModel:
    """A model that holds an engine; sizes in bytes, `expires_at` None = never."""

    user: str
    base: Digest
    size: int
    size_vram: int
    context: int
    expires_at: datetime | None


class Engines(Protocol):
    """Processes that compute answers; started when needed, shared by base."""

    def chat(
        self,
        needs: EngineNeeds,
        messages: Sequence[Message],
        parameters: Parameters,
        options: AnswerOptions = PLAIN,
    ) -> AsyncGenerator[ChatEvent, None]:
        """Answer a conversation with the base's own prompt template.

        Closing the iterator stops the engine's work. Raises Unavailable when
        the queue is full or the engine died, ContextExceeded when it does not
        fit, Unsupported for what the template or the weights cannot do.
        """
        ...

    def complete(
        self,
        needs: EngineNeeds,
        prompt: str,
        parameters: Parameters,
        options: AnswerOptions = PLAIN,
        *,
        images: Sequence[bytes] = (),
        context: Sequence[int] = (),
    ) -> AsyncGenerator[ChatEvent, None]:
        """Continue raw text; the base's opening token is put before it once.

        `images` stand where the text says [img-0], [img-1], ...; `context` are
        tokens before the text. Tools and thinking are text here, and theirs who
        made the prompt.
        """
        ...

    async def render(
        self, needs: EngineNeeds, messages: Sequence[Message], options: AnswerOptions = PLAIN
    ) -> str:
        """The text that `chat` would continue."""
        ...

    async def tokenize(self, needs: EngineNeeds, texts: Sequence[str]) -> tuple[tuple[int, ...], ...]:
        """The tokens of each text, as `complete` would begin with them."""
        ...

    async def score(
        self, needs: EngineNeeds, text: str | Sequence[int], *, top: int
    ) -> tuple[TokenLogprob, ...]:
        """How likely each token of a text was after those before it.

        A text begins as one that `complete` would continue. Nothing is before the first
        token, so its logarithm is no number; `top` rivals of each are named.
        """
        ...

    async def count(self, needs: EngineNeeds, texts: Sequence[str]) -> tuple[int, ...]:
        """The tokens of each text, roughly when there are several; no opening token."""
        ...

    async def embed(
        self, needs: EngineNeeds, inputs: Sequence[str | Sequence[int]], *, truncate: bool
    ) -> Embeddings:
        """Unnormalised vectors, mean-pooled for chat bases, of texts or their tokens."""
        ...

    async def rerank(self, needs: EngineNeeds, query: str, documents: Sequence[str]) -> Ranking:
        """How well each document answers the query, by a base that ranks."""
        ...

    async def load(self, needs: EngineNeeds) -> int:
        """Make the engine ready; nanoseconds it took (0 when it ran)."""
        ...

    async def warm(self, needs: EngineNeeds, options: AnswerOptions = PLAIN) -> int:
        """Make the engine ready with the constant part computed; its tokens."""
        ...

    async def unload(self, user: str) -> bool:
        """Let go of a model's engines; False when it held none."""
        ...

    def running(self) -> Sequence[RunningModel]: ...
