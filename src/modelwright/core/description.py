"""Description: what a model says of itself, in place of what its weights say.

The `info` of Ollama's create (server/create.go): shown to clients and written
into the config layer; no engine reads it.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Self

from modelwright.core.errors import Invalid
from modelwright.core.wording import excerpt

LARGEST = 2**53
"""Above this JSON's numbers are no longer exact."""


@dataclass(frozen=True, slots=True)
class Description:
    """Empty fields say nothing. `capabilities` are added to the weights' own."""

    capabilities: tuple[str, ...] = ()
    model_family: str = ""
    base_name: str = ""
    quantization_level: str = ""
    parameter_size: str = ""
    context_length: int = 0
    embedding_length: int = 0

    @classmethod
    def of(cls, values: Mapping[str, Any], *, field: str = "info") -> Self:
        """Check JSON values; unknown names are left out, as upstream does.

        Raises Invalid in Ollama's words, naming the field.
        """
        found: dict[str, Any] = {}
        for each in fields(cls):
            value = values.get(each.name)
            if value is not None:
                found[each.name] = _checked(each.name, value, each.default, field)
        return cls(**found)

    @classmethod
    def of_text(cls, text: str) -> Self:
        """Read what `as_text` wrote; raises Invalid."""
        try:
            values = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise Invalid(f"info must be a JSON object, not {excerpt(text)}", field="info") from error
        if not isinstance(values, dict):
            raise Invalid(f"info must be a JSON object, not {excerpt(text)}", field="info")
        return cls.of(values)

    def as_text(self) -> str:
        """JSON on one line."""
        return json.dumps(self.as_dict(), ensure_ascii=True)

    def as_dict(self) -> dict[str, Any]:
        """The JSON form; what says nothing is left out."""
        tree = {each.name: getattr(self, each.name) for each in fields(self)}
        return {name: list(v) if isinstance(v, tuple) else v for name, v in tree.items() if v}

    def merged(self, over: "Description") -> "Description":
        """These with `over` on top, field by field."""
        return Description.of(self.as_dict() | over.as_dict())

    def __bool__(self) -> bool:
        return bool(self.as_dict())


def _checked(name: str, value: object, default: object, field: str) -> object:
    if isinstance(default, tuple):
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            raise _fault(name, "an array of strings", field)
        return tuple(dict.fromkeys(value))
    if isinstance(default, str):
        if not isinstance(value, str):
            raise _fault(name, "a string", field)
        return value
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _fault(name, "a number", field)
    if not 0 <= value <= LARGEST or value != int(value):
        raise _fault(name, "a non-negative integer", field)
    return int(value)


def _fault(name: str, wanted: str, field: str) -> Invalid:
    return Invalid(f'{field} field "{name}" must be {wanted}', field=f"{field}.{name}")
