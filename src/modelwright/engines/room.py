"""Room: the memory that all engines share, and who leaves for whom.

Engines load one at a time, in the order in which they were asked for. It chooses who
leaves; it does not know how an engine is started or stopped.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import Final

from modelwright.core.errors import Unavailable
from modelwright.engines.launch import device_memory
from modelwright.engines.memory import SHARE, machine_memory, may_have_gpu, too_large
from modelwright.engines.options import EngineOptions
from modelwright.engines.resident import Resident
from modelwright.engines.roster import Roster

PATIENCE: Final = 5.0
"""Seconds that a newcomer waits for an idle engine before a busy one takes no more requests."""


class Room:
    """The memory and its engines; `stop` ends one and waits until it is gone."""

    def __init__(
        self, roster: Roster, options: EngineOptions, stop: Callable[[Resident], Awaitable[None]]
    ) -> None:
        self._roster = roster
        self._stop = stop
        self._most = options.max_engines
        self._budget: float | None = options.memory_bytes
        self._lent = 0
        self._one_load = asyncio.Lock()
        self._changed = asyncio.Event()

    @property
    def is_lent(self) -> bool:
        """Whether training has some of the memory now."""
        return self._lent > 0

    async def budget(self) -> float:
        """Bytes that all engines may take together."""
        if self._budget is None:
            devices = await device_memory() if may_have_gpu() else 0
            self._budget = (machine_memory() + devices) * SHARE
        return self._budget - self._lent

    def changed(self) -> None:
        """Wake who waits: an engine is idle, or gone."""
        self._changed.set()
        self._changed = asyncio.Event()

    async def change(self, seconds: float | None = None) -> None:
        """Wait for that, at most so long."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._changed.wait()

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """The right to load, which one has at a time."""
        async with self._one_load:
            yield

    async def make(self, newcomer: Resident) -> None:
        """Wait until there is room for an engine whose turn it is.

        Raises Unavailable when nobody wants it any more. Idle ones leave, the longest
        unused first. Where all are busy they go on, but not for ever: after a while
        one only ends what it has begun.
        """
        patient_until = _now() + PATIENCE
        while newcomer.requests and not await self._fits(newcomer):
            if await self._has_sent_idle():
                continue
            if self._roster.promote(newcomer, _now()) is None:  # one that it follows need not be waited for
                if _now() >= patient_until:
                    self._retire_one()
                await self.change(PATIENCE)
        if not newcomer.requests:
            raise Unavailable("nobody waits for this engine any more")

    @asynccontextmanager
    async def lent(self, size: int) -> AsyncIterator[None]:
        """Leave so many bytes to training, which waits for engines that are busy."""
        while not await self._has_lent(size):
            await self.change()
        try:
            yield
        finally:
            self._lent -= size
            self.changed()

    async def _has_lent(self, size: int) -> bool:
        """Stop what nobody uses until there is room; False when all that is left is busy."""
        async with self._one_load:
            budget = await self.budget()
            if size > budget:
                raise too_large(size, budget)
            while sum(one.taken for one in self._present()) + size > budget:
                if not await self._has_sent_idle():
                    return False
            self._lent += size
            return True

    async def _fits(self, newcomer: Resident) -> bool:
        others = [one for one in self._present() if one is not newcomer]
        if not others:
            return True
        taken = newcomer.size + sum(one.taken for one in others)
        return taken <= await self.budget() and len(others) < self._most

    async def _has_sent_idle(self) -> bool:
        """Stop the one that was idle for longest; False when all have requests."""
        idle = [one for one in self._present() if not one.requests and one.stopping is None]
        if idle:
            await self._stop(min(idle, key=lambda one: one.used_at))
        return bool(idle)

    def _retire_one(self) -> None:
        """Give the first come no more requests, unless one is leaving already."""
        busy = self._present()
        if busy and not any(one.leaving for one in busy):
            self._roster.retire(busy[0])

    def _present(self) -> list[Resident]:
        """Engines that take memory: what waits for its turn to load takes none."""
        return [one for one in self._roster.all() if one.engine is not None]


def _now() -> float:
    return asyncio.get_running_loop().time()
