"""Functions: what a template may call, `and` and `or` apart.

Facts: Go, text/template/funcs.go; Ollama, template/template.go (json, the dates,
toTypeScriptType). A function raises Fault for what it refuses.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import date, timedelta
from typing import Any, Final, TypeAlias
from urllib.parse import quote_plus

from modelwright.core.prompt_template.faults import Fault
from modelwright.core.prompt_template.printf import sprintf
from modelwright.core.prompt_template.values import NO_VALUE, Record, Value, json_text, kind_of, shown, truth

Function: TypeAlias = Callable[..., Any]

_HTML: Final = str.maketrans(
    {"\0": "\ufffd", '"': "&#34;", "'": "&#39;", "&": "&amp;", "<": "&lt;", ">": "&gt;"}
)
_JS: Final = str.maketrans(
    {chr(code): f"\\u{code:04X}" for code in (*range(32), *map(ord, "<>&="))} | {c: f"\\{c}" for c in "\\'\""}
)
_TYPESCRIPT: Final[Mapping[str, str]] = {
    "string": "string",
    "number": "number",
    "integer": "number",
    "boolean": "boolean",
    "array": "any[]",
    "object": "Record<string, any>",
    "null": "null",
}


def functions(today: date) -> Mapping[str, tuple[Function, int, int | None]]:
    """Name -> the function, and the least and the most arguments it takes."""
    yesterday = today - timedelta(days=1)
    return _FUNCTIONS | {
        "currentDate": (lambda *_: today.isoformat(), 0, None),
        "yesterdayDate": (lambda *_: yesterday.isoformat(), 0, None),
    }


def _not(value: Value) -> bool:
    return not truth(value)


def _equal(first: Value, *others: Value) -> bool:
    return any(_same(first, other) for other in others)


def _same(one: Any, other: Any) -> bool:
    if one is None or other is None:
        return one is other
    if isinstance(one, Mapping | list | tuple) or isinstance(other, Mapping | list | tuple):
        raise Fault(f"non-comparable types {kind_of(one)} and {kind_of(other)}")
    if kind_of(one) != kind_of(other):
        raise _incompatible(one, other)
    return bool(one == other)


def _less(one: Any, other: Any) -> bool:
    if isinstance(one, bool) or not isinstance(one, str | int | float):
        raise Fault(f"invalid type for comparison: {kind_of(one)}")
    if kind_of(one) != kind_of(other):
        raise _incompatible(one, other)
    return bool(one < other)


def _incompatible(one: Value, other: Value) -> Fault:
    return Fault(f"incompatible types for comparison: {kind_of(one)} and {kind_of(other)}")


def _less_or_equal(one: Value, other: Value) -> bool:
    return _less(one, other) or _same(one, other)


def _length(value: Any) -> int:
    """Elements; of a text, the bytes of its UTF-8."""
    if isinstance(value, str):
        return len(value) if value.isascii() else len(value.encode("utf-8", "replace"))
    if isinstance(value, Mapping | Sequence):
        return len(value)
    raise Fault(f"len of type {kind_of(value)}")


def _index(value: Any, *places: Any) -> Any:
    if value is None:
        raise Fault("index of untyped nil")
    for place in places:
        if isinstance(value, Mapping):
            if not isinstance(place, str):
                raise Fault(f"index of a map with {shown(place)[:40]}, which is no text")
            value = value.get(place)
            continue
        if not isinstance(value, Sequence):
            raise Fault(f"can't index item of type {kind_of(value)}")
        items = value.encode("utf-8", "replace") if isinstance(value, str) else value
        value = items[_place(place, len(items) - 1)]
    return value


def _place(place: Any, last: int) -> int:
    if isinstance(place, bool) or not isinstance(place, int):
        raise Fault(f"cannot index with type {kind_of(place)}")
    if not 0 <= place <= last:
        raise Fault(f"index out of range: {place}")
    return place


def _slice(value: Any, *places: Any) -> Any:
    """Part of a list or, by bytes, of a text: from a start to an end (and a capacity)."""
    if isinstance(value, Mapping) or not isinstance(value, Sequence):
        raise Fault(f"can't slice item of type {kind_of(value)}")
    items = value.encode("utf-8", "replace") if isinstance(value, str) else value
    if len(places) > 2 and isinstance(value, str):
        raise Fault("cannot 3-index slice a string")
    bounds = [_place(place, len(items)) for place in places]
    start, end, most = (*bounds, *(0, len(items), len(items))[len(bounds) :])
    for low, high in ((start, end), (end, most)):
        if low > high:
            raise Fault(f"invalid slice index: {low} > {high}")
    part = items[start:end]
    return part.decode("utf-8", "replace") if isinstance(part, bytes) else part


def _print(*values: Value) -> str:
    """Side by side; a blank where neither of two neighbours is a text."""
    pieces: list[str] = []
    for number, value in enumerate(values):
        if number and not isinstance(value, str) and not isinstance(values[number - 1], str):
            pieces.append(" ")
        pieces.append(shown(value))
    return "".join(pieces)


def _println(*values: Value) -> str:
    return " ".join(shown(value) for value in values) + "\n"


def _printf(template: Any, *values: Value) -> str:
    if not isinstance(template, str):
        raise Fault(f"wrong type for value; expected string; got {kind_of(template)}")
    return sprintf(template, values)


def _html(*values: Value) -> str:
    return _plain(values).translate(_HTML)


def _js(*values: Value) -> str:
    text = _plain(values).translate(_JS)
    return text if text.isprintable() else "".join(map(_js_visible, text))


def _urlquery(*values: Value) -> str:
    return quote_plus(_plain(values), errors="replace")


def _plain(values: Sequence[Value]) -> str:
    """Values side by side, as an action prints each of them."""
    return _print(*(NO_VALUE if value is None else value for value in values))


def _js_visible(char: str) -> str:
    return char if char.isascii() or char.isprintable() else f"\\u{ord(char):04X}"


def _typescript(value: Any) -> str:
    """A property's type in TypeScript; "any" for what is no property."""
    if not isinstance(value, Record) or "AnyOf" not in value.fields:
        return "any"
    if value.fields["AnyOf"]:
        return " | ".join(_typescript(each) for each in value.fields["AnyOf"])
    return " | ".join(_TYPESCRIPT.get(name, "any") for name in value.fields["Type"]) or "any"


def _not_equal(one: Value, other: Value) -> bool:
    return not _same(one, other)


def _greater(one: Value, other: Value) -> bool:
    return not _less_or_equal(one, other)


def _greater_or_equal(one: Value, other: Value) -> bool:
    return not _less(one, other)


_FUNCTIONS: Final[dict[str, tuple[Function, int, int | None]]] = {
    "not": (_not, 1, 1),
    "eq": (_equal, 2, None),
    "ne": (_not_equal, 2, 2),
    "lt": (_less, 2, 2),
    "le": (_less_or_equal, 2, 2),
    "gt": (_greater, 2, 2),
    "ge": (_greater_or_equal, 2, 2),
    "len": (_length, 1, 1),
    "index": (_index, 1, None),
    "slice": (_slice, 1, 4),
    "print": (_print, 0, None),
    "println": (_println, 0, None),
    "printf": (_printf, 1, None),
    "html": (_html, 0, None),
    "js": (_js, 0, None),
    "urlquery": (_urlquery, 0, None),
    "json": (json_text, 1, 1),
    "toTypeScriptType": (_typescript, 1, 1),
}
