"""Wire fields: the types that every dialect's requests are made of.

Strict, because JSON has types: true is no number and "1" is none either. An
explicit null is an absent value, since clients in many languages send all their
fields. Every number has bounds.
"""

from collections.abc import Callable, Mapping
from functools import cache
from typing import Annotated, Any, Final, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, Strict, ValidationError, WithJsonSchema, model_validator

from modelwright.core.errors import Invalid, Unsupported
from modelwright.core.wording import excerpt, nearest

Text: TypeAlias = Annotated[str, Strict()]
Flag: TypeAlias = Annotated[bool, Strict()]
Number: TypeAlias = Annotated[float, Strict(), Field(ge=-1e9, le=1e9)]
Whole: TypeAlias = Annotated[int, Strict(), Field(ge=-(2**31), le=2**31 - 1)]
Count: TypeAlias = Annotated[int, Strict(), Field(ge=1, le=2**31 - 1)]
Table: TypeAlias = Annotated[dict[str, Any], Strict()]
TextOrTexts: TypeAlias = Annotated[
    Any, WithJsonSchema({"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]})
]
Anything: TypeAlias = Annotated[Any, WithJsonSchema({})]

NOT_YET: Final = "not supported yet"
LaterText: TypeAlias = Annotated[Text, Field(description=NOT_YET)]
LaterFlag: TypeAlias = Annotated[Flag, Field(description=NOT_YET)]
LaterTable: TypeAlias = Annotated[Table, Field(description=NOT_YET)]
LaterList: TypeAlias = Annotated[tuple[Anything, ...], Field(description=NOT_YET)]
Later: TypeAlias = Annotated[Anything, Field(description=NOT_YET)]
"""Fields of what is not built: read, so that they can be refused by name."""

MOST_MESSAGES: Final = 10_000
MOST_TOOLS: Final = 512


class Wire(BaseModel):
    """A request as it comes; unknown keys are left out, as clients expect."""

    model_config = ConfigDict(extra="ignore", frozen=True, protected_namespaces=())

    @model_validator(mode="before")
    @classmethod
    def _nulls_are_absent(cls, tree: Any) -> Any:
        if isinstance(tree, dict):
            return {name: value for name, value in tree.items() if value is not None}
        return tree


class Closed(Wire):
    """A request of our own dialect: an unknown key is a slip, and refused."""

    model_config = ConfigDict(extra="forbid")


def refuse(wanted: Wire, *names: str, within: str = "") -> None:
    """Raise Unsupported for a field that is really asked for, not merely sent.

    Null, false, empty text, an empty list and an empty object ask for nothing.
    """
    for name in names:
        if getattr(wanted, name):
            shown = type(wanted).model_fields[name].alias or name
            place = f"{within}.{shown}" if within else shown
            raise Unsupported(f'"{place}" is {NOT_YET}', field=place, hint="Leave it out")


def texts_of(value: object, fault: Callable[[object], Invalid]) -> tuple[str, ...]:
    """A text or a list of texts as a tuple, None as an empty one; else raises `fault`."""
    if value is None:
        return ()
    found = value if isinstance(value, list) else [value]
    for item in found:
        if not isinstance(item, str):
            raise fault(item)
    return tuple(found)


def fault_of(error: ValidationError, model: type[BaseModel]) -> Invalid:
    """The first fault of a request, in words that name its field.

    A key that is not known comes before a required one that is missing: it may be
    the same one, misspelt.
    """
    faults = error.errors(include_url=False)
    fault = next((each for each in faults if each["type"] == _UNKNOWN), faults[0])
    place = ".".join(str(step) for step in fault["loc"]) or "body"
    kind, context = fault["type"], fault.get("ctx", {})
    if kind == _UNKNOWN:
        known = [field.alias or name for name, field in model.model_fields.items()]
        close = nearest(place, known)
        hint = f'Did you mean "{close}"? ' if close else ""
        return Invalid(
            f"unknown field {excerpt(place)}", field=place[:100], hint=f"{hint}Known are {', '.join(known)}"
        )
    wording = _FAULTS.get(kind)
    text = fault["msg"] if wording is None else wording.format_map(context)
    given = "" if kind in _SELF_EXPLAINING else f", not {_shown(fault['input'])}"
    return Invalid(f'"{place}" {text}{given}', field=place)


_UNKNOWN: Final = "extra_forbidden"
_FAULTS: Final[Mapping[str, str]] = {
    "missing": "is required",
    "string_type": "must be a text",
    "bool_type": "must be true or false",
    "int_type": "must be a whole number",
    "float_type": "must be a number",
    "dict_type": "must be an object",
    "model_type": "must be an object",
    "list_type": "must be a list",
    "tuple_type": "must be a list",
    "literal_error": "must be {expected}",
    "greater_than_equal": "must be at least {ge}",
    "less_than_equal": "must be at most {le}",
    "too_long": "may hold at most {max_length}, and holds {actual_length}",
}
_SELF_EXPLAINING: Final = frozenset({"missing", "too_long"})


def _shown(value: object) -> str:
    if isinstance(value, str):
        return excerpt(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return str(value)[:40]
    return "an object" if isinstance(value, dict) else "a list" if isinstance(value, list) else "null"


@cache
def documented(model: type[BaseModel]) -> dict[str, Any]:
    """What a route adds to the OpenAPI document for its body."""
    schema = model.model_json_schema()
    definitions = schema.pop("$defs", {})
    content = {"application/json": {"schema": _inlined(schema, definitions)}}
    return {"requestBody": {"required": True, "content": content}}


def _inlined(node: Any, definitions: Mapping[str, Any]) -> Any:
    """A schema without references; wire types never contain themselves."""
    if isinstance(node, list):
        return [_inlined(item, definitions) for item in node]
    if not isinstance(node, dict):
        return node
    if "$ref" in node:
        return _inlined(definitions[node["$ref"].rpartition("/")[2]], definitions)
    return {name: _inlined(value, definitions) for name, value in node.items()}
