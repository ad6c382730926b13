"""Pool: the port Engines, on llama.cpp children that models share.

Requests for the same base, adapters and kind share one engine, whatever their
model, parameters or system prompt. Which engines run is the fleet's business.
"""

import asyncio
import math
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import aclosing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from modelwright.core.chat import PLAIN, AnswerOptions, ChatEvent, Done, Embeddings, Message, Ranking
from modelwright.core.digest import Digest
from modelwright.core.parameters import Parameters
from modelwright.core.ports import Clock, EngineNeeds, RunningModel
from modelwright.engines.checks import check_inputs, check_messages, check_prompt, check_texts
from modelwright.engines.fleet import EngineOptions, Fleet
from modelwright.engines.llamacpp import LlamaEngine
from modelwright.engines.resident import Resident

__all__ = ["EngineOptions", "Pool"]

_Ask = Callable[[LlamaEngine], AsyncGenerator[ChatEvent, None]]


class Pool:
    """Implements core.ports.Engines; must be closed by `aclose`.

    `locate` gives the path of a blob. It is asked before each start of an engine,
    so that whoever writes it decides when the bytes there are verified.
    """

    def __init__(
        self, locate: Callable[[Digest], Awaitable[Path]], clock: Clock, options: EngineOptions | None = None
    ) -> None:
        self._fleet = Fleet(locate, options or EngineOptions())
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

        def ask(engine: LlamaEngine) -> AsyncGenerator[ChatEvent, None]:
            return engine.chat(messages, parameters, needs.scales, options, context=needs.context)

        async with aclosing(self._answer(needs, ask)) as events:
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
        context: Sequence[int] | None = None,
    ) -> AsyncGenerator[ChatEvent, None]:
        """Continue raw text."""
        check_prompt(prompt)

        def ask(engine: LlamaEngine) -> AsyncGenerator[ChatEvent, None]:
            return engine.complete(
                prompt,
                parameters,
                needs.scales,
                options,
                images=images,
                before=context,
                context=needs.context,
            )

        async with aclosing(self._answer(needs, ask)) as events:
            async for event in events:
                yield event

    async def render(
        self, needs: EngineNeeds, messages: Sequence[Message], options: AnswerOptions = PLAIN
    ) -> str:
        """The text that `chat` would continue."""
        check_messages(messages)
        async with self._fleet.use(needs) as (engine, _):
            return await engine.render(messages, options)

    async def count(self, needs: EngineNeeds, texts: Sequence[str]) -> tuple[int, ...]:
        """The tokens of each text, roughly when there are several; no opening token."""
        check_texts(texts)
        async with self._fleet.use(needs) as (engine, _):
            return await engine.count(texts)

    async def embed(
        self, needs: EngineNeeds, inputs: Sequence[str | Sequence[int]], *, truncate: bool
    ) -> Embeddings:
        """Unnormalised vectors, pooled as the weights say or by the mean."""
        check_inputs(inputs)
        started = time.monotonic_ns()
        async with self._fleet.use(replace(needs, kind="embed")) as (engine, load_ns):
            found = await engine.embed(inputs, truncate=truncate)
        total_ns = time.monotonic_ns() - started
        return replace(found, usage=replace(found.usage, load_ns=load_ns, total_ns=total_ns))

    async def rerank(self, needs: EngineNeeds, query: str, documents: Sequence[str]) -> Ranking:
        """How well each document answers the query."""
        check_inputs((query, *documents), field="documents")
        started = time.monotonic_ns()
        async with self._fleet.use(replace(needs, kind="rerank")) as (engine, load_ns):
            found = await engine.rerank(query, documents)
        total_ns = time.monotonic_ns() - started
        return replace(found, usage=replace(found.usage, load_ns=load_ns, total_ns=total_ns))

    async def load(self, needs: EngineNeeds) -> int:
        """Make the engine ready; nanoseconds it took (0 when it ran)."""
        async with self._fleet.use(needs) as (_, load_ns):
            return load_ns

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
                model = self._model(user, resident, hold.expires_at(now) - now)
                before = found.get(user)
                found[user] = model if before is None else _together(before, model)
        return tuple(found.values())

    async def aclose(self) -> None:
        """Refuse what comes, let answers end for a while, then end every child."""
        await self._fleet.aclose()

    async def _answer(self, needs: EngineNeeds, ask: _Ask) -> AsyncGenerator[ChatEvent, None]:
        started = time.monotonic_ns()
        async with self._fleet.use(needs) as (engine, load_ns), aclosing(ask(engine)) as events:
            async for event in events:
                if isinstance(event, Done):
                    total_ns = time.monotonic_ns() - started
                    event = replace(event, usage=replace(event.usage, load_ns=load_ns, total_ns=total_ns))
                yield event

    def _model(self, user: str, resident: Resident, seconds: float) -> RunningModel:
        expires_at = None if math.isinf(seconds) else self._clock.now() + timedelta(seconds=max(seconds, 0.0))
        return RunningModel(
            user=user,
            base=resident.key[0],
            size=resident.size,
            size_vram=0,
            context=resident.engine.context if resident.engine else resident.context,
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
