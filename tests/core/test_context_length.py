"""How long a conversation may be, and what of it is left out when it is longer."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelwright.core.chat import Message
from modelwright.core.context_length import context_length
from modelwright.core.parameters import Parameters
from modelwright.core.prompt_template.trimming import count_dropped, without_oldest
from tests.effort import least_effort


@pytest.mark.conformance("num_ctx_priority")
def test_the_nearest_that_says_a_length_is_heard(case: dict[str, Any]) -> None:
    model, request = (
        Parameters.of({"num_ctx": case[who]} if case[who] else {}) for who in ("model", "request")
    )
    default = int(case["env"] or case["default"])
    assert context_length(model.merged(request), default, 0) == case["effective"]


def test_nothing_is_longer_than_what_was_trained() -> None:
    assert context_length(Parameters.of({"num_ctx": 9000}), 512, 2048) == 2048


ROLES = st.lists(st.sampled_from(["system", "user", "assistant", "tool"]), min_size=1, max_size=12)


@given(ROLES, st.integers(0, 200), st.integers(0, 12))
def test_what_goes_is_the_oldest_and_never_system_or_the_last(
    roles: list[str], excess: int, before: int
) -> None:
    turns = [Message(role, str(number)) for number, role in enumerate(roles)]
    dropped = count_dropped(turns, [10] * len(turns), excess, min(before, len(turns) - 1))
    kept = without_oldest(turns, dropped)
    assert [turn for turn in turns if turn.role == "system"] == [
        turn for turn in kept if turn.role == "system"
    ]
    assert kept[-1] == turns[-1]
    freed = 10 * sum(turn.role != "system" for turn in turns[min(before, dropped) : dropped])
    assert freed >= excess or dropped == len(turns) - 1


def test_a_long_history_is_trimmed_in_time_that_grows_with_it_and_no_faster() -> None:
    def seconds(length: int) -> float:
        turns = [Message("user", str(number)) for number in range(length)]
        sizes = [10] * length

        def trim() -> None:
            assert len(without_oldest(turns, count_dropped(turns, sizes, 10 * length - 100))) < 20

        return least_effort(trim)

    few, many = seconds(5_000), seconds(50_000)
    assert many < 40 * few, "ten times as much, with room for a busy machine; squared it would be 100"
