"""A prompt that is left is answered once, whatever happens to the server meanwhile."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from modelwright.core.chat import GenerateRequest
from modelwright.core.errors import NotFound
from modelwright.core.grants import LOCAL_ADMIN, Principal
from modelwright.core.queued_prompt import QueuedPrompt
from modelwright.engines.echo import EchoEngines
from modelwright.service.chat import Chat
from modelwright.service.prompt_queue import TRIES, PromptQueue
from modelwright.service.resolver import Resolver
from modelwright.store.prompts import PromptTable

pytestmark = pytest.mark.anyio


class Settable:
    """A clock that stands where it is put."""

    def __init__(self) -> None:
        self.at = datetime(2026, 1, 1, tzinfo=UTC)

    def now(self) -> datetime:
        return self.at


async def acting(user: str) -> Principal | None:
    return LOCAL_ADMIN if user == LOCAL_ADMIN.id else None


def queue(world, clock: Settable, *, delay: float = 0, **more: Any) -> PromptQueue:
    """A queue on the one book of this test's store, as a server that starts has it."""
    engines = EchoEngines(clock, delay=delay)
    chat = Chat(Resolver(world.catalogue), world.models, engines, clock, context_length=4096)
    return PromptQueue(PromptTable(world.catalogue.database), chat, world.models, clock, acting, **more)


async def leave(queue: PromptQueue, text: str = "one two three") -> str:
    return await queue.submit(LOCAL_ADMIN, GenerateRequest("starter", text), asked="starter")


async def until(queue: PromptQueue, id: str, *states: str, by: Principal = LOCAL_ADMIN) -> QueuedPrompt:
    for _ in range(6000):
        found = await queue.find(by, id)
        if found.state in states:
            return found
        await asyncio.sleep(0.005)
    raise AssertionError(found)


async def test_prompts_wait_until_somebody_works(world) -> None:
    idle = queue(world, Settable())
    ids = [await leave(idle, f"say {number}") for number in range(5)]
    async with queue(world, Settable(), workers=3).working():
        answers = [await until(idle, id, "done", "failed") for id in ids]
    assert [each.outcome for each in answers] == [f"say {number}" for number in range(5)]
    assert {(each.state, each.tries) for each in answers} == {("done", 1)}


async def test_a_prompt_in_work_when_the_server_stops_is_answered_by_the_next(world) -> None:
    stopping, clock = queue(world, Settable(), delay=0.5), Settable()
    async with stopping.working():
        id = await leave(stopping)
        await until(stopping, id, "processing")
    assert (await stopping.find(LOCAL_ADMIN, id)).state == "queued"
    async with queue(world, clock).working():
        found = await until(stopping, id, "done", "failed")
    assert (found.state, found.outcome, found.tries) == ("done", "one two three", 1)


async def test_a_prompt_that_the_server_died_of_is_given_up(world) -> None:
    book, dying = PromptTable(world.catalogue.database), queue(world, Settable())
    id = await leave(dying)
    for _ in range(TRIES):
        async with queue(world, Settable(), workers=0).working():  # a start puts it back
            assert await book.take("dead", Settable().now())
    async with queue(world, Settable()).working():
        found = await until(dying, id, "done", "failed")
    assert found.state == "failed"
    assert f"ended {TRIES} times" in found.outcome


async def test_a_model_that_is_gone_when_the_turn_comes_is_the_answer(world) -> None:
    await world.create("mario")
    idle = queue(world, Settable())
    id = await idle.submit(LOCAL_ADMIN, GenerateRequest("mario", "x"), asked="Mario")
    await world.models.delete(LOCAL_ADMIN, "mario")
    async with queue(world, Settable()).working():
        found = await until(idle, id, "done", "failed")
    assert found.state == "failed"
    assert "not found" in found.outcome


async def test_a_revision_is_answered_by_that_revision(world) -> None:
    await world.create("mario", system="one")
    await world.create("mario", system="two")
    idle = queue(world, Settable())
    id = await idle.submit(LOCAL_ADMIN, GenerateRequest("mario@1", "x"), asked="mario@1")
    assert (await idle.find(LOCAL_ADMIN, id)).request.model.endswith("mario:latest@1")


async def test_who_is_gone_gets_no_answer(world) -> None:
    gone = Principal("7", "gone", "admin")
    idle = queue(world, Settable())
    id = await idle.submit(gone, GenerateRequest("starter", "x"), asked="starter")
    async with queue(world, Settable()).working():
        found = await until(idle, id, "done", "failed", by=gone)
    assert found.state == "failed"
    assert "not here any more" in found.outcome


async def test_an_answer_is_kept_for_as_long_as_the_setting_says(world) -> None:
    clock = Settable()
    keeping = queue(world, clock, keep=3600.0)
    id = await leave(keeping)
    async with keeping.working():
        await until(keeping, id, "done")
    clock.at += timedelta(seconds=3600)
    assert (await keeping.find(LOCAL_ADMIN, id)).state == "done"
    clock.at += timedelta(seconds=1)
    with pytest.raises(NotFound):
        await keeping.find(LOCAL_ADMIN, id)
    assert (await queue(world, clock).find(LOCAL_ADMIN, id)).state == "done", "it was not swept yet"
    async with keeping.working():
        await asyncio.sleep(0.05)
    with pytest.raises(NotFound):
        await queue(world, clock).find(LOCAL_ADMIN, id)
