"""history, rollback and diff: a model's past."""

import pytest


@pytest.fixture
def peach(shared):
    """A model with three revisions."""
    for text in ("You are Peach.", "You are a peach.", "You are a pear."):
        shared.ok("create", "peach", "-f", "-", stdin=f"FROM starter\nSYSTEM {text}\n")
    yield "peach"
    shared("rm", "peach")


def test_history_lists_the_newest_first_and_marks_the_current(shared, peach):
    lines = shared.ok("history", peach).splitlines()[1:]
    assert next(line.split()[:2] for line in lines) == ["*", "3"]
    assert [line.split()[0] for line in lines[1:]] == ["2", "1"]
    assert shared.json("history", peach)["current"] == 3


def test_rollback_loses_nothing(shared, peach):
    shared.ok("rollback", peach, "1")
    past = shared.json("history", peach)
    assert past["current"] == 1
    assert len(past["revisions"]) == 3
    assert shared.json("show", peach)["system"] == "You are Peach."
    assert shared.json("show", f"{peach}@3")["system"] == "You are a pear."


def test_an_unknown_revision(shared, peach):
    done = shared("rollback", peach, "9")
    assert done.returncode == 1
    assert "9" in done.stderr


def test_diff_of_one_name_compares_its_last_two_revisions(shared, peach):
    assert shared.ok("diff", peach) == "system\n  - You are a peach.\n  + You are a pear.\n"


def test_diff_of_two(shared, peach):
    [change] = shared.json("diff", f"{peach}@1", f"{peach}@2")["changes"]
    assert change == {"field": "system", "before": "You are Peach.", "after": "You are a peach."}
    done = shared("diff", peach, peach)
    assert (done.stdout, done.stderr) == ("", f"{peach} and {peach} do not differ\n")


def test_diff_of_a_name_without_a_past(shared):
    done = shared("diff", "starter")
    assert done.returncode == 1
    assert "only one revision" in done.stderr
