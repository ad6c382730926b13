"""SlotPlan: which slot of an engine a request computes in, and when.

llama.cpp keeps in each slot what it computed last, and goes on from there when
a prompt begins the same. A slot that changes its adapters begins anew, and
requests with unlike adapters are never evaluated in one batch (b11549,
`can_batch_with`). So who goes where decides what it costs. Bookkeeping only: it
asks no engine anything.
"""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Final

MOST_OVERTAKEN: Final = 8
"""Later requests that may go before a waiting one, to be batched with their like."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What a request would like to find in its slot.

    `scales`: one for each adapter of the engine; `domain`: who may go on from
    what it leaves behind; `constant` and `rest`: what its prompt is made of, in
    order, the first being what all requests of its model begin with.
    """

    scales: tuple[float, ...] = ()
    domain: str = ""
    constant: tuple[str, ...] = ()
    rest: tuple[str, ...] = ()

    def is_akin(self, other: "Wish") -> bool:
        """Whether one may go on from what the other computed."""
        return (self.scales, self.domain) == (other.scales, other.domain)

    def begins_like(self, other: "Wish | None") -> bool:
        """Whether the other's slot already holds this one's constant part."""
        return other is not None and self.is_akin(other) and self.constant == other.constant


@dataclass(slots=True)
class Seat:
    """A slot that a request has to itself; `held` is what is in it, None = unknown.

    `is_new`: nothing was ever computed there.
    """

    number: int = 0
    wish: Wish = Wish()
    held: Wish | None = None
    is_new: bool = True

    @property
    def scales(self) -> tuple[float, ...]:
        return self.wish.scales


@dataclass(eq=False, slots=True)
class _Slot:
    number: int
    held: Wish | None = None
    is_new: bool = True
    busy: Wish | None = None
    used: int = 0


@dataclass(eq=False, slots=True)
class _Waiter:
    wish: Wish
    granted: "asyncio.Future[_Slot]"
    overtaken: int = field(default=0)


class SlotPlan:
    """The slots of one engine and the requests that wait for one."""

    def __init__(self, count: int) -> None:
        self._slots = [_Slot(number) for number in range(count)]
        self._waiting: deque[_Waiter] = deque()
        self._uses = 0

    @asynccontextmanager
    async def seat(self, wish: Wish) -> AsyncGenerator[Seat, None]:
        """Wait for a slot and have it; whoever uses it says in `held` what is left there."""
        slot = await self._take(wish)
        seat = Seat(slot.number, wish, slot.held, slot.is_new)
        try:
            yield seat
        finally:
            slot.held, slot.is_new = seat.held, seat.is_new
            self._free(slot)

    def forget(self) -> None:
        """Count on nothing that was computed: the engine may have given it away."""
        for slot in self._slots:
            if slot.busy is None:
                slot.held = None

    async def _take(self, wish: Wish) -> _Slot:
        if not self._waiting and any(slot.busy is None for slot in self._slots):
            return self._occupy(wish)
        waiter = _Waiter(wish, asyncio.get_running_loop().create_future())
        self._waiting.append(waiter)
        try:
            return await waiter.granted
        except asyncio.CancelledError:
            if waiter in self._waiting:
                self._waiting.remove(waiter)
            elif waiter.granted.done() and not waiter.granted.cancelled():
                self._free(waiter.granted.result())
            raise

    def _free(self, slot: _Slot) -> None:
        slot.busy = None
        while self._waiting and any(one.busy is None for one in self._slots):
            waiter = self._next()
            if not waiter.granted.done():
                waiter.granted.set_result(self._occupy(waiter.wish))

    def _next(self) -> _Waiter:
        """The first that can be batched with what runs, unless one waited for too long."""
        running = {slot.busy.scales for slot in self._slots if slot.busy is not None}
        at = 0
        if self._waiting[0].overtaken < MOST_OVERTAKEN:
            akin = (at for at, waiter in enumerate(self._waiting) if waiter.wish.scales in running)
            at = next(akin, 0)
        for earlier in tuple(self._waiting)[:at]:
            earlier.overtaken += 1
        found = self._waiting[at]
        del self._waiting[at]
        return found

    def _occupy(self, wish: Wish) -> _Slot:
        slot = self._choose(wish, [slot for slot in self._slots if slot.busy is None])
        self._uses += 1
        slot.busy, slot.used = wish, self._uses
        return slot

    def _choose(self, wish: Wish, idle: Sequence[_Slot]) -> _Slot:
        """Where most of the prompt is and little else would be lost.

        Else a slot that was never used, else the longest unused with the same
        adapters, else the longest unused.
        """
        akin = [slot for slot in idle if slot.held is not None and wish.is_akin(slot.held)]
        kept = {slot: _common(wish, slot.held) for slot in akin if slot.held is not None}
        good = [slot for slot, (common, lost) in kept.items() if common > 0 and common >= lost]
        if good:
            return max(good, key=lambda slot: (kept[slot][0], -kept[slot][1], slot.used))
        return min((slot for slot in idle if slot.is_new), default=None, key=lambda slot: slot.number) or min(
            akin or idle, key=lambda slot: slot.used
        )


def _common(wish: Wish, held: Wish) -> tuple[int, int]:
    """Characters that both begin with, and those that would be lost."""
    wanted, there = wish.constant + wish.rest, held.constant + held.rest
    common = 0
    for one, other in zip(wanted, there, strict=False):
        if one != other:
            break
        common += len(one)
    return common, sum(len(piece) for piece in there) - common
