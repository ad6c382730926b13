"""Requests that need another engine each: whoever waits has a turn."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from modelwright.core.chat import Done, Message
from modelwright.core.parameters import Parameters

pytestmark = pytest.mark.anyio
Start = Callable[..., Any]
Eventually = Callable[[Callable[[], bool], float], Awaitable[float]]

ENDLESS = Parameters.of({"temperature": 0, "repeat_penalty": 1, "num_predict": 4000})
LONG = Parameters.of({"temperature": 0, "num_predict": 150})


@asynccontextmanager
async def answering(engines: Any, needs: Any) -> AsyncIterator[None]:
    """Meanwhile a model gives an answer that would take minutes."""
    events = engines.pool.chat(needs, (Message("user", "go on"),), ENDLESS)
    await anext(events)
    try:
        yield
    finally:
        await events.aclose()


async def asked(*coroutines: Any) -> list[asyncio.Task[Any]]:
    """Requests that came one after the other, and wait."""
    tasks = []
    for coroutine in coroutines:
        tasks.append(asyncio.create_task(coroutine))
        await asyncio.sleep(0.05)
    return tasks


async def test_a_request_is_not_held_up_by_one_that_was_overtaken(
    start: Start, slow: Path, tiny: Path
) -> None:
    engines = start(max_engines=1)
    async with answering(engines, engines.needs(slow)):
        waiting = await asked(
            engines.events(engines.needs(tiny)),
            engines.events(engines.needs(slow, context=2048)),
            engines.events(engines.needs(slow, context=3072)),
        )
    for events in await asyncio.wait_for(asyncio.gather(*waiting), 60):
        assert isinstance(events[-1], Done)


async def test_who_waits_has_a_turn_though_an_engine_is_never_idle(
    start: Start, slow: Path, tiny: Path
) -> None:
    engines = start(max_engines=1)
    await engines.pool.load(engines.needs(slow))
    answers = 0

    async def keep_busy() -> None:
        nonlocal answers
        while True:
            await engines.events(engines.needs(slow), LONG)
            answers += 1

    busy = [asyncio.create_task(keep_busy()) for _ in range(3)]
    await asyncio.sleep(0.2)
    events = await asyncio.wait_for(engines.events(engines.needs(tiny)), 60)
    assert isinstance(events[-1], Done)
    before = answers
    while answers == before:
        assert not any(task.done() for task in busy), "the busy model goes on after it"
        await asyncio.sleep(0.1)
    for task in busy:
        task.cancel()


async def test_what_comes_takes_the_place_of_an_engine_that_died(
    start: Start, slow: Path, tiny: Path, eventually: Eventually
) -> None:
    engines = start(max_engines=1)
    await engines.pool.load(engines.needs(tiny))
    async with answering(engines, engines.needs(tiny)):
        (pid,) = engines.pids()
        waiting = await asked(
            engines.events(engines.needs(slow)),
            engines.events(engines.needs(tiny, context=1280)),
        )
        os.kill(pid, signal.SIGKILL)
        await eventually(lambda: pid not in engines.pids(), 60)
        await asyncio.sleep(0.1)
        waiting += await asked(engines.events(engines.needs(tiny, context=1536)))
    for events in await asyncio.wait_for(asyncio.gather(*waiting), 60):
        assert isinstance(events[-1], Done)
    after = await engines.events(engines.needs(tiny, context=1536))
    assert after[-1].usage.load_ns == 0, "the larger one was not overtaken by the smaller"
