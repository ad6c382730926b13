"""An engine that is to be kept comes back by itself when it ends; no other does."""

import asyncio
import math
import os
import signal
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.anyio
Start = Callable[..., Any]
Eventually = Callable[[Callable[[], bool], float], Awaitable[float]]
KEPT = {"keep_alive": math.inf}


async def crash(engines: Any, eventually: Eventually) -> None:
    for pid in (gone := engines.pids()):
        os.kill(pid, signal.SIGKILL)
    await eventually(lambda: not gone & engines.pids(), 60)


async def test_it_comes_back_with_nobody_asking(start: Start, tiny: Path, eventually: Eventually) -> None:
    engines = start()
    for user in ("mario", "luigi"):
        await engines.pool.load(engines.needs(tiny, user, **KEPT))
    await crash(engines, eventually)
    await eventually(lambda: len(engines.pids()) == 1, 60)
    await eventually(lambda: len(engines.pool.running()) == 2, 60)
    assert {each.expires_at for each in engines.pool.running()} == {None}


async def test_each_of_its_workers_does(start: Start, tiny: Path, eventually: Eventually) -> None:
    engines = start()
    for worker in (0, 1):
        await engines.pool.load(engines.needs(tiny, worker=worker, **KEPT))
    await crash(engines, eventually)
    await eventually(lambda: len(engines.pids()) == 2, 60)


async def test_one_that_is_not_to_be_kept_does_not(start: Start, tiny: Path, eventually: Eventually) -> None:
    engines = start()
    await engines.pool.load(engines.needs(tiny))
    await crash(engines, eventually)
    await asyncio.sleep(1.0)
    assert not engines.pids()


async def test_one_that_fails_again_and_again_rests_in_between(
    start: Start, tiny: Path, eventually: Eventually
) -> None:
    engines = start()
    await engines.pool.load(engines.needs(tiny, **KEPT))
    for _ in range(2):
        await crash(engines, eventually)
        await eventually(lambda: bool(engines.pids() and engines.pool.running()), 60)
    await crash(engines, eventually)
    await asyncio.sleep(0.5)
    assert not engines.pids()
    await eventually(lambda: bool(engines.pids() and engines.pool.running()), 60)


async def test_what_is_let_go_of_meanwhile_stays_away(
    start: Start, tiny: Path, eventually: Eventually
) -> None:
    engines = start()
    await engines.pool.load(engines.needs(tiny, **KEPT))
    for _ in range(2):
        await crash(engines, eventually)
        await eventually(lambda: bool(engines.pids() and engines.pool.running()), 60)
    await crash(engines, eventually)
    assert await engines.pool.unload("mario")
    await asyncio.sleep(2.5)
    assert not engines.pids()
    assert not await engines.pool.unload("mario")
