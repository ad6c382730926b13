"""printf: Go's formatting of values.

Facts: Go, package fmt. Like there, a wrong verb or argument is no error: it
shows in the text ("%!d(string=x)").
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from modelwright.core.prompt_template.faults import Fault
from modelwright.core.prompt_template.values import (
    JsonList,
    JsonMap,
    Record,
    TypeNames,
    float_text,
    kind_of,
    shown,
)

WIDEST: Final = 100_000
"""Characters that a width or a precision may ask for."""

_VERB: Final = re.compile(
    r"%(?P<flags>[-+# 0]*)(?P<first>\[[^\]]*\])?(?P<width>\d+|\*)?"
    r"(?P<dot>\.(?P<second>\[[^\]]*\])?(?P<precision>\d+|\*)?)?(?P<third>\[[^\]]*\])?(?P<verb>.)?",
    re.DOTALL,
)
_PLACE: Final = re.compile(r"\[([0-9]{1,6})\]")
_BASES: Final[Mapping[str, tuple[str, str]]] = {
    "d": ("d", ""),
    "b": ("b", "0b"),
    "o": ("o", "0"),
    "O": ("o", "0o"),
    "x": ("x", "0x"),
    "X": ("X", "0X"),
}
"""Verb -> the digits that it writes, and what `#` puts before them."""
_SIMPLE: Final = dict(
    zip('\a\b\f\n\r\t\v\\"', ("\\a", "\\b", "\\f", "\\n", "\\r", "\\t", "\\v", "\\\\", '\\"'), strict=True)
)


def sprintf(template: str, arguments: Sequence[Any]) -> str:
    """Fill a template's verbs with arguments, in order or by their numbers."""
    return "".join(_Printer(template, arguments).pieces())


@dataclass(frozen=True, slots=True)
class _Verb:
    """How a value is printed; `width` 0 and `precision` None are not given.

    `is_wrong`: it is a %v that shows what a verb was wrong for.
    """

    name: str
    flags: str = ""
    width: int = 0
    precision: int | None = None
    is_wrong: bool = False

    @property
    def is_go_syntax(self) -> bool:
        """Say whether it is %#v, which prints a value as Go would write it."""
        return self.name == "v" and "#" in self.flags and not self.is_wrong


class _Printer:
    def __init__(self, template: str, arguments: Sequence[Any]) -> None:
        self._template = template
        self._arguments = arguments
        self._used = 0
        self._numbered = False

    def pieces(self) -> Iterator[str]:
        end = 0
        for found in _VERB.finditer(self._template):
            yield self._template[end : found.start()]
            yield self._filled(found)
            end = found.end()
        yield self._template[end:]
        if not self._numbered and self._used < len(self._arguments):
            rest = (_typed(each, _Verb("v")) for each in self._arguments[self._used :])
            yield f"%!(EXTRA {', '.join(rest)})"

    def _filled(self, found: re.Match[str]) -> str:
        name, flags = found["verb"], found["flags"]
        known = self._go_to(found["first"])
        width, wrong = self._size(found["width"], "%!(BADWIDTH)")
        if width is not None and width < 0:
            flags, width = f"{flags.replace('0', '')}-", -width
        known = self._go_to(found["second"]) and known
        precision, wrong_too = self._size(found["precision"], "%!(BADPREC)")
        if precision is not None and precision < 0:
            precision, wrong_too = None, "%!(BADPREC)"
        elif found["dot"] and found["precision"] is None:
            precision = 0
        known = self._go_to(found["third"]) and known
        verb = None if name is None else _Verb(name, flags, width or 0, precision)
        return wrong + wrong_too + self._value(verb, known=known)

    def _value(self, verb: _Verb | None, *, known: bool) -> str:
        """The next argument by a verb, or what is wrong."""
        if verb is None:
            return "%!(NOVERB)"
        if verb.name == "%":
            return "%"
        if not known:
            return f"%!{verb.name}(BADINDEX)"
        if self._used >= len(self._arguments):
            return f"%!{verb.name}(MISSING)"
        self._used += 1
        return _formatted(self._arguments[self._used - 1], verb)

    def _go_to(self, text: str | None) -> bool:
        """Choose the argument that "[2]" names; says whether there is one."""
        if text is None:
            return True
        self._numbered = True
        found = _PLACE.fullmatch(text)
        if found is None or not 1 <= int(found[1]) <= len(self._arguments):
            return False
        self._used = int(found[1]) - 1
        return True

    def _size(self, text: str | None, complaint: str) -> tuple[int | None, str]:
        """A width or precision, and what to print when the argument for it is none."""
        if text is None:
            return None, ""
        size: object = int(text) if text != "*" and len(text) < 8 else WIDEST + 1
        if text == "*":
            size = self._arguments[self._used] if self._used < len(self._arguments) else None
            self._used = min(self._used + 1, len(self._arguments))
        if isinstance(size, bool) or not isinstance(size, int):
            return None, complaint
        if abs(size) > WIDEST:
            raise Fault(f"printf: a width of more than {WIDEST}")
        return size, ""


def _formatted(value: Any, verb: _Verb, *, inside: bool = False) -> str:
    """A value by a verb; of a list and a map, each element is padded by itself."""
    if value is None:
        return _nothing(verb, inside=inside)
    if verb.name == "T" and not inside:
        return _text(kind_of(value), replace(verb, name="s"))
    match value:
        case bool():
            return _padded(shown(value), verb) if verb.name in ("t", "v") else _wrong(value, verb)
        case str():
            return _text(value, verb)
        case int():
            return _integer(value, verb)
        case float():
            return _float(value, verb)
        case Record():
            return _text(shown(value), replace(verb, name="s"))
    return _collection(value, verb)


def _collection(value: Any, verb: _Verb) -> str:
    """A list or a map; what prints as JSON does so by any verb for texts."""
    if isinstance(value, JsonMap | JsonList | TypeNames) and verb.name in ("s", "q", "v"):
        return _text(shown(value), verb)
    if isinstance(value, Mapping):
        parts = [
            f"{_formatted(key, verb, inside=True)}:{_formatted(value[key], verb, inside=True)}"
            for key in sorted(value)
        ]
    else:
        parts = [_formatted(item, verb, inside=True) for item in value]
    if verb.is_go_syntax:
        return f"{kind_of(value)}{{{', '.join(parts)}}}"
    return f"{'map' if isinstance(value, Mapping) else ''}[{' '.join(parts)}]"


def _nothing(verb: _Verb, *, inside: bool) -> str:
    if inside:
        return "interface {}(nil)" if verb.is_go_syntax else "<nil>"
    return _padded("<nil>", verb) if verb.name in ("T", "v") else f"%!{verb.name}(<nil>)"


def _text(value: str, verb: _Verb) -> str:
    text = value if verb.precision is None else value[: verb.precision]
    if verb.name == "s" or (verb.name == "v" and not verb.is_go_syntax):
        return _padded(text, verb)
    if verb.name in ("q", "v"):
        bare = verb.name == "q" and "#" in verb.flags and _stands_bare(text)
        return _padded(f"`{text}`" if bare else _quoted(text, ascii_only="+" in verb.flags), verb)
    if verb.name in ("x", "X"):
        return _padded(_hexadecimal(value, verb), verb)
    return _wrong(value, verb)


def _hexadecimal(value: str, verb: _Verb) -> str:
    pairs = [f"{byte:02x}" for byte in value.encode("utf-8", "replace")[: verb.precision]]
    before = "0x" if "#" in verb.flags and pairs else ""
    text = " ".join(before + pair for pair in pairs) if " " in verb.flags else before + "".join(pairs)
    return text.upper() if verb.name == "X" else text


def _integer(value: int, verb: _Verb) -> str:
    if verb.name == "v" or verb.name in _BASES:
        return _number(value, verb)
    if verb.name in ("c", "q", "U"):
        char = chr(value) if 0 <= value <= 0x10FFFF and not 0xD800 <= value <= 0xDFFF else "\ufffd"
        rune = f"'{_rune(char, ascii_only='+' in verb.flags)}'"
        seen = f" '{char}'" if "#" in verb.flags and char.isprintable() else ""
        texts = {"c": char, "q": rune, "U": f"U+{value:04X}{seen}"}
        return _padded(texts[verb.name], _without_zeros(verb) if verb.name == "U" else verb)
    return _wrong(value, verb)


def _number(value: int, verb: _Verb) -> str:
    """Sign, prefix and digits; of a given precision, at least so many digits."""
    is_plain = verb.name == "v"
    base, prefix = _BASES["d" if is_plain else verb.name]
    digits = "" if verb.precision == 0 and value == 0 else format(abs(value), base)
    sign = "-" if value < 0 else _sign(verb)
    if verb.precision is not None:
        digits = digits.zfill(verb.precision)
    elif "0" in verb.flags and "-" not in verb.flags:
        digits = digits.zfill(verb.width - len(sign))
    if not digits or not ("#" in verb.flags or verb.name == "O") or is_plain:
        prefix = ""
    if prefix == "0" and digits.startswith("0"):
        prefix = ""
    return _padded(f"{sign}{prefix}{digits}", _without_zeros(verb))


def _float(value: float, verb: _Verb) -> str:
    if verb.name not in ("v", "e", "E", "f", "F", "g", "G"):
        return _wrong(value, verb)
    shortest = verb.name == "v" or (verb.name in ("g", "G") and verb.precision is None)
    if verb.name == "v" and verb.precision is not None:
        text = format(abs(value), f".{verb.precision}g")
    elif shortest:
        text = float_text(abs(value))
    else:
        text = format(abs(value), f".{6 if verb.precision is None else verb.precision}{verb.name}")
    text = text.upper() if verb.name == "G" else text
    sign = "-" if str(value).startswith("-") else _sign(verb)
    if "0" in verb.flags and "-" not in verb.flags:
        return f"{sign}{text.zfill(verb.width - len(sign))}"
    return _padded(sign + text, verb)


def _sign(verb: _Verb) -> str:
    """What stands before a number that is not negative; %+v is about other things."""
    if "+" in verb.flags and (verb.name != "v" or verb.is_wrong):
        return "+"
    return " " if " " in verb.flags else ""


def _without_zeros(verb: _Verb) -> _Verb:
    return replace(verb, flags=verb.flags.replace("0", ""))


def _padded(text: str, verb: _Verb) -> str:
    if "-" in verb.flags:
        return text.ljust(verb.width)
    return text.rjust(verb.width, "0" if "0" in verb.flags else " ")


def _wrong(value: Any, verb: _Verb) -> str:
    return f"%!{verb.name}({_typed(value, replace(verb, name='v', is_wrong=True))})"


def _typed(value: Any, verb: _Verb) -> str:
    return "<nil>" if value is None else f"{kind_of(value)}={_formatted(value, verb)}"


def _stands_bare(text: str) -> bool:
    """Say whether Go writes a text between back quotes (strconv.CanBackquote)."""
    return not any(char in "`\x7f\ufeff" or (char < " " and char != "\t") for char in text)


def _quoted(text: str, *, ascii_only: bool) -> str:
    """A text in double quotes, escaped as Go writes it."""
    return f'"{"".join(_SIMPLE.get(char) or _visible(char, ascii_only=ascii_only) for char in text)}"'


def _rune(char: str, *, ascii_only: bool) -> str:
    if char in "'\"":
        return "\\'" if char == "'" else char
    return _SIMPLE.get(char) or _visible(char, ascii_only=ascii_only)


def _visible(char: str, *, ascii_only: bool) -> str:
    if char.isprintable() and (char.isascii() or not ascii_only):
        return char
    code = ord(char)
    return f"\\x{code:02x}" if code < 0x80 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
