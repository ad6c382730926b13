"""Entities: one suite for whatever keeps what one dialect alone knows, on each database."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from modelwright.core.entities import Entity
from modelwright.core.errors import Conflict, NotFound
from modelwright.core.grants import Principal
from modelwright.service.entities import Entities
from modelwright.store.catalogue import Catalogue
from modelwright.store.entities import EntityTable

pytestmark = pytest.mark.anyio

BORN = datetime(2026, 11, 21, tzinfo=UTC)
ONE = Entity("a", "group", "acme", "bob", BORN, {"name": "one"}, "first")
BOB, EVE = Principal("bob", "bob", account="acme"), Principal("eve", "eve")
ANN = Principal("ann", "ann", "admin")


class Clock:
    def now(self) -> datetime:
        return BORN


@pytest.fixture
def book(catalogue: Catalogue) -> EntityTable:
    return EntityTable(catalogue.database)


async def test_what_is_added_is_found_as_it_was(book: EntityTable) -> None:
    await book.add(ONE)
    assert await book.find("group", "a") == ONE
    assert await book.find("server", "a") is None
    assert list(await book.find_alias("group", "first")) == [ONE]


async def test_any_text_and_number_comes_back_as_it_was(book: EntityTable) -> None:
    content = {"name": "Zo\u00eb \U0001f999 \u0001 \\ '", "deep": {"list": [1, 2.5, None, True, "", 10**30]}}
    await book.add(replace(ONE, content=content, account="a'b%_"))
    (found,) = await book.list_entities("group", "a'b%_")
    assert found.content == content
    assert await book.list_entities("group", "a'b%") == []


async def test_of_two_who_want_an_alias_at_once_one_is_told(book: EntityTable) -> None:
    async def take(id: str) -> bool:
        try:
            await book.add(replace(ONE, id=id))
        except Conflict:
            return False
        return True

    taken = await asyncio.gather(*(take(f"e{number}") for number in range(5)))
    assert sum(taken) == 1
    assert len(await book.list_entities("group")) == 1


async def test_an_alias_is_one_within_an_account(book: EntityTable) -> None:
    await book.add(ONE)
    with pytest.raises(Conflict):
        await book.add(replace(ONE, id="b"))
    await book.add(replace(ONE, id="b", account="other"))
    await book.add(replace(ONE, id="c", alias=None))
    await book.add(replace(ONE, id="d", alias=None))


async def test_lists_are_in_order_of_time(book: EntityTable) -> None:
    await book.add(replace(ONE, id="late", alias=None, created_at=BORN + timedelta(days=1)))
    await book.add(ONE)
    assert [each.id for each in await book.list_entities("group", "acme")] == ["a", "late"]
    assert await book.list_entities("group", "other") == []


async def test_change_and_delete_say_whether_it_was_there(book: EntityTable) -> None:
    await book.add(ONE)
    assert await book.change("group", "a", {"name": "two"})
    assert (await book.find("group", "a")) == replace(ONE, content={"name": "two"})
    assert await book.delete("group", "a")
    assert not await book.delete("group", "a")
    assert not await book.change("group", "a", {})


async def test_only_the_account_and_admins_know_of_one(book: EntityTable) -> None:
    entities = Entities(book, Clock())
    made = await entities.add(BOB, "group", {})
    assert await entities.find(ANN, "group", made.id) == made
    assert await entities.list_entities(EVE, "group") == []
    with pytest.raises(NotFound):
        await entities.find(EVE, "group", made.id)
    with pytest.raises(NotFound):
        await entities.delete(EVE, "group", made.id)
