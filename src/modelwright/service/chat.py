"""Chat: answer with a model; also generate, embed, load and unload.

Resolves the model for each request, so that neither its system prompt nor its
parameters are ever part of an engine. Knows no engine, only the port.
"""

import math
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import replace
from functools import partial
from typing import Literal

from modelwright.core.chat import (
    AnswerOptions,
    ChatEvent,
    ChatRequest,
    Done,
    Embeddings,
    EmbedRequest,
    GenerateRequest,
    Message,
    Ranking,
    RerankRequest,
    TextDelta,
    ToolCall,
    Usage,
)
from modelwright.core.context_length import context_length
from modelwright.core.engine_ports import EngineNeeds, Engines
from modelwright.core.errors import ContextExceeded, NotFound, Unsupported
from modelwright.core.grants import LOCAL_ADMIN, Principal, Verb
from modelwright.core.lineage import ResolvedSpec
from modelwright.core.names import Name
from modelwright.core.parameters import RULES, Parameters
from modelwright.core.ports import Clock
from modelwright.core.revision import StoredModel
from modelwright.core.sounds import sound_format
from modelwright.core.weights import WeightFacts
from modelwright.service.answering import continued, identified
from modelwright.service.audit import Ledger, noted
from modelwright.service.constants import Constants
from modelwright.service.models import Models
from modelwright.service.prompts import Prompt, Prompts, Ready
from modelwright.service.resolver import Resolver
from modelwright.service.views import RunningView


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
        self._constants = Constants(resolver.templates, clock)
        self._prompts = Prompts(resolver.templates, engines, clock)

    async def chat(self, principal: Principal, request: ChatRequest) -> AsyncGenerator[ChatEvent, None]:
        """Continue a conversation; without messages, load or unload the model."""
        ready = await self._prepare(principal, request, "chat")
        options = _able(ready, request)
        if not request.messages:
            yield await self._load_or_unload(ready.needs)
            return
        prompt = await self._conversation(ready, request, options)
        async with aclosing(noted(self._answer(ready, prompt, options), ready.note)) as events:
            async for event in events:
                yield event

    async def generate(
        self, principal: Principal, request: GenerateRequest
    ) -> AsyncGenerator[ChatEvent, None]:
        """Answer one prompt; without one, load or unload the model.

        A model's few-shot messages do not take part (Ollama, routes.go).
        """
        ready = await self._prepare(principal, request, "chat")
        options = _able(ready, request)
        if not (request.prompt or request.suffix or (request.raw and request.context)):
            yield await self._load_or_unload(ready.needs)
            return
        prompt = await self._prompts.of_question(ready, request, options)
        if request.echo:
            yield await self._repeated(ready, request)
        async with aclosing(noted(self._answer(ready, prompt, options), ready.note)) as events:
            async for event in events:
                yield event

    async def render(self, principal: Principal, request: ChatRequest | GenerateRequest) -> str:
        """The text that an engine would be given to continue."""
        ready, options, prompt = await self._asked(principal, request)
        prompt = await self._prompts.fitted(ready, prompt, options)
        return await self._prompts.text(ready, prompt, options)

    async def tokenize(
        self, principal: Principal, model: str, texts: Sequence[str]
    ) -> tuple[tuple[int, ...], ...]:
        """The tokens of each text, as a prompt of the model would begin with them."""
        ready = await self._prepare(principal, ChatRequest(model, ()), "chat")
        return await self._engines.tokenize(ready.needs, texts)

    async def count_tokens(self, principal: Principal, request: ChatRequest | GenerateRequest) -> int:
        """The tokens that a request would give the model to read; nothing is left out."""
        ready, options, prompt = await self._asked(principal, request)
        return await self._prompts.count(ready, prompt, options)

    async def embed(self, principal: Principal, request: EmbedRequest) -> Embeddings:
        """Turn texts into vectors, of unit length unless asked otherwise."""
        ready = await self._prepare(principal, request, "embed")
        if not request.inputs:
            return Embeddings((), Usage(load_ns=await self._engines.load(ready.needs)))
        found = await self._engines.embed(ready.needs, request.inputs, truncate=request.truncate)
        ready.note(found.usage.prompt_tokens, 0)
        if request.dimensions is None and not request.normalise:
            return found
        vectors = tuple(_shaped(vector, request) for vector in found.vectors)
        return Embeddings(vectors, found.usage)

    async def warm(self, principal: Principal, model: str) -> int:
        """Compute what all prompts of a model begin with; gives its tokens."""
        ready = await self._prepare(principal, ChatRequest(model, ()), "chat")
        options = _able(ready, ChatRequest(model, ()))
        return await self._engines.warm(await self._constants.needs_at_first(ready, options), options)

    async def rerank(self, principal: Principal, request: RerankRequest) -> Ranking:
        """Say how well each document answers the query."""
        ready = await self._prepare(principal, request, "rerank")
        found = await self._engines.rerank(ready.needs, request.query, request.documents)
        ready.note(found.usage.prompt_tokens, 0)
        return found

    async def unload(self, principal: Principal, model: str) -> bool:
        """Let go of a model's engines; False when it held none."""
        stored, _ = await self._resolver.find(principal, model, Verb.USE)
        return await self._engines.unload(str(stored.name))

    def count(self, principal: Principal, model: StoredModel, revision: int, deployment: str) -> None:
        """Count a use of a model that no engine answered, and no tokens."""
        self._ledger.note(principal, model, revision, 0, 0, deployment=deployment)

    async def forget(self, model: Name) -> None:
        """Let go of the engines of a model that is not there any more."""
        await self._engines.unload(str(model))

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

    async def room(self, principal: Principal, model: str) -> int:
        """Tokens for prompt and answer of a request that does not say; 0 without a base."""
        stored, revision = await self._resolver.find(principal, model, Verb.USE)
        resolved = await self._resolver.resolve(principal, revision, stored, lenient=True)
        facts = await self._resolver.facts(resolved.base)
        if facts is None:
            return 0
        return context_length(resolved.parameters, self._context_length, facts.context_length)

    async def _prepare(
        self,
        principal: Principal,
        request: ChatRequest | GenerateRequest | EmbedRequest | RerankRequest,
        kind: Literal["chat", "embed", "rerank"],
    ) -> Ready:
        stored, revision = await self._resolver.find(principal, request.model, Verb.USE)
        resolved = await self._resolver.resolve(principal, revision, stored)
        facts = await self._resolver.facts(resolved.base)
        if resolved.base is None or facts is None:
            raise NotFound("base of model", request.model, hint="Create or restore the base first")
        name, (scope, asker) = stored.name, _apart(principal, stored.id)
        _check_kind(kind, name.short, facts)
        usual = request.usual if isinstance(request, ChatRequest) else Parameters()
        parameters = usual.merged(resolved.parameters).merged(request.parameters)
        # In one order, so that models with the same adapters share an engine.
        adapters = sorted(resolved.adapters, key=lambda adapter: adapter.digest)
        needs = EngineNeeds(
            user=str(name),
            base=resolved.base,
            context=context_length(parameters, self._context_length, facts.context_length),
            kind=kind,
            adapters=tuple(adapter.digest for adapter in adapters),
            scales=tuple(adapter.scale for adapter in adapters),
            pooled=facts.pooled,
            projector=resolved.projector if kind == "chat" else None,
            start_parameters=_start_parameters(parameters),
            keep_alive=request.keep_alive,
            cache_bytes=facts.cache_bytes_per_token,
            scope=scope,
            asker=asker,
            worker=request.worker,
        )
        abilities = self._resolver.templates.abilities(
            resolved, facts, await self._resolver.facts(resolved.projector)
        )
        note = partial(self._ledger.note, principal, stored, revision.number, deployment=request.deployment)
        return Ready(resolved, facts, needs, parameters, name, abilities, note)

    async def _repeated(self, ready: Ready, request: GenerateRequest) -> TextDelta:
        """The prompt, with the chances of its tokens where they are asked for."""
        top, prompt = request.options.logprobs, request.prompt or request.context
        if top is None and isinstance(prompt, str):
            return TextDelta(prompt)
        tokens = await self._engines.score(ready.needs, prompt, top=top or 0)
        content = b"".join(each.chosen.content or each.chosen.text.encode() for each in tokens)
        text = prompt if isinstance(prompt, str) else content.decode("utf-8", "replace")
        return TextDelta(text, tokens if top is not None else ())

    async def _load_or_unload(self, needs: EngineNeeds) -> Done:
        if needs.keep_alive == 0:
            await self._engines.unload(needs.user)
            return Done("unload")
        took = await self._engines.load(needs)
        return Done("load", Usage(total_ns=took, load_ns=took))

    async def _asked(
        self, principal: Principal, request: ChatRequest | GenerateRequest
    ) -> tuple[Ready, AnswerOptions, Prompt]:
        ready = await self._prepare(principal, request, "chat")
        options = _able(ready, request)
        if isinstance(request, ChatRequest):
            return ready, options, await self._conversation(ready, request, options)
        return ready, options, await self._prompts.of_question(ready, request, options)

    async def _conversation(self, ready: Ready, request: ChatRequest, options: AnswerOptions) -> Prompt:
        messages = _conversation(ready.resolved, request.messages)
        return await self._prompts.of_conversation(ready, messages, options)

    async def _answer(
        self, ready: Ready, prompt: Prompt, options: AnswerOptions
    ) -> AsyncGenerator[ChatEvent, None]:
        """The answer; when the prompt turns out too long, to what there is room for."""
        ready = replace(ready, needs=await self._constants.needs(ready, prompt, options))
        try:
            async with aclosing(self._said(ready, prompt, options)) as events:
                async for event in events:
                    yield event
            return
        except ContextExceeded as error:  # only ever before the first event
            prompt = await self._prompts.trimmed(ready, prompt, options, error)
        async with aclosing(self._said(ready, prompt, options)) as events:
            async for event in events:
                yield event

    def _said(self, ready: Ready, prompt: Prompt, options: AnswerOptions) -> AsyncGenerator[ChatEvent, None]:
        if isinstance(prompt.content, str):
            return continued(self._engines, ready.needs, prompt, options)
        return _named_calls(self._engines.chat(ready.needs, prompt.content, prompt.parameters, options))


def _apart(principal: Principal, model: int) -> tuple[str, str]:
    """Whose computed prefixes are; one user alone shares them among all models."""
    return ("", "") if principal == LOCAL_ADMIN else (str(model), principal.id)


def _check_kind(kind: str, name: str, facts: WeightFacts) -> None:
    """Raise Unsupported for what weights of this kind are not made for."""
    use = f"It is made for: {', '.join(facts.capabilities)}"
    if kind == "chat" and "completion" not in facts.capabilities:
        hint = "Embed with it" if "embedding" in facts.capabilities else use
        raise Unsupported(f'"{name}" does not support chat', field="model", hint=hint)
    if kind == "embed" and facts.ranks:
        raise Unsupported(f'"{name}" does not support embeddings', field="model", hint=use)
    if kind == "rerank" and not facts.ranks:
        hint = f"Its weights have no head that ranks. {use}"
        raise Unsupported(f'"{name}" does not support reranking', field="model", hint=hint)


async def _named_calls(events: AsyncGenerator[ChatEvent, None]) -> AsyncGenerator[ChatEvent, None]:
    async with aclosing(events):
        async for event in events:
            yield identified(event) if isinstance(event, ToolCall) else event


def _able(ready: Ready, request: ChatRequest | GenerateRequest) -> AnswerOptions:
    """The options, with what the model does by itself; Unsupported for what it cannot.

    A model that can think does, unless told otherwise (Ollama, server/routes.go).
    """
    options, able = request.options, ready.abilities
    if options.tools and options.tool_choice.mode == "none":
        options = replace(options, tools=())
    if options.tools and "tools" not in able:
        raise Unsupported(f"{ready.name.full} does not support tools", field="tools")
    if options.think and "thinking" not in able:
        raise Unsupported(f'"{ready.name.short}" does not support thinking', field="think")
    media = _media_of(request)
    heard = [each for each in media if sound_format(each)]
    if heard and "audio" not in able:
        text = f"{ready.name.full} does not support audio: no projector of it hears"
        raise Unsupported(text, field="audio", hint="Ask a model whose abilities have audio among them")
    if len(media) > len(heard) and "vision" not in able:
        raise Unsupported(f"{ready.name.full} does not support images: it has no projector", field="images")
    raw = isinstance(request, GenerateRequest) and (request.raw or request.suffix)
    if raw or "thinking" not in able:
        return replace(options, think=None)
    return replace(options, think=True) if options.think is None else options


def _media_of(request: ChatRequest | GenerateRequest) -> Sequence[bytes]:
    if isinstance(request, GenerateRequest):
        return request.images
    return [each for message in request.messages for each in message.images]


def _conversation(resolved: ResolvedSpec, asked: Sequence[Message]) -> list[Message]:
    """System text, then the model's few-shot messages, then the request's.

    A request that begins with a system message replaces the model's own.
    """
    turns = list(asked)
    system = [turns.pop(0)] if turns and turns[0].role == "system" else []
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
