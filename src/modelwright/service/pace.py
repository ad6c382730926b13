"""Pace: long work in the one loop, done so that others are served meanwhile.

It does not know what the work is.
"""

import asyncio
from collections.abc import AsyncIterator, Iterable
from typing import Final, TypeVar

Item = TypeVar("Item")

AT_ONCE: Final = 64
"""How many items are dealt with until others have their turn; a few milliseconds' work."""


async def paced(items: Iterable[Item]) -> AsyncIterator[Item]:
    """The items in turn; whatever else is due runs in between."""
    for number, item in enumerate(items, 1):
        if number % AT_ONCE == 0:
            await asyncio.sleep(0)
        yield item
