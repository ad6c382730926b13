"""Several answers at once: to one question, or to many.

Puts their events into one stream. Knows nothing of how an answer is made.
"""

import asyncio
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import TypeAlias

from modelwright.core.chat import ChatEvent, Done, TextDelta, Usage

AnswerEvents: TypeAlias = AsyncGenerator[ChatEvent, None]

_WAITING = 16
"""Events that may wait to be read before an answer has to."""


@dataclass(frozen=True, slots=True)
class Choice:
    """An event of the answer with this number."""

    index: int
    event: ChatEvent


async def several(
    answers: Sequence[AnswerEvents], *, per_prompt: int = 1
) -> AsyncGenerator[Choice | Done, None]:
    """Give the events of all answers as they come, then one Done for all of them.

    Each `per_prompt` of them answer one prompt, which is counted once. The first
    failure ends them all; so does closing the iterator.
    """
    events: asyncio.Queue[Choice | Exception | None] = asyncio.Queue(_WAITING)
    tasks = [asyncio.create_task(_pump(index, answer, events)) for index, answer in enumerate(answers)]
    took: dict[int, Usage] = {}
    running = len(tasks)
    try:
        while running:
            event = await events.get()
            if isinstance(event, Exception):
                raise event
            if event is None:
                running -= 1
                continue
            if isinstance(event.event, Done):
                took[event.index] = event.event.usage
            yield event
        yield Done("stop", _together(took, per_prompt))
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def best(groups: Sequence[Sequence[AnswerEvents]], keep: int) -> AsyncGenerator[Choice | Done, None]:
    """Of each group of answers give the `keep` that the model finds likeliest.

    All groups are of one size. They are compared by the mean logarithm of their tokens' probabilities, which
    the answers have to bring along.
    """
    flat = [answer for group in groups for answer in group]
    found: list[list[ChatEvent]] = [[] for _ in flat]
    total = Done("stop")
    async with aclosing(several(flat, per_prompt=len(groups[0]))) as events:
        async for event in events:
            if isinstance(event, Done):
                total = event
            else:
                found[event.index].append(event.event)
    start, index = 0, 0
    for group in groups:
        ranked = sorted(found[start : start + len(group)], key=_likelihood, reverse=True)
        start += len(group)
        for kept in ranked[:keep]:
            for event_kept in kept:
                yield Choice(index, event_kept)
            index += 1
    yield total


def _together(took: Mapping[int, Usage], per_prompt: int) -> Usage:
    """What several answers took; they ran at once, so the longest time counts."""
    total = Usage()
    for index, usage in took.items():
        is_first = index % per_prompt == 0
        total = replace(
            total,
            prompt_tokens=total.prompt_tokens + usage.prompt_tokens * is_first,
            completion_tokens=total.completion_tokens + usage.completion_tokens,
            cached_tokens=total.cached_tokens + usage.cached_tokens * is_first,
            total_ns=max(total.total_ns, usage.total_ns),
            load_ns=max(total.load_ns, usage.load_ns),
            prompt_ns=total.prompt_ns + usage.prompt_ns,
            completion_ns=total.completion_ns + usage.completion_ns,
        )
    return total


async def _pump(index: int, answer: AnswerEvents, events: "asyncio.Queue[Choice | Exception | None]") -> None:
    try:
        async with aclosing(answer) as pieces:
            async for piece in pieces:
                await events.put(Choice(index, piece))
    except Exception as error:  # handed over to whoever reads
        await events.put(error)
    else:
        await events.put(None)


def _likelihood(events: Sequence[ChatEvent]) -> float:
    tokens = [token for event in events if isinstance(event, TextDelta) for token in event.logprobs]
    if not tokens:
        return float("-inf")
    return sum(token.chosen.logprob for token in tokens) / len(tokens)
