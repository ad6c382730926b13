"""Quotas: how much of the server one principal may take.

What a quota comes to, and for whom; who has taken what of it is counted in counts.py.
Models, bytes and jobs are counted where they are written. The local admin has no
quotas, nor has an admin for whom none was set.
"""

import math
import secrets
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from types import MappingProxyType
from typing import Final

from modelwright.core.audit import AuditLog, Entry, check_quota
from modelwright.core.errors import Exhausted
from modelwright.core.grants import LOCAL_ADMIN, MAKER, Principal
from modelwright.core.leases import Claim, Refusal
from modelwright.core.ports import Clock
from modelwright.service.bounded import Bounded
from modelwright.service.counts import LEASE_SECONDS, Counts, Leave, OwnCounts

MEMORY_SECONDS: Final = 1.0
RESERVED_TOKENS: Final = 4096
"""Of the day's tokens, set aside for each answer until it is known what it took."""

REQUESTS: Final = ("requests_per_minute",)
"""What every request takes of."""
ANSWERS: Final = ("tokens_per_day", "streams")
"""What an answer takes of."""

_MINUTE: Final = 60.0
_DAY: Final = 86_400
_KEPT: Final = 4096
_NONE: Final[Mapping[str, int]] = MappingProxyType({})


class Quotas:
    """Limits, and what is taken; `usual` are those of everybody who is no admin.

    `counts`: who has taken what; without one it is counted in this process.
    """

    def __init__(
        self,
        log: AuditLog,
        clock: Clock,
        usual: Mapping[str, int] = _NONE,
        counts: Counts | None = None,
        seconds: Callable[[], float] = time.monotonic,
    ) -> None:
        self._log = log
        self._clock = clock
        self._usual = usual
        self._counts = counts or OwnCounts(log.tokens, seconds)
        self._seconds = seconds
        self._limits: Bounded[str, tuple[float, Mapping[str, int]]] = Bounded(_KEPT)

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

    async def take(self, principal: Principal, *quotas: str) -> Leave | None:
        """Begin what takes of these quotas; gives what ends it.

        None when none of them is limited, and nothing was asked of the store. Raises
        Exhausted for one too many. Of the day's tokens some are set aside: so many
        answers at once use up no more than one alone could, and what began below the
        limit is answered to its end.
        """
        limits = await self.limits(principal)
        claims = [self._claim(quota, limits[quota]) for quota in quotas if quota in limits]
        if not claims:
            return None
        found = await self._counts.take(principal.id, claims)
        if isinstance(found, Refusal):
            raise self._exhausted(found)
        return found

    def count_tokens(self, principal: str, day: int, count: int) -> bool:
        """Be told of tokens used; whether they are written down here."""
        return self._counts.count_tokens(principal, day, count)

    async def keep(self) -> None:
        """Keep what is taken; called every second, and at the end."""
        await self._counts.keep()

    @contextmanager
    def held(self, leave: Leave | None) -> Iterator[None]:
        """End what `take` began."""
        try:
            yield
        finally:
            if leave is not None:
                leave()

    def _claim(self, quota: str, most: int) -> Claim:
        id = secrets.token_hex(12)
        if quota in REQUESTS:
            return Claim(id, quota, most, _MINUTE, lasting=True)
        if quota == "tokens_per_day":
            day = int(self._clock.now().timestamp()) // _DAY
            return Claim(id, quota, most, LEASE_SECONDS, RESERVED_TOKENS, day=day)
        return Claim(id, quota, most, LEASE_SECONDS)

    def _exhausted(self, refusal: Refusal) -> Exhausted:
        claim = refusal.claim
        wait = (refusal.wait or _MINUTE) if claim.lasting else 1.0
        if refusal.spent:
            wait = _DAY - int(self._clock.now().timestamp()) % _DAY
        return Exhausted(
            f"the quota {claim.quota} = {claim.most} is used up",
            retry_after=max(1, math.ceil(wait)),
            field=claim.quota,
            hint="Wait, or ask an admin for more",
        )
