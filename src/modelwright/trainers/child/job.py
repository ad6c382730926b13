"""Job: the child's task as it came over the line, with names for its parts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from modelwright.core.token_rows import TokenRow, from_lines


@dataclass(frozen=True, slots=True)
class Job:
    """What to do: `folder` is the run's own, everything else is only read.

    `frozen` are PEFT folders with their scales, `start` is one to go on from.
    """

    method: str
    settings: Mapping[str, Any]
    folder: Path
    weights: Path
    rows: Path
    end: int
    validation: Path | None
    replay: Path | None
    frozen: Sequence[tuple[Path, float]]
    start: Path | None
    momentum: Path | None
    rewards: Sequence[Mapping[str, Any]]
    rank: int = 0
    world: int = 1
    meeting: str = ""
    """Where the processes of a run meet, as "host:port"."""

    @classmethod
    def of(cls, task: Mapping[str, Any]) -> Self:
        """Read a task (processes.py writes it)."""
        paths = ("folder", "weights", "rows", "validation", "replay", "start", "momentum")
        found = {name: Path(task[name]) if task[name] else None for name in paths}
        frozen = [(Path(folder), scale) for folder, scale in task["frozen"]]
        return cls(**{**task, **found, "frozen": frozen})

    def __getitem__(self, name: str) -> Any:
        """A hyperparameter."""
        return self.settings[name]


def read_rows(path: Path | None) -> list[TokenRow]:
    """The token rows of a file; none without one."""
    if path is None:
        return []
    with path.open("rb") as lines:
        return list(from_lines(lines))
