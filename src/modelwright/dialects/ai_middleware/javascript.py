"""What JavaScript makes of a JSON value where a number is wanted.

The original's checks are `isNaN`, `parseFloat`, `===` and truth; they let "", null
and true pass for numbers. Facts: ECMAScript 2023, 7.1.4 (ToNumber), 19.2.
"""

import math
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

_SPACES: Final = "".join(map(chr, (0xA0, 0x1680, *range(0x2000, 0x200B), 0x202F, 0x205F, 0x3000)))
_BLANK: Final = f" \t\n\v\f\r\u2028\u2029\ufeff{_SPACES}"
_DECIMAL: Final = r"(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?"
_NUMBER: Final = re.compile(rf"[+-]?(?:Infinity|{_DECIMAL})|0[xX][0-9a-fA-F]+|0[oO][0-7]+|0[bB][01]+")
_BEGINNING: Final = re.compile(rf"[+-]?(?:Infinity|{_DECIMAL})")


def is_nan(value: object) -> bool:
    """`isNaN(value)`: whether it is no number after coercion."""
    if value is None or isinstance(value, bool):
        return False
    if isinstance(value, int | float):
        return isinstance(value, float) and math.isnan(value)
    text = as_text(value).strip(_BLANK)
    return bool(text) and not _NUMBER.fullmatch(text)


def begins_as_number(value: object) -> bool:
    """Whether `parseFloat(value)` gives a number."""
    return bool(_BEGINNING.match(as_text(value).lstrip(_BLANK)))


def is_one_of(value: object, *numbers: int) -> bool:
    """`value === number` for one of them."""
    return isinstance(value, int | float) and not isinstance(value, bool) and value in numbers


def text_faults(tree: Mapping[str, Any], field: str, called: str) -> Iterator[str]:
    """What is said where `!value || value.trim() === ""`, and of what has no trim."""
    value = tree.get(field)
    if isinstance(value, str):
        if not value.strip(_BLANK):
            yield f"{called} field is required"
    elif not value and not isinstance(value, list | dict):
        yield f"{called} field is required"
    else:
        yield f"obj.{field}.trim is not a function"


def as_text(value: object) -> str:
    """`String(value)`."""
    if isinstance(value, str):
        return value
    if isinstance(value, list):
        return ",".join("" if item is None else as_text(item) for item in value)
    if isinstance(value, dict):
        return "[object Object]"
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    return str(value)
