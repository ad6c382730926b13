"""Several answers as one stream."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing

import pytest

from modelwright.core.chat import ChatEvent, Done, TextDelta, TokenChance, TokenLogprob, Usage
from modelwright.core.errors import Unavailable
from modelwright.service.several import Choice, best, several

pytestmark = pytest.mark.anyio


async def says(*texts: str, logprob: float = -1.0) -> AsyncGenerator[ChatEvent, None]:
    for text in texts:
        await asyncio.sleep(0)
        yield TextDelta(text, (TokenLogprob(TokenChance(text, logprob)),))
    yield Done("stop", Usage(prompt_tokens=5, completion_tokens=len(texts)))


async def fails() -> AsyncGenerator[ChatEvent, None]:
    yield TextDelta("x")
    raise Unavailable("the engine died")


class Endless:
    """Never ends by itself; tells whether it was ended."""

    def __init__(self) -> None:
        self.ended = False

    async def events(self) -> AsyncGenerator[ChatEvent, None]:
        try:
            while True:
                await asyncio.sleep(0.001)
                yield TextDelta("x")
        finally:
            self.ended = True


async def test_each_answer_is_whole_and_all_are_counted() -> None:
    found = [event async for event in several([says("a", "b"), says("c")], per_prompt=2)]
    texts = {0: "", 1: ""}
    for event in found:
        if isinstance(event, Choice) and isinstance(event.event, TextDelta):
            texts[event.index] += event.event.text
    assert texts == {0: "ab", 1: "c"}
    assert found[-1] == Done("stop", Usage(prompt_tokens=5, completion_tokens=3))


async def test_many_prompts_count_each() -> None:
    *_, last = [event async for event in several([says("a"), says("c")])]
    assert isinstance(last, Done)
    assert last.usage.prompt_tokens == 10


async def test_one_failure_ends_all() -> None:
    endless = Endless()
    with pytest.raises(Unavailable, match="died"):
        [event async for event in several([endless.events(), fails()])]
    assert endless.ended


async def test_who_stops_listening_ends_all() -> None:
    endless = [Endless(), Endless()]
    async with aclosing(several([each.events() for each in endless])) as events:
        seen = set()
        async for event in events:
            assert isinstance(event, Choice)
            seen.add(event.index)
            if len(seen) == 2:
                break
    assert all(each.ended for each in endless)


async def test_the_likeliest_are_kept() -> None:
    groups = [
        [says("bad", logprob=-9), says("good", logprob=-0.1), says("fair", logprob=-1)],
        [says("x"), says("y", logprob=-0.5), says("z", logprob=-7)],
    ]
    found = [event async for event in best(groups, 2)]
    kept = [
        (each.index, each.event.text)
        for each in found
        if isinstance(each, Choice) and isinstance(each.event, TextDelta)
    ]
    assert kept == [(0, "good"), (1, "fair"), (2, "y"), (3, "x")]
    assert found[-1] == Done("stop", Usage(prompt_tokens=10, completion_tokens=6))
