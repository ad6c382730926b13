"""EchoEngines: the port Engines without any engine, for tests and trials.

It answers with the last user message, word by word; of raw text, with the text.
A token is a word with the blanks after it, its number is its length. `num_predict`, `stop` and the context
hold as they do with a real engine, and the same input is refused. A thought at the
beginning (<think>...</think>) is parted from the rest where thinking is asked for,
a call that must be made is made with the JSON that the answer would be, and every
token is certain. Vectors have unit length and are a function of the text (SHA-256).
Durations are invented: a microsecond a token.
"""

import asyncio
import hashlib
import math
import re
import zlib
from collections.abc import AsyncGenerator, Sequence
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import replace
from datetime import timedelta
from typing import Final, Literal

import orjson

from modelwright.core.chat import (
    PLAIN,
    AnswerOptions,
    ChatEvent,
    Done,
    Embeddings,
    Message,
    Ranking,
    TextDelta,
    ThinkingDelta,
    TokenChance,
    TokenLogprob,
    ToolCall,
    Usage,
)
from modelwright.core.engine_ports import EngineNeeds, RunningModel
from modelwright.core.errors import ContextExceeded
from modelwright.core.parameters import Parameters
from modelwright.core.ports import Clock
from modelwright.core.thinking import ThinkingParser
from modelwright.engines.checks import check_inputs, check_messages, check_prompt, check_texts

DIMENSIONS: Final = 32
"""Length of an embedding: the bytes of a SHA-256."""
NS_PER_TOKEN: Final = 1000
KEEP_ALIVE: Final = 300.0


class EchoEngines:
    """Implements core.ports.Engines; `delay` is the seconds before each token."""

    def __init__(self, clock: Clock, *, delay: float = 0.0) -> None:
        self._clock = clock
        self._delay = delay
        self._running: dict[str, RunningModel] = {}

    def lent(self, size: int) -> AbstractAsyncContextManager[None]:
        """Implements core.training_ports.DeviceMemory; an echo takes none."""
        return nullcontext()

    async def chat(
        self,
        needs: EngineNeeds,
        messages: Sequence[Message],
        parameters: Parameters,
        options: AnswerOptions = PLAIN,
    ) -> AsyncGenerator[ChatEvent, None]:
        """Answer with the last user message."""
        check_messages(messages)
        prompt = [token for message in messages for token in _tokens(message.content)]
        last = next((message.content for message in reversed(messages) if message.role == "user"), "")
        async for event in self._answer(needs, prompt, last, parameters, options):
            yield event

    async def complete(
        self,
        needs: EngineNeeds,
        prompt: str,
        parameters: Parameters,
        options: AnswerOptions = PLAIN,
        *,
        images: Sequence[bytes] = (),
        context: Sequence[int] = (),
    ) -> AsyncGenerator[ChatEvent, None]:
        """Answer with the text itself."""
        check_prompt(prompt)
        tokens = [*("x" * length for length in context), *_tokens(prompt)]
        async for event in self._answer(needs, tokens, prompt, parameters, options):
            yield event

    async def render(
        self, needs: EngineNeeds, messages: Sequence[Message], options: AnswerOptions = PLAIN
    ) -> str:
        """A line for each message: its role and its content."""
        check_messages(messages)
        return "".join(f"{message.role}: {message.content}\n" for message in messages)

    async def tokenize(self, needs: EngineNeeds, texts: Sequence[str]) -> tuple[tuple[int, ...], ...]:
        """A number for each word, the same for the same one."""
        check_texts(texts)
        return tuple(tuple(zlib.crc32(word.encode()) for word in _tokens(text)) for text in texts)

    async def score(
        self, needs: EngineNeeds, text: str | Sequence[int], *, top: int
    ) -> tuple[TokenLogprob, ...]:
        """Every word is certain, but for the first."""
        words = _tokens(text) if isinstance(text, str) else [f"{token} " for token in text]
        return tuple(
            TokenLogprob(TokenChance(word, 0.0 if number else math.nan)) for number, word in enumerate(words)
        )

    async def count(self, needs: EngineNeeds, texts: Sequence[str]) -> tuple[int, ...]:
        """The words of each text."""
        check_texts(texts)
        return tuple(len(_tokens(text)) for text in texts)

    async def embed(
        self, needs: EngineNeeds, inputs: Sequence[str | Sequence[int]], *, truncate: bool
    ) -> Embeddings:
        """One vector for each text; a longer text than the context is cut or refused."""
        check_inputs(inputs)
        texts = [text if isinstance(text, str) else "".join(f"{token} " for token in text) for text in inputs]
        counts = [len(_tokens(text)) for text in texts]
        for index, count in enumerate(counts):
            if count > needs.context and not truncate:
                raise ContextExceeded(count, needs.context, field=f"input.{index}")
        load_ns = self._hold(needs)
        tokens = sum(min(count, needs.context) for count in counts)
        vectors = tuple(_vector("".join(_tokens(text)[: needs.context])) for text in texts)
        self._let_go(needs)
        return Embeddings(vectors, _usage(tokens, 0, load_ns))

    async def rerank(self, needs: EngineNeeds, query: str, documents: Sequence[str]) -> Ranking:
        """The share of the query's words that a document has."""
        check_inputs((query, *documents), field="documents")
        load_ns = self._hold(needs)
        words = set(query.lower().split())
        scores = tuple(len(words & set(text.lower().split())) / len(words) for text in documents)
        tokens = sum(len(_tokens(query)) + len(_tokens(text)) for text in documents)
        self._let_go(needs)
        return Ranking(scores, _usage(tokens, 0, load_ns))

    async def load(self, needs: EngineNeeds) -> int:
        """Remember the model; nanoseconds it took (0 when it was there)."""
        load_ns = self._hold(needs)
        self._let_go(needs)
        return load_ns

    async def warm(self, needs: EngineNeeds, options: AnswerOptions = PLAIN) -> int:
        """Remember the model; there is nothing to compute beforehand."""
        await self.load(needs)
        constant = needs.constant
        texts = [constant] if isinstance(constant, str) else [turn.content for turn in constant]
        return sum(len(_tokens(text)) for text in texts)

    async def unload(self, user: str) -> bool:
        """Forget the model."""
        return self._running.pop(user, None) is not None

    def running(self) -> Sequence[RunningModel]:
        """Models that were used and not unloaded since."""
        now = self._clock.now()
        return tuple(
            model for model in self._running.values() if model.expires_at is None or model.expires_at > now
        )

    async def aclose(self) -> None:
        """Forget all models."""
        self._running.clear()

    async def _answer(
        self,
        needs: EngineNeeds,
        prompt: Sequence[str],
        text: str,
        parameters: Parameters,
        options: AnswerOptions,
    ) -> AsyncGenerator[ChatEvent, None]:
        if len(prompt) > needs.context:
            raise ContextExceeded(len(prompt), needs.context)
        load_ns = self._hold(needs)
        answer, reason, stop = _limited(text, needs.context, parameters)
        parser = ThinkingParser()
        try:
            if options.tools and options.tool_choice.mode == "required":
                yield _call("".join(answer), options)
            else:
                for token in answer:
                    await asyncio.sleep(self._delay)
                    for event in _said(token, parser, options):
                        yield event
            context = tuple(map(len, [*prompt, *answer])) if options.returns_context else ()
            yield Done(reason, _usage(len(prompt), len(answer), load_ns), stop, context)
        finally:
            self._let_go(needs)

    def _hold(self, needs: EngineNeeds) -> int:
        """Count the model as running for ever; returns the nanoseconds of loading."""
        is_new = needs.user not in {model.user for model in self.running()}
        self._running[needs.user] = RunningModel(needs.user, needs.base, 0, 0, needs.context, None)
        return NS_PER_TOKEN if is_new else 0

    def _let_go(self, needs: EngineNeeds) -> None:
        """Count the model as running for as long as it asked to be kept."""
        seconds = KEEP_ALIVE if needs.keep_alive is None else needs.keep_alive
        model = self._running.get(needs.user)
        if model is not None and not math.isinf(seconds):
            expires_at = self._clock.now() + timedelta(seconds=seconds)
            self._running[needs.user] = replace(model, expires_at=expires_at)


def _tokens(text: str) -> list[str]:
    """Words, each with the blanks after it; the first with those before it too."""
    return re.findall(r"\A\s+\S*\s*|\S+\s*", text)


def _said(token: str, parser: ThinkingParser, options: AnswerOptions) -> list[ChatEvent]:
    chance = TokenChance(token, 0.0, token.encode())
    top = (chance,) if options.logprobs else ()
    logprobs = (TokenLogprob(chance, top),) if options.logprobs is not None else ()
    if not options.think:
        return [TextDelta(token, logprobs)]
    found = parser.add(token)
    thought: list[ChatEvent] = [ThinkingDelta(found.thinking)] if found.thinking else []
    return [*thought, TextDelta(found.content, logprobs)] if found.content else thought


def _call(text: str, options: AnswerOptions) -> ToolCall:
    try:
        arguments = orjson.loads(text)
    except orjson.JSONDecodeError:
        arguments = {}
    name = options.tool_choice.name or options.tools[0]["function"]["name"]
    return ToolCall(name, arguments if isinstance(arguments, dict) else {})


def _limited(
    text: str, context: int, parameters: Parameters
) -> tuple[list[str], Literal["stop", "length"], str]:
    """The tokens that num_predict, the context and the stop texts let through."""
    asked, stops = parameters.get("num_predict"), parameters.get("stop")
    limit = asked if isinstance(asked, int) and asked >= 0 else context
    tokens = _tokens(text)
    answer = "".join(tokens[:limit])
    cuts = [(answer.find(stop), stop) for stop in (stops if isinstance(stops, tuple) else ())]
    places = [cut for cut in cuts if cut[0] >= 0]
    if places:
        place, stop = min(places)
        return _tokens(answer[:place]), "stop", stop
    return tokens[:limit], "length" if len(tokens) > limit else "stop", ""


def _vector(text: str) -> tuple[float, ...]:
    numbers = [byte - 127.5 for byte in hashlib.sha256(text.encode()).digest()]
    length = math.hypot(*numbers)
    return tuple(number / length for number in numbers)


def _usage(prompt_tokens: int, completion_tokens: int, load_ns: int) -> Usage:
    prompt_ns, completion_ns = prompt_tokens * NS_PER_TOKEN, completion_tokens * NS_PER_TOKEN
    return Usage(
        prompt_tokens=prompt_tokens,
        completion_tokens=completion_tokens,
        total_ns=load_ns + prompt_ns + completion_ns,
        load_ns=load_ns,
        prompt_ns=prompt_ns,
        completion_ns=completion_ns,
    )
