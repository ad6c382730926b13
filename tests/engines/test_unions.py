"""Engines hold the adapters of one base that are wanted; a new one starts a second engine."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from measuring.random_model import Shape, write_random_lora

from modelwright.core.chat import Done
from modelwright.core.errors import Unsupported
from modelwright.core.parameters import Parameters

pytestmark = pytest.mark.anyio
Start = Callable[..., Any]
Eventually = Callable[[Callable[[], bool], float], Awaitable[float]]

TINY = Shape(hidden=64, layers=2, heads=2, feed_forward=128, vocabulary=512, context=2048)
SLOW = Shape(hidden=768, layers=12, heads=12, feed_forward=2048, vocabulary=1024, context=8192)
LONG = Parameters.of({"temperature": 0, "num_predict": 150})


@pytest.fixture(scope="session")
def many(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Four more adapters over `tiny`."""
    folder = tmp_path_factory.mktemp("many")
    paths = [folder / f"{number}.gguf" for number in range(4)]
    for seed, path in enumerate(paths, start=11):
        write_random_lora(path, TINY, seed=seed)
    return paths


def one(engines: Any, base: Path, path: Path, **more: Any) -> Any:
    return engines.needs(base, path.stem, loras=[path], scales=(1.0,), **more)


async def test_models_with_different_adapters_come_to_share_an_engine(
    start: Start, tiny: Path, many: list[Path], eventually: Eventually
) -> None:
    engines = start()
    alone = [await engines.answer(one(engines, tiny, path)) for path in many]
    await eventually(lambda: len(engines.pids()) == 1, 60)
    (pid,) = engines.pids()
    assert [await engines.answer(one(engines, tiny, path)) for path in many] == alone
    assert len(set(alone)) == len(many)
    assert engines.pids() == {pid}
    assert {model.user for model in engines.pool.running()} == {path.stem for path in many}


async def test_a_base_without_adapters_uses_the_engine_that_runs(
    start: Start, tiny: Path, many: list[Path]
) -> None:
    engines, apart = start(), start()
    plain = await apart.answer(apart.needs(tiny, "plain"))
    await engines.answer(one(engines, tiny, many[0]))
    assert await engines.answer(engines.needs(tiny, "plain")) == plain
    assert len(engines.pids()) == 2, "one of each pool"


async def test_a_base_without_adapters_keeps_the_engine_it_has(
    start: Start, tiny: Path, many: list[Path]
) -> None:
    engines = start()
    await engines.answer(engines.needs(tiny, "plain"))
    (first,) = engines.pids()
    await engines.answer(one(engines, tiny, many[0]))
    assert (await engines.events(engines.needs(tiny, "plain")))[-1].usage.load_ns == 0
    assert len(engines.pids()) == 2
    assert first in engines.pids()


async def test_a_new_adapter_drops_no_answer(start: Start, slow: Path, tmp_path: Path) -> None:
    first, second = tmp_path / "first.gguf", tmp_path / "second.gguf"
    for seed, path in enumerate((first, second)):
        write_random_lora(path, SLOW, seed=seed, size=0.05)
    engines = start()
    await engines.pool.load(one(engines, slow, first))
    (pid,) = engines.pids()
    running = [asyncio.create_task(engines.events(one(engines, slow, first), LONG)) for _ in range(2)]
    await asyncio.sleep(0.2)
    newcomer = asyncio.create_task(engines.events(one(engines, slow, second)))
    while len(engines.pids()) < 2:
        await asyncio.sleep(0.01)
    meanwhile = await engines.events(one(engines, slow, first), Parameters.of({"num_predict": 1}))
    assert meanwhile[-1].usage.load_ns == 0, "the first engine serves until the second is ready"
    for events in await asyncio.gather(*running, newcomer):
        assert isinstance(events[-1], Done)
    await engines.events(one(engines, slow, first))
    await asyncio.sleep(0.1)
    assert pid not in engines.pids()
    assert len(engines.pids()) == 1


async def test_an_engine_holds_so_many_and_no_more(
    start: Start, tiny: Path, many: list[Path], eventually: Eventually
) -> None:
    engines = start(max_adapters=2)
    for path in many[:3]:
        await engines.answer(one(engines, tiny, path))
    await eventually(lambda: len(engines.pids()) == 1, 60)
    (pid,) = engines.pids()
    for path in many[1:3]:
        await engines.answer(one(engines, tiny, path))
    assert engines.pids() == {pid}, "the last used are held"
    await engines.answer(one(engines, tiny, many[0]))
    assert pid not in engines.pids() or len(engines.pids()) == 2


async def test_an_adapter_nobody_wants_any_more_is_left_out(
    start: Start, tiny: Path, many: list[Path], eventually: Eventually
) -> None:
    engines = start(max_adapters=2)
    await engines.answer(one(engines, tiny, many[0], keep_alive=60.0))
    await engines.answer(one(engines, tiny, many[1], keep_alive=0.05))
    await asyncio.sleep(0.1)
    await engines.answer(one(engines, tiny, many[2], keep_alive=60.0))
    first = engines.pids()
    await engines.answer(one(engines, tiny, many[0]))
    await eventually(lambda: len(engines.pids()) == 1, 60)
    assert engines.pids() <= first


async def test_a_bad_adapter_harms_only_the_model_that_has_it(
    start: Start, tiny: Path, many: list[Path], tmp_path: Path
) -> None:
    engines, bad = start(), tmp_path / "bad.gguf"
    write_random_lora(bad, Shape(hidden=128, layers=2, heads=2, feed_forward=128))
    before = await engines.answer(one(engines, tiny, many[0]))
    (pid,) = engines.pids()
    for _ in range(4):
        with pytest.raises(Unsupported):
            await engines.answer(one(engines, tiny, bad))
    assert await engines.answer(one(engines, tiny, many[0])) == before
    assert engines.pids() == {pid}
    await engines.answer(one(engines, tiny, many[1]))


async def test_more_context_and_more_adapters_come_together(
    start: Start, tiny: Path, many: list[Path], eventually: Eventually
) -> None:
    engines = start()
    await engines.answer(one(engines, tiny, many[0], context=1536))
    await engines.answer(one(engines, tiny, many[1], context=512))
    await eventually(lambda: len(engines.pids()) == 1, 60)
    (pid,) = engines.pids()
    await engines.answer(one(engines, tiny, many[0], context=1536))
    assert engines.pids() == {pid}
