"""JSON Schemas of answers and tools: checked here, since the engine does not.

Source of what the engine does: llama.cpp b11549, tried. A fault, or a keyword that
it does not know, makes it answer without any form and say nothing; a bound of a
billion hangs it. So what is wrong is refused, with its JSON Pointer, and what it
cannot enforce is taken out before it gets the schema.
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

import jsonschema_rs

from modelwright.core.errors import Invalid, TooLarge
from modelwright.core.wording import excerpt

MOST_BYTES: Final = 256 * 1024
DEEPEST: Final = 32
MOST_REPEATED: Final = 10_000
"""A higher bound is no bound: no answer is so long. As a lower one it is refused."""

_ONE: Final = frozenset({"items", "additionalProperties"})
_LIST: Final = frozenset({"anyOf", "oneOf", "allOf", "prefixItems"})
_TABLE: Final = frozenset({"properties", "$defs", "definitions"})
_PLAIN: Final = frozenset(
    {"type", "required", "enum", "const", "$ref", "title", "description", "minItems", "minLength"}
    | {"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"}
)
_UPPER: Final = frozenset({"maxItems", "maxLength"})
_FORMATS: Final = frozenset({"date", "time", "date-time", "uuid", "email"})
_ODD_PATTERNS: Final = ("(?=", "(?!", "(?<", "(?i", "\\b", "\\B", "\\p", "\\P", "\\u", "\\x", "\\1", "\\k")


def read_schema(tree: object, *, field: str) -> Mapping[str, Any]:
    """A schema that is right, and what of it an engine can enforce.

    Raises Invalid that points to the fault, TooLarge for one too long or too deep.
    Nothing outside the schema is ever looked up.
    """
    if not isinstance(tree, dict):
        raise Invalid(f'"{field}" must be a JSON Schema, which is an object', field=field)
    size = len(json.dumps(tree).encode())
    if size > MOST_BYTES:
        raise TooLarge(f"the schema has {size} bytes, the limit is {MOST_BYTES}", field=field)
    _check_depth(tree, field)
    plain = {name: value for name, value in tree.items() if name not in ("$schema", "$id")}
    for pointer, node in _nodes(plain, ""):
        _check_node(node, pointer, field)
    try:
        jsonschema_rs.Draft202012Validator(plain, retriever=_nothing)
    except (jsonschema_rs.ValidationError, jsonschema_rs.ReferencingError, ValueError) as error:
        raise _fault(error, field) from None
    return closed(enforceable(plain))


def enforceable(node: Any) -> Any:
    """The part of a schema that an engine makes an answer obey."""
    if not isinstance(node, dict):
        return {} if node is True else node
    found: dict[str, Any] = {}
    for name, value in node.items():
        if name in _TABLE:
            found[name] = {key: enforceable(each) for key, each in value.items()}
        elif name in _LIST or (name == "items" and isinstance(value, list)):
            found["anyOf" if name == "oneOf" else name] = [enforceable(each) for each in value]
        elif name in _ONE:
            found[name] = value if value is False else enforceable(value)
        elif (
            name in _PLAIN
            or (name in _UPPER and value <= MOST_REPEATED)
            or (name == "format" and value in _FORMATS)
            or (name == "pattern" and _is_plain(value))
        ):
            found[name] = value
    return found


def closed(schema: Mapping[str, Any]) -> Mapping[str, Any]:
    """The schema without properties that it does not name.

    Where it says nothing of them, a small model does not stop inventing some. Left as it is where schemas are
    laid over each other, since then each would shut out what the others name.
    """
    nodes = [node for _, node in _nodes(schema, "")]
    over = ("anyOf", "oneOf", "$ref")
    if any("allOf" in node or ("properties" in node and any(n in node for n in over)) for node in nodes):
        return schema
    found: Mapping[str, Any] = _closed(schema)
    return found


def _closed(node: Any) -> Any:
    if isinstance(node, list):
        return [_closed(each) for each in node]
    if not isinstance(node, dict):
        return node
    inner = {
        name: {key: _closed(each) for key, each in value.items()}
        if name in _TABLE
        else _closed(value)
        if name in _LIST or name in _ONE
        else value
        for name, value in node.items()
    }
    return {"additionalProperties": False, **inner} if "properties" in node else inner


def bounded(node: Any) -> Any:
    """A schema without upper bounds so high that an engine hangs."""
    if isinstance(node, list):
        return [bounded(each) for each in node]
    if not isinstance(node, dict):
        return node
    return {
        name: bounded(value)
        for name, value in node.items()
        if not (name in _UPPER and isinstance(value, int | float) and value > MOST_REPEATED)
    }


def _is_plain(pattern: str) -> bool:
    return pattern.startswith("^") and pattern.endswith("$") and not any(o in pattern for o in _ODD_PATTERNS)


def _check_depth(tree: object, field: str) -> None:
    level, depth = [tree], 0
    while level:
        depth += 1
        if depth > DEEPEST:
            raise TooLarge(f"the schema is nested more than {DEEPEST} deep", field=field)
        level = [
            child
            for node in level
            if isinstance(node, dict | list)
            for child in (node.values() if isinstance(node, dict) else node)
            if isinstance(child, dict | list)
        ]


def _nodes(node: object, pointer: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Every schema in a schema, with its place."""
    if not isinstance(node, dict):
        return
    yield pointer, node
    for name, value in node.items():
        if name in _TABLE and isinstance(value, dict):
            for key, each in value.items():
                yield from _nodes(each, f"{pointer}/{name}/{_escaped(key)}")
        elif isinstance(value, list) and (name in _LIST or name == "items"):
            for number, each in enumerate(value):
                yield from _nodes(each, f"{pointer}/{name}/{number}")
        elif name in _ONE:
            yield from _nodes(value, f"{pointer}/{name}")


def _check_node(node: Mapping[str, Any], pointer: str, field: str) -> None:
    """Refuse what the checker allows and the engine cannot take."""
    target = node.get("$ref")
    if isinstance(target, str) and not target.startswith("#/"):
        raise _at(f"$ref {excerpt(target)} does not point into the schema", f"{pointer}/$ref", field)
    for name in ("enum", "anyOf", "oneOf", "allOf"):
        if node.get(name) == []:
            raise _at(f"{name} is empty, so no answer is right", f"{pointer}/{name}", field)
    for name in ("minItems", "minLength"):
        least = node.get(name)
        if isinstance(least, int | float) and least > MOST_REPEATED:
            raise _at(f"{name} is {least}, at most {MOST_REPEATED} is allowed", f"{pointer}/{name}", field)
    properties = node.get("properties")
    for key, each in properties.items() if isinstance(properties, dict) else ():
        if each is False:
            place = f"{pointer}/properties/{_escaped(key)}"
            raise _at("false allows nothing", place, field)


def _nothing(uri: str) -> dict[str, Any]:
    raise ValueError(f"{uri} is not looked up")


def _fault(error: Exception, field: str) -> Invalid:
    path = getattr(error, "instance_path", [])
    pointer = "".join(f"/{_escaped(str(step))}" for step in path)
    text = str(getattr(error, "message", error))
    return _at(text.splitlines()[0][:200], pointer, field)


def _at(text: str, pointer: str, field: str) -> Invalid:
    return Invalid(f"invalid JSON Schema at {pointer or '/'}: {text}", field=field)


def _escaped(name: str) -> str:
    return name.replace("~", "~0").replace("/", "~1")
