"""JSON beside weights: config.json, tokenizer.json, a safetensors header.

Read as if it came from an enemy: the size, the number of values and the depth
are bounded before anything is built, keys are unique, numbers are finite.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Final, TypeAlias

from modelwright.core.errors import Invalid
from modelwright.core.wording import excerpt, json_type
from modelwright.weights.bounded import open_bounded

Json: TypeAlias = "str | int | float | bool | list[Json] | dict[str, Json] | None"
Object: TypeAlias = Mapping[str, Json]

SMALL: Final = 4 * 1024 * 1024
"""Bytes of a configuration."""
LARGE: Final = 64 * 1024 * 1024
"""Bytes of a tokenizer; the largest known ones have 33 MiB."""
VALUES: Final = 4_000_000
"""Values in one file; the largest known tokenizers have 1.5 million."""


def read_object(path: Path, limit: int = SMALL) -> dict[str, Json]:
    """Read a file that holds one JSON object; raises Invalid that names the file."""
    with open_bounded(path, limit) as file:
        content = file.take(file.size, path.name)
    return parse_object(content, path.name)


def read_optional(path: Path, limit: int = SMALL) -> dict[str, Json]:
    """Read a file that may be absent; {} then."""
    return read_object(path, limit) if path.exists() or path.is_symlink() else {}


def parse_object(content: bytes, what: str, values: int = VALUES) -> dict[str, Json]:
    """Parse one JSON object of at most so many values; `what` names it in errors."""
    # Each value but the first of its container stands after a comma, the first after a bracket.
    if sum(content.count(sign) for sign in (b",", b"[", b"{")) > values:
        raise Invalid(f"{what}: more than {values} values")
    try:
        found = json.loads(content, object_pairs_hook=_unique, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise Invalid(f"{what}: not valid JSON: {error}") from error
    if not isinstance(found, dict):
        raise Invalid(f"{what}: a JSON object is expected, it holds a JSON {json_type(found)}")
    return found


def _unique(pairs: list[tuple[str, Json]]) -> dict[str, Json]:
    found: dict[str, Json] = {}
    for key, value in pairs:
        if key in found:
            raise ValueError(f"key {excerpt(key)} appears twice")
        found[key] = value
    return found


def _refuse_constant(word: str) -> float:
    raise ValueError(f"{word} is not a number")


class Fields:
    """Typed access to an object's fields; errors name the file and the field."""

    def __init__(self, fields: Object, what: str) -> None:
        self.fields = fields
        self.what = what

    def integer(self, name: str, otherwise: int | None = None) -> int:
        value = self._given(name, otherwise)
        if isinstance(value, bool) or not isinstance(value, int):
            raise self._wrong(name, value, "an integer")
        if not 0 <= value < 2**31:
            raise Invalid(f"{self.what}: {excerpt(name)} is {value}, allowed are 0 to {2**31 - 1}")
        return value

    def number(self, name: str, otherwise: float | None = None) -> float:
        value = self._given(name, otherwise)
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise self._wrong(name, value, "a number")
        if not abs(value) < 1e30:
            raise Invalid(f"{self.what}: {excerpt(name)} is {value}, which is too large")
        return float(value)

    def text(self, name: str, otherwise: str | None = None) -> str:
        value = self._given(name, otherwise)
        if not isinstance(value, str):
            raise self._wrong(name, value, "a string")
        return value

    def flag(self, name: str, otherwise: bool) -> bool:
        value = self._given(name, otherwise)
        if not isinstance(value, bool):
            raise self._wrong(name, value, "true or false")
        return value

    def numbers(self, name: str) -> list[float]:
        value = self._given(name, None)
        if not isinstance(value, list):
            raise self._wrong(name, value, "a list of numbers")
        row = Fields({str(index): item for index, item in enumerate(value)}, f"{self.what}: {excerpt(name)}")
        return [row.number(index) for index in row.fields]

    def object(self, name: str) -> "Fields":
        """Return an object's fields; an absent one has none."""
        value = self.fields.get(name)
        if value is None:
            value = {}
        if not isinstance(value, dict):
            raise self._wrong(name, value, "an object")
        return Fields(value, f"{self.what}: {excerpt(name)}")

    def has(self, name: str) -> bool:
        return self.fields.get(name) is not None

    def _given(self, name: str, otherwise: Json) -> Json:
        value = self.fields.get(name)
        if value is None and otherwise is None:
            raise Invalid(f"{self.what}: {excerpt(name)} is missing")
        return otherwise if value is None else value

    def _wrong(self, name: str, value: Json, wanted: str) -> Invalid:
        return Invalid(f"{self.what}: {excerpt(name)} is a JSON {json_type(value)}, {wanted} is expected")
