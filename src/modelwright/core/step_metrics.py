"""Step metrics: a run's figures as a table, step by step.

The columns are those of the file that OpenAI's fine-tuning jobs leave (its guide,
"Analyzing your fine-tuned model"); a reward has a column more. Knows no file.
"""

import csv
import io
from collections.abc import Iterable, Mapping
from typing import Any, Final

from modelwright.core.hyperparameters import Method
from modelwright.core.runs import RunEvent

FILE_NAME: Final = "step_metrics.csv"
COLUMNS: Final = ("step", "train_loss", "train_accuracy", "valid_loss", "valid_mean_token_accuracy")
_REWARD: Final = "train_mean_reward"
_LEARNED: Final = {"loss": "train_loss", "accuracy": "train_accuracy", "reward": _REWARD}
_MEASURED: Final = {"loss": "valid_loss", "accuracy": "valid_mean_token_accuracy"}


def step_metrics(events: Iterable[RunEvent], method: Method) -> bytes:
    """The table as CSV; a step that was made again after a crash has what it had last."""
    rows: dict[int, dict[str, Any]] = {}
    for event in events:
        if event.kind == "progress":
            for each in (*event.content.get("passed", ()), event.content):
                _set(rows, each, _LEARNED)
        elif event.kind == "evaluation":
            _set(rows, event.content, _MEASURED)
    columns = [*COLUMNS, *([_REWARD] if method == "reward" else [])]
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, columns, restval="", extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows[step] for step in sorted(rows))
    return text.getvalue().encode()


def _set(rows: dict[int, dict[str, Any]], figures: Mapping[str, Any], names: Mapping[str, str]) -> None:
    row = rows.setdefault(int(figures["step"]), {"step": figures["step"]})
    row.update({to: figures[name] for name, to in names.items() if name in figures})
