"""Real engines on weights written here: random, so that they need no download."""

import asyncio
import os
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from modelwright.core.chat import ChatEvent, Done, Message, TextDelta
from modelwright.core.digest import Digest
from modelwright.core.engine_ports import EngineNeeds
from modelwright.core.parameters import Parameters
from modelwright.engines.pool import EngineOptions, Pool

BENCH = str(Path(__file__).parents[2] / "bench")
if BENCH not in sys.path:
    sys.path.append(BENCH)

from measuring.random_model import Shape, write_random_lora, write_random_model  # noqa: E402 - after the path

GREEDY = Parameters.of({"temperature": 0, "num_predict": 24})
ENDLESS = Parameters.of({"temperature": 0, "repeat_penalty": 1, "num_predict": 4000})
TINY = Shape(hidden=64, layers=2, heads=2, feed_forward=128, vocabulary=512, context=2048)
ASK = (Message("user", "Tell me all that you know."),)


class SystemClock:
    def now(self) -> datetime:
        return datetime.now(UTC)


class Engines:
    """A pool over some weight files, and what a test wants to know of it."""

    def __init__(self, files: dict[Digest, Path], options: EngineOptions) -> None:
        self.files = files
        self.pool = Pool(self.locate, SystemClock(), options)

    async def locate(self, digest: Digest) -> Path:
        return self.files[digest]

    def needs(self, weights: Path, user: str = "mario", **more: Any) -> EngineNeeds:
        digest = Digest.of(str(weights).encode())
        self.files[digest] = weights
        for path in more.pop("loras", ()):
            more["adapters"] = (*more.get("adapters", ()), Digest.of(str(path).encode()))
            self.files[more["adapters"][-1]] = path
        return EngineNeeds(**{"user": user, "base": digest, "context": 1024, **more})  # type: ignore[arg-type] - fields by name

    def pids(self) -> set[int]:
        return children(os.getpid())

    async def events(self, needs: EngineNeeds, parameters: Parameters = GREEDY) -> list[ChatEvent]:
        return [event async for event in self.pool.chat(needs, ASK, parameters)]

    async def answer(self, needs: EngineNeeds, parameters: Parameters = GREEDY) -> str:
        return text_of(await self.events(needs, parameters))

    async def reply(self, needs: EngineNeeds, question: str) -> str:
        messages = (Message("user", question),)
        return text_of([event async for event in self.pool.chat(needs, messages, GREEDY)])


def children(pid: int) -> set[int]:
    """Engine processes whose parent this is."""
    found = set()
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            stat, command = (folder / "stat").read_text(), (folder / "cmdline").read_bytes()
        except OSError:
            continue
        if int(stat.rpartition(")")[2].split()[1]) == pid and b"modelwright.engines.serving" in command:
            found.add(int(folder.name))
    return found


def text_of(events: list[ChatEvent]) -> str:
    assert [type(event) for event in events] == [TextDelta] * (len(events) - 1) + [Done]
    return "".join(event.text for event in events if isinstance(event, TextDelta))


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """150 000 parameters: thousands of tokens a second."""
    path = tmp_path_factory.mktemp("weights") / "tiny.gguf"
    write_random_model(path, TINY)
    return path


@pytest.fixture(scope="session")
def loras(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Two adapters over `tiny`."""
    folder = tmp_path_factory.mktemp("adapters")
    paths = [folder / "one.gguf", folder / "two.gguf"]
    for seed, path in enumerate(paths, start=5):
        write_random_lora(path, TINY, seed=seed)
    return paths


@pytest.fixture(scope="session")
def slow(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """87 million parameters: slow enough to be interrupted in the middle."""
    path = tmp_path_factory.mktemp("weights") / "slow.gguf"
    shape = Shape(hidden=768, layers=12, heads=12, feed_forward=2048, vocabulary=1024, context=8192)
    write_random_model(path, shape)
    return path


@pytest.fixture
async def start(tmp_path: Path) -> AsyncIterator[Callable[..., Engines]]:
    """Make pools; each is closed after the test, and no child may be left."""
    made: list[Engines] = []

    def make(**options: object) -> Engines:
        made.append(Engines({}, EngineOptions(**options)))  # type: ignore[arg-type] - fields by name
        return made[-1]

    yield make
    for engines in made:
        await engines.pool.aclose()
    assert not children(os.getpid())


async def until(condition: Callable[[], bool], seconds: float) -> float:
    """Wait for something that must become true in time; returns how long it took."""
    started = time.monotonic()
    while not condition():
        assert time.monotonic() - started < seconds, "it did not happen in time"
        await asyncio.sleep(0.02)
    return time.monotonic() - started


@pytest.fixture
def eventually() -> Callable[[Callable[[], bool], float], Awaitable[float]]:
    return until
