"""Models share engines: one process for a base, whoever asks with whatever parameters."""

import asyncio
import math
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from modelwright.core.chat import Done
from modelwright.core.errors import Unavailable
from modelwright.core.parameters import Parameters

pytestmark = pytest.mark.anyio
Start = Callable[..., Any]
Eventually = Callable[[Callable[[], bool], float], Awaitable[float]]

LONG = Parameters.of({"temperature": 0, "num_predict": 150})


async def test_users_and_parameters_share_one_process(start: Start, tiny: Path) -> None:
    engines = start()
    first = await engines.answer(engines.needs(tiny, "mario"))
    (pid,) = engines.pids()
    for number in range(5):
        parameters = Parameters.of({"seed": number, "temperature": 1.5, "num_predict": 8, "num_ctx": 512})
        await engines.answer(engines.needs(tiny, f"user{number}", context=512), parameters)
    assert await engines.answer(engines.needs(tiny, "luigi")) == first
    assert engines.pids() == {pid}
    assert {model.user for model in engines.pool.running()} >= {"mario", "luigi", "user4"}


async def test_the_first_request_loads_and_the_next_does_not(start: Start, tiny: Path) -> None:
    engines = start()
    needs = engines.needs(tiny)
    first, second = (await engines.events(needs))[-1], (await engines.events(needs))[-1]
    assert first.usage.load_ns > 0 == second.usage.load_ns
    assert first.usage.total_ns >= first.usage.load_ns + first.usage.prompt_ns + first.usage.completion_ns
    assert second.usage.cached_tokens == second.usage.prompt_tokens - 1
    assert await engines.pool.load(needs) == 0


async def test_eight_at_once_start_one_process_and_all_are_answered(start: Start, tiny: Path) -> None:
    engines = start(parallel=2)
    answers = await asyncio.gather(*(engines.answer(engines.needs(tiny, f"user{n}")) for n in range(8)))
    assert len(set(answers)) == 1
    assert len(engines.pids()) == 1


async def test_more_context_moves_everybody_to_a_bigger_engine(start: Start, slow: Path) -> None:
    engines = start()
    running = asyncio.create_task(engines.answer(engines.needs(slow, "small", context=512), LONG))
    while not engines.pool.running():
        await asyncio.sleep(0.02)
    before = engines.pids()
    await engines.answer(engines.needs(slow, "big", context=2048))
    assert await running, "the old engine ends its answers first"
    await engines.answer(engines.needs(slow, "small", context=512))
    assert len(engines.pids() - before) == 1
    assert {(model.user, model.context) for model in engines.pool.running()} == {
        ("small", 512),
        ("big", 2048),
    }


async def test_an_idle_engine_gives_way_to_a_bigger_one(
    start: Start, tiny: Path, eventually: Eventually
) -> None:
    engines = start()
    await engines.answer(engines.needs(tiny, "small", context=256))
    await engines.answer(engines.needs(tiny, "big", context=512))
    await eventually(lambda: len(engines.pids()) == 1, 60)
    assert {(model.user, model.context) for model in engines.pool.running()} == {("small", 256), ("big", 512)}
    assert await engines.pool.unload("small")


async def test_chat_and_embeddings_have_engines_of_their_own(start: Start, tiny: Path) -> None:
    engines = start()
    await engines.answer(engines.needs(tiny))
    await engines.pool.embed(engines.needs(tiny), ["a text"], truncate=True)
    assert len(engines.pids()) == 2
    (model,) = engines.pool.running()
    assert model.size > 2 * tiny.stat().st_size


async def test_keep_alive_zero_unloads_at_once(start: Start, tiny: Path, eventually: Eventually) -> None:
    engines = start()
    await engines.answer(engines.needs(tiny, keep_alive=0.0))
    await eventually(lambda: not engines.pids(), 60)
    assert engines.pool.running() == ()


async def test_the_longest_keep_alive_of_all_users_holds(
    start: Start, tiny: Path, eventually: Eventually
) -> None:
    engines = start(keep_alive=1.0)
    await engines.answer(engines.needs(tiny, "default"))
    await engines.answer(engines.needs(tiny, "forever", keep_alive=math.inf))
    (pid,) = engines.pids()
    await eventually(lambda: {model.user for model in engines.pool.running()} == {"forever"}, 60)
    assert engines.pids() == {pid}
    assert engines.pool.running()[0].expires_at is None
    assert await engines.pool.unload("forever")
    assert not engines.pids()


async def test_running_says_until_when(start: Start, tiny: Path) -> None:
    engines = start()
    needs = engines.needs(tiny, keep_alive=120.0)
    assert await engines.pool.load(needs) > 0
    (model,) = engines.pool.running()
    assert (model.user, model.base, model.context) == ("mario", needs.base, 1024)
    assert abs(model.expires_at - datetime.now(UTC) - timedelta(seconds=120)) < timedelta(seconds=10)
    assert not await engines.pool.unload("nobody")


async def test_a_full_queue_says_so_at_once(start: Start, slow: Path) -> None:
    engines = start(parallel=1, max_queue=1)
    needs = engines.needs(slow)
    await engines.pool.load(needs)
    accepted = [asyncio.create_task(engines.events(needs, LONG)) for _ in range(2)]
    await asyncio.sleep(0.2)
    with pytest.raises(Unavailable, match="busy") as refused:
        await engines.answer(needs)
    assert refused.value.retry_after > 0
    for events in await asyncio.gather(*accepted):
        assert isinstance(events[-1], Done)


async def test_requests_are_answered_in_their_order(start: Start, tiny: Path) -> None:
    engines, ended = start(parallel=1), []

    async def ask(number: int) -> None:
        await engines.answer(engines.needs(tiny))
        ended.append(number)

    await asyncio.gather(*(ask(number) for number in range(6)))
    assert ended == list(range(6))


async def test_the_longest_idle_makes_room(start: Start, tiny: Path, slow: Path, tmp_path: Path) -> None:
    engines = start(max_engines=2)
    third = tmp_path / "third.gguf"
    third.write_bytes(tiny.read_bytes())
    await engines.answer(engines.needs(tiny, "first"))
    await engines.answer(engines.needs(slow, "second"))
    await engines.answer(engines.needs(tiny, "first"))
    await engines.answer(engines.needs(third, "third"))
    assert {model.user for model in engines.pool.running()} == {"first", "third"}
    assert len(engines.pids()) == 2


async def test_closing_lets_answers_end_and_refuses_new_ones(start: Start, slow: Path) -> None:
    engines = start(parallel=1)
    needs = engines.needs(slow)
    await engines.pool.load(needs)
    running, waiting = (asyncio.create_task(engines.events(needs, LONG)) for _ in range(2))
    await asyncio.sleep(0.2)
    closing = asyncio.create_task(engines.pool.aclose())
    await asyncio.sleep(0.05)
    with pytest.raises(Unavailable, match="stopping"):
        await engines.answer(needs)
    assert isinstance((await running)[-1], Done)
    assert isinstance((await waiting)[-1], Done)
    await closing
    assert not engines.pids()


async def test_a_request_that_does_not_say_leaves_keep_alive_as_it_was(start: Start, tiny: Path) -> None:
    engines = start(keep_alive=60.0)
    await engines.pool.load(engines.needs(tiny, keep_alive=math.inf))
    await engines.answer(engines.needs(tiny))
    assert engines.pool.running()[0].expires_at is None
    await engines.answer(engines.needs(tiny, keep_alive=60.0))
    assert engines.pool.running()[0].expires_at is not None


async def test_one_engine_loads_at_a_time(start: Start, slow: Path, tmp_path: Path) -> None:
    engines = start()
    other = tmp_path / "other.gguf"
    other.write_bytes(slow.read_bytes())
    seen = []
    loads = [asyncio.create_task(engines.pool.load(engines.needs(file, str(file)))) for file in (slow, other)]
    while not all(load.done() for load in loads):
        seen.append(len(engines.pids()) - len(engines.pool.running()))
        await asyncio.sleep(0.005)
    assert max(seen) == 1
    assert len(engines.pool.running()) == 2
