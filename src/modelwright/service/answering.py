"""Answering: what an engine says to a text, told as thoughts, calls and answer.

For prompts that were rendered here: what the engine continues is only text to it.
Where an answer must be of a form and the model thinks before it, it is asked twice,
since a thought has no form (Ollama, server/routes.go); so it is where a thought may
have so many tokens and no more.
"""

import secrets
from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing
from dataclasses import replace

from modelwright.core.chat import (
    PLAIN,
    AnswerFormat,
    AnswerOptions,
    ChatEvent,
    Done,
    TextDelta,
    ThinkingDelta,
    TokenLogprob,
    ToolCall,
    Usage,
)
from modelwright.core.engine_ports import EngineNeeds, Engines
from modelwright.core.forced_call import as_call, call_form, is_forced
from modelwright.core.parameters import Parameters
from modelwright.core.thinking import ThinkingParser
from modelwright.core.tool_parser import ToolParser
from modelwright.service.prompts import Prompt


class Reading:
    """Reads one answer; `options.tools` are called with `prompt.call_tag` before them."""

    def __init__(self, prompt: Prompt, options: AnswerOptions, text: str) -> None:
        opening, closing = prompt.thinking_tags
        self.thinks = bool(opening and closing and options.think)
        begun = self.thinks and text.rstrip().endswith(opening)
        self.thoughts = ThinkingParser(opening, closing, begun=begun) if self.thinks else None
        self._tools = ToolParser(prompt.call_tag, options.tools) if prompt.call_tag else None
        self._logprobs: list[TokenLogprob] = []

    def read(self, delta: TextDelta) -> Iterator[ChatEvent]:
        """What a piece of text says; the chances of what is held come with the next."""
        self._logprobs.extend(delta.logprobs)
        content = delta.text
        if self.thoughts is not None:
            found = self.thoughts.add(content)
            content = found.content
            if found.thinking:
                yield ThinkingDelta(found.thinking)
        yield from self._said(content)

    def finish(self) -> Iterator[ChatEvent]:
        """What was held when the answer ended."""
        if self.thoughts is not None:
            found = self.thoughts.finish()
            if found.thinking:
                yield ThinkingDelta(found.thinking)
            yield from self._said(found.content)
        held = self._tools.finish() if self._tools is not None else ""
        if held or self._logprobs:
            yield self._delta(held)

    def _said(self, content: str) -> Iterator[ChatEvent]:
        calls: list[ToolCall] = []
        if self._tools is not None and content:
            content, calls = self._tools.add(content)
        if content:
            yield self._delta(content)
        for call in calls:
            yield identified(call)

    def _delta(self, text: str) -> TextDelta:
        logprobs, self._logprobs = tuple(self._logprobs), []
        return TextDelta(text, logprobs)


async def continued(
    engines: Engines, needs: EngineNeeds, prompt: Prompt, options: AnswerOptions
) -> AsyncGenerator[ChatEvent, None]:
    """Answer a prompt that is a text."""
    text, spent = str(prompt.content), Usage()
    wanted = _form(options)
    reading = Reading(prompt, options, text)
    if reading.thinks and (wanted is not None or options.thinking_budget is not None):
        thought: list[str] = []
        thinker, cut = _within_budget(prompt, options)
        async with aclosing(_thinking(engines, needs, thinker, options, reading)) as events:
            async for event in events:
                if isinstance(event, Done):
                    if event.reason == "length" and not cut:
                        yield event
                        return
                    spent = event.usage
                    prompt = _without(prompt, spent.completion_tokens)
                    continue
                if isinstance(event, ThinkingDelta):
                    thought.append(event.text)
                yield event
        opening, closing = prompt.thinking_tags
        begin = "" if text.rstrip().endswith(opening) else opening
        if thought:
            text = f"{text}{begin}{''.join(thought)}{closing}\n\n"
        reading = Reading(replace(prompt, thinking_tags=("", "")), options, text)
    if is_forced(options):
        reading = Reading(Prompt(text, prompt.parameters), options, text)
    form = replace(PLAIN, format=wanted, logprobs=options.logprobs, logit_bias=options.logit_bias)
    form = replace(form, shift=options.shift, returns_context=options.returns_context)
    answer = _told(engines, needs, replace(prompt, content=text), form, reading)
    async with aclosing(as_call(answer) if is_forced(options) else answer) as events:
        async for event in events:
            if isinstance(event, ToolCall):
                yield identified(event)
            else:
                yield replace(event, usage=_sum(spent, event.usage)) if isinstance(event, Done) else event


def _within_budget(prompt: Prompt, options: AnswerOptions) -> tuple[Prompt, bool]:
    """The prompt whose answer ends with the budget, and whether that comes first."""
    budget, most = options.thinking_budget, prompt.parameters.get("num_predict")
    if budget is None or (isinstance(most, int) and 0 <= most <= budget):
        return prompt, False
    return replace(prompt, parameters=prompt.parameters.merged(Parameters.of({"num_predict": budget}))), True


def _without(prompt: Prompt, spent: int) -> Prompt:
    """The prompt for the rest of an answer of which so many tokens are there."""
    most = prompt.parameters.get("num_predict")
    if not isinstance(most, int) or most < 0:
        return prompt
    left = Parameters.of({"num_predict": max(most - spent, 1)})
    return replace(prompt, parameters=prompt.parameters.merged(left))


async def _thinking(
    engines: Engines, needs: EngineNeeds, prompt: Prompt, options: AnswerOptions, reading: Reading
) -> AsyncGenerator[ChatEvent, None]:
    """The thought before an answer, ended by Done when the answer would begin."""
    free = replace(PLAIN, shift=options.shift, logit_bias=options.logit_bias)
    count = 0
    events = engines.complete(needs, str(prompt.content), prompt.parameters, free, images=prompt.images)
    async with aclosing(events):
        async for event in events:
            if isinstance(event, TextDelta):
                count += 1
                for found in reading.read(event):
                    if isinstance(found, ThinkingDelta):
                        yield found
                if reading.thoughts is not None and reading.thoughts.is_over:
                    yield Done("stop", Usage(completion_tokens=count))
                    return
            elif isinstance(event, Done):
                held = reading.thoughts.finish().thinking if reading.thoughts is not None else ""
                if held:
                    yield ThinkingDelta(held)
                yield event


async def _told(
    engines: Engines, needs: EngineNeeds, prompt: Prompt, options: AnswerOptions, reading: Reading
) -> AsyncGenerator[ChatEvent, None]:
    """An answer, read."""
    events = engines.complete(
        needs,
        str(prompt.content),
        prompt.parameters,
        options,
        images=prompt.images,
        context=prompt.context,
    )
    async with aclosing(events):
        async for event in events:
            for found in reading.read(event) if isinstance(event, TextDelta) else reading.finish():
                yield found
            if not isinstance(event, TextDelta):
                yield event


def identified(call: ToolCall) -> ToolCall:
    """The call with an id, which who answers it repeats."""
    return call if call.id else replace(call, id=f"call_{secrets.token_hex(4)}")


def _form(options: AnswerOptions) -> AnswerFormat | None:
    """The form an answer must have: the wanted one, or that of a forced call."""
    return call_form(options.tools, options.tool_choice) if is_forced(options) else options.format


def _sum(one: Usage, other: Usage) -> Usage:
    """Both parts of an answer that was asked for twice; the prompt counts once."""
    return replace(
        other,
        completion_tokens=one.completion_tokens + other.completion_tokens,
        total_ns=one.total_ns + other.total_ns,
        load_ns=one.load_ns + other.load_ns,
        prompt_ns=one.prompt_ns + other.prompt_ns,
        completion_ns=one.completion_ns + other.completion_ns,
    )
