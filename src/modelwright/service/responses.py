"""Responses: answers that are kept, so that they can be found and continued.

Each is its principal's alone: for everybody else it does not exist. Knows
nothing of what they say.
"""

from datetime import datetime, timedelta
from typing import Final

from modelwright.core.errors import NotFound, TooLarge
from modelwright.core.grants import Principal
from modelwright.core.ports import Clock, ResponseShelf
from modelwright.core.responses import KeptResponse

LONGEST: Final = 1000
"""Answers that may continue one another."""


class Responses:
    """The shelf, and how many days an answer stays on it; 0 keeps none."""

    def __init__(self, shelf: ResponseShelf, clock: Clock, *, keep_days: int) -> None:
        self._shelf = shelf
        self._clock = clock
        self._keep = timedelta(days=keep_days)

    @property
    def keeps(self) -> bool:
        """Whether answers are kept at all."""
        return bool(self._keep)

    async def keep(self, principal: Principal, id: str, content: bytes, *, previous: str = "") -> None:
        """Keep an answer, if any are kept; older ones than may be go."""
        if not self.keeps:
            return
        now = self._clock.now()
        await self._shelf.drop_responses(now - self._keep)
        await self._shelf.keep_response(KeptResponse(id, principal.id, now, content, previous))

    async def find(self, principal: Principal, id: str) -> KeptResponse:
        """One answer; NotFound when it is not there, too old, or somebody else's."""
        found = await self._shelf.responses(principal.id, id, since=self._oldest(), most=1)
        if not found:
            raise _absent(id)
        return found[0]

    async def history(self, principal: Principal, id: str) -> tuple[KeptResponse, ...]:
        """An answer and all that it continues, oldest first.

        Raises NotFound when one of them is gone, TooLarge when there are too many.
        """
        found = await self._shelf.responses(principal.id, id, since=self._oldest(), most=LONGEST + 1)
        if len(found) > LONGEST:
            raise TooLarge(f"more than {LONGEST} responses continue one another up to '{id}'")
        missing = found[-1].previous if found else id
        if missing:
            raise _absent(missing)
        return tuple(reversed(found))

    async def drop(self, principal: Principal, id: str) -> None:
        """Remove one answer; what continues it cannot be continued any more."""
        if not await self._shelf.drop_response(principal.id, id, since=self._oldest()):
            raise _absent(id)

    async def drop_expired(self) -> int:
        """Remove what is too old; how many there were."""
        return await self._shelf.drop_responses(self._oldest())

    def _oldest(self) -> datetime:
        return self._clock.now() - self._keep


def _absent(id: str) -> NotFound:
    return NotFound("response", id[:100], hint="It was not stored, was deleted, or is too old")
