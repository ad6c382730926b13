"""Several servers on one PostgreSQL: each run is in one hand, and follows who lives."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from pathlib import Path
from typing import Any, TypeAlias

import psycopg
import pytest

from modelwright.core.errors import NotFound
from modelwright.core.grants import LOCAL_ADMIN
from modelwright.core.runs import Run
from modelwright.starter import published_digest
from tests.service.workroom import Workroom, workroom

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.skipif(published_digest() is None, reason="the starter model is not in this checkout"),
]

NEVER = 3600.0
"""Between two beats of a server that seems dead, and goes on nevertheless."""
Open: TypeAlias = Callable[..., AbstractAsyncContextManager[Workroom]]


@pytest.fixture
def open_room(postgresql: str, tmp_path: Path, request: pytest.FixtureRequest) -> Open:
    """Opens a server's part that trains; all have one database and the same blobs."""
    schema = f"rooms_{abs(hash(request.node.name))}"
    with psycopg.connect(postgresql, autocommit=True) as connection:
        connection.execute(f"CREATE SCHEMA {schema}".encode())
    database = f"{postgresql}&options=-csearch_path%3D{schema}"
    (tmp_path / "blobs").mkdir()

    def open_one(name: str, **more: Any) -> AbstractAsyncContextManager[Workroom]:
        (tmp_path / name).mkdir()
        (tmp_path / name / "blobs").symlink_to(tmp_path / "blobs")
        return workroom(tmp_path / name, database=database, **more)

    return open_one


@pytest.fixture
async def stack() -> AsyncIterator[AsyncExitStack]:
    async with AsyncExitStack() as opened:
        yield opened


async def begun(room: Workroom, **more: Any) -> Run:
    """A run that this server has brought to its fourth step."""
    run = await room.start(**more)
    room.trainers.says.put_nowait(4)
    return await room.stepped(run, 4)


async def revisions(room: Workroom) -> list[int]:
    return [each.number for each in (await room.models.history(LOCAL_ADMIN, "taught")).revisions]


async def test_a_start_leaves_what_a_living_server_has_in_hand(
    open_room: Open, stack: AsyncExitStack
) -> None:
    first = await stack.enter_async_context(open_room("first"))
    run = await begun(first)
    second = await stack.enter_async_context(open_room("second"))
    await asyncio.sleep(0.5)
    assert (await second.training.find(LOCAL_ADMIN, run.id)).state == "running"
    first.trainers.says.put_nowait(0)
    assert (await second.until(run, "succeeded", "failed")).state == "succeeded"
    assert (len(first.trainers.jobs), len(second.trainers.jobs)) == (1, 0)


async def test_a_run_that_one_queued_is_done_by_whoever_is_free(
    open_room: Open, stack: AsyncExitStack
) -> None:
    first = await stack.enter_async_context(open_room("first", working=False))
    second = await stack.enter_async_context(open_room("second"))
    run = await first.start()
    second.trainers.says.put_nowait(0)
    assert (await first.until(run, "succeeded", "failed")).state == "succeeded"


async def test_a_server_that_died_is_followed_and_publishes_nothing_any_more(
    open_room: Open, stack: AsyncExitStack
) -> None:
    dead = await stack.enter_async_context(open_room("dead", lease=1.0, beat=NEVER))
    run = await begun(dead)
    alive = await stack.enter_async_context(open_room("alive"))
    async with asyncio.timeout(60):
        while not alive.trainers.jobs:
            await asyncio.sleep(0.05)
    dead.trainers.says.put_nowait(0)  # it goes on after all, to the end
    await asyncio.sleep(1)
    found = await alive.training.find(LOCAL_ADMIN, run.id)
    assert (found.state, found.revision) == ("running", None)
    alive.trainers.says.put_nowait(0)
    assert (await dead.until(run, "succeeded", "failed")).revision == 1
    assert await revisions(alive) == [1]
    kinds = [event.kind for event in await alive.told(run)]
    assert kinds.count("published") == 1
    assert kinds.count("started") == 2


async def test_what_was_lost_while_it_was_tried_is_not_published(
    open_room: Open, stack: AsyncExitStack
) -> None:
    """The last look at whose the run is belongs to the transaction that makes the revision."""
    dead = await stack.enter_async_context(open_room("dead", lease=2.0, beat=NEVER, delay=4.0))
    run = await begun(dead)
    dead.trainers.says.put_nowait(0)
    alive = await stack.enter_async_context(open_room("alive"))
    async with asyncio.timeout(60):
        while not alive.trainers.jobs:
            await asyncio.sleep(0.05)
    await asyncio.sleep(4)
    with pytest.raises(NotFound):
        await alive.models.show(LOCAL_ADMIN, "taught")
    alive.trainers.says.put_nowait(0)
    assert (await alive.until(run, "succeeded", "failed")).revision == 1


async def test_a_server_that_was_taken_for_dead_begins_anew(open_room: Open, stack: AsyncExitStack) -> None:
    """It beats again too late: what it had is queued, and may come to it again."""
    slow = await stack.enter_async_context(open_room("slow", lease=0.5, beat=1.5))
    run = await begun(slow)
    async with asyncio.timeout(60):
        while len(slow.trainers.jobs) < 2:
            await asyncio.sleep(0.05)
    slow.trainers.says.put_nowait(0)
    assert (await slow.until(run, "succeeded", "failed")).state == "succeeded"
    assert await revisions(slow) == [1]


@pytest.mark.parametrize(("verb", "state"), [("cancel", "cancelled"), ("pause", "paused")])
async def test_any_server_stops_a_run_and_says_what_holds(
    open_room: Open, stack: AsyncExitStack, verb: str, state: str
) -> None:
    first = await stack.enter_async_context(open_room("first"))
    run = await begun(first)
    second = await stack.enter_async_context(open_room("second"))
    async with asyncio.timeout(60):
        ended = await getattr(second.training, verb)(LOCAL_ADMIN, run.id)
    assert (ended.state, ended.step) == (state, 4)
    assert (await second.training.resume(LOCAL_ADMIN, run.id)).state == "queued"
    for room in (first, second):
        room.trainers.says.put_nowait(0)
    assert (await second.until(run, "succeeded", "failed")).revision == 1


async def test_who_stops_a_run_that_is_just_published_is_told_so(
    open_room: Open, stack: AsyncExitStack
) -> None:
    first = await stack.enter_async_context(open_room("first", delay=2.0))
    run = await begun(first)
    second = await stack.enter_async_context(open_room("second"))
    first.trainers.says.put_nowait(0)
    async with asyncio.timeout(60):
        while not (await second.training.find(LOCAL_ADMIN, run.id)).metrics:
            await asyncio.sleep(0.01)
        ended = await second.training.cancel(LOCAL_ADMIN, run.id)
    assert (ended.state, ended.revision) == ("succeeded", 1)


async def test_a_run_whose_server_died_is_stopped_as_it_was_asked_to(
    open_room: Open, stack: AsyncExitStack
) -> None:
    dead = await stack.enter_async_context(open_room("dead", lease=2.0, beat=NEVER))
    run = await begun(dead)
    alive = await stack.enter_async_context(open_room("alive"))
    async with asyncio.timeout(60):
        assert (await alive.training.cancel(LOCAL_ADMIN, run.id)).state == "cancelled"
    assert alive.trainers.jobs == []


async def test_a_run_is_followed_through_any_server(open_room: Open, stack: AsyncExitStack) -> None:
    first = await stack.enter_async_context(open_room("first"))
    run = await begun(first)
    second = await stack.enter_async_context(open_room("second"))
    steps: list[int] = []
    async with asyncio.timeout(60):
        async for event in second.training.follow(LOCAL_ADMIN, run.id):
            if event.kind == "progress":
                steps.append(event.content["step"])
                first.trainers.says.put_nowait({4: 7, 7: 9, 9: 0}[steps[-1]])
    assert steps == [4, 7, 9]
    assert (await second.training.find(LOCAL_ADMIN, run.id)).state == "succeeded"
