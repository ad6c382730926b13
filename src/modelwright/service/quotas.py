"""Quotas: how much of the server one principal may take.

What is counted per minute and at one time is counted here, without a pause
between the look and the count, so that N pass and the next does not however many
ask at once; that is exact for one server process. Models and bytes are counted
where they are written. The local admin has no quotas, nor has an admin for whom
none was set.
"""

import math
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from types import MappingProxyType
from typing import Final

from modelwright.core.audit import AuditLog, Entry, check_quota
from modelwright.core.errors import Exhausted
from modelwright.core.grants import LOCAL_ADMIN, MAKER, Principal
from modelwright.core.ports import Clock
from modelwright.service.bounded import Bounded

MEMORY_SECONDS: Final = 1.0
RESERVED_TOKENS: Final = 4096
"""Of the day's tokens, set aside for each answer until it is known what it took."""

_MINUTE: Final = 60.0
_DAY: Final = 86_400
_KEPT: Final = 4096
_NONE: Final[Mapping[str, int]] = MappingProxyType({})


class Quotas:
    """Limits and counts; `usual` are those of everybody who is no admin."""

    def __init__(
        self,
        log: AuditLog,
        clock: Clock,
        usual: Mapping[str, int] = _NONE,
        seconds: Callable[[], float] = time.monotonic,
    ) -> None:
        self._log = log
        self._clock = clock
        self._usual = usual
        self._seconds = seconds
        self._limits: Bounded[str, tuple[float, Mapping[str, int]]] = Bounded(_KEPT)
        self._minutes: dict[str, deque[float]] = {}
        self._held: Counter[tuple[str, str]] = Counter()
        self._tokens: Bounded[tuple[str, int], list[int]] = Bounded(_KEPT)

    async def limits(self, principal: Principal) -> Mapping[str, int]:
        """What limits a principal; a change elsewhere counts within a second."""
        if principal.id in (LOCAL_ADMIN.id, MAKER.id):
            return _NONE
        known = self._limits.get(principal.id)
        if known is None or self._seconds() - known[0] >= MEMORY_SECONDS:
            own = await self._log.quotas(principal.id)
            usual = _NONE if principal.is_admin else self._usual
            known = self._limits.put(principal.id, (self._seconds(), {**usual, **own}))
        return known[1]

    async def set(
        self, principal: Principal, quota: str, most: int | None, by: Principal = LOCAL_ADMIN
    ) -> None:
        """Limit a principal; None takes a limit of its own away."""
        check_quota(quota, most)
        told: Mapping[str, str | int] = {"quota": quota, "most": "none" if most is None else most}
        line = Entry(self._clock.now(), by.id, by.name, "quota", f"user:{principal.id}", detail=told)
        await self._log.set_quota(principal.id, quota, most, line)
        self._limits = Bounded(_KEPT)

    async def count_request(self, principal: Principal) -> None:
        """Count one request; raises Exhausted for one too many in a minute."""
        most = (await self.limits(principal)).get("requests_per_minute")
        if most is None:
            return
        now, times = self._seconds(), self._minutes.setdefault(principal.id, deque())
        while times and now - times[0] >= _MINUTE:
            times.popleft()
        if len(times) >= most:
            wait = _MINUTE - (now - times[0]) if times else _MINUTE
            raise _exhausted("requests_per_minute", most, wait)
        times.append(now)

    async def take(self, principal: Principal, quota: str) -> Callable[[], None] | None:
        """Begin something of which so many may run at once; gives what ends it.

        None when there is no limit. Raises Exhausted for one too many.
        """
        most = (await self.limits(principal)).get(quota)
        if most is None:
            return None
        place = (principal.id, quota)
        if self._held[place] >= most:
            raise _exhausted(quota, most, 1)
        self._held[place] += 1
        return lambda: self._leave(place)

    async def take_stream(self, principal: Principal) -> Callable[[], None] | None:
        """The same of answers at one time."""
        return await self.take(principal, "streams")

    async def take_tokens(self, principal: Principal) -> Callable[[], None] | None:
        """Set tokens of the day aside for one answer; gives what ends that.

        None when there is no limit. Raises Exhausted when what was used and what is set
        aside reach it. So many answers at once use up no more than one alone could: what
        began below the limit is answered to its end.
        """
        most = (await self.limits(principal)).get("tokens_per_day")
        if most is None:
            return None
        used, place = await self._used_today(principal.id), (principal.id, "tokens_per_day")
        if used[0] >= most:
            now = int(self._clock.now().timestamp())
            raise _exhausted("tokens_per_day", most, _DAY - now % _DAY)
        if used[0] + self._held[place] * RESERVED_TOKENS >= most:
            raise _exhausted("tokens_per_day", most, 1)
        self._held[place] += 1
        return lambda: self._leave(place)

    def count_tokens(self, principal: str, day: int, count: int) -> None:
        """Add tokens to what is known of today, before they are written down."""
        known = self._tokens.get((principal, day))
        if known is not None:
            known[0] += count

    @contextmanager
    def held(self, leave: Callable[[], None] | None) -> Iterator[None]:
        """End what `take` began."""
        try:
            yield
        finally:
            if leave is not None:
                leave()

    async def _used_today(self, principal: str) -> list[int]:
        day = int(self._clock.now().timestamp()) // _DAY
        known = self._tokens.get((principal, day))
        if known is None:
            stored = await self._log.tokens(principal, day)
            known = self._tokens.get((principal, day)) or self._tokens.put((principal, day), [stored])
        return known

    def _leave(self, place: tuple[str, str]) -> None:
        self._held[place] -= 1
        if not self._held[place]:
            del self._held[place]


def _exhausted(quota: str, most: int, wait: float) -> Exhausted:
    return Exhausted(
        f"the quota {quota} = {most} is used up",
        retry_after=max(1, math.ceil(wait)),
        field=quota,
        hint="Wait, or ask an admin for more",
    )
