"""Memory: estimated before a start, measured after it, given back when idle, never too much of it."""

import asyncio
import math
import os
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelwright.core.errors import Corrupt, ModelwrightError, Unsupported
from modelwright.core.parameters import Parameters
from modelwright.engines.memory import WORK_SPACE, Estimate, machine_memory, process_memory
from modelwright.engines.socket_folder import LOCK, PREFIX, SocketFolder, clear_leftovers

Start = Callable[..., Any]
Eventually = Callable[[Callable[[], bool], float], Awaitable[float]]

MEBIBYTE = 1024**2
SLOW_TOKEN = 12 * 768 * 2 * 2
"""Bytes of a token in the cache of `slow`: layers, width, keys and values, 16 bits."""
LONG = Parameters.of({"temperature": 0, "num_predict": 150})


def test_an_estimate_is_weights_and_cache_and_work_space() -> None:
    estimate = Estimate.of(1000, context=4096, token_bytes=100)
    assert estimate.total(4) == 1000 + 4 * 4096 * 100 + WORK_SPACE
    assert Estimate.of(1000, 4096, 100, "q8_0").cache == 4096 * 100 * 34 / 64


@given(
    weights=st.integers(1, 10**12),
    context=st.integers(16, 10**6),
    token=st.integers(1, 10**6),
    of=st.integers(1, 64),
)
def test_there_are_as_many_slots_as_fit(weights: int, context: int, token: int, of: int) -> None:
    estimate = Estimate.of(weights, context, token)
    assert estimate.slots_within(estimate.total(of), 256) == of
    assert estimate.slots_within(math.inf, of) == of
    with pytest.raises(Unsupported):
        estimate.slots_within(estimate.total(1) - 1, of)


def test_of_a_cache_that_is_not_known_nothing_is_refused() -> None:
    estimate = Estimate.of(100 * MEBIBYTE, 1_000_000, 0)
    assert estimate.slots_within(100 * MEBIBYTE, 4) == 4
    with pytest.raises(Unsupported, match=r"needs 100 MiB .* all engines may take 99 MiB"):
        estimate.slots_within(99 * MEBIBYTE, 4)


@pytest.mark.parametrize(
    ("groups", "files"),
    [
        ("0::/a/b\n", {"sys/fs/cgroup/a/memory.max": "1048576", "sys/fs/cgroup/a/b/memory.max": "max"}),
        ("3:cpu:/x\n7:memory:/job\n", {"sys/fs/cgroup/memory/job/memory.limit_in_bytes": "1048576"}),
        ("0::/\n", {"sys/fs/cgroup/memory.max": "1048576\n"}),
    ],
    ids=["version 2, above", "version 1", "in a container"],
)
def test_the_memory_of_a_control_group_is_all_there_is(
    tmp_path: Path, groups: str, files: dict[str, str]
) -> None:
    for name, text in {"proc/self/cgroup": groups, **files}.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    assert machine_memory(tmp_path) == MEBIBYTE


def test_without_control_groups_it_is_the_machines(tmp_path: Path) -> None:
    assert machine_memory(tmp_path) == os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    assert process_memory(os.getpid()) > MEBIBYTE


@pytest.mark.anyio
async def test_what_can_never_fit_is_refused_with_the_figures(start: Start, slow: Path) -> None:
    engines = start(memory_bytes=300 * MEBIBYTE)
    needs = engines.needs(slow, context=8192, cache_bytes=SLOW_TOKEN)
    with pytest.raises(
        Unsupported, match=r"needs 399 MiB \(weights 47 MiB, one context 288 MiB\).* 300 MiB"
    ) as no:
        await engines.answer(needs)
    assert "num_ctx" in no.value.hint
    assert "(memory)" in no.value.hint
    assert not engines.pids()
    assert await engines.answer(engines.needs(slow, context=256, cache_bytes=SLOW_TOKEN))


@pytest.mark.anyio
async def test_fewer_slots_are_made_where_memory_is_short(start: Start, slow: Path) -> None:
    engines = start(memory_bytes=200 * MEBIBYTE, parallel=4)
    needs = engines.needs(slow, context=1024, cache_bytes=SLOW_TOKEN)
    answers = await asyncio.gather(*(engines.answer(needs) for _ in range(6)))
    assert len(set(answers)) == 1
    (model,) = engines.pool.running()
    assert model.size <= 210 * MEBIBYTE, "four slots would take 255 MiB"


@pytest.mark.anyio
async def test_the_longest_unused_makes_room_in_memory(start: Start, slow: Path, tmp_path: Path) -> None:
    files = [tmp_path / f"{number}.gguf" for number in range(3)]
    for file in files:
        file.write_bytes(slow.read_bytes())
    engines = start(memory_bytes=420 * MEBIBYTE, parallel=1)

    def needs(number: int) -> Any:
        return engines.needs(files[number], f"user{number}", context=1024, cache_bytes=SLOW_TOKEN)

    for number in (0, 1, 0):
        await engines.answer(needs(number))
    assert len(engines.pids()) == 2
    busy = asyncio.create_task(engines.answer(needs(0), LONG))
    await asyncio.sleep(0.1)
    await engines.answer(needs(2))
    assert {model.user for model in engines.pool.running()} == {"user0", "user2"}
    assert await busy


@pytest.mark.anyio
async def test_running_says_what_an_engine_really_takes(start: Start, slow: Path) -> None:
    engines = start(parallel=2)
    await engines.answer(engines.needs(slow, context=2048))
    (model,), (pid,) = engines.pool.running(), engines.pids()
    cache, weights = 2 * 2048 * SLOW_TOKEN, slow.stat().st_size
    assert weights + cache < model.size < weights + cache + 110 * MEBIBYTE
    assert model.size == pytest.approx(process_memory(pid), rel=0.02)
    assert (model.size_vram, model.context) == (0, 2048)


@pytest.mark.anyio
async def test_a_smaller_type_of_cache_takes_less(start: Start, slow: Path) -> None:
    sizes = []
    for kind in ("f16", "q8_0"):
        engines = start(parallel=1, cache_type=kind)
        assert await engines.answer(engines.needs(slow, context=4096))
        sizes.append(engines.pool.running()[0].size)
    saved = 4096 * SLOW_TOKEN * (1 - 34 / 64)
    assert sizes[0] - sizes[1] == pytest.approx(saved, rel=0.3)


@pytest.mark.anyio
async def test_an_idle_engine_gives_its_memory_back_and_wakes(
    start: Start, slow: Path, eventually: Eventually
) -> None:
    engines = start(sleep_seconds=1.0, parallel=1)
    needs = engines.needs(slow, context=4096)
    before, pids = await engines.answer(needs), engines.pids()
    awake = engines.pool.running()[0].size
    await eventually(lambda: engines.pool.running()[0].size < 100 * MEBIBYTE < awake, 60)
    assert await engines.answer(needs) == before
    assert engines.pids() == pids, "it is the same process that woke"
    assert engines.pool.running()[0].size > 100 * MEBIBYTE


@pytest.mark.anyio
async def test_what_is_kept_for_ever_does_not_sleep(start: Start, slow: Path) -> None:
    engines = start(sleep_seconds=1.0, parallel=1)
    await engines.answer(engines.needs(slow, context=4096, keep_alive=math.inf))
    await asyncio.sleep(2.5)
    assert engines.pool.running()[0].size > 100 * MEBIBYTE


def test_folders_of_dead_servers_are_cleared_and_no_others(tmp_path: Path) -> None:
    alive, dead, foreign = (SocketFolder(tmp_path) for _ in range(3))
    for folder in (dead, foreign):
        os.close(folder._lock)  # as the system does when a process is killed
    (dead.path / "abcd.sock").touch()
    (foreign.path / "letter.txt").write_text("mine")
    young, link = tmp_path / f"{PREFIX}young", tmp_path / f"{PREFIX}link"
    young.mkdir(mode=0o700)
    link.symlink_to(alive.path)
    clear_leftovers(tmp_path)
    assert not dead.path.exists()
    assert all(path.exists() for path in (alive.path / LOCK, foreign.path / "letter.txt", young, link))
    alive.close()
    assert not alive.path.exists()


@pytest.mark.anyio
async def test_weights_that_are_gone_when_an_engine_wakes_are_an_error(
    start: Start, slow: Path, tmp_path: Path, eventually: Eventually
) -> None:
    engines, file = start(sleep_seconds=1.0, parallel=1), tmp_path / "short-lived.gguf"
    file.write_bytes(slow.read_bytes())
    needs = engines.needs(file, context=4096)
    await engines.answer(needs)
    await eventually(lambda: engines.pool.running()[0].size < 100 * MEBIBYTE, 60)
    file.unlink()
    with pytest.raises(ModelwrightError):
        await asyncio.wait_for(engines.answer(needs), 60)
    with pytest.raises(Corrupt, match="missing from the store"):
        await asyncio.wait_for(engines.answer(needs), 60)
    assert await engines.answer(engines.needs(slow)), "others are served"
