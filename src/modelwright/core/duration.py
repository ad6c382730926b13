"""Durations as Go writes them ("1h30m"), and Ollama's `keep_alive` values.

Facts: Go, time.ParseDuration; Ollama, api/types.go (Duration) and
envconfig/config.go (KeepAlive). Reads no clock.
"""

import math
import re

from modelwright.core.errors import Invalid
from modelwright.core.wording import excerpt, json_type

LONGEST = 9_223_372_036.0  # seconds; Go keeps nanoseconds in 63 bits

_UNITS = {
    "ns": 1e-9,
    "us": 1e-6,
    "\u00b5s": 1e-6,
    "\u03bcs": 1e-6,
    "ms": 1e-3,
    "s": 1.0,
    "m": 60.0,
    "h": 3600.0,
}
_AMOUNT = r"(?:[0-9]{1,20}(?:\.[0-9]{0,20})?|\.[0-9]{1,20})"
_STEP = re.compile(rf"({_AMOUNT})({'|'.join(_UNITS)})")
_WHOLE = re.compile(rf"([+-]?)((?:{_AMOUNT}(?:{'|'.join(_UNITS)})){{1,16}})")
_BARE = re.compile(rf"[+-]?{_AMOUNT}")
_HINT = 'A duration is a number of seconds or text like "5m", "1h30m" or "300ms"; a negative one is for ever'


def parse_duration(text: str, *, field: str = "") -> float:
    """Read a duration, in seconds; a bare number is seconds. Raises Invalid."""
    match = _WHOLE.fullmatch(text) if len(text) <= 1000 else None
    if match is not None:
        total = sum(float(amount) * _UNITS[unit] for amount, unit in _STEP.findall(match.group(2)))
        seconds = -total if match.group(1) == "-" else total
    elif _BARE.fullmatch(text):
        seconds = float(text)
    else:
        raise Invalid(f"invalid duration {excerpt(text)}", field=field, hint=_HINT)
    if abs(seconds) > LONGEST:
        raise Invalid(
            f"duration {excerpt(text)} is too long",
            field=field,
            hint=f"At most {LONGEST:.0f} seconds are allowed",
        )
    return seconds


def keep_alive_seconds(value: object, *, field: str = "keep_alive") -> float | None:
    """Read a JSON `keep_alive`, in seconds; raises Invalid.

    None = not said; a negative one is math.inf: for ever.
    """
    if value is None:
        return None
    if isinstance(value, str):
        seconds: int | float = parse_duration(value, field=field)
    elif isinstance(value, bool) or not isinstance(value, int | float):
        raise Invalid(
            f"{field} must be a number or a string, not {json_type(value)}", field=field, hint=_HINT
        )
    else:
        seconds = value
    if seconds < 0:
        return math.inf
    if not seconds <= LONGEST:  # also refuses NaN
        raise Invalid(f"{field} must be a number of at most {LONGEST:.0f} seconds", field=field, hint=_HINT)
    return float(seconds)
