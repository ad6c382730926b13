"""Queued prompts, on each kind of database: in turn, private, bounded, and gone in time."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from modelwright.core.chat import AnswerFormat, AnswerOptions, GenerateRequest
from modelwright.core.errors import Exhausted, Unavailable
from modelwright.core.parameters import Parameters
from modelwright.core.queued_prompt import QueuedPrompt, Room
from modelwright.store.catalogue import Catalogue
from modelwright.store.prompts import PromptTable

pytestmark = pytest.mark.anyio

NOW = datetime(2026, 11, 21, tzinfo=UTC)
ROOM = Room()
REQUEST = GenerateRequest(
    "mario",
    "why?\x00",
    system="Be brief",
    images=(b"\x89PNG\r\n\x1a\n",),
    parameters=Parameters.of({"temperature": 0, "stop": ["a"]}),
    keep_alive=float("inf"),
    options=AnswerOptions(format=AnswerFormat({"type": "object"}), think=False, shift=False),
)


def prompt(id: str, owner: str = "anna", priority: int = 0) -> QueuedPrompt:
    return QueuedPrompt(id, owner, "Mario", REQUEST, NOW, priority)


@pytest.fixture
def book(catalogue: Catalogue) -> PromptTable:
    return PromptTable(catalogue.database)


async def begin(book: PromptTable, at: datetime = NOW, by: str = "here") -> QueuedPrompt:
    begun = await book.take(by, at)
    assert begun is not None
    return begun


async def taken(book: PromptTable, count: int) -> str:
    found = [await book.take("here", NOW + timedelta(seconds=number)) for number in range(count)]
    return "".join(each.id if each else "-" for each in found)


async def test_a_prompt_is_found_as_it_was_left(book: PromptTable) -> None:
    await book.add(prompt("a"), ROOM)
    assert await book.find("anna", "a", since=NOW) == prompt("a")


async def test_for_everybody_else_it_does_not_exist(book: PromptTable) -> None:
    await book.add(prompt("a"), ROOM)
    assert await book.find("bert", "a", since=NOW) is None


async def test_the_first_comes_first_and_a_higher_priority_before_it(book: PromptTable) -> None:
    for id, priority in (("a", 0), ("b", 0), ("c", 1), ("d", -1)):
        await book.add(prompt(id, priority=priority), ROOM)
    assert await taken(book, 5) == "cabd-"


async def test_nobody_waits_behind_all_that_another_one_left(book: PromptTable) -> None:
    for id in "abc":
        await book.add(prompt(id, "anna", priority=10), ROOM)
    for id in "xy":
        await book.add(prompt(id, "bert"), ROOM)
    assert await taken(book, 5) == "axbyc"


async def test_a_prompt_is_taken_once_and_ends_once(book: PromptTable) -> None:
    await book.add(prompt("a"), ROOM)
    begun = await begin(book)
    assert begun == replace(prompt("a"), state="processing", tries=1, started_at=NOW, holder="here")
    assert await book.in_hand("here") == [begun]
    await book.end(begun, "done", "because é\x00", NOW)
    await book.end(begun, "failed", "no", NOW)
    found = await book.find("anna", "a", since=NOW)
    assert found is not None
    assert (found.state, found.outcome, found.ended_at) == ("done", "because é\x00", NOW)
    assert await taken(book, 1) == "-"


async def test_what_is_put_back_is_taken_again(book: PromptTable) -> None:
    await book.add(prompt("a"), ROOM)
    for tried, tries in ((False, 1), (True, 1), (True, 2), (False, 3), (True, 3)):
        begun = await begin(book)
        assert begun.tries == tries
        await book.put_back(begun, tried=tried)


async def test_two_servers_never_take_one_prompt(book: PromptTable) -> None:
    for number in range(16):
        await book.add(prompt(f"{number:02}"), ROOM)
    asked = [book.take("here" if number % 2 else "there", NOW) for number in range(16)]
    begun = [each for each in await asyncio.gather(*asked) if each is not None]
    assert len({each.id for each in begun}) == len(begun) > 0


async def test_only_who_has_a_prompt_in_hand_ends_it(book: PromptTable) -> None:
    await book.add(prompt("a"), ROOM)
    first = await begin(book, by="dead")
    assert await book.in_hand("alive") == [first], "its holder is in no book of servers"
    await book.put_back(first, tried=True)
    second = await begin(book, by="alive")
    for late in (book.end(first, "done", "too late", NOW), book.put_back(first, tried=True)):
        await late
    assert await book.find("anna", "a", since=NOW) == second
    await book.end(second, "done", "in time", NOW)
    found = await book.find("anna", "a", since=NOW)
    assert found is not None
    assert found.outcome == "in time"


async def test_only_so_many_wait(book: PromptTable) -> None:
    room = Room(prompts=3, own=2)
    for id in "ab":
        await book.add(prompt(id), room)
    with pytest.raises(Exhausted, match="2 prompts of yours"):
        await book.add(prompt("c"), room)
    await book.add(prompt("x", "bert"), room)
    with pytest.raises(Unavailable, match="full"):
        await book.add(prompt("y", "carl"), room)
    await book.end(await begin(book), "done", "", NOW)
    await book.add(prompt("c"), room)


async def test_only_so_many_bytes_wait(book: PromptTable) -> None:
    await book.add(prompt("a"), Room(bytes=1000))
    with pytest.raises(Unavailable, match="full"):
        await book.add(prompt("b"), Room(bytes=300))


async def test_an_owners_oldest_answers_make_room_for_new_ones(book: PromptTable) -> None:
    for number, id in enumerate("abc"):
        await book.add(prompt(id), ROOM)
        await book.end(await begin(book), "done", "x" * 1000, NOW + timedelta(seconds=number))
    await book.add(prompt("d"), Room(kept=3000))
    found = [id for id in "abcd" if await book.find("anna", id, since=NOW)]
    assert found == ["b", "c", "d"]


async def test_what_is_too_old_is_not_found_and_goes(book: PromptTable) -> None:
    await book.add(prompt("a"), ROOM)
    await book.end(await begin(book), "done", "", NOW)
    await book.add(prompt("b"), ROOM)
    later = NOW + timedelta(seconds=1)
    assert await book.find("anna", "a", since=later) is None
    assert await book.drop(later) == 1
    assert await book.find("anna", "a", since=NOW) is None
    assert await book.find("anna", "b", since=later)
