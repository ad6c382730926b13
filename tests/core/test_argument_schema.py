"""Schemas of arguments: every fault is found, with its pointer, and within a second."""

from typing import Any

import pytest

from modelwright.core.argument_schema import MOST_FAULTS, ArgumentSchema, BadArguments, Fault
from modelwright.core.errors import Invalid, ModelwrightError, TooLarge
from tests.effort import least_effort

PLAIN: dict[str, Any] = {
    "properties": {
        "t": {"type": "number", "minimum": 0, "maximum": 2, "default": 0.5},
        "who": {"enum": ["mario", "luigi"]},
        "list": {"type": "array", "items": {"type": "string", "pattern": "^[a-z]+$"}},
        "a/b": {"type": "object", "additionalProperties": {"type": "integer"}},
    },
    "required": ["who"],
}


def read(tree: object) -> ArgumentSchema:
    return ArgumentSchema.read(tree, field="creation")


def faults(arguments: object, tree: object = PLAIN) -> dict[str, str]:
    return {fault.pointer: fault.kind for fault in read(tree).completed(arguments)[1]}


def test_defaults_stand_where_nothing_is_given() -> None:
    assert read(PLAIN).completed({"who": "mario"}) == ({"who": "mario", "t": 0.5}, [])


def test_every_fault_is_told_with_its_pointer() -> None:
    given = {"t": 99, "list": ["ok", "NO", 3], "a/b": {"x": 1, "y": "z"}, "what": 1}
    assert faults(given) == {
        "/t": "range",
        "/who": "missing",
        "/list/1": "pattern",
        "/list/2": "type",
        "/a~1b/y": "type",
        "/what": "unknown",
    }


def test_a_near_name_is_named() -> None:
    _, found = read(PLAIN).completed({"whom": "mario"})
    assert 'did you mean "who"?' in " ".join(fault.message for fault in found)


@pytest.mark.parametrize("given", [None, 3, "x", ["x"]])
def test_arguments_are_an_object(given: object) -> None:
    assert faults(given) == {"": "type"}


def test_no_schema_takes_no_arguments() -> None:
    assert faults({"x": 1}, {}) == {"/x": "unknown"}
    assert faults({}, {}) == {}


def test_unknown_arguments_are_taken_where_the_schema_says_so() -> None:
    assert faults({"x": 1}, {"additionalProperties": {"type": "integer"}}) == {}


def test_faults_are_no_more_than_somebody_reads() -> None:
    _, found = read({}).completed({f"x{number}": 1 for number in range(5000)})
    assert len(found) == MOST_FAULTS


def test_an_error_lists_them_all_and_points_to_the_first() -> None:
    error = BadArguments([Fault("/a", "missing", "is required"), Fault("/b/0", "type", "is wrong")])
    assert error.message == "2 arguments are wrong: /a is required; /b/0 is wrong"
    assert error.field == "arguments.a"


WRONG = {
    "no object": [],
    "an unknown type": {"properties": {"x": {"type": "strin"}}},
    "properties that are a list": {"properties": []},
    "a schema that is a number": {"properties": {"x": 3}},
    "a default that does not obey": {"properties": {"x": {"type": "string", "default": 3}}},
    "another draft": {"$schema": "http://json-schema.org/draft-07/schema#"},
    "no arguments but a list": {"type": "array"},
    "itself": {"properties": {"x": {"$ref": "#"}}},
    "itself in a round": {"$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"items": {"$ref": "#/$defs/a"}}}},
    "another machine": {"properties": {"x": {"$ref": "http://127.0.0.1:9/schema.json"}}},
    "a file": {"properties": {"x": {"$ref": "file:///etc/passwd"}}},
    "nothing": {"properties": {"x": {"$ref": "#/$defs/none"}}},
    "an id": {"properties": {"x": {"$id": "http://elsewhere/"}}},
    "a dynamic reference": {"properties": {"x": {"$dynamicRef": "#x"}}},
    "look-ahead": {"properties": {"x": {"pattern": "(?=a)"}}},
    "a back-reference": {"properties": {"x": {"pattern": "(a)\\1"}}},
    "a huge count": {"properties": {"x": {"pattern": "(a{1000}){1000}"}}},
    "no pattern": {"properties": {"x": {"pattern": "("}}},
    "a megabyte": {"properties": {"x": {"description": "x" * 1024 * 1024}}},
    "a million laughs": {
        "$defs": {f"a{n}": {"allOf": [{"$ref": f"#/$defs/a{n - 1}"}] * 2} for n in range(1, 30)}
        | {"a0": {"type": "string"}},
        "properties": {"x": {"$ref": "#/$defs/a29"}},
    },
    "NaN": {"properties": {"x": {"minimum": float("nan")}}},
}


@pytest.mark.parametrize("what", WRONG)
def test_a_wrong_schema_is_refused_within_a_second(what: str) -> None:
    def is_refused() -> None:
        with pytest.raises(ModelwrightError) as refused:
            read(WRONG[what])
        assert isinstance(refused.value, Invalid | TooLarge)
        assert "creation" in str(refused.value) or "parts" in str(refused.value)
        assert len(str(refused.value)) < 1000

    assert least_effort(is_refused) < 1


def test_a_deep_schema_is_refused() -> None:
    tree: dict[str, Any] = {"type": "string"}
    for _ in range(100):
        tree = {"items": tree}
    with pytest.raises(TooLarge, match="nested more than 32"):
        read({"properties": {"x": tree}})


@pytest.mark.parametrize("pattern", ["^(a+)+$", "^(a|a)*$", "(.*a){20}x", "(a?){300}a{300}$", "(x+x+)+y"])
def test_no_pattern_goes_on_for_ever(pattern: str) -> None:
    schema = read({"properties": {"x": {"type": "string", "pattern": pattern}}})

    def is_refused() -> None:
        _, found = schema.completed({"x": "a" * 200_000 + "!"})
        assert [fault.kind for fault in found] == ["pattern"]

    assert least_effort(is_refused) < 1


def test_arguments_that_would_take_long_are_refused() -> None:
    schema = read({"properties": {"x": {"items": {"anyOf": [{"const": n} for n in range(2000)]}}}})

    def is_refused() -> None:
        with pytest.raises(TooLarge):
            schema.completed({"x": [-1] * 50_000})

    assert least_effort(is_refused) < 1
