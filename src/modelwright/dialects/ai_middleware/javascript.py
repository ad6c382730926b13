"""What JavaScript makes of a JSON value where a number is wanted.

The original's checks are `isNaN`, `parseFloat`, `===` and truth; they let "", null
and true pass for numbers. Facts: ECMAScript 2023, 7.1.4 (ToNumber), 19.2.
"""

import math
import re
from typing import Final

_BLANK: Final = " \t\n\v\f\r\u00a0\ufeff\u2028\u2029"
_DECIMAL: Final = r"(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?"
_NUMBER: Final = re.compile(rf"[+-]?(?:Infinity|{_DECIMAL})|0[xX][0-9a-fA-F]+|0[oO][0-7]+|0[bB][01]+")
_BEGINNING: Final = re.compile(rf"[+-]?(?:Infinity|{_DECIMAL})")


def is_nan(value: object) -> bool:
    """`isNaN(value)`: whether it is no number after coercion."""
    if value is None or isinstance(value, bool):
        return False
    if isinstance(value, int | float):
        return isinstance(value, float) and math.isnan(value)
    text = _text(value).strip(_BLANK)
    return bool(text) and not _NUMBER.fullmatch(text)


def begins_as_number(value: object) -> bool:
    """Whether `parseFloat(value)` gives a number."""
    return bool(_BEGINNING.match(_text(value).lstrip(_BLANK)))


def is_one_of(value: object, *numbers: int) -> bool:
    """`value === number` for one of them."""
    return isinstance(value, int | float) and not isinstance(value, bool) and value in numbers


def _text(value: object) -> str:
    """`String(value)`."""
    if isinstance(value, str):
        return value
    if isinstance(value, list):
        return ",".join("" if item is None else _text(item) for item in value)
    if isinstance(value, dict):
        return "[object Object]"
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    return str(value)
