"""Fleet: the engines that run; when they start, make room, and stop.

One engine loads at a time. An engine stops when no model holds it, or when a
new one needs its room; one that fails again and again rests in between.
"""

import asyncio
import logging
import math
from collections import defaultdict
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from pathlib import Path
from typing import Final, NamedTuple

from modelwright.core.digest import Digest
from modelwright.core.engine_ports import EngineNeeds
from modelwright.core.errors import Corrupt, ModelwrightError, Unavailable, Unsupported
from modelwright.engines.abandoned import Abandoned
from modelwright.engines.launch import Load
from modelwright.engines.llamacpp import LlamaEngine
from modelwright.engines.memory import Estimate
from modelwright.engines.options import EngineOptions
from modelwright.engines.prompts import Pieces
from modelwright.engines.resident import Crashes, Key, Resident
from modelwright.engines.revival import Revival
from modelwright.engines.room import Room
from modelwright.engines.roster import Roster, key_of
from modelwright.engines.slots import Seat, SlotPlan, Wish
from modelwright.engines.socket_folder import SocketFolder, clear_leftovers

CONTEXT_STEP: Final = 256
"""Contexts are rounded up to this, as llama.cpp does: fewer engines have to start anew."""
SWEEP_SECONDS: Final = 1.0
"""Holds are looked through at most this often: a server may have many thousands."""

SLEEP_MARGIN: Final = 1.0
"""How much earlier than it should an engine may have fallen asleep."""

_LOG = logging.getLogger(__name__)


NOTHING: Final = Pieces()


class Use(NamedTuple):
    """An engine, a slot of it, and the nanoseconds spent on loading it."""

    engine: LlamaEngine
    seat: Seat
    load_ns: int


class Fleet:
    """All engines; `locate` gives the path of a blob."""

    def __init__(self, locate: Callable[[Digest], Awaitable[Path]], options: EngineOptions) -> None:
        self._locate = locate
        self._options = options
        self._roster = Roster(options.max_adapters)
        self._room = Room(self._roster, options, self._dismiss)
        self._crashes: defaultdict[Key, Crashes] = defaultdict(Crashes)
        self._timer: asyncio.TimerHandle | None = None
        self._stops: set[asyncio.Task[None]] = set()
        self._sockets: SocketFolder | None = None
        self._closing = False
        self._abandoned = Abandoned(self._replace)
        self._revival = Revival(self._load_again)

    @asynccontextmanager
    async def use(self, needs: EngineNeeds, pieces: Pieces = NOTHING) -> AsyncGenerator[Use, None]:
        """A slot of the right engine."""
        load_ns, keep_alive = 0, 0.0
        while True:
            resident = self._find(needs) or self._begin(needs)
            try:
                with resident.used_by(needs, self._options.keep_alive) as keep_alive:
                    engine, took = await resident.loaded()
                    load_ns += took
                    self._roster.want(needs, _now(), keep_alive)
                    if _now() - resident.used_at > engine.sleep_seconds - SLEEP_MARGIN:
                        resident.slots.forget()
                    async with resident.slots.seat(_wish(resident, needs, pieces)) as seat:
                        if not engine.exited.done():
                            yield Use(engine, seat, load_ns)
                            return
            except asyncio.CancelledError:
                if needs.kind != "chat":
                    self._abandoned.look_after(resident)
                raise
            finally:
                self._settle(resident)
                self._sweep_by(_now() + keep_alive)
            await asyncio.sleep(0)  # it has ended: `_on_exit` must have its turn, or this goes round for ever

    async def release(self, user: str) -> bool:
        """Drop a model's holds and wait for engines that nobody wants any more."""
        awaited = self._revival.release(user)
        held = [resident for resident in self._all() if user in resident.holds]
        for resident in held:
            resident.release(user)
        self._sweep()
        await self._stopped()
        return bool(held) or awaited

    def loaded(self) -> list[Resident]:
        """The engines that are ready."""
        return [one for one in self._all() if one.engine is not None and one.stopping is None]

    async def aclose(self) -> None:
        """Stop everything; answers under way get `drain_seconds`."""
        self._closing = True
        self._revival.close()
        try:
            with suppress(TimeoutError):
                async with asyncio.timeout(_finite(self._options.drain_seconds)):
                    while any(resident.requests for resident in self._all()):
                        await self._room.change()
        finally:
            if self._timer is not None:
                self._timer.cancel()
            self._abandoned.close()
            for resident in self._all():
                self._stop(resident)
            await self._stopped()
            if self._sockets is not None:
                self._sockets.close()
                self._sockets = None

    def _all(self) -> list[Resident]:
        return self._roster.all()

    # Finding and starting

    def _find(self, needs: EngineNeeds) -> Resident | None:
        if self._closing:
            raise Unavailable("the server is stopping", retry_after=30)
        return self._roster.find(needs)

    def _begin(self, needs: EngineNeeds) -> Resident:
        for key in {key_of(needs), _culprit(needs)}:
            self._crashes[key].check(_now())
        options = self._options
        resident = Resident(
            key=key_of(needs),
            context=-(-self._roster.context(needs) // CONTEXT_STEP) * CONTEXT_STEP,
            adapters=self._roster.adapters(needs, _now()),
            needs=needs,
            slots=SlotPlan(options.parallel),
            capacity=options.parallel + options.max_queue,
        )
        self._roster.add(resident)
        resident.loading = asyncio.create_task(self._load(resident, needs))
        resident.loading.add_done_callback(lambda task: task.cancelled() or task.exception())
        return resident

    async def _load(self, resident: Resident, needs: EngineNeeds) -> LlamaEngine:
        try:
            async with self._room.turn():
                load = await self._plan(resident, needs)
                await self._room.make(resident)
                engine = await self._start(resident, load)
        except BaseException:
            self._forget(resident)
            raise
        resident.engine = engine
        resident.size = resident.held
        engine.exited.add_done_callback(lambda _: self._on_exit(resident))
        if (older := self._roster.promote(resident, _now())) is not None:
            self._settle(older)
        asyncio.get_running_loop().call_soon(self._settle, resident)  # perhaps nobody waits any more
        return engine

    async def _start(self, resident: Resident, load: Load) -> LlamaEngine:
        started = _now()
        try:
            engine = await LlamaEngine.start(load, watchdog_seconds=self._options.watchdog_seconds)
        except ModelwrightError as error:
            _LOG.warning("an engine for %s did not start: %s", resident.key[0], error)
            self._crashes[_culprit(resident.needs)].record(_now(), error)
            self._roster.distrust(resident.needs)
            raise
        _LOG.info("engine %d serves %s after %.1f s", engine.pid, resident.key[0], _now() - started)
        return engine

    async def _plan(self, resident: Resident, needs: EngineNeeds) -> Load:
        options = self._options
        weights = await self._weights(needs.base)
        adapters = tuple([await self._weights(digest) for digest in resident.adapters])
        projector = await self._weights(needs.projector) if needs.projector else None
        files = (weights, *adapters) if projector is None else (weights, projector, *adapters)
        slots = await self._afford(resident, needs, _size(*files))
        kept_for_ever = any(math.isinf(hold.keep_alive) for hold in resident.holds.values())
        return Load(
            weights=weights,
            context=resident.context,
            slots=slots,
            runtime_dir=self._runtime_dir(),
            kind=needs.kind,
            pooled=needs.pooled,
            projector=projector,
            adapters=adapters,
            scales=needs.scales if needs.kind != "chat" else (0.0,) * len(adapters),
            start_parameters=needs.start_parameters,
            threads=options.threads,
            cache_ram_mib=0 if resident.key.apart else options.cache_ram_mib,
            prefix_dir=options.prefix_dir or self._runtime_dir(),
            cache_type=options.cache_type,
            sleep_seconds=math.inf if kept_for_ever else options.sleep_seconds,
            tensor_split=options.tensor_split,
            split_mode=options.split_mode,
            load_seconds=_finite(options.load_seconds),
        )

    async def _afford(self, resident: Resident, needs: EngineNeeds, size: int) -> int:
        """Slots that the memory lets it have; raises Unsupported for not even one."""
        wanted = self._options.parallel
        estimate = Estimate.of(size, resident.context, needs.cache_bytes, self._options.cache_type)
        try:
            slots = estimate.slots_within(await self._room.budget(), wanted)
        except Unsupported as error:
            if self._room.is_lent:
                raise Unavailable(f"{error.message}, while a model is trained", retry_after=60) from error
            raise
        resident.size = estimate.total(slots)
        if slots < wanted:
            _LOG.warning("memory suffices for %d of %d slots of %s", slots, wanted, needs.base)
            resident.slots = SlotPlan(slots)  # nobody has one yet: it is not loaded
        return slots

    def _runtime_dir(self) -> Path:
        given = self._options.runtime_dir
        if given is not None:
            given.mkdir(mode=0o700, parents=True, exist_ok=True)
            return given
        if self._sockets is None:
            clear_leftovers()
            self._sockets = SocketFolder()
        return self._sockets.path

    async def _weights(self, digest: Digest) -> Path:
        path = await self._locate(digest)
        if not path.is_file():
            raise Corrupt(
                f"the weights {digest} are missing from the store", hint="Create or pull the base again"
            )
        return path

    def lent(self, size: int) -> AbstractAsyncContextManager[None]:
        """Leave so many bytes to training, which waits for engines that are busy."""
        return self._room.lent(size)

    # Stopping

    def _settle(self, resident: Resident) -> None:
        """Stop an engine if nobody wants it, and wake who waits for its room."""
        if resident.engine is not None and not resident.is_wanted:
            self._stop(resident)
        self._room.changed()

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

    def _forget(self, resident: Resident) -> None:
        self._roster.forget(resident)
        self._room.changed()

    def _stop(self, resident: Resident) -> None:
        if resident.stopping is None:  # otherwise it may be gone: retired again, it would be there for ever
            self._roster.retire(resident)
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
            self._replace(resident)

    def _replace(self, resident: Resident) -> None:
        """Give up an engine that nobody has let go of."""
        self._stop(resident)
        if not self._closing:
            self._revival.begin(resident)

    async def _load_again(self, needs: EngineNeeds) -> None:
        async with self.use(needs):
            pass

    async def _dismiss(self, resident: Resident) -> None:
        """Stop it and wait until it is gone."""
        self._stop(resident)
        await self._stopped()

    async def _stopped(self) -> None:
        if self._stops:
            await asyncio.wait(tuple(self._stops))


def _culprit(needs: EngineNeeds) -> Key:
    """Whose fault a failed start is: the base's, or the newest adapters'."""
    return key_of(needs)._replace(adapters=needs.adapters)


def _wish(resident: Resident, needs: EngineNeeds, pieces: Pieces) -> Wish:
    domain = f"{needs.scope}\0{needs.asker}" if needs.scope or needs.asker else ""
    return Wish(resident.scales(needs), domain, *pieces)


def _size(*paths: Path) -> int:
    """Bytes of the files that an engine holds."""
    return sum(path.stat().st_size for path in paths)


def _finite(seconds: float) -> float | None:
    """A time limit as asyncio takes it: None = no limit."""
    return None if math.isinf(seconds) else seconds


def _now() -> float:
    return asyncio.get_running_loop().time()
