"""Passwords: argon2, on a thread, and as slow for whom there is none.

The library is loaded when the first password is set or tried.
"""

import asyncio
from functools import cache
from typing import Any, Final

_NOBODYS: Final = "a password that nobody has"


async def hashed(password: str) -> str:
    """What may be stored of a password."""
    return await asyncio.to_thread(_hash, password)


async def matches(stored: str | None, password: str) -> bool:
    """Whether a password is the stored one; takes as long when none is stored."""
    return await asyncio.to_thread(_matches, stored, password)


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
