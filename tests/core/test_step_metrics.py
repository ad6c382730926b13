"""Step metrics: the figures of every step as a table, whatever a crash did to the order."""

import csv
import io
from datetime import UTC, datetime
from typing import Any

import pytest

from modelwright.core.runs import EventKind, RunEvent
from modelwright.core.step_metrics import COLUMNS, step_metrics

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def table(*told: tuple[EventKind, dict[str, Any]], method: Any = "sft") -> list[dict[str, str]]:
    events = [RunEvent(number, NOW, kind, content) for number, (kind, content) in enumerate(told, 1)]
    return list(csv.DictReader(io.StringIO(step_metrics(events, method).decode())))


def test_each_step_is_a_row_and_what_was_not_measured_is_empty() -> None:
    passed = [{"step": 1, "loss": 3.0, "accuracy": 0.1}]
    found = table(
        ("started", {"steps": 2}),
        ("progress", {"step": 2, "loss": 2.5, "accuracy": 0.25, "passed": passed}),
        ("evaluation", {"step": 2, "loss": 2.75, "accuracy": 0.2}),
        ("published", {"model": "x", "revision": 1}),
    )
    assert [tuple(row) for row in found] == [COLUMNS] * 2
    assert [tuple(row.values()) for row in found] == [
        ("1", "3.0", "0.1", "", ""),
        ("2", "2.5", "0.25", "2.75", "0.2"),
    ]


def test_a_step_that_was_made_again_has_what_it_had_last() -> None:
    found = table(*(("progress", {"step": step, "loss": loss}) for step, loss in ((1, 3), (2, 2), (1, 4))))
    assert [(row["step"], row["train_loss"]) for row in found] == [("1", "4"), ("2", "2")]


@pytest.mark.parametrize(("method", "there"), [("sft", False), ("dpo", False), ("reward", True)])
def test_rewards_have_a_column_where_there_are_any(method: str, there: bool) -> None:
    (row,) = table(("progress", {"step": 1, "loss": 0, "reward": 0.5}), method=method)
    assert row.get("train_mean_reward") == ("0.5" if there else None)


def test_a_run_that_told_nothing_leaves_the_headings() -> None:
    assert step_metrics([], "sft").decode() == ",".join(COLUMNS) + "\n"
