"""Prompts: from a conversation to what an engine is to continue.

Either a text, made with the model's own prompt template, or messages for the one in
the weights. Knows which of the messages a context has room for; asks an engine only
how many tokens a text has.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Final

import orjson

from modelwright.core.chat import AnswerOptions, GenerateRequest, Message
from modelwright.core.control_tokens import as_text
from modelwright.core.engine_ports import EngineNeeds, Engines
from modelwright.core.errors import ContextExceeded, Unsupported
from modelwright.core.lineage import ResolvedSpec
from modelwright.core.names import Name
from modelwright.core.parameters import Parameters
from modelwright.core.ports import Clock
from modelwright.core.prompt_template.known import control_stops, format_stops
from modelwright.core.prompt_template.prompt import PromptTemplate
from modelwright.core.prompt_template.trimming import count_dropped, tag_images, without_oldest
from modelwright.core.prompt_template.turns import Turn
from modelwright.core.renderers import PARSERS
from modelwright.core.thinking import CLOSING, OPENING, without_old_thoughts
from modelwright.core.weights import WeightFacts
from modelwright.service.templates import Templates

TOKENS_PER_IMAGE: Final = 768
"""What an image is taken to need (Ollama, server/prompt.go)."""
_OUTSIDERS: Final = ("user", "tool")
"""Who could pass off words of their own as the system's."""
_SPECIAL_TOKENS: Final = 8
_TRIALS: Final = 8
"""How often a conversation is rendered again, at most, until it fits."""


@dataclass(frozen=True, slots=True)
class Ready:
    """A request's model, resolved: what it is and which engine it needs."""

    resolved: ResolvedSpec
    facts: WeightFacts
    needs: EngineNeeds
    parameters: Parameters
    name: Name
    abilities: tuple[str, ...] = ()
    note: Callable[[int, int], None] = lambda read, written: None
    """Told, at the end, the tokens that were read and written."""


@dataclass(frozen=True, slots=True)
class Prompt:
    """What an engine continues: a text, or messages for the template in the weights.

    `thinking_tags` and `call_tag` are what to look for in an answer to a text;
    `context` as in GenerateRequest.
    """

    content: str | Sequence[Message]
    parameters: Parameters
    images: tuple[bytes, ...] = ()
    thinking_tags: tuple[str, str] = ("", "")
    call_tag: str = ""
    context: tuple[int, ...] = ()
    messages: tuple[Message, ...] = field(default=())


class Prompts:
    """Makes prompts; `engines` render what is theirs, and count."""

    def __init__(self, templates: Templates, engines: Engines, clock: Clock) -> None:
        self._templates = templates
        self._engines = engines
        self._clock = clock

    async def of_conversation(
        self, ready: Ready, messages: Sequence[Message], options: AnswerOptions, text: str | None = None
    ) -> Prompt:
        """Messages through the model's own template; as they are when it has none."""
        template = self._templates.chosen(ready.resolved, ready.facts) if text is None else text
        kept = without_old_thoughts(messages, family=ready.facts.architecture, model=ready.name.model)
        kept = [
            replace(each, content=as_text(each.content)) if each.role in _OUTSIDERS else each for each in kept
        ]
        if not template:
            parameters = _with_stops(ready.parameters, control_stops(ready.facts.chat_template))
            return Prompt(kept, parameters, messages=tuple(kept))
        return await self._templated(ready, kept, options, self._templates.read(template))

    async def of_question(self, ready: Ready, request: GenerateRequest, options: AnswerOptions) -> Prompt:
        """A prompt of its own, with what the request says instead of the model."""
        if request.raw:
            return Prompt(request.prompt, ready.parameters, request.images, context=request.context)
        chosen = self._templates.chosen(ready.resolved, ready.facts)
        text = chosen if request.template is None else request.template
        if request.suffix:
            return await self._insert(ready, request, text, options)
        system = ready.resolved.system if request.system is None else request.system
        turns = [Message("system", system)] if system else []
        turns.append(Message("user", request.prompt, images=request.images))
        prompt = await self.of_conversation(ready, turns, options, text)
        if not request.context:
            return prompt
        if isinstance(prompt.content, str):
            return replace(prompt, context=request.context, messages=())
        rendered = await self._engines.render(ready.needs, prompt.content, options)
        tags = (OPENING, CLOSING) if options.think is not None else ("", "")
        return Prompt(rendered, prompt.parameters, request.images, tags, context=request.context)

    async def trimmed(
        self, ready: Ready, prompt: Prompt, options: AnswerOptions, error: ContextExceeded
    ) -> Prompt:
        """The prompt without its oldest messages; raises `error` when none can go.

        Each message is counted once, all in one question. What else a template
        writes is shared out among them, so a second rendering is nearly always right.
        """
        if not options.truncate or not prompt.messages:
            raise error
        costs = await self._costs(ready, prompt.messages)
        shared = max(error.tokens - sum(costs), 0) // len(costs)
        costs = [cost + shared for cost in costs]
        tokens, dropped = error.tokens, 0
        for trial in range(_TRIALS):
            excess = tokens - ready.needs.context + 1 if trial < _TRIALS - 1 else tokens * len(costs)
            dropped = count_dropped(prompt.messages, costs, excess, dropped)
            kept = without_oldest(prompt.messages, dropped)
            if len(kept) == len(prompt.messages):
                raise error
            found = await self._again(ready, prompt, kept, options)
            tokens = await self.count(ready, found, options)
            if tokens < ready.needs.context:
                return found
        raise error

    async def count(self, ready: Ready, prompt: Prompt, options: AnswerOptions) -> int:
        """The tokens of a prompt, its images too."""
        text = await self.text(ready, prompt, options)
        (tokens,) = await self._engines.tokenize(ready.needs, (text,))
        images = prompt.images or [image for message in prompt.messages for image in message.images]
        return len(prompt.context) + len(tokens) + TOKENS_PER_IMAGE * len(images)

    async def text(self, ready: Ready, prompt: Prompt, options: AnswerOptions) -> str:
        """What the engine continues, as text."""
        if isinstance(prompt.content, str):
            return prompt.content
        return await self._engines.render(ready.needs, prompt.content, options)

    async def fitted(self, ready: Ready, prompt: Prompt, options: AnswerOptions) -> Prompt:
        """The prompt, trimmed if need be, without an answer's being asked for."""
        if isinstance(prompt.content, str):
            size = len(prompt.content.encode()) + TOKENS_PER_IMAGE * len(prompt.images)
            if size + _SPECIAL_TOKENS < ready.needs.context:
                return prompt  # no token is shorter than a byte
        tokens = await self.count(ready, prompt, options)
        if tokens < ready.needs.context or not options.truncate or len(prompt.messages) < 2:
            return prompt
        return await self.trimmed(ready, prompt, options, ContextExceeded(tokens, ready.needs.context))

    async def _again(
        self, ready: Ready, prompt: Prompt, kept: Sequence[Message], options: AnswerOptions
    ) -> Prompt:
        if isinstance(prompt.content, str):
            chosen = self._templates.chosen(ready.resolved, ready.facts)
            return await self._templated(ready, kept, options, self._templates.read(chosen))
        return replace(prompt, content=kept, messages=tuple(kept))

    async def _costs(self, ready: Ready, messages: Sequence[Message]) -> list[int]:
        texts = [message.content + message.thinking + _calls_text(message) for message in messages]
        counts = await self._engines.count(ready.needs, texts)
        return [
            count + TOKENS_PER_IMAGE * len(message.images)
            for count, message in zip(counts, messages, strict=True)
        ]

    async def _templated(
        self, ready: Ready, messages: Sequence[Message], options: AnswerOptions, template: PromptTemplate
    ) -> Prompt:
        turns = [_turn(message) for message in messages]
        images: list[bytes] = []
        if any(turn.images for turn in turns):
            turns, images = tag_images(turns)
        # In a thread, since a template may take a second over a very long conversation.
        rendered = await asyncio.to_thread(
            template.render, turns, self._today(), tools=options.tools, think=options.think
        )
        thinking_tags, call_tag = _marks(template, ready.resolved.parser)
        return Prompt(
            rendered,
            _with_stops(ready.parameters, format_stops(template.text)),
            tuple(images),
            thinking_tags if options.think else ("", ""),
            call_tag if options.tools else "",
            messages=tuple(messages),
        )

    async def _insert(
        self, ready: Ready, request: GenerateRequest, text: str, options: AnswerOptions
    ) -> Prompt:
        if not text and ready.facts.infill_tokens:
            return await self._filled_in(ready, request, ready.facts.infill_tokens)
        template = self._templates.read(text)
        if "insert" not in template.capabilities:
            raise Unsupported(f"{ready.name.full} does not support insert", field="suffix")
        rendered = template.render_insert(request.prompt, request.suffix, self._today(), think=options.think)
        parameters = _with_stops(ready.parameters, format_stops(template.text))
        return Prompt(rendered, parameters, request.images, context=request.context)

    async def _filled_in(self, ready: Ready, request: GenerateRequest, marks: tuple[int, int, int]) -> Prompt:
        """What is before, what is after, then the answer.

        Source: llama.cpp, tools/server, format_prompt_infill.
        """
        texts = ("", request.prompt, request.suffix)
        opening, before, after = await self._engines.tokenize(ready.needs, texts)
        pre, suf, mid = marks
        tokens = (*opening, pre, *before[len(opening) :], suf, *after[len(opening) :], mid)
        return Prompt("", ready.parameters, context=(*request.context, *tokens))

    def _today(self) -> date:
        return self._clock.now().astimezone().date()


def _marks(template: PromptTemplate, parser: str) -> tuple[tuple[str, str], str]:
    """What stands around thoughts, and before calls, in an answer to a template.

    A parser that the model names decides whether there are any (Ollama,
    server/routes.go); the template tells what they look like.
    """
    thinking_tags, call_tag = template.thinking_tags, template.call_tag
    wanted = PARSERS.get(parser)
    if wanted is None:
        return thinking_tags, call_tag
    thoughts = (thinking_tags if all(thinking_tags) else (OPENING, CLOSING)) if wanted.thinking else ("", "")
    return thoughts, call_tag if wanted.tools else ""


def _turn(message: Message) -> Turn:
    return Turn(
        message.role,
        message.content,
        message.thinking,
        message.images,
        message.tool_calls,
        message.tool_name,
        message.tool_call_id,
    )


def _calls_text(message: Message) -> str:
    return "".join(call.name + orjson.dumps(dict(call.arguments)).decode() for call in message.tool_calls)


def _with_stops(parameters: Parameters, stops: tuple[str, ...]) -> Parameters:
    """With the stop texts of a known format, unless somebody named others."""
    if not stops or parameters.get("stop") is not None:
        return parameters
    return parameters.merged(Parameters.of({"stop": stops}))
