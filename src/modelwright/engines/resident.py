"""Resident: an engine in the pool, the models that hold it and its requests.

Bookkeeping only: it starts and stops nothing, and reads no clock but the loop's.
"""

import asyncio
import math
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from modelwright.core.digest import Digest
from modelwright.core.engine_ports import EngineNeeds
from modelwright.core.errors import Invalid, ModelwrightError, Unavailable, Unsupported
from modelwright.engines.llamacpp import LlamaEngine
from modelwright.engines.slots import SlotPlan

CRASHES_ALLOWED: Final = 3
CRASH_WINDOW: Final = 60.0
LONGEST_PAUSE: Final = 30.0


class Key(NamedTuple):
    """What two requests must share to share an engine.

    `apart`: what one model computed must not be found by another, because of its
    adapters or for its owner's sake. `adapters` and `scales` for embedding only,
    where a request cannot say them. `worker` numbers engines that are otherwise equal.
    """

    base: Digest
    kind: str
    apart: bool = False
    adapters: tuple[Digest, ...] = ()
    scales: tuple[float, ...] = ()
    projector: Digest | None = None
    worker: int = 0


@dataclass(slots=True)
class Hold:
    """A model's hold on an engine: while it has requests, then `keep_alive` seconds.

    `needs`: what its last request did, perhaps fewer tokens than a slot has.
    """

    keep_alive: float
    needs: EngineNeeds
    requests: int = 0
    ended_at: float = 0.0

    def expires_at(self, now: float) -> float:
        """The loop's time when the hold ends if nothing more comes; may be infinite."""
        return (now if self.requests else self.ended_at) + self.keep_alive

    def moved(self, now: float) -> "Hold":
        """The same hold on a bigger engine, to which it brings no request."""
        return Hold(self.keep_alive, self.needs, ended_at=now)


@dataclass(eq=False, slots=True)
class Resident:
    """An engine and who uses it; `context` is what was asked for, `size` in bytes.

    `adapters` are what it holds, `needs` what it was started for.
    """

    key: Key
    context: int
    adapters: tuple[Digest, ...]
    needs: EngineNeeds
    slots: SlotPlan
    capacity: int
    size: int = 0
    engine: LlamaEngine | None = None
    loading: "asyncio.Task[LlamaEngine]" = field(init=False)
    stopping: "asyncio.Task[None] | None" = None
    holds: dict[str, Hold] = field(default_factory=dict)
    requests: int = 0
    used_at: float = 0.0
    leaving: bool = False

    @contextmanager
    def used_by(self, needs: EngineNeeds, default: float) -> Iterator[float]:
        """Count a request, waiting or running; Unavailable when there are too many.

        Gives how long the model is kept: as it was, or at first by default, when the
        request does not say (Ollama, server/sched.go, useLoadedRunner).
        """
        if self.requests >= self.capacity:
            raise Unavailable(
                f'the engine of "{needs.user}" is busy: {self.requests} requests run or wait, the limit is '
                f"{self.capacity}",
                retry_after=5,
                hint="Try again later, or raise the limit (max_queue)",
            )
        hold = self.holds.setdefault(needs.user, Hold(default, needs))
        hold.needs = needs
        if needs.keep_alive is not None:
            hold.keep_alive = needs.keep_alive
        hold.requests += 1
        self.requests += 1
        try:
            yield hold.keep_alive
        finally:
            self.used_at = hold.ended_at = asyncio.get_running_loop().time()
            hold.requests -= 1
            self.requests -= 1
            if not hold.requests and hold.keep_alive <= 0:
                self.holds.pop(needs.user, None)

    def release(self, user: str) -> None:
        """End a model's hold, or let it end with the requests that still run."""
        hold = self.holds[user]
        hold.keep_alive = 0.0
        if not hold.requests:
            del self.holds[user]

    def drop_expired(self, now: float) -> float:
        """Forget holds that ended; returns when the next one does, perhaps never."""
        soonest = math.inf
        for user, hold in tuple(self.holds.items()):
            expires_at = hold.expires_at(now)
            if expires_at <= now and not hold.requests:
                del self.holds[user]
            elif not hold.requests:
                soonest = min(soonest, expires_at)
        return soonest

    def holds_enough(self, needs: EngineNeeds) -> bool:
        return self.context >= needs.context and set(needs.adapters) <= set(self.adapters)

    def scales(self, needs: EngineNeeds) -> tuple[float, ...]:
        """How strongly each adapter of the engine applies in a request, zeros too."""
        if len(needs.scales) != len(needs.adapters):
            raise Invalid(
                f"{len(needs.scales)} scales are given for {len(needs.adapters)} adapters", field="adapters"
            )
        if self.key.kind != "chat":
            return needs.scales
        wanted = dict(zip(needs.adapters, needs.scales, strict=True))
        return tuple(wanted.get(adapter, 0.0) for adapter in self.adapters)

    async def loaded(self) -> tuple[LlamaEngine, int]:
        """The engine, and how long this request waited for it in nanoseconds."""
        if self.engine is not None:
            return self.engine, 0
        started = time.monotonic_ns()
        try:
            engine = await asyncio.shield(self.loading)
        except asyncio.CancelledError:
            if self.loading.cancelled():
                raise Unavailable("the engine was stopped while it loaded") from None
            raise
        return engine, time.monotonic_ns() - started

    @property
    def is_asleep(self) -> bool:
        """Whether the engine has given its memory back until the next request."""
        if self.engine is None or self.requests:
            return False
        return asyncio.get_running_loop().time() - self.used_at > self.engine.sleep_seconds

    @property
    def held(self) -> int:
        """Bytes that it takes now, those of devices too."""
        host = self.engine.memory() if self.engine else 0
        return host + self.held_vram if host else self.size

    @property
    def held_vram(self) -> int:
        """Bytes of devices that it takes now."""
        return self.engine.vram_bytes if self.engine and not self.is_asleep else 0

    @property
    def taken(self) -> int:
        """Bytes to count with: asleep, what it takes again when it wakes."""
        return max(self.size, self.held)

    @property
    def is_wanted(self) -> bool:
        return self.requests > 0 or (bool(self.holds) and not self.leaving)


class Crashes:
    """How often an engine failed of late, and when it may be tried again."""

    def __init__(self) -> None:
        self._times: deque[float] = deque(maxlen=16)
        self._last: ModelwrightError | None = None

    def record(self, now: float, error: ModelwrightError) -> None:
        self._times.append(now)
        self._last = error

    def check(self, now: float) -> None:
        """Raise when it failed too often: the fault of the weights again, or Unavailable."""
        recent = [time for time in self._times if now - time < CRASH_WINDOW]
        if len(recent) < CRASHES_ALLOWED or self._last is None:
            return
        pause = min(2.0 ** (len(recent) - CRASHES_ALLOWED), LONGEST_PAUSE)
        left = recent[-1] + pause - now
        if left <= 0:
            return
        if isinstance(self._last, Unsupported):
            raise self._last.with_traceback(None)
        raise Unavailable(
            f"the engine failed {len(recent)} times in a minute and rests now; the last time: "
            f"{self._last.message}",
            retry_after=math.ceil(left),
        )
