"""Figures: sizes and times as people read them. Reads no clock."""

from datetime import datetime

_UNITS = ("B", "KB", "MB", "GB", "TB")
_SECONDS = (
    ("year", 31_557_600),
    ("month", 2_629_800),
    ("week", 604_800),
    ("day", 86_400),
    ("hour", 3_600),
    ("minute", 60),
    ("second", 1),
)


def size(count: int) -> str:
    """Bytes in decimal units, as Ollama prints them: 7934464 -> "7.9 MB"."""
    number, unit = float(count), 0
    while number >= 1000 and unit < len(_UNITS) - 1:
        number, unit = number / 1000, unit + 1
    return f"{number:.1f} {_UNITS[unit]}" if number < 10 and unit else f"{number:.0f} {_UNITS[unit]}"


def moment(text: str) -> datetime:
    """Read a timestamp with a zone, such as the server sends."""
    return datetime.fromisoformat(text)


def ago(then: datetime, now: datetime) -> str:
    """How long ago: "just now", "2 minutes ago"."""
    seconds = (now - then).total_seconds()
    return "just now" if seconds < 1 else f"{_duration(seconds)} ago"


def until(then: datetime, now: datetime) -> str:
    """When something will come; "forever" from a year on (Ollama: keep-alive < 0)."""
    seconds = (then - now).total_seconds()
    if seconds > 365 * 86400:
        return "forever"
    return "stopping" if seconds <= 0 else f"{_duration(seconds)} from now"


def _duration(seconds: float) -> str:
    word, length = next((step for step in _SECONDS if seconds >= step[1]), _SECONDS[-1])
    whole = int(seconds // length)
    return f"{whole} {word}" if whole == 1 else f"{whole} {word}s"
