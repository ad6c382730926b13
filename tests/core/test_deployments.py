"""Workers of a deployment: how many there may be, and which answers."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelwright.core.deployments import Workers
from modelwright.core.errors import Invalid


def test_what_is_not_said_has_a_default() -> None:
    assert Workers.of(None, None, None) == Workers(0, 1, 10)
    assert Workers.of(3, None, None) == Workers(3, 3, 10)


@pytest.mark.parametrize(("least", "most", "each"), [(-1, 1, 1), (0, 0, 1), (2, 1, 1), (0, 99, 1), (0, 1, 0)])
def test_numbers_have_bounds(least: int, most: int, each: int) -> None:
    with pytest.raises(Invalid):
        Workers.of(least, most, each)


def test_no_more_processes_answer_than_are_needed() -> None:
    workers = Workers(0, 3, 2)
    assert [workers.choose(busy) for busy in ([], [1], [2], [2, 2], [1, 2])] == [0, 0, 1, 2, 0]


def test_when_all_are_full_the_least_busy_one_answers() -> None:
    assert Workers(0, 2, 1).choose([5, 3]) == 1


@given(st.integers(1, 16), st.integers(1, 5), st.lists(st.integers(0, 9), max_size=20))
def test_the_choice_is_one_of_them(most: int, each: int, busy: list[int]) -> None:
    assert 0 <= Workers(0, most, each).choose(busy) < most
