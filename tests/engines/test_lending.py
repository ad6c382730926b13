"""Lending: training and serving share the memory; engines leave for a run, and come back."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from modelwright.core.errors import Unavailable, Unsupported
from modelwright.core.parameters import Parameters

Start = Callable[..., Any]
Eventually = Callable[[Callable[[], bool], float], Awaitable[float]]

pytestmark = pytest.mark.anyio

MEBIBYTE = 1024**2
SLOW_TOKEN = 12 * 768 * 2 * 2
"""Bytes of a token in the cache of `slow`: layers, width, keys and values, 16 bits."""
LONG = Parameters.of({"temperature": 0, "num_predict": 150})


async def test_an_idle_engine_leaves_for_a_run_and_comes_back_after_it(start: Start, slow: Path) -> None:
    engines = start(memory_bytes=300 * MEBIBYTE, parallel=1)
    needs = engines.needs(slow, context=1024, cache_bytes=SLOW_TOKEN)
    before = await engines.answer(needs)
    (pid,) = engines.pids()
    async with engines.pool.lent(250 * MEBIBYTE):
        assert engines.pids() == set()
    assert await engines.answer(needs) == before
    assert engines.pids() - {pid}


async def test_a_run_waits_for_an_answer_that_is_being_given(start: Start, slow: Path) -> None:
    engines = start(memory_bytes=300 * MEBIBYTE, parallel=1)
    needs = engines.needs(slow, context=1024, cache_bytes=SLOW_TOKEN)
    whole = await engines.answer(needs, LONG)
    answering = asyncio.create_task(engines.answer(needs, LONG))
    await asyncio.sleep(0.1)
    async with engines.pool.lent(250 * MEBIBYTE):
        assert answering.done()
    assert await answering == whole


async def test_a_run_that_leaves_room_disturbs_nobody(start: Start, slow: Path, tiny: Path) -> None:
    """What fits beside it is served; what does not is told why, and when to come again."""
    engines = start(memory_bytes=400 * MEBIBYTE, parallel=1)
    small = engines.needs(tiny, context=256)
    before, pids = await engines.answer(small), engines.pids()
    async with engines.pool.lent(250 * MEBIBYTE):
        assert engines.pids() == pids
        assert await engines.answer(small) == before
        large = engines.needs(slow, "luigi", context=4096, cache_bytes=SLOW_TOKEN)
        with pytest.raises(Unavailable, match="while a model is trained") as refused:
            await engines.answer(large)
        assert refused.value.retry_after == 60
    assert await engines.answer(large)


async def test_what_is_never_there_is_refused_and_nobody_leaves(start: Start, tiny: Path) -> None:
    engines = start(memory_bytes=300 * MEBIBYTE)
    await engines.answer(engines.needs(tiny, context=256))
    pids = engines.pids()
    with pytest.raises(Unsupported, match="300 MiB"):
        async with engines.pool.lent(301 * MEBIBYTE):
            pass
    assert engines.pids() == pids


async def test_a_run_that_gives_up_waiting_has_nothing(
    start: Start, slow: Path, eventually: Eventually
) -> None:
    engines = start(memory_bytes=300 * MEBIBYTE, parallel=1)
    needs = engines.needs(slow, context=1024, cache_bytes=SLOW_TOKEN)
    answering = asyncio.create_task(engines.answer(needs, LONG))
    await eventually(lambda: bool(engines.pids()), 60)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.2), engines.pool.lent(250 * MEBIBYTE):
            pass
    await answering
    assert await engines.answer(needs)
