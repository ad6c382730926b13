"""Abandoned: what an engine still works on after its client has left.

A text to embed or to rank is one batch, since it is pooled as a whole, and nothing
stops a batch but the end of the process. Where nobody else has work there, that is
what happens: the next request finds a new engine sooner than the old one idle.
"""

import asyncio
from collections.abc import Callable
from typing import Final

from modelwright.engines.resident import Resident

PATIENCE: Final = 1.0
"""Seconds that work may go on for nobody."""


class Abandoned:
    """Looks after engines whose clients left; `stop` takes one out of use."""

    def __init__(self, stop: Callable[[Resident], None]) -> None:
        self._stop = stop
        self._looks: set[asyncio.Task[None]] = set()

    def look_after(self, resident: Resident) -> None:
        """See soon whether the engine is idle again, and end it if not."""
        task = asyncio.create_task(self._look(resident))
        self._looks.add(task)
        task.add_done_callback(self._looks.discard)

    def close(self) -> None:
        for task in self._looks:
            task.cancel()

    async def _look(self, resident: Resident) -> None:
        await asyncio.sleep(PATIENCE)
        engine = resident.engine
        if engine is None or resident.stopping is not None or resident.requests:
            return
        if await engine.is_idle() or resident.requests:
            return
        self._stop(resident)
        engine.kill()
