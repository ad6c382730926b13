"""Long work lets others have their turn."""

import asyncio

import pytest

from modelwright.core.grants import LOCAL_ADMIN
from modelwright.service.pace import AT_ONCE, paced

pytestmark = pytest.mark.anyio


async def test_what_is_due_runs_in_between() -> None:
    due: list[int] = []
    asyncio.get_running_loop().call_soon(due.append, 1)
    seen = []
    async for number in paced(range(10 * AT_ONCE)):
        seen.append((number, bool(due)))
    assert [number for number, _ in seen] == list(range(10 * AT_ONCE))
    assert next(number for number, was_due in seen if was_due) == AT_ONCE - 1


async def test_a_long_list_of_models_is_made_in_turns(world) -> None:
    for number in range(3 * AT_ONCE):
        await world.create(f"m{number}")
    surveyed = await world.models.survey(LOCAL_ADMIN)  # from here on, nothing is waited for
    turns: list[int] = []

    async def others() -> None:
        while True:
            turns.append(1)
            await asyncio.sleep(0)

    task = asyncio.create_task(others())
    assert len(await surveyed.list_views(LOCAL_ADMIN)) == 3 * AT_ONCE + 1
    task.cancel()
    assert len(turns) >= 3
