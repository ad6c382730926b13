"""Effort: the processor time that a refusal costs at its best.

Somebody's bad input must not keep a server busy. One try can be slow for other
reasons (garbage collected, another thread's work); three are not.
"""

import time
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

Answer = TypeVar("Answer")
TRIES: Final = 3


def least_effort(work: Callable[[], object]) -> float:
    """Seconds of processor time of the cheapest try."""
    return min(_spent(work) for _ in range(TRIES))


async def least_effort_of(ask: Callable[[], Awaitable[Answer]]) -> tuple[float, Answer]:
    """The same of something to wait for, and what came of it."""
    tries = []
    for _ in range(TRIES):
        begun = time.process_time()
        answer = await ask()
        tries.append((time.process_time() - begun, answer))
    return min(tries, key=lambda each: each[0])


def _spent(work: Callable[[], object]) -> float:
    begun = time.process_time()
    work()
    return time.process_time() - begun
