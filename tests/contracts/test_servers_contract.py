"""Which servers live, on each kind of database; and that only they make what a run made."""

import asyncio
from datetime import UTC, datetime

import pytest

from modelwright.core.digest import Digest
from modelwright.core.errors import Lost
from modelwright.core.names import Name
from modelwright.core.revision import NewRevision
from modelwright.core.runs import Hold, Run, TrainingPlan
from modelwright.core.spec import ModelSpec
from modelwright.store.catalogue import Catalogue
from modelwright.store.servers import ServerTable
from modelwright.store.training import RunBook

pytestmark = pytest.mark.anyio

NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)
PLAN = TrainingPlan("m@1", Digest.of(b"s"), "m", "sft", Digest.of(b"d"))


@pytest.fixture
def table(catalogue: Catalogue) -> ServerTable:
    return ServerTable(catalogue.database)


async def test_a_server_lives_for_as_long_as_its_lease(table: ServerTable) -> None:
    await table.enter("a", 60)
    assert await table.lives("a")
    assert await table.renew("a", 0.05)
    await asyncio.sleep(0.06)
    assert not await table.lives("a")
    assert not await table.lives("never")


async def test_a_server_whose_lease_ended_is_struck_out_by_any(table: ServerTable) -> None:
    for server, seconds in (("dead", 0.0), ("alive", 60.0)):
        await table.enter(server, seconds)
    assert await table.renew("alive", 60)
    assert not await table.renew("dead", 60), "it has to begin anew, under another id"
    assert await table.lives("alive")
    await table.leave("alive")
    assert not await table.renew("alive", 60)


async def test_what_a_living_server_has_in_hand_is_its_own(table: ServerTable, catalogue: Catalogue) -> None:
    book = RunBook(catalogue.database)
    await table.enter("dead", 0)
    await table.enter("alive", 60)
    for number, server in enumerate(("dead", "alive", "here")):
        await book.add(Run(f"run-{number}", PLAN, "queued", "bob", NOON))
        await book.take(server, NOON)
    await table.renew("alive", 60)
    assert {run.id for run in await book.in_hand("here")} == {"run-0", "run-2"}
    assert {run.id for run in await book.in_hand("alive")} == {"run-0", "run-1", "run-2"}


@pytest.mark.parametrize("holder", ["here", "there"])
async def test_a_revision_of_a_run_is_made_by_who_has_it_in_hand(catalogue: Catalogue, holder: str) -> None:
    book = RunBook(catalogue.database)
    await book.add(Run("run-1", PLAN, "queued", "bob", NOON))
    assert await book.take("here", NOON)
    new = NewRevision(
        Name.parse("m"), ModelSpec(system="x"), None, "", None, 0, "bob", "train", NOON,
        hold=Hold("run-1", holder),
    )  # fmt: skip
    if holder == "here":
        assert (await catalogue.commit(new)).changed
    else:
        with pytest.raises(Lost, match="run-1"):
            await catalogue.commit(new)
        assert not await catalogue.list_models()
