"""A text's vector is its own, whatever else the engine computes at the time."""

import asyncio
import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

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
