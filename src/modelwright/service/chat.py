"""Chat: answer with a model; also generate, embed, load and unload.

Resolves the model for each request, so that neither its system prompt nor its
parameters are ever part of an engine. Knows no engine, only the port.
"""

import asyncio
import math
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from datetime import date
from functools import partial
from typing import Literal

from modelwright.core.chat import (
    ChatEvent,
    ChatRequest,
    Done,
    Embeddings,
    EmbedRequest,
    GenerateRequest,
    Message,
    Usage,
)
from modelwright.core.errors import NotFound, Unsupported
from modelwright.core.grants import Principal, Verb
from modelwright.core.lineage import ResolvedSpec
from modelwright.core.names import Name
from modelwright.core.parameters import RULES, Parameters
from modelwright.core.ports import Clock, EngineNeeds, Engines
from modelwright.core.prompt_template.known import detect
from modelwright.core.prompt_template.prompt import PromptTemplate
from modelwright.core.prompt_template.turns import Turn
from modelwright.core.weights import WeightFacts
from modelwright.service.audit import Ledger
from modelwright.service.models import Models
from modelwright.service.resolver import Resolver
from modelwright.service.views import RunningView


@dataclass(frozen=True, slots=True)
class _Ready:
    """A request's model, resolved: what it is and which engine it needs."""

    resolved: ResolvedSpec
    facts: WeightFacts
    needs: EngineNeeds
    parameters: Parameters
    note: Callable[[int, int], None]
    """Writes down the tokens that were read and written."""


@dataclass(frozen=True, slots=True)
class _Prompt:
    """What an engine is to continue.

    Either a text, or messages for the prompt template in the weights.
    """

    content: str | Sequence[Message]
    parameters: Parameters


class Chat:
    """Answers; `context_length` is the tokens of a slot when nobody says more."""

    def __init__(
        self,
        resolver: Resolver,
        models: Models,
        engines: Engines,
        clock: Clock,
        *,
        context_length: int,
        ledger: Ledger | None = None,
    ) -> None:
        self._resolver = resolver
        self._models = models
        self._engines = engines
        self._clock = clock
        self._context_length = context_length
        self._ledger = ledger or Ledger(None, clock)

    async def chat(self, principal: Principal, request: ChatRequest) -> AsyncGenerator[ChatEvent, None]:
        """Continue a conversation; without messages, load or unload the model."""
        ready = await self._prepare(principal, request.model, "chat", request.parameters, request.keep_alive)
        if not request.messages:
            yield await self._load_or_unload(ready.needs)
            return
        prompt = await self._conversation(ready, request)
        async with aclosing(self._answer(ready, prompt)) as events:
            async for event in events:
                yield event

    async def generate(
        self, principal: Principal, request: GenerateRequest
    ) -> AsyncGenerator[ChatEvent, None]:
        """Answer one prompt; without one, load or unload the model.

        A model's few-shot messages do not take part (Ollama, routes.go).
        """
        ready = await self._prepare(principal, request.model, "chat", request.parameters, request.keep_alive)
        if not request.prompt:
            yield await self._load_or_unload(ready.needs)
            return
        prompt = await self._question(ready, request)
        async with aclosing(self._answer(ready, prompt)) as events:
            async for event in events:
                yield event

    async def render(self, principal: Principal, request: ChatRequest | GenerateRequest) -> str:
        """The text that an engine would be given to continue."""
        ready = await self._prepare(principal, request.model, "chat", request.parameters, request.keep_alive)
        if isinstance(request, ChatRequest):
            prompt = await self._conversation(ready, request)
        else:
            prompt = await self._question(ready, request)
        if isinstance(prompt.content, str):
            return prompt.content
        return await self._engines.render(ready.needs, prompt.content)

    async def embed(self, principal: Principal, request: EmbedRequest) -> Embeddings:
        """Turn texts into vectors, of unit length unless asked otherwise."""
        ready = await self._prepare(principal, request.model, "embed", request.parameters, request.keep_alive)
        if not request.inputs:
            return Embeddings((), Usage(load_ns=await self._engines.load(ready.needs)))
        found = await self._engines.embed(ready.needs, request.inputs, truncate=request.truncate)
        ready.note(found.usage.prompt_tokens, 0)
        if request.dimensions is None and not request.normalise:
            return found
        vectors = tuple(_shaped(vector, request) for vector in found.vectors)
        return Embeddings(vectors, found.usage)

    async def running(self, principal: Principal) -> tuple[RunningView, ...]:
        """The models that hold an engine now."""
        views = []
        for running in self._engines.running():
            try:
                summary = await self._models.summary(principal, Name.parse(running.user).full)
            except NotFound:
                continue  # deleted while its engine was still warm, or not to be known
            views.append(RunningView(summary, running))
        return tuple(views)

    async def _prepare(
        self,
        principal: Principal,
        asked: str,
        kind: Literal["chat", "embed"],
        requested: Parameters,
        keep_alive: float | None,
    ) -> _Ready:
        stored, revision = await self._resolver.find(principal, asked, Verb.USE)
        resolved = await self._resolver.resolve(principal, revision, stored.id)
        facts = await self._resolver.facts(resolved.base)
        if resolved.base is None or facts is None:
            raise NotFound("base of model", asked, hint="Create or restore the base first")
        name = stored.name
        if kind == "chat" and "completion" not in facts.capabilities:
            raise Unsupported(f'"{name.short}" does not support chat', field="model", hint="Embed with it")
        parameters = resolved.parameters.merged(requested)
        # In one order, so that models with the same adapters share an engine.
        adapters = sorted(resolved.adapters, key=lambda adapter: adapter.digest)
        needs = EngineNeeds(
            user=str(name),
            base=resolved.base,
            context=self._context(parameters, facts),
            kind=kind,
            adapters=tuple(adapter.digest for adapter in adapters),
            scales=tuple(adapter.scale for adapter in adapters),
            pooled=facts.pooled,
            start_parameters=_start_parameters(parameters),
            keep_alive=keep_alive,
        )
        note = partial(self._ledger.note, principal, stored, revision.number)
        return _Ready(resolved, facts, needs, parameters, note)

    def _context(self, parameters: Parameters, facts: WeightFacts) -> int:
        """Tokens a slot must hold: what is asked for, at most what was trained."""
        asked = parameters.get("num_ctx")
        wanted = asked if isinstance(asked, int) and asked > 0 else self._context_length
        return min(wanted, facts.context_length) if facts.context_length else wanted

    async def _load_or_unload(self, needs: EngineNeeds) -> Done:
        if needs.keep_alive == 0:
            await self._engines.unload(needs.user)
            return Done("unload")
        took = await self._engines.load(needs)
        return Done("load", Usage(total_ns=took, load_ns=took))

    async def _conversation(self, ready: _Ready, request: ChatRequest) -> _Prompt:
        messages = _conversation(ready.resolved, request.messages)
        return await self._templated(ready, messages, ready.resolved.prompt_template)

    async def _question(self, ready: _Ready, request: GenerateRequest) -> _Prompt:
        if request.raw:
            return _Prompt(request.prompt, ready.parameters)
        text = ready.resolved.prompt_template if request.template is None else request.template
        if request.suffix:
            return self._insert(ready, request, text)
        system = ready.resolved.system if request.system is None else request.system
        turns = [Message("system", system)] if system else []
        return await self._templated(ready, [*turns, Message("user", request.prompt)], text)

    async def _templated(self, ready: _Ready, messages: Sequence[Message], text: str) -> _Prompt:
        """Messages through the model's own template; as they are when it has none."""
        if not text:
            return _Prompt(messages, ready.parameters)
        template = self._resolver.templates.read(text)
        turns = [Turn(message.role, message.content) for message in messages]
        # In a thread, since a template may take a second over a very long conversation.
        rendered = await asyncio.to_thread(template.render, turns, self._today())
        return _Prompt(rendered, _with_stops(ready.parameters, template))

    def _insert(self, ready: _Ready, request: GenerateRequest, text: str) -> _Prompt:
        template = self._resolver.templates.read(text)
        if "insert" not in template.capabilities:
            raise Unsupported(
                f"{ready.needs.user} does not support insert",
                field="suffix",
                hint="Give it a TEMPLATE that uses .Suffix",
            )
        rendered = template.render_insert(request.prompt, request.suffix, self._today())
        return _Prompt(rendered, _with_stops(ready.parameters, template))

    def _answer(self, ready: _Ready, prompt: _Prompt) -> AsyncGenerator[ChatEvent, None]:
        if isinstance(prompt.content, str):
            events = self._engines.complete(ready.needs, prompt.content, prompt.parameters)
        else:
            events = self._engines.chat(ready.needs, prompt.content, prompt.parameters)
        return _noted(events, ready.note)

    def _today(self) -> date:
        return self._clock.now().astimezone().date()


async def _noted(
    events: AsyncGenerator[ChatEvent, None], note: Callable[[int, int], None]
) -> AsyncGenerator[ChatEvent, None]:
    """Pass an answer on and count it, also one that the caller left in the middle."""
    read = written = 0
    try:
        async with aclosing(events):
            async for event in events:
                if isinstance(event, Done):
                    read, written = event.usage.prompt_tokens, event.usage.completion_tokens
                else:
                    written += 1  # about a token each
                yield event
    finally:
        note(read, written)


def _with_stops(parameters: Parameters, template: PromptTemplate) -> Parameters:
    """The stop texts of a known format, unless somebody named others."""
    known = detect(template.text)
    if known is None or parameters.get("stop") is not None:
        return parameters
    return parameters.merged(Parameters.of({"stop": known.stops}))


def _conversation(resolved: ResolvedSpec, asked: Sequence[Message]) -> list[Message]:
    """System text, then the model's few-shot messages, then the request's.

    A request that begins with a system message replaces the model's own.
    """
    turns = list(asked)
    system = [turns.pop(0)] if turns[0].role == "system" else []
    if not system and resolved.system:
        system = [Message("system", resolved.system)]
    return [*system, *resolved.messages, *turns]


def _start_parameters(parameters: Parameters) -> Parameters:
    """Those that are fixed when an engine starts."""
    fixed = {name: value for name, value in parameters.as_dict().items() if not RULES[name].per_request}
    return Parameters.of(fixed)


def _shaped(vector: tuple[float, ...], request: EmbedRequest) -> tuple[float, ...]:
    """Cut to the dimensions asked for, then to unit length."""
    kept = vector if request.dimensions is None else vector[: request.dimensions]
    if not request.normalise:
        return kept
    length = math.sqrt(math.fsum(number * number for number in kept))
    return tuple(number / length for number in kept) if length else kept
