"""The last line of every benchmark, and how ratios are taken.

A benchmark prints its table, then `{"name", "ratio", "bound", "holds"}`, and
exits 0 only when it holds.
"""

import json
import statistics
from collections.abc import Iterable, Sequence


def verdict(name: str, ratio: float, bound: float | None, *, holds: bool, **more: object) -> int:
    """Print the JSON line; returns the exit status. Without a bound it only tells."""
    line = {"name": name, "ratio": round(ratio, 4), "bound": bound, "holds": holds}
    print(json.dumps(line | more), flush=True)
    return 0 if holds else 1


def median(values: Iterable[float]) -> float:
    return statistics.median(list(values))


def table(title: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print an aligned table; floats with three digits after the point."""
    texts = [[f"{cell:.3f}" if isinstance(cell, float) else str(cell) for cell in row] for row in rows]
    widths = [max(len(line[at]) for line in [list(columns), *texts]) for at in range(len(columns))]
    print(f"\n{title}")
    for line in [list(columns), *texts]:
        print("  " + "  ".join(cell.rjust(width) for cell, width in zip(line, widths, strict=True)))
    print(flush=True)
