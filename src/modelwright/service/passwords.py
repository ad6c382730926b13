"""Passwords: argon2, on a thread; nobody guesses at them for ever.

The library is loaded when the first password is set or tried.
"""

import asyncio
import math
from collections import deque
from collections.abc import Callable
from functools import cache
from typing import Any, Final

from modelwright.core.errors import Exhausted
from modelwright.core.people import People, User
from modelwright.service.bounded import Bounded

TRIES: Final = 15
"""Wrong passwords in a row that an email is tried with (open-webui, routers/auths.py)."""
WAIT_SECONDS: Final = 180.0
"""In how long a time."""

_EMAILS: Final = 4096
_NOBODYS: Final = "a password that nobody has"


async def hashed(password: str) -> str:
    """What may be stored of a password."""
    return await asyncio.to_thread(_hash, password)


async def matches(stored: str | None, password: str) -> bool:
    """Whether a password is the stored one; takes as long when none is stored."""
    return await asyncio.to_thread(_matches, stored, password)


class Proofs:
    """Passwords that people prove who they are with; `seconds` is a clock."""

    def __init__(self, people: People, seconds: Callable[[], float], most: int = TRIES) -> None:
        self._people = people
        self._seconds = seconds
        self._most = most
        self._tried: Bounded[str, deque[float]] = Bounded(_EMAILS)

    async def owner(self, email: str, password: str) -> User | None:
        """Whose email and password these are, None = nobody's.

        Raises Exhausted where this email was tried too often, also for who is not there.
        """
        tries = self._begin(email.casefold())
        found = await self._people.password_of(email)
        if not await matches(found[1] if found else None, password) or found is None:
            return None
        tries.clear()
        return found[0]

    def _begin(self, email: str) -> deque[float]:
        """Count a try, which is a wrong one until it was right: many come at once."""
        now, tries = self._seconds(), self._tried.get(email)
        if tries is None:
            tries = self._tried.put(email, deque())
        while tries and now - tries[0] >= WAIT_SECONDS:
            tries.popleft()
        if len(tries) >= self._most:
            wait = max(1, math.ceil(WAIT_SECONDS - (now - tries[0])))
            raise Exhausted("too many wrong passwords", retry_after=wait, hint="Wait, or use a key")
        tries.append(now)
        return tries


@cache
def _hasher() -> Any:
    from argon2 import PasswordHasher

    return PasswordHasher()


@cache
def _decoy() -> str:
    return _hash(_NOBODYS)


def _hash(password: str) -> str:
    text: str = _hasher().hash(password)
    return text


def _matches(stored: str | None, password: str) -> bool:
    from argon2.exceptions import Argon2Error, InvalidHashError

    try:
        return bool(_hasher().verify(stored or _decoy(), password)) and stored is not None
    except (Argon2Error, InvalidHashError):
        return False
