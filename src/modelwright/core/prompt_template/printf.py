"""printf: Go's formatting of values.

Facts: Go, package fmt. Like there, a wrong verb or argument is no error: it
shows in the text ("%!d(string=x)").
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from modelwright.core.prompt_template.faults import Fault
from modelwright.core.prompt_template.values import Record, float_text, kind_of, shown

WIDEST: Final = 100_000
"""Characters that a width or a precision may ask for."""

_VERB: Final = re.compile(
    r"%(?P<flags>[-+# 0]*)(?P<width>\d+|\*)?(?:\.(?P<precision>\d+|\*)?(?P<dot>))?(?P<verb>.)?", re.DOTALL
)
_BASES: Final = {"d": "d", "b": "b", "o": "o", "x": "x", "X": "X"}
_SIMPLE: Final = dict(
    zip('\a\b\f\n\r\t\v\\"', ("\\a", "\\b", "\\f", "\\n", "\\r", "\\t", "\\v", "\\\\", '\\"'), strict=True)
)


def sprintf(template: str, arguments: Sequence[Any]) -> str:
    """Fill a template's verbs with arguments, in order."""
    return "".join(_Printer(template, arguments).pieces())


def quoted(text: str) -> str:
    """A text in double quotes, escaped as Go writes it."""
    return f'"{"".join(_SIMPLE.get(char) or _visible(char) for char in text)}"'


class _Printer:
    def __init__(self, template: str, arguments: Sequence[Any]) -> None:
        self._template = template
        self._arguments = arguments
        self._used = 0

    def pieces(self) -> Iterator[str]:
        end = 0
        for found in _VERB.finditer(self._template):
            yield self._template[end : found.start()]
            yield self._filled(found)
            end = found.end()
        yield self._template[end:]
        if self._used < len(self._arguments):
            yield f"%!(EXTRA {', '.join(_typed(each) for each in self._arguments[self._used :])})"

    def _filled(self, found: re.Match[str]) -> str:
        flags, verb = found["flags"], found["verb"]
        width = self._size(found["width"])
        precision = None if found["dot"] is None else self._size(found["precision"]) or 0
        if verb is None:
            return "%!(NOVERB)"
        if verb == "%":
            return "%"
        if self._used >= len(self._arguments):
            return f"%!{verb}(MISSING)"
        argument = self._arguments[self._used]
        self._used += 1
        if width is not None and width < 0:
            flags, width = flags + "-", -width
        return _padded(formatted(argument, verb, flags, precision), width or 0, flags, verb)

    def _size(self, text: str | None) -> int | None:
        if text is None:
            return None
        size: object = int(text) if text != "*" and len(text) < 8 else None
        if text == "*":
            size = self._arguments[self._used] if self._used < len(self._arguments) else None
            self._used += 1
        if isinstance(size, bool) or not isinstance(size, int):
            raise Fault("printf: bad width or precision")
        if abs(size) > WIDEST:
            raise Fault(f"printf: a width of more than {WIDEST}")
        return size


def formatted(value: Any, verb: str, flags: str = "", precision: int | None = None) -> str:
    """One value by one verb, not padded yet."""
    if verb == "T":
        return kind_of(value)
    if verb == "v" and not isinstance(value, str | float):
        return shown(value)
    match value:
        case bool():
            return shown(value) if verb == "t" else _wrong(value, verb)
        case str():
            return _text(value, verb, flags, precision)
        case int():
            return _integer(value, verb, flags)
        case float():
            return _float(value, verb, flags, precision)
        case None:
            return _wrong(value, verb)
        case Record():
            return shown(value)
        case Mapping():
            inside = (f"{key}:{formatted(value[key], verb, flags)}" for key in sorted(value))
            return f"map[{' '.join(inside)}]"
    return f"[{' '.join(formatted(item, verb, flags) for item in value)}]"


def _text(value: str, verb: str, flags: str, precision: int | None) -> str:
    text = value if precision is None else value[:precision]
    if verb in ("s", "v"):
        return quoted(text) if "#" in flags and verb == "v" else text
    if verb == "q":
        return f"`{text}`" if "#" in flags and "`" not in text else quoted(text)
    if verb in ("x", "X"):
        content = text.encode("utf-8", "replace")
        found = content.hex(" ") if " " in flags and content else content.hex()
        return found.upper() if verb == "X" else found
    return _wrong(value, verb)


def _integer(value: int, verb: str, flags: str) -> str:
    if verb in _BASES:
        sign = "+" if "+" in flags else " " if " " in flags else "-"
        return format(value, f"{sign}{'#' if '#' in flags and verb != 'd' else ''}{_BASES[verb]}")
    if verb in ("c", "q", "U"):
        char = chr(value) if 0 <= value <= 0x10FFFF and not 0xD800 <= value <= 0xDFFF else "\ufffd"
        return {"c": char, "q": f"'{_rune(char)}'", "U": f"U+{value:04X}"}[verb]
    return _wrong(value, verb)


def _float(value: float, verb: str, flags: str, precision: int | None) -> str:
    sign = "+" if "+" in flags else " " if " " in flags else "-"
    if verb == "v" or (verb in ("g", "G") and precision is None):
        text = float_text(value)
        return sign + text if sign != "-" and value >= 0 else text
    if verb in ("e", "E", "f", "F", "g", "G"):
        return format(value, f"{sign}.{6 if precision is None else precision}{verb}")
    return _wrong(value, verb)


def _padded(text: str, width: int, flags: str, verb: str) -> str:
    if "-" in flags:
        return text.ljust(width)
    if "0" not in flags or verb in ("s", "v", "q", "t"):
        return text.rjust(width)
    return text.zfill(width)


def _wrong(value: Any, verb: str) -> str:
    return f"%!{verb}({_typed(value)})"


def _typed(value: Any) -> str:
    return "<nil>" if value is None else f"{kind_of(value)}={shown(value)}"


def _rune(char: str) -> str:
    return "\\'" if char == "'" else char if char == '"' else _SIMPLE.get(char) or _visible(char)


def _visible(char: str) -> str:
    if char.isprintable():
        return char
    code = ord(char)
    return f"\\x{code:02x}" if code < 0x80 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
