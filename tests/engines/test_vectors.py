"""A text's vector is its own, whatever else the engine computes at the time."""

import asyncio
import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from modelwright.engines.abandoned import PATIENCE

pytestmark = pytest.mark.anyio
Start = Callable[..., Any]

TEXTS = [f"{'word ' * length}end {length}" for length in (0, 3, 1, 30, 7, 120, 2, 60)]


def cosine(one: Sequence[float], other: Sequence[float]) -> float:
    return math.fsum(first * second for first, second in zip(one, other, strict=True))


async def vector(engines: Any, needs: Any, *texts: str) -> list[Sequence[float]]:
    found = (await engines.pool.embed(needs, list(texts), truncate=False)).vectors
    return [[number / math.hypot(*each) for number in each] for each in found]


async def test_it_is_the_same_alone_in_a_list_and_beside_others(start: Start, tiny: Path) -> None:
    engines = start(parallel=4)
    needs = engines.needs(tiny)
    alone = [(await vector(engines, needs, text))[0] for text in TEXTS]
    in_a_list = await vector(engines, needs, *TEXTS)
    at_once = await asyncio.gather(*(vector(engines, needs, text) for text in TEXTS * 4))
    for found in (in_a_list, [each[0] for each in at_once]):
        for number, one in enumerate(found):
            assert cosine(one, alone[number % len(TEXTS)]) > 0.9999, TEXTS[number % len(TEXTS)]


async def test_it_is_its_own(start: Start, tiny: Path) -> None:
    engines = start()
    one, other = await vector(engines, engines.needs(tiny), TEXTS[0], TEXTS[1])
    assert cosine(one, other) < 0.9999


LONG = "word " * 780
"""One batch of seconds, for `slow`."""


async def test_an_engine_that_works_for_nobody_is_ended_and_the_next_client_served(
    start: Start, slow: Path, eventually: Any
) -> None:
    engines = start(parallel=1)
    needs = engines.needs(slow, context=4096)
    await vector(engines, needs, "a short text")
    (busy,) = engines.pids()
    leaving = asyncio.create_task(vector(engines, needs, LONG))
    await asyncio.sleep(0.3)
    leaving.cancel()
    await eventually(lambda: busy not in engines.pids(), 60)
    for _ in range(4):  # an end of this kind is no crash, or the fourth would be refused
        assert await vector(engines, needs, "a short text")


async def test_a_client_that_leaves_a_short_text_ends_no_engine(start: Start, tiny: Path) -> None:
    engines = start()
    needs = engines.needs(tiny)
    await vector(engines, needs, "a short text")
    leaving = asyncio.create_task(vector(engines, needs, "another text"))
    await asyncio.sleep(0)
    leaving.cancel()
    pids = engines.pids()
    await asyncio.sleep(PATIENCE + 1)
    assert engines.pids() == pids


async def test_who_still_waits_keeps_a_busy_engine(start: Start, slow: Path) -> None:
    engines = start(parallel=1)
    needs = engines.needs(slow, context=4096)
    expected = await vector(engines, needs, "a short text")
    pids = engines.pids()
    leaving = asyncio.create_task(vector(engines, needs, LONG))
    await asyncio.sleep(0.3)
    waiting = asyncio.create_task(vector(engines, needs, "a short text"))
    await asyncio.sleep(0)
    leaving.cancel()
    assert cosine((await waiting)[0], expected[0]) > 0.9999
    assert engines.pids() == pids
