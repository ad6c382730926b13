"""Sizes and times as people read them."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelwright.cli.figures import ago, moment, size, until

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1000, "1.0 KB"),
        (7934464, "7.9 MB"),
        (82400000000, "82 GB"),
        (10**15, "1000 TB"),
    ],
)
def test_sizes(count, text):
    assert size(count) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "just now"),
        (1, "1 second ago"),
        (59, "59 seconds ago"),
        (60, "1 minute ago"),
        (7200, "2 hours ago"),
        (86400 * 8, "1 week ago"),
        (86400 * 800, "2 years ago"),
    ],
)
def test_how_long_ago(seconds, text):
    assert ago(NOW - timedelta(seconds=seconds), NOW) == text


@pytest.mark.parametrize(
    ("seconds", "text"), [(-1, "stopping"), (300, "5 minutes from now"), (86_400 * 3650, "forever")]
)
def test_until_when(seconds, text):
    assert until(NOW + timedelta(seconds=seconds), NOW) == text


@given(st.integers(0, 10**18))
def test_a_size_is_always_short(count):
    assert len(size(count)) <= 10


def test_the_servers_timestamps_are_understood():
    assert moment("2026-11-21T12:00:00Z") == moment("2026-11-21T13:00:00.000+01:00") == NOW
