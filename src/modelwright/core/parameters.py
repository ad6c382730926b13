"""Parameters: the closed set of settings a model may carry for its engine.

Every key is typed and has a range, so that a wrong value is refused when a model
is created and not when it is first used. `RULES` is the set; this module knows
no engine and no dialect. Facts: Ollama, api/types.go (Options, FormatParams).
"""

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Self

from modelwright.core.errors import Invalid
from modelwright.core.parameter_rules import ALIASES, RULES, ParameterRule, ParameterValue
from modelwright.core.wording import excerpt, json_type, nearest

__all__ = ["ALIASES", "RULES", "ParameterRule", "ParameterValue", "Parameters", "number_text"]

STOP_COUNT = 64
STOP_LENGTH = 1024

_TYPE_WORDS = {"int": "integer", "float": "number", "bool": "boolean", "list": "array"}
_NUMBER = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]{1,3})?")
_TRUE = frozenset(("1", "t", "T", "TRUE", "true", "True"))
_FALSE = frozenset(("0", "f", "F", "FALSE", "false", "False"))


@dataclass(frozen=True, slots=True)
class Parameters:
    """Checked parameters, sorted by name; made by `of` and its siblings.

    A list is a tuple here, and an empty one is a value ("no stop texts"). A
    float that is whole is an int, so that 1 and 1.0 have one digest.
    """

    items: tuple[tuple[str, ParameterValue], ...] = ()

    @classmethod
    def of(cls, values: Mapping[str, object], *, field: str = "parameters") -> Self:
        """Check typed (JSON) values; None is unset.

        Raises Invalid, for an unknown name with the nearest known one.
        """
        checked: dict[str, ParameterValue] = {}
        for given, value in values.items():
            name = ALIASES.get(given, given)
            rule = RULES.get(name)
            if rule is None:
                raise Invalid(
                    f"unknown {_noun(field)} {excerpt(given)}",
                    field=_place(field, given),
                    hint=_did_you_mean(given),
                )
            if value is None:
                continue
            result = _check(rule, value, _Place(_noun(field), given, _place(field, given)))
            if checked.setdefault(name, result) != result:
                raise Invalid(
                    f'{_noun(field)} "{name}" is given twice, under two names and with two values',
                    field=_place(field, given),
                )
        return cls(tuple(sorted(checked.items())))

    @classmethod
    def of_known(
        cls, values: Mapping[str, object], *, field: str = "options"
    ) -> tuple[Self, tuple[str, ...]]:
        """Check the values whose names are known; return the other names too."""
        known = {name: value for name, value in values.items() if ALIASES.get(name, name) in RULES}
        return cls.of(known, field=field), tuple(name for name in values if name not in known)

    @classmethod
    def of_texts(cls, pairs: Iterable[tuple[str, str]], *, field: str = "parameters") -> Self:
        """Read the pairs of PARAMETER lines; raises Invalid.

        `stop` accumulates; of another name the last one holds. An empty `stop`
        adds nothing, and alone stands for "no stop texts".
        """
        values: dict[str, object] = {}
        for given, text in pairs:
            rule = RULES.get(ALIASES.get(given, given))
            if rule is None:
                values[given] = text
            elif rule.type == "list":
                before = values.get(given, ())
                assert isinstance(before, tuple)
                values[given] = (*before, text) if text else before
            else:
                values[given] = _read(rule, text, _place(field, given))
        return cls.of(values, field=field)

    def merged(self, over: "Parameters") -> "Parameters":
        """Return these with `over` put on top, per name; a list is replaced whole."""
        return Parameters(tuple(sorted({**dict(self.items), **dict(over.items)}.items())))

    def get(self, name: str) -> ParameterValue | None:
        """Return the value set for `name`, else None."""
        return dict(self.items).get(name)

    def __bool__(self) -> bool:
        return bool(self.items)

    def as_dict(self) -> dict[str, int | float | bool | str | list[str]]:
        """Return the JSON form, its keys sorted."""
        return {name: list(value) if isinstance(value, tuple) else value for name, value in self.items}

    @property
    def without_effect(self) -> tuple[str, ...]:
        """The names that are set and that no engine uses."""
        return tuple(name for name, _ in self.items if not RULES[name].effective)

    def to_texts(self) -> tuple[tuple[str, str], ...]:
        """Return the pairs for PARAMETER lines; `of_texts` reads the same parameters back."""
        return tuple((name, text) for name, value in self.items for text in _texts(value))


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a value stands: the word for it, its name as given, the field."""

    noun: str
    name: str
    field: str

    def error(self, fault: str, hint: str = "") -> Invalid:
        return Invalid(f'{self.noun} "{self.name}" {fault}', field=self.field, hint=hint)


def _noun(field: str) -> str:
    return "option" if field.endswith("options") else "parameter"  # as Ollama's clients call them


def _place(field: str, name: str) -> str:
    return f"{field}.{name[:100]}" if field else name[:100]


def _check(rule: ParameterRule, value: object, place: _Place) -> ParameterValue:
    if rule.type == "list":
        return _check_stops(rule, value, place)
    if rule.type == "bool":
        if not isinstance(value, bool):
            raise _wrong_type(rule, value, place)
        return value
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _wrong_type(rule, value, place)
    return _check_number(rule, value, place)


def _check_number(rule: ParameterRule, value: int | float, place: _Place) -> int | float:
    if isinstance(value, float) and not math.isfinite(value):
        raise place.error("must be a finite number", f"{value} was given")
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if rule.type == "int" and isinstance(value, float):
        raise _wrong_type(rule, value, place)
    if not rule.minimum <= value <= rule.maximum:
        shown = value if abs(value) < 10**30 else "A larger number"  # str() refuses very long integers
        raise place.error(f"must be {rule.range_text}", f"{shown} was given")
    return value


def _check_stops(rule: ParameterRule, value: object, place: _Place) -> tuple[str, ...]:
    stops = (value,) if isinstance(value, str) else value
    if not isinstance(stops, list | tuple):
        raise _wrong_type(rule, value, place)
    if len(stops) > STOP_COUNT:
        raise place.error(f"may hold at most {STOP_COUNT} texts", f"{len(stops)} were given")
    for stop in stops:
        if not isinstance(stop, str):
            raise place.error("must be of an array of strings", f"One is of type {json_type(stop)}")
        if not stop:
            raise place.error("may not hold an empty text", "An empty list means that there are none")
        if len(stop) > STOP_LENGTH:
            raise place.error(f"may hold texts of at most {STOP_LENGTH} characters", f"One has {len(stop)}")
        if any("\ud800" <= char <= "\udfff" for char in stop):
            raise place.error("must be valid Unicode text", f"{excerpt(stop)} was given")
    return tuple(stops)


def _wrong_type(rule: ParameterRule, value: object, place: _Place) -> Invalid:
    word = _TYPE_WORDS[rule.type]
    if place.noun == "option" and word == "number":
        word = "float32"  # as Ollama words it (api/types.go, FromMap)
    shown = excerpt(value) if isinstance(value, str) else f"A value of type {json_type(value)}"
    return place.error(f"must be of type {word}", f"{shown} was given")


def _read(rule: ParameterRule, text: str, field: str) -> object:
    """Read one PARAMETER text, in the spellings that Go's strconv takes."""
    if rule.type == "bool" and text in _TRUE | _FALSE:
        return text in _TRUE
    if rule.type != "bool" and len(text) <= 100 and _NUMBER.fullmatch(text):
        number = float(text)
        if rule.type == "float":
            return number
        if number.is_integer():
            return int(text) if text.lstrip("+-").isdigit() else int(number)
    raise Invalid(
        f'invalid {rule.type} value [{excerpt(text)[1:-1]}] for parameter "{rule.name}"',
        field=field,
        hint=f"It must be {rule.range_text}",
    )


def _texts(value: ParameterValue) -> tuple[str, ...]:
    if isinstance(value, tuple):
        return value or ("",)
    if isinstance(value, bool):
        return ("true" if value else "false",)
    return (value if isinstance(value, str) else number_text(value),)


def number_text(value: int | float) -> str:
    """Write a number in its shortest decimal form: 1000000, 1, 0.1."""
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def _did_you_mean(name: str) -> str:
    best = nearest(name, (*RULES, *ALIASES))
    return f'Did you mean "{best}"?' if best else "Known are " + ", ".join(sorted(RULES))
