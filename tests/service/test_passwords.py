"""Passwords: who knows one, and how often somebody may be wrong about it."""

import asyncio
from datetime import UTC, datetime

import pytest

from modelwright.core.errors import Exhausted, Unauthenticated
from modelwright.core.grants import LOCAL_ADMIN
from modelwright.service.accounts import Accounts
from modelwright.service.passwords import TRIES, WAIT_SECONDS, Proofs
from modelwright.store.audit import AuditBook
from modelwright.store.keys import KeyBook

pytestmark = pytest.mark.anyio

RIGHT = "the right one"


class Still:
    """A clock that stands."""

    def now(self) -> datetime:
        return datetime(2026, 5, 4, 12, tzinfo=UTC)


@pytest.fixture
async def book(world) -> KeyBook:
    """Ann and bob, who have passwords."""
    book = KeyBook(world.catalogue.database)
    accounts = Accounts(book, AuditBook(world.catalogue.database), Still())
    for name in ("ann", "bob"):
        await accounts.add_user(LOCAL_ADMIN, name, email=f"{name}@x.org", password=RIGHT)
    return book


async def test_a_password_can_be_guessed_at_a_few_times_only(book: KeyBook) -> None:
    now = [0.0]
    proofs = Proofs(book, lambda: now[0], most=2)
    assert await proofs.owner("ann@x.org", "wrong") is None
    assert await proofs.owner("ann@x.org", RIGHT), "who knows it begins anew"
    for email in ("ann@X.org", "nobody@x.org"):
        tried = await asyncio.gather(proofs.owner(email, "wrong"), proofs.owner(email, "x"))
        assert tried == [None, None]
    now[0] = 1.5
    for email in ("Ann@x.org", "nobody@x.org"):
        with pytest.raises(Exhausted) as refused:
            await proofs.owner(email, RIGHT)
        assert refused.value.retry_after == WAIT_SECONDS - 1
    assert await proofs.owner("bob@x.org", RIGHT)
    now[0] = WAIT_SECONDS
    assert await proofs.owner("ann@x.org", RIGHT)


async def test_guesses_at_once_are_counted_and_those_at_ones_own_too(world, book: KeyBook) -> None:
    accounts = Accounts(book, AuditBook(world.catalogue.database), Still())
    tried = [accounts.sign_in("ann@x.org", f"guess {number}") for number in range(TRIES + 2)]
    told = [type(each) for each in await asyncio.gather(*tried, return_exceptions=True)]
    assert (told.count(Unauthenticated), told.count(Exhausted)) == (TRIES, 2)
    with pytest.raises(Exhausted):
        await accounts.change_password((await accounts.user("ann")).acting(), RIGHT, "another one")
