"""Counted: long work on bytes as a stream of how many are done, then its result.

The work counts in threads that nobody can stop from outside; when the caller
leaves, the next count ends it.
"""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import Final, TypeVar

from modelwright.core.ports import OnBytes

T = TypeVar("T")

PAUSE: Final = 0.2
"""Seconds between two counts."""


class Abandoned(Exception):
    """Nobody waits for the work any more."""


class _Tally:
    def __init__(self) -> None:
        self.done = 0
        self.abandoned = False

    def __call__(self, done: int) -> None:
        if self.abandoned:
            raise Abandoned
        self.done = done


async def counted(work: Callable[[OnBytes], Awaitable[T]]) -> AsyncGenerator[int | T, None]:
    """Yield the bytes done (as int) now and then, last the result, which is no int."""
    tally = _Tally()
    task = asyncio.ensure_future(work(tally))
    try:
        while not (await asyncio.wait([task], timeout=PAUSE))[0]:
            yield tally.done
        yield task.result()
    finally:
        tally.abandoned = True
        if not task.done():
            await asyncio.wait([task])
            task.exception()
