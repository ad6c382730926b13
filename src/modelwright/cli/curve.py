"""Curve: a loss over time, drawn with blocks. Knows neither runs nor terminals."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Final

BARS: Final = " ▁▂▃▄▅▆▇█"
_EIGHTHS: Final = len(BARS) - 1


def curve(losses: Sequence[float], width: int, height: int) -> list[str]:
    """Lines, the top one first, of columns as high as the losses, from left to right.

    The whole run is shown; the first and the last line say how high and how low it
    was. Nothing without losses.
    """
    if not losses:
        return []
    columns = averages(losses, width)
    low, high = min(columns), max(columns)
    span = (high - low) or 1.0
    # The lowest still shows a block, so that the run is seen to be there.
    filled = [1 + round((each - low) / span * (height * _EIGHTHS - 1)) for each in columns]
    labels = [""] * height
    labels[-1], labels[0] = f"{low:.3g}", f"{high:.3g}"
    wide = max(map(len, labels))
    return [
        f"{labels[row].rjust(wide)} {''.join(_block(each, height - 1 - row) for each in filled)}".rstrip()
        for row in range(height)
    ]


def averages(values: Sequence[float], most: int) -> list[float]:
    """At most so many means of values that follow one another."""
    count = min(len(values), most)
    edges = [place * len(values) // count for place in range(count + 1)]
    return [sum(values[first:last]) / (last - first) for first, last in pairwise(edges)]


def _block(filled: int, above: int) -> str:
    """What is seen of a column in the line that has so many below it."""
    return BARS[min(max(filled - above * _EIGHTHS, 0), _EIGHTHS)]
