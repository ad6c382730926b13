"""Requests get slots: where they lose least, soon, and batched with their like."""

import asyncio
from contextlib import AsyncExitStack

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelwright.engines.slots import MOST_OVERTAKEN, Seat, SlotPlan, Wish

pytestmark = pytest.mark.anyio

ONE, TWO, NONE = (1.0, 0.0), (0.0, 1.0), (0.0, 0.0)


async def used(plan: SlotPlan, wish: Wish) -> int:
    """Use a slot as a request does; its number."""
    async with plan.seat(wish) as seat:
        seat.held, seat.is_new = wish, False
        return seat.number


async def test_a_model_comes_back_to_its_slot() -> None:
    plan = SlotPlan(3)
    wishes = [Wish(scales, "", ("system",), ("question",)) for scales in (ONE, TWO, NONE)]
    first = [await used(plan, wish) for wish in wishes]
    assert sorted(first) == [0, 1, 2]
    assert [await used(plan, wish) for wish in reversed(wishes)] == first[::-1]


async def test_a_conversation_goes_on_where_it_was() -> None:
    plan = SlotPlan(3)
    talks = [Wish(ONE, "", (), (f"a long story about {thing}", "and then?")) for thing in ("tea", "rain")]
    slots = [await used(plan, talk) for talk in talks]
    assert slots[0] != slots[1]
    longer = [Wish(ONE, "", (), (*talk.rest, "It rained.", "And after that?")) for talk in talks]
    assert [await used(plan, talk) for talk in longer] == slots


async def test_another_combination_takes_the_longest_unused_slot() -> None:
    plan = SlotPlan(2)
    for scales in (ONE, TWO, ONE):
        await used(plan, Wish(scales, "", (), ("same",)))
    assert await used(plan, Wish(NONE, "", (), ("same",))) == 1


async def test_who_may_not_share_gets_another_slot_and_is_told_whose_it_was() -> None:
    plan = SlotPlan(1)
    await used(plan, Wish(ONE, "mario", ("system",)))
    async with plan.seat(Wish(ONE, "luigi", ("system",))) as seat:
        assert not seat.wish.begins_like(seat.held)
        assert seat.held is not None
        assert seat.held.domain == "mario"


async def test_what_was_computed_is_forgotten_when_the_engine_slept() -> None:
    plan, wish = SlotPlan(1), Wish(ONE, "", ("system",))
    await used(plan, wish)
    plan.forget()
    async with plan.seat(wish) as seat:
        assert (seat.held, seat.is_new) == (None, False)


async def in_order(waiting: list[tuple[float, float]]) -> list[int]:
    """One slot, taken with ONE; the order in which those who wait get it."""
    plan, order = SlotPlan(2), []

    async def wait(number: int, scales: tuple[float, float]) -> None:
        async with plan.seat(Wish(scales)):
            order.append(number)
            await asyncio.sleep(0)

    async with AsyncExitStack() as stack:
        await stack.enter_async_context(plan.seat(Wish(ONE)))
        async with AsyncExitStack() as other:
            await other.enter_async_context(plan.seat(Wish(ONE)))
            tasks = [asyncio.create_task(wait(*each)) for each in enumerate(waiting)]
            await asyncio.sleep(0)
        await asyncio.gather(*tasks)
    return order


async def test_those_with_the_running_adapters_go_first() -> None:
    assert await in_order([TWO, ONE, TWO, ONE]) == [1, 3, 0, 2]


async def test_nobody_is_overtaken_for_ever() -> None:
    order = await in_order([TWO, *[ONE] * 40])
    assert order.index(0) == MOST_OVERTAKEN


async def test_who_leaves_the_queue_leaves_no_hole() -> None:
    plan = SlotPlan(1)
    async with plan.seat(Wish(ONE)):
        gone = [asyncio.create_task(used(plan, Wish(TWO))) for _ in range(3)]
        stays = asyncio.create_task(used(plan, Wish(ONE)))
        await asyncio.sleep(0)
        for task in gone:
            task.cancel()
    assert await stays == 0
    assert await used(plan, Wish(TWO)) == 0


async def test_who_leaves_with_the_slot_just_granted_gives_it_back() -> None:
    plan = SlotPlan(1)
    async with plan.seat(Wish(ONE)):
        gone = asyncio.create_task(used(plan, Wish(TWO)))
        await asyncio.sleep(0)
    gone.cancel()
    with pytest.raises(asyncio.CancelledError):
        await gone
    assert await used(plan, Wish(ONE)) == 0


@given(
    st.integers(1, 4), st.lists(st.tuples(st.sampled_from([ONE, TWO, NONE]), st.integers(0, 3)), max_size=40)
)
def test_no_slot_is_given_twice_and_everybody_gets_one(
    count: int, asked: list[tuple[tuple[float, float], int]]
) -> None:
    taken: set[int] = set()
    served: list[Seat] = []

    async def ask(plan: SlotPlan, scales: tuple[float, float], ticks: int) -> None:
        async with plan.seat(Wish(scales)) as seat:
            assert seat.number not in taken
            taken.add(seat.number)
            for _ in range(ticks):
                await asyncio.sleep(0)
            taken.remove(seat.number)
            served.append(seat)

    async def all_of_them() -> None:
        plan = SlotPlan(count)
        await asyncio.gather(*(ask(plan, *each) for each in asked))

    asyncio.run(all_of_them())
    assert len(served) == len(asked)
    assert all(seat.number < count for seat in served)
