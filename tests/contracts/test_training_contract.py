"""The books of training keep what they are given, on each kind of database."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from modelwright.core.digest import Digest
from modelwright.core.errors import Lost
from modelwright.core.hyperparameters import Hyperparameters
from modelwright.core.runs import DatasetRecord, Run, TrainingPlan
from modelwright.store.catalogue import Catalogue
from modelwright.store.training import DatasetTable, RunBook

pytestmark = pytest.mark.anyio

BORN = datetime(2026, 1, 1, tzinfo=UTC)
PLAN = TrainingPlan(
    "mario@3",
    Digest.of(b"spec"),
    "mario",
    "reward",
    Digest.of(b"rows"),
    Hyperparameters.of({"rank": 8, "target_modules": ["q_proj"]}),
    replay=Digest.of(b"old"),
    rewards=({"type": "exact", "value": "x"},),
)


def a_run(number: int, **given: object) -> Run:
    made = Run(f"run-{number}", PLAN, "queued", "ann", BORN + timedelta(seconds=number))
    return replace(made, **given)  # type: ignore[arg-type] - fields by name


@pytest.fixture
def book(catalogue: Catalogue) -> RunBook:
    return RunBook(catalogue.database)


@pytest.fixture
def shelf(catalogue: Catalogue) -> DatasetTable:
    return DatasetTable(catalogue.database)


async def test_a_run_comes_back_as_it_was(book: RunBook) -> None:
    run = a_run(1, metrics={"loss": 0.5}, extras={"suffix": "x"}, started_at=BORN, step=3, steps=9)
    await book.add(run)
    assert await book.find("run-1") == run
    later = replace(run, state="succeeded", ended_at=BORN, revision=2, error="", step=9)
    await book.save(later, at=BORN)
    assert await book.find("run-1") == later
    assert await book.find("run-2") is None


async def test_events_are_numbered_and_stay(book: RunBook) -> None:
    run = a_run(1)
    await book.add(run)
    await book.save(run, ("queued", {}), ("note", {"text": "Grüße"}), at=BORN)
    await book.save(run, ("progress", {"loss": 0.25}), at=BORN + timedelta(seconds=1))
    found = await book.events("run-1")
    assert [(event.number, event.kind) for event in found] == [(1, "queued"), (2, "note"), (3, "progress")]
    assert found[1].content == {"text": "Grüße"}
    assert found[2].at == BORN + timedelta(seconds=1)
    assert [event.number for event in await book.events("run-1", after=1, limit=1)] == [2]


async def test_the_next_one_is_the_most_urgent_then_the_oldest(book: RunBook) -> None:
    for run in (a_run(1), a_run(2, priority=5), a_run(3, priority=5), a_run(4, priority=9, state="paused")):
        await book.add(run)
    found = await book.take("here", BORN)
    assert found is not None
    assert (found.id, found.state, found.holder, found.started_at) == ("run-2", "running", "here", BORN)
    assert await book.find("run-2") == found
    assert (await book.take("here", BORN) or found).id == "run-3"


async def test_two_servers_never_take_one_run(book: RunBook) -> None:
    for number in range(16):
        await book.add(a_run(number))
    asked = [book.take("here" if number % 2 else "there", BORN) for number in range(16)]
    begun = [run for run in await asyncio.gather(*asked) if run is not None]
    assert len({run.id for run in begun}) == len(begun) > 0


async def test_only_who_has_a_run_in_hand_writes_it(book: RunBook) -> None:
    await book.add(a_run(1))
    first = await book.take("dead", BORN)
    assert first is not None
    assert await book.in_hand("alive") == [first], "its holder is in no book of servers"
    await book.save(replace(first, state="queued"), at=BORN, was="running")
    second = await book.take("alive", BORN)
    for late in (replace(first, step=5), replace(first, state="succeeded")):
        with pytest.raises(Lost, match="run-1"):
            await book.save(late, ("note", {}), at=BORN)
    assert await book.find("run-1") == second
    assert await book.events("run-1") == []


async def test_who_asks_a_run_to_stop_is_heard_by_its_holder(book: RunBook) -> None:
    await book.add(a_run(1))
    run = await book.take("here", BORN)
    assert run is not None
    await book.ask(run, "paused")
    await book.save(replace(run, step=3), at=BORN)
    (asked,) = await book.in_hand("here")
    assert (asked.step, asked.wanted) == (3, "paused")
    await book.save(replace(asked, state="paused"), at=BORN)
    rests = await book.find("run-1")
    assert rests is not None
    assert (rests.state, rests.holder, rests.wanted) == ("paused", "", "")
    await book.ask(run, "cancelled")
    assert await book.find("run-1") == rests
    with pytest.raises(Lost):
        await book.save(replace(rests, state="cancelled"), at=BORN, was="queued")


async def test_runs_are_listed_newest_first_by_owner_and_state(book: RunBook) -> None:
    for number in range(1, 6):
        await book.add(a_run(number, owner="bob" if number == 4 else "ann"))
    await book.save(a_run(2, state="failed"), at=BORN)

    async def listed(**given: object) -> list[str]:
        return [run.id for run in await book.list_runs(**given)]  # type: ignore[arg-type]  # each by its name

    assert await listed() == ["run-5", "run-4", "run-3", "run-2", "run-1"]
    assert await listed(owner="ann", limit=2) == ["run-5", "run-3"]
    assert await listed(owner="ann", after="run-3") == ["run-2", "run-1"]
    assert await listed(states=("failed", "running")) == ["run-2"]


async def test_runs_of_one_moment_are_paged_without_loss(book: RunBook) -> None:
    for number in range(7):
        await book.add(a_run(number, created_at=BORN))
    seen: list[str] = []
    while page := await book.list_runs(after=seen[-1] if seen else "", limit=3):
        seen += [run.id for run in page]
    assert sorted(seen) == [f"run-{number}" for number in range(7)]
    assert len(seen) == 7


def a_dataset(number: int, **given: object) -> DatasetRecord:
    at = BORN + timedelta(seconds=number)
    made = DatasetRecord(f"file-{number}", "x.jsonl", Digest.of(b"x"), 7, "ann", at)
    return replace(made, **given)  # type: ignore[arg-type] - fields by name


async def test_a_dataset_comes_back_and_goes(shelf: DatasetTable) -> None:
    record = a_dataset(1, rows=3, kind="conversation", faults=1, expires_at=BORN, extras={"a": [1]})
    await shelf.add(record)
    assert await shelf.find("file-1") == record
    assert await shelf.delete("file-1")
    assert not await shelf.delete("file-1")
    assert await shelf.find("file-1") is None


async def test_datasets_are_listed_in_both_orders_and_by_purpose(shelf: DatasetTable) -> None:
    for number in range(1, 5):
        await shelf.add(a_dataset(number, purpose="batch" if number == 2 else "fine-tune"))
    assert [each.id for each in await shelf.list_datasets(limit=2)] == ["file-4", "file-3"]
    assert [each.id for each in await shelf.list_datasets(oldest=True, after="file-3")] == ["file-4"]
    assert [each.id for each in await shelf.list_datasets(purpose="batch")] == ["file-2"]
    assert await shelf.list_datasets(owner="bob") == []
