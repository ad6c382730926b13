"""Resident: an engine in the pool, the models that hold it and its requests.

Bookkeeping only: it starts and stops nothing, and reads no clock but the loop's.
"""

import asyncio
import math
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final

from modelwright.core.digest import Digest
from modelwright.core.errors import ModelwrightError, Unavailable, Unsupported
from modelwright.engines.llamacpp import LlamaEngine

CRASHES_ALLOWED: Final = 3
CRASH_WINDOW: Final = 60.0
LONGEST_PAUSE: Final = 30.0

Key = tuple[Digest, Digest | None, tuple[Digest, ...], str, tuple[float, ...]]
"""What two requests must share to share an engine: base, projector, adapters, kind.

And for embedding, where a request cannot say them, the adapters' scales.
"""


@dataclass(slots=True)
class Hold:
    """A model's hold on an engine: while it has requests, then `keep_alive` seconds."""

    keep_alive: float
    requests: int = 0
    ended_at: float = 0.0

    def expires_at(self, now: float) -> float:
        """The loop's time when the hold ends if nothing more comes; may be infinite."""
        return (now if self.requests else self.ended_at) + self.keep_alive

    def moved(self, now: float) -> "Hold":
        """The same hold on a bigger engine, to which it brings no request."""
        return Hold(self.keep_alive, ended_at=now)


@dataclass(eq=False, slots=True)
class Resident:
    """An engine and who uses it; `context` is what was asked for, `size` in bytes."""

    key: Key
    context: int
    slots: asyncio.Semaphore
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
    def used_by(self, user: str, keep_alive: float) -> Iterator[None]:
        """Count a request, waiting or running; Unavailable when there are too many."""
        if self.requests >= self.capacity:
            raise Unavailable(
                f'the engine of "{user}" is busy: {self.requests} requests run or wait, the limit is '
                f"{self.capacity}",
                retry_after=5,
                hint="Try again later, or raise the limit (max_queue)",
            )
        hold = self.holds.setdefault(user, Hold(keep_alive))
        hold.keep_alive = keep_alive
        hold.requests += 1
        self.requests += 1
        try:
            yield
        finally:
            self.used_at = hold.ended_at = asyncio.get_running_loop().time()
            hold.requests -= 1
            self.requests -= 1
            if not hold.requests and hold.keep_alive <= 0:
                self.holds.pop(user, None)

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
