"""Literals: Go's spellings of texts, characters and numbers.

Facts: Go, strconv.Unquote and text/template/parse (newNumber).
"""

import math
import re
from typing import Final

from modelwright.core.prompt_template.faults import Fault
from modelwright.core.wording import excerpt

MOST_DIGITS: Final = 400

_ESCAPE: Final = re.compile(
    r"\\(?:(?P<plain>[abfnrtv\\'\"])|(?P<octal>[0-7]{3})|x(?P<byte>[\da-fA-F]{2})"
    r"|u(?P<short>[\da-fA-F]{4})|U(?P<long>[\da-fA-F]{8})|(?P<bad>.?))"
)
_PLAIN: Final = dict(zip("abfnrtv\\", "\a\b\f\n\r\t\v\\", strict=True))
_LEADING_ZERO: Final = re.compile(r"[+-]?0[0-7_]+")


def unquote(text: str) -> str:
    """The text that a quoted one, quotes included, stands for."""
    quote, body = text[0], text[1:-1]
    if quote == "`":
        return body.replace("\r", "")
    if "\\" not in body:
        return body
    pieces: list[bytes] = []
    end = 0
    for found in _ESCAPE.finditer(body):
        pieces += [body[end : found.start()].encode("utf-8", "replace"), _escaped(found, quote)]
        end = found.end()
    return b"".join([*pieces, body[end:].encode("utf-8", "replace")]).decode("utf-8", "replace")


def character(text: str) -> int:
    """The code point of a character constant."""
    char = unquote(text)
    if len(char) != 1:
        raise Fault(f"malformed character constant: {excerpt(text)}")
    return ord(char)


def number(text: str) -> int | float:
    """A number; an integer has 64 bits."""
    if len(text) > MOST_DIGITS:
        raise Fault("a number has too many digits")
    try:
        value = int(text, 8) if _LEADING_ZERO.fullmatch(text) else int(text, 0)
    except ValueError:
        return _real(text)
    if not -(2**63) <= value < 2**63:
        raise Fault(f"integer overflow: {excerpt(text)}")
    return value


def _real(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.inf
    if not math.isfinite(value) or text.lstrip("+-").replace("_", "").isdigit():
        raise Fault(f"bad number syntax: {excerpt(text)}")
    return value


def _escaped(found: re.Match[str], quote: str) -> bytes:
    kind = found.lastgroup
    digits = found[kind] if kind else ""
    if kind == "plain":
        if digits in "'\"" and digits != quote:
            raise Fault(f"invalid escape {excerpt(found[0])}")
        return _PLAIN.get(digits, digits).encode()
    if kind in ("octal", "byte"):
        value = int(digits, 8 if kind == "octal" else 16)
        if value > 255:
            raise Fault(f"invalid escape {excerpt(found[0])}")
        return bytes([value])
    if kind in ("short", "long") and not _is_surrogate(int(digits, 16)) and int(digits, 16) <= 0x10FFFF:
        return chr(int(digits, 16)).encode()
    raise Fault(f"invalid escape {excerpt(found[0])}")


def _is_surrogate(code: int) -> bool:
    return 0xD800 <= code <= 0xDFFF
