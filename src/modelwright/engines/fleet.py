"""Fleet: the engines that run; when they start, make room, and stop.

One engine loads at a time. An engine stops when no model holds it, or when a
new one needs its room; one that fails again and again rests in between.
"""

import asyncio
import logging
import math
import shutil
import tempfile
import time
from collections import defaultdict
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from modelwright.core.digest import Digest
from modelwright.core.errors import Corrupt, ModelwrightError, Unavailable
from modelwright.core.ports import EngineNeeds
from modelwright.engines.launch import Load
from modelwright.engines.llamacpp import LlamaEngine
from modelwright.engines.resident import Crashes, Key, Resident

CONTEXT_STEP: Final = 256
"""Contexts are rounded up to this, as llama.cpp does: fewer engines have to start anew."""
OVERHEAD: Final = 1.25
"""Memory of an engine that has not run yet, as a multiple of its weights."""
SWEEP_SECONDS: Final = 1.0
"""Holds are looked through at most this often: a server may have many thousands."""


_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class EngineOptions:
    """Settings of the pool.

    `parallel`: slots of an engine; `max_queue`: requests that may wait for one;
    `threads`: 0 = one less than there are cores, where a model does not say;
    `max_engines`, `memory_bytes` (None = any): over these, idle engines make room;
    `keep_alive`: seconds; `cache_ram_mib`: prompt cache of one engine;
    `watchdog_seconds`: silence that gets it killed; `load_seconds`: for its start;
    `drain_seconds`: how long closing waits for answers; all three may be infinite;
    `runtime_dir`: for sockets (None = a temporary one).
    """

    parallel: int = 4
    max_queue: int = 512
    max_engines: int = 3
    memory_bytes: int | None = None
    threads: int = 0
    keep_alive: float = 300.0
    cache_ram_mib: int = 512
    watchdog_seconds: float = 30.0
    load_seconds: float = 600.0
    drain_seconds: float = 10.0
    runtime_dir: Path | None = None


class Fleet:
    """All engines; `locate` gives the path of a blob."""

    def __init__(self, locate: Callable[[Digest], Awaitable[Path]], options: EngineOptions) -> None:
        self._locate = locate
        self._options = options
        self._residents: dict[Key, Resident] = {}
        self._leaving: set[Resident] = set()
        self._crashes: defaultdict[Key, Crashes] = defaultdict(Crashes)
        self._one_load = asyncio.Lock()
        self._changed = asyncio.Event()
        self._timer: asyncio.TimerHandle | None = None
        self._stops: set[asyncio.Task[None]] = set()
        self._own_dir: Path | None = None
        self._closing = False

    @asynccontextmanager
    async def use(self, needs: EngineNeeds) -> AsyncGenerator[tuple[LlamaEngine, int], None]:
        """A slot of the right engine, and the nanoseconds spent on loading it."""
        keep_alive = self._options.keep_alive if needs.keep_alive is None else needs.keep_alive
        load_ns = 0
        while True:
            resident = self._find(needs) or self._begin(needs)
            try:
                with resident.used_by(needs.user, keep_alive):
                    engine, took = await _loaded(resident)
                    load_ns += took
                    async with resident.slots:
                        if not engine.exited.done():
                            yield engine, load_ns
                            return
            finally:
                self._settle(resident)
                self._sweep_by(_now() + keep_alive)

    async def release(self, user: str) -> bool:
        """Drop a model's holds and wait for engines that nobody wants any more."""
        held = [resident for resident in self._all() if user in resident.holds]
        for resident in held:
            resident.release(user)
        self._sweep()
        await self._stopped()
        return bool(held)

    def loaded(self) -> list[Resident]:
        """The engines that are ready."""
        return [one for one in self._all() if one.engine is not None and one.stopping is None]

    async def aclose(self) -> None:
        """Stop everything; answers under way get `drain_seconds`."""
        self._closing = True
        try:
            with suppress(TimeoutError):
                async with asyncio.timeout(_finite(self._options.drain_seconds)):
                    while any(resident.requests for resident in self._all()):
                        await self._changed.wait()
        finally:
            if self._timer is not None:
                self._timer.cancel()
            for resident in self._all():
                self._stop(resident)
            await self._stopped()
            if self._own_dir is not None:
                shutil.rmtree(self._own_dir, ignore_errors=True)

    # Finding and starting

    def _find(self, needs: EngineNeeds) -> Resident | None:
        if self._closing:
            raise Unavailable("the server is stopping", retry_after=30)
        resident = self._residents.get(_key(needs))
        if resident is None or resident.context >= needs.context:
            return resident
        self._retire(resident)
        return None

    def _begin(self, needs: EngineNeeds) -> Resident:
        key = _key(needs)
        self._crashes[key].check(_now())
        options = self._options
        resident = Resident(
            key=key,
            context=-(-needs.context // CONTEXT_STEP) * CONTEXT_STEP,
            slots=asyncio.Semaphore(options.parallel),
            capacity=options.parallel + options.max_queue,
        )
        for smaller in [one for one in self._leaving if one.key == key]:
            resident.holds |= {user: hold.moved(_now()) for user, hold in smaller.holds.items()}
            self._settle(smaller)
        self._residents[key] = resident
        resident.loading = asyncio.create_task(self._load(resident, needs))
        resident.loading.add_done_callback(lambda task: task.cancelled() or task.exception())
        return resident

    async def _load(self, resident: Resident, needs: EngineNeeds) -> LlamaEngine:
        try:
            async with self._one_load:
                load = await self._plan(resident, needs)
                resident.size = int(_size(load) * OVERHEAD)
                await self._make_room(resident)
                engine = await self._start(resident, load)
        except BaseException:
            self._forget(resident)
            raise
        resident.engine = engine
        resident.size = _size(load) + engine.private_bytes
        engine.exited.add_done_callback(lambda _: self._on_exit(resident))
        asyncio.get_running_loop().call_soon(self._settle, resident)  # perhaps nobody waits any more
        return engine

    async def _start(self, resident: Resident, load: Load) -> LlamaEngine:
        started = _now()
        try:
            engine = await LlamaEngine.start(load, watchdog_seconds=self._options.watchdog_seconds)
        except ModelwrightError as error:
            _LOG.warning("an engine for %s did not start: %s", resident.key[0], error)
            self._crashes[resident.key].record(_now(), error)
            raise
        _LOG.info("engine %d serves %s after %.1f s", engine.pid, resident.key[0], _now() - started)
        return engine

    async def _plan(self, resident: Resident, needs: EngineNeeds) -> Load:
        options = self._options
        if self._own_dir is None and options.runtime_dir is None:
            self._own_dir = Path(tempfile.mkdtemp(prefix="modelwright-"))
        if options.runtime_dir is not None:
            options.runtime_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        return Load(
            weights=await self._weights(needs.base),
            context=resident.context,
            slots=options.parallel,
            runtime_dir=options.runtime_dir or self._own_dir or Path(),
            kind=needs.kind,
            pooled=needs.pooled,
            adapters=tuple([await self._weights(digest) for digest in needs.adapters]),
            scales=needs.scales if needs.kind != "chat" else (0.0,) * len(needs.adapters),
            start_parameters=needs.start_parameters,
            threads=options.threads,
            cache_ram_mib=options.cache_ram_mib,
            load_seconds=_finite(options.load_seconds),
        )

    async def _weights(self, digest: Digest) -> Path:
        path = await self._locate(digest)
        if not path.is_file():
            raise Corrupt(
                f"the weights {digest} are missing from the store", hint="Create or pull the base again"
            )
        return path

    # Making room

    async def _make_room(self, newcomer: Resident) -> None:
        while newcomer.requests and not self._fits(newcomer):
            idle = [one for one in self.loaded() if not one.requests]
            if idle:
                self._stop(min(idle, key=lambda one: one.used_at))
                await self._stopped()
            else:
                await self._changed.wait()
        if not newcomer.requests:
            raise Unavailable("nobody waits for this engine any more")

    def _fits(self, newcomer: Resident) -> bool:
        others = [one for one in self._all() if one is not newcomer and (one.engine or one.leaving)]
        budget = self._options.memory_bytes
        if not others:
            return True
        if budget is not None and newcomer.size + sum(one.size for one in others) > budget:
            return False
        return len(others) < self._options.max_engines

    # Stopping

    def _settle(self, resident: Resident) -> None:
        """Stop an engine if nobody wants it, and wake who waits for its room."""
        if resident.engine is not None and not resident.is_wanted:
            self._stop(resident)
        self._notify()

    def _sweep(self) -> None:
        """Forget the holds that ended, and come back when the next one does."""
        now = _now()
        soonest = min((resident.drop_expired(now) for resident in self._all()), default=math.inf)
        for resident in self._all():
            self._settle(resident)
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._sweep_by(soonest)

    def _sweep_by(self, ends: float) -> None:
        """Come back when a hold ends, unless a sweep is due before."""
        at = max(ends, _now() + SWEEP_SECONDS)
        if math.isinf(at) or self._closing:
            return
        if self._timer is not None:
            if self._timer.when() <= at:
                return
            self._timer.cancel()
        self._timer = asyncio.get_running_loop().call_at(at, self._sweep)

    def _retire(self, resident: Resident) -> None:
        """Let it end its answers, but give it no more."""
        if self._residents.get(resident.key) is resident:
            del self._residents[resident.key]
        resident.leaving = True
        self._leaving.add(resident)

    def _forget(self, resident: Resident) -> None:
        if self._residents.get(resident.key) is resident:
            del self._residents[resident.key]
        self._leaving.discard(resident)
        self._notify()

    def _stop(self, resident: Resident) -> None:
        self._retire(resident)
        if resident.stopping is None:
            resident.stopping = asyncio.create_task(self._end(resident))
            self._stops.add(resident.stopping)
            resident.stopping.add_done_callback(self._stops.discard)

    async def _end(self, resident: Resident) -> None:
        if not resident.loading.done():
            resident.loading.cancel()
            await asyncio.wait([resident.loading])
        if resident.engine is not None:
            await resident.engine.close()
        self._forget(resident)

    def _on_exit(self, resident: Resident) -> None:
        """An engine ended that nobody stopped: it crashed, or was killed."""
        if resident.stopping is None and resident.engine is not None:
            error = resident.engine.epitaph()
            _LOG.warning("engine %d of %s: %s", resident.engine.pid, resident.key[0], error.message)
            self._crashes[resident.key].record(_now(), error)
            self._stop(resident)

    # Waiting

    def _all(self) -> list[Resident]:
        return [*self._residents.values(), *self._leaving]

    async def _stopped(self) -> None:
        if self._stops:
            await asyncio.wait(tuple(self._stops))

    def _notify(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()


def _key(needs: EngineNeeds) -> Key:
    return (needs.base, needs.adapters, needs.kind, needs.scales if needs.kind != "chat" else ())


def _size(load: Load) -> int:
    """Bytes of the files that an engine holds."""
    return sum(path.stat().st_size for path in (load.weights, *load.adapters))


def _finite(seconds: float) -> float | None:
    """A time limit as asyncio takes it: None = no limit."""
    return None if math.isinf(seconds) else seconds


def _now() -> float:
    return asyncio.get_running_loop().time()


async def _loaded(resident: Resident) -> tuple[LlamaEngine, int]:
    """The engine, and how long this request waited for it in nanoseconds."""
    if resident.engine is not None:
        return resident.engine, 0
    started = time.monotonic_ns()
    try:
        engine = await asyncio.shield(resident.loading)
    except asyncio.CancelledError:
        if resident.loading.cancelled():
            raise Unavailable("the engine was stopped while it loaded") from None
        raise
    return engine, time.monotonic_ns() - started
