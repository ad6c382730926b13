"""Values: what a template computes with, and how Go prints and weighs them.

A value is None, a text, a number, a boolean, a list, a map or a record. Facts:
Go, text/template/exec.go (printing, truth) and Ollama, template/template.go
(tools and arguments print as JSON).
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final, TypeAlias

from modelwright.core.manifest import go_float, go_text

Value: TypeAlias = "str | int | float | bool | Sequence[Any] | Mapping[str, Any] | Record | None"

NO_VALUE: Final = "<no value>"


@dataclass(frozen=True, slots=True)
class Record:
    """A Go struct: a fixed set of fields, and in their order those it prints as JSON.

    To ask it for another field is an error, where a map answers nothing.
    """

    kind: str
    fields: Mapping[str, Any]
    tree: Mapping[str, Any]


class JsonMap(dict[str, Any]):
    """A map that prints as JSON, its keys sorted."""


class JsonList(tuple[Any, ...]):
    """A list that prints as JSON."""

    __slots__ = ()


class TypeNames(tuple[str, ...]):
    """The type of a JSON schema: one name prints as itself."""

    __slots__ = ()


def truth(value: Value) -> bool:
    """Go's truth: zero, nothing and emptiness are false, a record never is."""
    return True if isinstance(value, Record) else bool(value)


def kind_of(value: object) -> str:
    """Go's word for the type of a value."""
    match value:
        case None:
            return "nil"
        case bool():
            return "bool"
        case int():
            return "int"
        case float():
            return "float64"
        case str():
            return "string"
        case Record():
            return value.kind
        case Mapping():
            return "map[string]interface {}"
    return "[]interface {}"


def printed(value: Value) -> str:
    """A value as an action prints it."""
    return NO_VALUE if value is None else shown(value)


def shown(value: Any) -> str:
    """A value as %v prints it."""
    match value:
        case str():
            return value
        case None:
            return "<nil>"
        case bool():
            return "true" if value else "false"
        case int():
            return str(value)
        case float():
            return float_text(value)
        case TypeNames():
            return value[0] if len(value) == 1 else f"[{' '.join(value)}]"
        case Record() | JsonMap() | JsonList():
            return json_text(value)
        case Mapping():
            return f"map[{' '.join(f'{key}:{shown(value[key])}' for key in sorted(value))}]"
    return f"[{' '.join(shown(item) for item in value)}]"


def json_text(value: Any) -> str:
    """A value as Go's encoding/json writes it."""
    match value:
        case bool() | int() | str() | None:
            return go_text(value)
        case float():
            return go_float(value) if math.isfinite(value) else "null"
        case TypeNames() if len(value) == 1:
            return go_text(value[0])
        case Record():
            return _json_object(value.tree.items())
        case Mapping():
            return _json_object((key, value[key]) for key in sorted(value))
    return f"[{','.join(json_text(item) for item in value)}]"


def _json_object(items: Iterable[tuple[str, Any]]) -> str:
    return f"{{{','.join(f'{go_text(name)}:{json_text(value)}' for name, value in items)}}}"


def float_text(value: float) -> str:
    """A float as %v prints it: the shortest digits, an exponent from 1e6 on."""
    if not math.isfinite(value):
        return "NaN" if math.isnan(value) else "+Inf" if value > 0 else "-Inf"
    sign, digits, power = Decimal(repr(value)).normalize().as_tuple()
    exponent = len(digits) - 1 + int(power)
    if value and not -4 <= exponent < 6:
        text = "".join(map(str, digits))
        fraction = f".{text[1:]}" if text[1:] else ""
        return f"{'-' * sign}{text[0]}{fraction}e{exponent:+03d}"
    return f"{Decimal(repr(value)).normalize():f}"
