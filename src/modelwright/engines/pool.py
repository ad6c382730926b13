"""Pool: the port Engines, on llama.cpp children that models share.

Requests for the same base, adapters and kind share one engine, whatever their
model, parameters or system prompt. Which engines run is the fleet's business.
"""

import asyncio
import math
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, aclosing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from modelwright.core.chat import (
    PLAIN,
    AnswerOptions,
    ChatEvent,
    Done,
    Embeddings,
    Message,
    Ranking,
    TokenLogprob,
    Usage,
)
from modelwright.core.digest import Digest
from modelwright.core.engine_ports import EngineNeeds, RunningModel
from modelwright.core.parameters import Parameters
from modelwright.core.ports import Clock
from modelwright.engines.checks import check_inputs, check_messages, check_prompt, check_texts
from modelwright.engines.fleet import Fleet, Use
from modelwright.engines.options import EngineOptions
from modelwright.engines.prefixes import PrefixFiles
from modelwright.engines.prompts import Constant, Pieces, constant_part, conversation, text
from modelwright.engines.resident import Hold, Resident
from modelwright.engines.warming import Prefix, Warming

__all__ = ["EngineOptions", "Pool"]

_Ask = Callable[[Use], AsyncGenerator[ChatEvent, None]]


class Pool:
    """Implements core.ports.Engines; must be closed by `aclose`.

    `locate` gives the path of a blob. It is asked before each start of an engine,
    so that whoever writes it decides when the bytes there are verified.
    """

    def __init__(
        self, locate: Callable[[Digest], Awaitable[Path]], clock: Clock, options: EngineOptions | None = None
    ) -> None:
        options = options or EngineOptions()
        files = None
        if options.prefix_dir is not None and options.prefix_bytes > 0:
            files = PrefixFiles(options.prefix_dir, options.prefix_bytes)
        self._warming = Warming(files, options.prefix_tokens)
        self._fleet = Fleet(locate, options)
        self._clock = clock

    async def chat(
        self,
        needs: EngineNeeds,
        messages: Sequence[Message],
        parameters: Parameters,
        options: AnswerOptions = PLAIN,
    ) -> AsyncGenerator[ChatEvent, None]:
        """Answer a conversation with the base's own prompt template."""
        check_messages(messages)

        def ask(use: Use) -> AsyncGenerator[ChatEvent, None]:
            return use.engine.chat(messages, parameters, use.seat, options, context=needs.context)

        constant = Constant(needs.constant, options)
        async with aclosing(self._answer(needs, constant, conversation(messages, constant), ask)) as events:
            async for event in events:
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
        """Continue raw text."""
        check_prompt(prompt)

        def ask(use: Use) -> AsyncGenerator[ChatEvent, None]:
            return use.engine.complete(
                prompt,
                parameters,
                use.seat,
                options,
                images=images,
                before=context,
                context=needs.context,
            )

        constant = Constant(needs.constant)
        async with aclosing(self._answer(needs, constant, text(prompt, constant, context), ask)) as events:
            async for event in events:
                yield event

    async def render(
        self, needs: EngineNeeds, messages: Sequence[Message], options: AnswerOptions = PLAIN
    ) -> str:
        """The text that `chat` would continue."""
        check_messages(messages)
        async with self._fleet.use(needs) as use:
            return await use.engine.render(messages, options)

    async def tokenize(self, needs: EngineNeeds, texts: Sequence[str]) -> tuple[tuple[int, ...], ...]:
        """The tokens of each text, as `complete` would begin with them."""
        check_texts(texts)
        async with self._fleet.use(needs) as use:
            return await use.engine.tokenize(texts)

    async def score(
        self, needs: EngineNeeds, text: str | Sequence[int], *, top: int
    ) -> tuple[TokenLogprob, ...]:
        """How likely each token of a text was after those before it."""
        if isinstance(text, str):
            check_prompt(text)
        async with self._fleet.use(needs) as use:
            return await use.engine.score(text, use.seat, top=top, context=needs.context)

    async def count(self, needs: EngineNeeds, texts: Sequence[str]) -> tuple[int, ...]:
        """The tokens of each text, roughly when there are several; no opening token."""
        check_texts(texts)
        async with self._fleet.use(needs) as use:
            return await use.engine.count(texts)

    async def embed(
        self, needs: EngineNeeds, inputs: Sequence[str | Sequence[int]], *, truncate: bool
    ) -> Embeddings:
        """Unnormalised vectors, pooled as the weights say or by the mean."""
        check_inputs(inputs)
        started = time.monotonic_ns()
        async with self._fleet.use(replace(needs, kind="embed")) as use:
            found = await use.engine.vectors.embed(inputs, truncate=truncate)
        total_ns = time.monotonic_ns() - started
        return replace(found, usage=replace(found.usage, load_ns=use.load_ns, total_ns=total_ns))

    async def rerank(self, needs: EngineNeeds, query: str, documents: Sequence[str]) -> Ranking:
        """How well each document answers the query."""
        check_inputs((query, *documents), field="documents")
        started = time.monotonic_ns()
        async with self._fleet.use(replace(needs, kind="rerank")) as use:
            found = await use.engine.vectors.rerank(query, documents)
        total_ns = time.monotonic_ns() - started
        return replace(found, usage=replace(found.usage, load_ns=use.load_ns, total_ns=total_ns))

    async def load(self, needs: EngineNeeds) -> int:
        """Make the engine ready; nanoseconds it took (0 when it ran)."""
        async with self._fleet.use(needs) as use:
            return use.load_ns

    async def warm(self, needs: EngineNeeds, options: AnswerOptions = PLAIN) -> int:
        """Make the engine ready with the constant part computed; its tokens."""
        constant = Constant(needs.constant, options)
        async with self._fleet.use(needs, constant_part(constant)) as use:
            return await self._warming.warm(use.engine, use.seat, needs, constant)

    async def unload(self, user: str) -> bool:
        """Let go of a model's engines; False when it held none."""
        return await self._fleet.release(user)

    def running(self) -> Sequence[RunningModel]:
        """Every model that holds a loaded engine; one that holds two is listed once."""
        now = asyncio.get_running_loop().time()
        found: dict[str, RunningModel] = {}
        for resident in self._fleet.loaded():
            for user, hold in resident.holds.items():
                if hold.expires_at(now) < now:
                    continue  # not swept out yet
                model = self._model(user, resident, hold, now)
                before = found.get(user)
                found[user] = model if before is None else _together(before, model)
        return tuple(found.values())

    def lent(self, size: int) -> AbstractAsyncContextManager[None]:
        """Leave so many bytes to training; see core.training_ports.DeviceMemory."""
        return self._fleet.lent(size)

    async def aclose(self) -> None:
        """Refuse what comes, let answers end for a while, then end every child."""
        await self._fleet.aclose()
        await self._warming.aclose()

    async def _answer(
        self, needs: EngineNeeds, constant: Constant, pieces: Pieces, ask: _Ask
    ) -> AsyncGenerator[ChatEvent, None]:
        """Answer; its end is told when the slot is free: who asks on shall have it."""
        started, ended = time.monotonic_ns(), None
        async with AsyncExitStack() as stack:
            use = await stack.enter_async_context(self._fleet.use(needs, pieces))
            prefix = await self._warming.prepare(use.engine, use.seat, needs, constant)
            async with aclosing(ask(use)) as events:
                async for event in events:
                    if not isinstance(event, Done):
                        yield event
                        continue
                    if prefix is not None:
                        self._after(stack, use, prefix, event.usage)
                    total_ns = time.monotonic_ns() - started
                    ended = replace(event, usage=replace(event.usage, load_ns=use.load_ns, total_ns=total_ns))
        if ended is not None:
            yield ended

    def _after(self, stack: AsyncExitStack, use: Use, prefix: Prefix, usage: Usage) -> None:
        """See to it that the next request finds its prefix; may take the slot over."""
        if self._warming.must_save(use.engine, prefix, usage.cached_tokens):
            self._warming.save_later(stack.pop_all(), use.engine, use.seat, prefix)

    def _model(self, user: str, resident: Resident, hold: Hold, now: float) -> RunningModel:
        seconds = hold.expires_at(now) - now
        expires_at = None if math.isinf(seconds) else self._clock.now() + timedelta(seconds=max(seconds, 0.0))
        return RunningModel(
            user=user,
            base=resident.key.base,
            size=resident.held,
            size_vram=resident.held_vram,
            context=min(hold.needs.context, resident.engine.context if resident.engine else resident.context),
            expires_at=expires_at,
        )


def _together(one: RunningModel, other: RunningModel) -> RunningModel:
    """A model that holds two engines, as one entry."""
    ends = (one.expires_at, other.expires_at)
    return replace(
        one,
        size=one.size + other.size,
        context=max(one.context, other.context),
        expires_at=None if None in ends else max(end for end in ends if end is not None),
    )
