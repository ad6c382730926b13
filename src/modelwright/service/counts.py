"""Counts: what is taken of quotas, where N pass and the next does not.

Counted in this process, without a pause between the look and the count; or, where
several servers have one database open, in that database.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, Protocol, TypeAlias

from modelwright.core.audit import Tokens
from modelwright.core.errors import ModelwrightError
from modelwright.core.leases import Claim, Held, LeaseBook, Refusal, find_refused, split
from modelwright.service.bounded import Bounded

LEASE_SECONDS: Final = 60.0
"""How long what a server took counts on after that server died."""
RENEW_SECONDS: Final = 15.0

_SECOND_LOOK: Final = 0.1
_KEPT: Final = 4096

Leave: TypeAlias = Callable[[], None]


class Counts(Protocol):
    """Who has taken what."""

    async def take(self, principal: str, claims: Sequence[Claim]) -> Refusal | Leave:
        """Take all that is claimed; gives what ends it, or what there is no room for."""
        ...

    def count_tokens(self, principal: str, day: int, count: int) -> bool:
        """Be told of tokens that were used; whether they are written down here."""
        ...

    async def keep(self) -> None:
        """Called every second, and at the end."""
        ...


class OwnCounts:
    """Counts of this process alone; `stored`: what was used on a day before."""

    def __init__(
        self, stored: Callable[[str, int], Awaitable[int]], seconds: Callable[[], float] = time.monotonic
    ) -> None:
        self._stored = stored
        self._seconds = seconds
        self._taken: dict[tuple[str, str], dict[str, tuple[float, int]]] = {}
        self._tokens: Bounded[tuple[str, int], list[int]] = Bounded(_KEPT)

    async def take(self, principal: str, claims: Sequence[Claim]) -> Refusal | Leave:
        days = [claim.day for claim in claims if claim.day is not None]
        known = {day: await self._used(principal, day) for day in days}
        now = self._seconds()  # from here on without a pause
        used = {day: tokens[0] for day, tokens in known.items()}
        held = {claim.quota: self._held((principal, claim.quota), now) for claim in claims}
        refusal = find_refused(claims, held, used)
        taken = split(claims, refusal)
        for claim in taken:
            until = now + claim.seconds if claim.lasting else float("inf")
            self._taken.setdefault((principal, claim.quota), {})[claim.id] = (until, claim.weight)
        return refusal or (lambda: self._leave(principal, taken))

    def count_tokens(self, principal: str, day: int, count: int) -> bool:
        known = self._tokens.get((principal, day))
        if known is not None:
            known[0] += count
        return False

    async def keep(self) -> None:
        """Nothing has to be kept."""

    def _held(self, place: tuple[str, str], now: float) -> Held:
        taken = self._taken.get(place, {})
        while taken and (first := next(iter(taken))) and taken[first][0] <= now:
            del taken[first]
        if not taken:
            self._taken.pop(place, None)
            return Held()
        return Held(sum(weight for _, weight in taken.values()), next(iter(taken.values()))[0] - now)

    def _leave(self, principal: str, claims: Sequence[Claim]) -> None:
        for claim in claims:
            if not claim.lasting and (taken := self._taken.get((principal, claim.quota))):
                taken.pop(claim.id, None)

    async def _used(self, principal: str, day: int) -> list[int]:
        known = self._tokens.get((principal, day))
        if known is None:
            stored = await self._stored(principal, day)
            known = self._tokens.get((principal, day)) or self._tokens.put((principal, day), [stored])
        return known


class SharedCounts:
    """Counts of several servers, by leases in their database; this one is `holder`.

    A server that lives renews its leases. What it cannot give back at once, for the
    database is away, it gives back later.
    """

    def __init__(self, book: LeaseBook, holder: str, seconds: Callable[[], float] = time.monotonic) -> None:
        self._book = book
        self._holder = holder
        self._seconds = seconds
        self._renewed = seconds()
        self._live: Counter[str] = Counter()
        self._spent: dict[tuple[str, int], int] = {}
        self._ended: list[str] = []
        self._ending: set[asyncio.Task[None]] = set()

    async def take(self, principal: str, claims: Sequence[Claim]) -> Refusal | Leave:
        refusal = await self._book.take(principal, claims, self._holder)
        if refusal is not None and not (refusal.claim.lasting or refusal.spent):
            # Whoever read an answer to its end may be back before the lease is.
            await asyncio.sleep(_SECOND_LOOK)
            claims = [claim for claim in claims if not claim.lasting]
            refusal = await self._book.take(principal, claims, self._holder)
        if refusal is not None:
            return refusal
        held = [claim.id for claim in claims if not claim.lasting]
        self._live[principal] += len(held)
        return lambda: self._leave(principal, held)

    def count_tokens(self, principal: str, day: int, count: int) -> bool:
        if not self._live[principal]:
            return False
        self._spent[principal, day] = self._spent.get((principal, day), 0) + count
        return True

    async def keep(self) -> None:
        if self._ending:
            await asyncio.wait(self._ending)
        if self._ended or self._spent:
            await self._end()
        if self._seconds() - self._renewed >= RENEW_SECONDS:
            self._renewed = self._seconds()
            if +self._live:
                await self._book.renew(self._holder, LEASE_SECONDS)

    def _leave(self, principal: str, leases: Sequence[str]) -> None:
        if not leases:
            return
        self._live[principal] -= len(leases)
        if not self._live[principal]:
            del self._live[principal]
        self._ended.extend(leases)
        task = asyncio.get_running_loop().create_task(self._end_now())
        self._ending.add(task)
        task.add_done_callback(self._ending.discard)

    async def _end_now(self) -> None:
        try:
            await self._end()
        except ModelwrightError:
            return  # `keep` tries again, and says so

    async def _end(self) -> None:
        """Give back what ended, and with it, never later, the tokens that it took."""
        ended, spent = self._ended, self._spent
        self._ended, self._spent = [], {}
        tokens = [Tokens(principal, day, count) for (principal, day), count in spent.items() if count]
        try:
            await self._book.end(ended, tokens)
        except ModelwrightError:
            self._ended = ended + self._ended
            for place, count in spent.items():
                self._spent[place] = self._spent.get(place, 0) + count
            raise
