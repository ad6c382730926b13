"""Revival: engines that were to be kept come back by themselves when they end.

A model that kept one asks for it again as a request would, at longer and longer
intervals while that fails. Starts and stops nothing itself.
"""

import asyncio
import logging
import math
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Final

from modelwright.core.engine_ports import EngineNeeds
from modelwright.core.errors import ModelwrightError, Unavailable
from modelwright.engines.resident import LONGEST_PAUSE, Resident

FIRST_PAUSE: Final = 1.0

_LOG = logging.getLogger(__name__)


class Revival:
    """Asks again for what was kept; `ask` loads what a model needs."""

    def __init__(self, ask: Callable[[EngineNeeds], Awaitable[None]]) -> None:
        self._ask = ask
        self._tasks: dict[asyncio.Task[None], str] = {}

    def begin(self, resident: Resident) -> None:
        """Bring back what an engine was to be kept for, now that it ends."""
        for user, hold in resident.holds.items():
            if math.isinf(hold.keep_alive):
                task = asyncio.create_task(self._bring_back(replace(hold.needs, keep_alive=math.inf)))
                self._tasks[task] = user
                task.add_done_callback(self._tasks.pop)

    def release(self, user: str) -> bool:
        """Let a model's engines be gone; False when none was to come back."""
        found = [task for task, other in self._tasks.items() if other == user]
        for task in found:
            task.cancel()
        return bool(found)

    def close(self) -> None:
        for task in self._tasks:
            task.cancel()

    async def _bring_back(self, needs: EngineNeeds) -> None:
        pause = FIRST_PAUSE
        while True:
            try:
                await self._ask(needs)
                return
            except Unavailable as error:
                await asyncio.sleep(max(pause, error.retry_after or 0))
                pause = min(2 * pause, LONGEST_PAUSE)
            except ModelwrightError as error:
                _LOG.warning("the engine of %s does not come back: %s", needs.user, error)
                return
