"""N pass and the next does not: in one server, and in several on one database."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Final, TypeAlias

import pytest

from modelwright.core.audit import Tokens
from modelwright.core.digest import Digest
from modelwright.core.errors import Exhausted
from modelwright.core.grants import LOCAL_ADMIN, Principal
from modelwright.core.hyperparameters import Hyperparameters
from modelwright.core.leases import Claim
from modelwright.core.names import Name
from modelwright.core.revision import NewRevision, StoredModel
from modelwright.core.runs import Run, TrainingPlan
from modelwright.core.spec import ModelSpec
from modelwright.service.access import Access
from modelwright.service.quotas import RESERVED_TOKENS
from modelwright.service.rights import Books, Rights, build_rights
from modelwright.store.audit import AuditBook
from modelwright.store.catalogue import Catalogue
from modelwright.store.grants import GrantBook
from modelwright.store.keys import KeyBook
from modelwright.store.leases import LeaseTable
from modelwright.store.training import RunBook

pytestmark = pytest.mark.anyio

NOON: Final = datetime(2026, 5, 4, 12, tzinfo=UTC)
Begin: TypeAlias = Callable[[], Rights]


class Settable:
    """A clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.at = NOON

    def now(self) -> datetime:
        return self.at


@pytest.fixture
def clock() -> Settable:
    return Settable()


@pytest.fixture(params=["alone", "of several"])
def begin(request: pytest.FixtureRequest, catalogue: Catalogue, clock: Settable) -> Begin:
    """Makes what a server counts with: one that is alone, or has others beside it."""
    database = catalogue.database
    books = Books(KeyBook(database), GrantBook(database), AuditBook(database))
    if request.param == "of several":
        books = replace(books, leases=LeaseTable(database))
    return lambda: build_rights(books, Access(catalogue), clock)


@pytest.fixture
def servers(catalogue: Catalogue, clock: Settable) -> tuple[Rights, Rights]:
    """Two servers on one database."""
    database = catalogue.database
    books = Books(KeyBook(database), GrantBook(database), AuditBook(database), LeaseTable(database))
    first, second = (build_rights(books, Access(catalogue), clock) for _ in range(2))
    return first, second


async def somebody(rights: Rights, **most: int) -> Principal:
    await rights.accounts.add_user(LOCAL_ADMIN, "ann")
    bob = (await rights.accounts.add_user(LOCAL_ADMIN, "bob")).acting()
    for quota, limit in most.items():
        await rights.quotas.set(bob, quota, limit)
    return bob


async def model_of(catalogue: Catalogue, who: Principal) -> StoredModel:
    new = NewRevision(
        Name.parse("bob/mario"), ModelSpec(system="x"), None, "", None, 0, "x", "create", NOON, owner=who.id
    )  # fmt: skip
    return (await catalogue.commit(new)).model


async def may_answer(rights: Rights, who: Principal) -> None:
    """Begin and end an answer; raises Exhausted."""
    leave = await rights.quotas.take(who, "tokens_per_day")
    assert leave is not None
    leave()


async def test_requests_and_streams_are_exact_when_many_ask_at_once(begin: Begin) -> None:
    rights = begin()
    bob = await somebody(rights, requests_per_minute=7, streams=3)
    asked = [rights.quotas.take(bob, "requests_per_minute") for _ in range(32)]
    done = await asyncio.gather(*asked, return_exceptions=True)
    assert sum(callable(each) for each in done) == 7
    assert all(0 < each.retry_after <= 60 for each in done if isinstance(each, Exhausted))
    taken = await asyncio.gather(
        *(rights.quotas.take(bob, "streams") for _ in range(32)), return_exceptions=True
    )
    ends = [each for each in taken if callable(each)]
    assert len(ends) == 3
    ends[0]()
    assert await rights.quotas.take(bob, "streams")
    with pytest.raises(Exhausted):
        await rights.quotas.take(bob, "streams")


async def test_what_is_refused_takes_nothing_but_a_request(begin: Begin) -> None:
    rights = begin()
    bob = await somebody(rights, requests_per_minute=4, tokens_per_day=2 * RESERVED_TOKENS, streams=1)
    everything = ("requests_per_minute", "tokens_per_day", "streams")
    leave = await rights.quotas.take(bob, *everything)
    for _ in range(2):
        with pytest.raises(Exhausted, match="streams"):
            await rights.quotas.take(bob, *everything)
    assert leave is not None
    leave()
    assert await rights.quotas.take(bob, *everything), "no tokens are set aside for what was refused"
    with pytest.raises(Exhausted, match="requests_per_minute"):
        await rights.quotas.take(bob, *everything)


async def test_tokens_are_set_aside_for_answers_that_run(begin: Begin, catalogue: Catalogue) -> None:
    """However many begin at once, they cannot all pass below the same limit."""
    rights = begin()
    bob = await somebody(rights, tokens_per_day=3 * RESERVED_TOKENS)
    taken = await asyncio.gather(
        *(rights.quotas.take(bob, "tokens_per_day") for _ in range(32)), return_exceptions=True
    )
    ends = [each for each in taken if callable(each)]
    assert len(ends) == 3
    assert {each.retry_after for each in taken if isinstance(each, Exhausted)} == {1}
    rights.audit.ledger.note(bob, await model_of(catalogue, bob), 1, 5, 5)  # the first took ten
    ends[0]()
    await may_answer(rights, bob)


async def test_tokens_of_a_day_end_with_the_day(begin: Begin, catalogue: Catalogue, clock: Settable) -> None:
    rights = begin()
    bob, stored = await somebody(rights, tokens_per_day=10), None
    stored = await model_of(catalogue, bob)
    for used in (9, 1):
        leave = await rights.quotas.take(bob, "tokens_per_day")
        rights.audit.ledger.note(bob, stored, 1, used, 0)
        assert leave is not None
        leave()
    with pytest.raises(Exhausted) as error:
        await may_answer(rights, bob)
    assert error.value.retry_after == 12 * 3600
    await rights.audit.write()
    with pytest.raises(Exhausted):
        await may_answer(begin(), bob)
    clock.at += timedelta(hours=12)
    await may_answer(rights, bob)


async def test_tokens_are_counted_once(servers: tuple[Rights, Rights], catalogue: Catalogue) -> None:
    first, second = servers
    bob = await somebody(first, tokens_per_day=100_000)
    stored = await model_of(catalogue, bob)
    for rights in (first, second, first):
        leave = await rights.quotas.take(bob, "tokens_per_day")
        rights.audit.ledger.note(bob, stored, 1, 5, 5)
        assert leave is not None
        leave()
        rights.audit.ledger.note(bob, stored, 1, 1, 0)  # what no lease is held for counts too
        await rights.audit.write()
    day = int(NOON.timestamp()) // 86_400
    assert await AuditBook(catalogue.database).tokens(bob.id, day) == 33


@pytest.mark.parametrize(
    ("quota", "most"),
    [("requests_per_minute", 7), ("streams", 3), ("tokens_per_day", 3 * RESERVED_TOKENS)],
)
async def test_two_servers_let_no_more_pass_than_one(
    servers: tuple[Rights, Rights], quota: str, most: int
) -> None:
    bob = await somebody(servers[0], **{quota: most})
    asked = [servers[turn % 2].quotas.take(bob, quota) for turn in range(32)]
    done = await asyncio.gather(*asked, return_exceptions=True)
    assert sum(callable(each) for each in done) == (3 if quota == "tokens_per_day" else most)
    assert {each.field for each in done if isinstance(each, Exhausted)} == {quota}


async def test_what_ended_on_one_server_makes_room_on_the_other(servers: tuple[Rights, Rights]) -> None:
    """At once, also for who comes back sooner than the database was told."""
    bob = await somebody(servers[0], streams=1)
    for turn in range(6):
        leave = await servers[turn % 2].quotas.take(bob, "streams")
        assert leave is not None
        leave()


async def test_what_a_dead_server_held_ends_by_itself(catalogue: Catalogue) -> None:
    table = LeaseTable(catalogue.database)
    for number, seconds in enumerate((0.0, 60.0)):
        claim = Claim(f"lease-{number}", "streams", 1, seconds)
        assert await table.take("bob", [claim], "dead") is None
    claim = Claim("lease-2", "streams", 1, 60)
    assert await table.take("bob", [claim], "alive") is not None
    await table.renew("dead", 0)
    assert await table.take("bob", [claim], "alive") is None


async def test_what_a_living_server_holds_is_renewed_and_requests_are_not(catalogue: Catalogue) -> None:
    table = LeaseTable(catalogue.database)
    claims = [Claim("a", "requests_per_minute", 1, 0.0, lasting=True), Claim("b", "streams", 1, 0.0)]
    assert await table.take("bob", claims, "alive") is None
    await table.renew("alive", 60)
    again = [replace(claim, id=claim.id * 2) for claim in claims]
    refused = await table.take("bob", again, "alive")
    assert refused is not None
    assert refused.claim.quota == "streams"
    await table.end(["b"], [Tokens("bob", 1, 5)])
    assert await AuditBook(catalogue.database).tokens("bob", 1) == 5


def run(number: int) -> Run:
    plan = TrainingPlan(
        model="m@1", spec=Digest.of(b"s"), target="m", method="sft", dataset=Digest.of(b"d"),
        hyperparameters=Hyperparameters(),
    )  # fmt: skip
    return Run(f"run-{number:024}", plan, "queued", "bob", NOON)


async def test_so_many_runs_wait_or_run_whichever_server_was_asked(catalogue: Catalogue) -> None:
    books = [RunBook(catalogue.database), RunBook(catalogue.database)]
    asked = [books[number % 2].add(run(number), most=5) for number in range(32)]
    done = await asyncio.gather(*asked, return_exceptions=True)
    assert sum(each is None for each in done) == 5
    assert {type(each) for each in done if each is not None} == {Exhausted}
    mine = await books[0].list_runs(owner="bob")
    rests = replace(mine[0], state="paused")
    await books[0].save(rests, at=NOON)
    await books[1].add(run(40), most=5)
    with pytest.raises(Exhausted, match="jobs = 5"):
        await books[0].save(replace(rests, state="queued"), at=NOON, most=5)
