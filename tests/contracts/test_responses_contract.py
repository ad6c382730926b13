"""Kept responses, on each kind of database: private, in order, and gone in time."""

from datetime import UTC, datetime, timedelta

import pytest

from modelwright.core.errors import NotFound, TooLarge
from modelwright.core.grants import Principal
from modelwright.core.responses import KeptResponse
from modelwright.service import responses
from modelwright.service.responses import Responses
from modelwright.store.catalogue import Catalogue
from modelwright.store.responses import ResponseTable

pytestmark = pytest.mark.anyio

NOW = datetime(2026, 11, 21, tzinfo=UTC)
ANNA, BERT = Principal("1", "anna"), Principal("2", "bert")


class Moving:
    """A clock that stands where it is put."""

    def __init__(self) -> None:
        self.moment = NOW

    def now(self) -> datetime:
        return self.moment


@pytest.fixture
def clock() -> Moving:
    return Moving()


@pytest.fixture
def kept(catalogue: Catalogue, clock: Moving) -> Responses:
    return Responses(ResponseTable(catalogue.database), clock, keep_days=30)


async def test_an_answer_is_found_as_it_was_kept(kept: Responses) -> None:
    await kept.keep(ANNA, "a", b'{"x": "\xc3\xa9"}')
    assert await kept.find(ANNA, "a") == KeptResponse("a", "1", NOW, b'{"x": "\xc3\xa9"}')


async def test_for_everybody_else_it_does_not_exist(kept: Responses) -> None:
    await kept.keep(ANNA, "a", b"x")
    with pytest.raises(NotFound) as somebody:
        await kept.find(BERT, "a")
    with pytest.raises(NotFound):
        await kept.history(BERT, "a")
    with pytest.raises(NotFound):
        await kept.drop(BERT, "a")
    await kept.drop(ANNA, "a")
    with pytest.raises(NotFound) as nobody:
        await kept.find(BERT, "a")
    assert str(somebody.value) == str(nobody.value)


async def test_a_history_is_told_from_its_beginning(kept: Responses) -> None:
    for id, previous in (("a", ""), ("b", "a"), ("c", "b")):
        await kept.keep(ANNA, id, id.encode(), previous=previous)
    assert [each.id for each in await kept.history(ANNA, "c")] == ["a", "b", "c"]
    await kept.drop(ANNA, "a")
    with pytest.raises(NotFound, match="'a'"):
        await kept.history(ANNA, "c")
    assert (await kept.find(ANNA, "c")).id == "c"


async def test_nobody_continues_what_somebody_else_was_told(kept: Responses) -> None:
    await kept.keep(ANNA, "a", b"x")
    await kept.keep(BERT, "b", b"x", previous="a")
    with pytest.raises(NotFound):
        await kept.history(BERT, "b")


async def test_what_is_too_old_is_not_found_and_goes(
    kept: Responses, clock: Moving, catalogue: Catalogue
) -> None:
    await kept.keep(ANNA, "old", b"x")
    clock.moment += timedelta(days=30, seconds=1)
    with pytest.raises(NotFound):
        await kept.find(ANNA, "old")
    await kept.keep(ANNA, "new", b"x")
    clock.moment = NOW
    assert await ResponseTable(catalogue.database).responses("1", "old", since=NOW, most=1) == []
    assert (await kept.find(ANNA, "new")).id == "new"


async def test_old_ones_go_at_a_start(kept: Responses, clock: Moving) -> None:
    await kept.keep(ANNA, "a", b"x")
    assert await kept.drop_expired() == 0
    clock.moment += timedelta(days=31)
    assert await kept.drop_expired() == 1


async def test_nothing_is_kept_where_nothing_is_to_be(catalogue: Catalogue, clock: Moving) -> None:
    none = Responses(ResponseTable(catalogue.database), clock, keep_days=0)
    await none.keep(ANNA, "a", b"x")
    assert not none.keeps
    with pytest.raises(NotFound):
        await none.find(ANNA, "a")


async def test_a_history_has_an_end(kept: Responses, catalogue: Catalogue) -> None:
    """Whatever the database holds, even what continues itself."""
    await ResponseTable(catalogue.database).keep_response(KeptResponse("a", "1", NOW, b"x", "a"))
    with pytest.raises(TooLarge, match=str(responses.LONGEST)):
        await kept.history(ANNA, "a")
