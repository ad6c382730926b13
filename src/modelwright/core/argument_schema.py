"""Schemas of arguments: what a template may be given, and all faults of that.

JSON Schema 2020-12 for one object, whose properties are the arguments. Nothing outside
a schema is ever looked up. Whatever it says, a check ends soon: patterns are matched in
linear time (so without look-around and back-references), no schema contains itself, and
how often its parts are gone through is bounded before anything is checked.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal, TypeAlias

import jsonschema_rs

from modelwright.core.errors import Invalid, TooLarge
from modelwright.core.wording import excerpt, json_type, nearest

MOST_BYTES: Final = 256 * 1024
DEEPEST: Final = 32
MOST_PARTS: Final = 10_000
"""Parts of a schema, each counted as often as references lead to it."""
MOST_STEPS: Final = 2_000_000
"""Parts of a schema times values of the arguments."""
MOST_FAULTS: Final = 100

Schema: TypeAlias = Mapping[str, Any]
Arguments: TypeAlias = Mapping[str, Any]

_ONE: Final = frozenset(
    {"items", "additionalProperties", "contains", "not", "if", "then", "else", "propertyNames"}
    | {"unevaluatedItems", "unevaluatedProperties"}
)
_LIST: Final = frozenset({"anyOf", "oneOf", "allOf", "prefixItems"})
_TABLE: Final = frozenset({"properties", "patternProperties", "dependentSchemas", "$defs", "definitions"})
_FOREIGN: Final = frozenset(
    {"$id", "$anchor", "$dynamicRef", "$dynamicAnchor", "$recursiveRef", "$vocabulary"}
)
_DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
_PATTERNS: Final = jsonschema_rs.RegexOptions(size_limit=64 * 1024, dfa_size_limit=1024 * 1024)

FaultKind: TypeAlias = Literal["missing", "unknown", "type", "range", "choice", "pattern", "value"]


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with one argument; `pointer` is its JSON Pointer."""

    pointer: str
    kind: FaultKind
    message: str

    @property
    def argument(self) -> str:
        """The name of the argument; empty where the fault is of all of them."""
        return unescaped(self.pointer[1:].split("/")[0])


class BadArguments(Invalid):
    """Arguments that a template does not take, with every fault of them."""

    def __init__(self, faults: Sequence[Fault], *, field: str = "arguments") -> None:
        count = f"{len(faults)} arguments are wrong: " if len(faults) > 1 else ""
        listed = "; ".join(f"{fault.pointer or '/'} {fault.message}" for fault in faults[:20])
        more = f"; and {len(faults) - 20} more" if len(faults) > 20 else ""
        place = f"{field}.{faults[0].argument}" if faults and faults[0].argument else field
        super().__init__(f"{count}{listed}{more}", field=place)
        self.faults = tuple(faults)


@dataclass(frozen=True, slots=True)
class ArgumentSchema:
    """A schema that was checked; made by `read`. An empty one takes no arguments."""

    tree: Schema = field(default_factory=dict)
    parts: int = 1

    @classmethod
    def read(cls, tree: object, *, field: str) -> "ArgumentSchema":
        """Check a schema; raises Invalid that points to the fault, or TooLarge.

        Arguments that it does not name are unknown, unless it says otherwise.
        """
        if not isinstance(tree, Mapping):
            raise Invalid(f'"{field}" must be a JSON Schema of an object, not {json_type(tree)}', field=field)
        check_size(tree, field=field)
        plain = dict(tree)
        if str(plain.pop("$schema", _DIALECT)).rstrip("#") != _DIALECT:
            raise _at(f"only {_DIALECT} is known", "/$schema", field)
        if plain.get("type", "object") != "object":
            raise _at('arguments are an object, so it must be "object"', "/type", field)
        plain = {"type": "object", "additionalProperties": False, **plain} if plain else {}
        parts = _Walk(plain, field).parts()
        schema = cls(plain, parts)
        _compiled(plain, field)
        faults = [fault for fault in schema._faults(schema.defaults) if fault.kind != "missing"]
        if faults:
            place = f"/properties{faults[0].pointer}/default"
            raise _at(f"the default does not obey the schema: {faults[0].message}", place, field)
        return schema

    @property
    def properties(self) -> Mapping[str, Any]:
        """Name of an argument -> its schema."""
        found: Mapping[str, Any] = self.tree.get("properties", {})
        return found

    @property
    def required(self) -> tuple[str, ...]:
        """The arguments that must be given: those without a default."""
        defaults = self.defaults
        return tuple(name for name in self.tree.get("required", ()) if name not in defaults)

    @property
    def defaults(self) -> dict[str, Any]:
        return {
            name: each["default"]
            for name, each in self.properties.items()
            if isinstance(each, Mapping) and "default" in each
        }

    def completed(self, arguments: object) -> tuple[dict[str, Any], list[Fault]]:
        """The arguments with the defaults of those that are not given, and every fault.

        Raises TooLarge for arguments that would take too long to look through.
        """
        if not isinstance(arguments, Mapping):
            return {}, [Fault("", "type", f"must be an object, not {json_type(arguments)}")]
        check_size(arguments, field="arguments")
        if self.parts * _values(arguments) > MOST_STEPS:
            raise TooLarge(
                f"the schema has {self.parts} parts and the arguments {_values(arguments)} values; "
                f"their product may be {MOST_STEPS} at most",
                field="arguments",
                hint="Give fewer values at a time",
            )
        whole = {**self.defaults, **arguments}
        return whole, self._faults(whole)

    def _faults(self, whole: Arguments) -> list[Fault]:
        if not self.tree:
            return [_unknown(name, ()) for name in whole][:MOST_FAULTS]
        found: list[Fault] = []
        validator = _compiled(self.tree, "arguments")
        for error in validator.iter_errors(dict(whole)):
            found += self._told(error)
            if len(found) >= MOST_FAULTS:
                break
        return found[:MOST_FAULTS]

    def _told(self, error: Any) -> Iterator[Fault]:
        pointer = pointer_of(error.instance_path)
        kind = error.kind.name
        if kind == "required":
            yield Fault(f"{pointer}/{escaped(str(error.kind.property))}", "missing", "is required")
        elif kind in ("additionalProperties", "unevaluatedProperties"):
            known = () if pointer else self.properties
            yield from (_unknown(str(name), known, pointer) for name in error.kind.unexpected)
        else:
            yield Fault(pointer, _KINDS.get(kind, "value"), _words(str(error.message)))


_KINDS: Final[Mapping[str, FaultKind]] = {
    "type": "type",
    "enum": "choice",
    "const": "choice",
    "pattern": "pattern",
    **dict.fromkeys(("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"), "range"),
    **dict.fromkeys(("minLength", "maxLength", "minItems", "maxItems", "minProperties"), "range"),
}


def check_size(tree: object, *, field: str) -> None:
    """Raise TooLarge over MOST_BYTES or deeper than DEEPEST, Invalid for no JSON."""
    depth, level = 0, [tree]
    while level := [
        child
        for node in level
        if isinstance(node, Mapping | list | tuple)
        for child in (node.values() if isinstance(node, Mapping) else node)
    ]:
        depth += 1
        if depth > DEEPEST:
            raise TooLarge(f'"{field}" is nested more than {DEEPEST} deep', field=field, hint="Flatten it")
    try:
        size = len(json.dumps(tree, ensure_ascii=False, allow_nan=False).encode())
    except (TypeError, ValueError) as error:
        raise Invalid(f'"{field}" is not JSON: {error}', field=field) from error
    if size > MOST_BYTES:
        raise TooLarge(f'"{field}" has {size} bytes, the limit is {MOST_BYTES}', field=field)


def pointer_of(path: Sequence[object]) -> str:
    """A JSON Pointer (RFC 6901)."""
    return "".join(f"/{escaped(str(step))}" for step in path)


def escaped(name: str) -> str:
    return name.replace("~", "~0").replace("/", "~1")


def unescaped(name: str) -> str:
    return name.replace("~1", "/").replace("~0", "~")


class _Walk:
    """Goes through a schema once: finds what is not allowed, and counts its parts."""

    def __init__(self, root: Schema, field: str) -> None:
        self._field = field
        self._nodes = dict(_nodes(root, ""))
        self._counted: dict[str, int] = {}
        self._open: set[str] = set()

    def parts(self) -> int:
        """How many parts are gone through at most; raises Invalid or TooLarge."""
        for pointer, node in self._nodes.items():
            self._check(pointer, node)
        return max(self._count(pointer) for pointer in self._nodes) if self._nodes else 1

    def _check(self, pointer: str, node: Any) -> None:
        if isinstance(node, bool):
            return
        if not isinstance(node, Mapping):
            raise _at(f"a schema is an object or a boolean, not {json_type(node)}", pointer, self._field)
        for name in sorted(_FOREIGN & set(node)):
            raise _at(f"{name} is not supported", f"{pointer}/{name}", self._field)
        target = node.get("$ref")
        if target is None:
            return
        if not isinstance(target, str) or not target.startswith("#"):
            shown = excerpt(target) if isinstance(target, str) else json_type(target)
            raise _at(f"$ref {shown} leaves the schema; it is not fetched", f"{pointer}/$ref", self._field)
        if target[1:] not in self._nodes:
            raise _at(f"$ref {excerpt(target)} leads to no schema", f"{pointer}/$ref", self._field)

    def _count(self, pointer: str) -> int:
        if pointer in self._counted:
            return self._counted[pointer]
        if pointer in self._open:
            raise _at("the schema contains itself by $ref", pointer, self._field)
        self._open.add(pointer)
        node = self._nodes[pointer]
        total = 1
        if isinstance(node, Mapping):
            choices = node.get("enum")
            total += len(choices) if isinstance(choices, list) else 0
            below = [place for place, _ in _children(node, pointer)]
            if isinstance(node.get("$ref"), str):
                below.append(node["$ref"][1:])
            for place in below:
                total += self._count(place)
                if total > MOST_PARTS:
                    raise TooLarge(f"the schema has more than {MOST_PARTS} parts", field=self._field)
        self._open.discard(pointer)
        self._counted[pointer] = total
        return total


def _nodes(node: Any, pointer: str) -> Iterator[tuple[str, Any]]:
    yield pointer, node
    if isinstance(node, Mapping):
        for place, each in _children(node, pointer):
            yield from _nodes(each, place)


def _children(node: Schema, pointer: str) -> Iterator[tuple[str, Any]]:
    for name, value in node.items():
        place = f"{pointer}/{escaped(name)}"
        if name in _TABLE and isinstance(value, Mapping):
            yield from ((f"{place}/{escaped(key)}", each) for key, each in value.items())
        elif name in _LIST and isinstance(value, list):
            yield from ((f"{place}/{number}", each) for number, each in enumerate(value))
        elif name in _ONE:
            yield place, value


def _compiled(tree: Schema, field: str) -> Any:
    try:
        return jsonschema_rs.Draft202012Validator(dict(tree), pattern_options=_PATTERNS, offline=True)
    except (jsonschema_rs.ValidationError, jsonschema_rs.ReferencingError, ValueError) as error:
        pointer = pointer_of(getattr(error, "instance_path", ()))
        text = _words(str(getattr(error, "message", error)))
        if text.endswith('is not a "regex"'):
            text += " that can be matched in linear time (no look-around, no back-references, no huge counts)"
        raise _at(text, pointer, field) from None


def _values(tree: object) -> int:
    count, level = 1, [tree]
    while level := [
        child
        for node in level
        if isinstance(node, Mapping | list)
        for child in (node.values() if isinstance(node, Mapping) else node)
    ]:
        count += len(level)
    return count


def _unknown(name: str, known: Sequence[str] | Mapping[str, Any], within: str = "") -> Fault:
    close = nearest(name, known)
    hint = f'; did you mean "{close}"?' if close else f"; known: {', '.join(known)}" if known else ""
    return Fault(f"{within}/{escaped(name)}", "unknown", f"is unknown{hint}")


def _words(text: str) -> str:
    line = (text.splitlines() or [""])[0]
    return line if len(line) <= 200 else f"{line[:120]} ... {line[-60:]}"


def _at(text: str, pointer: str, field: str) -> Invalid:
    return Invalid(f'invalid JSON Schema in "{field}" at {pointer or "/"}: {text}', field=field)
