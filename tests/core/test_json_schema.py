"""Schemas and tools are checked before anything else has them."""

from typing import Any

import pytest

from modelwright.core.answer_format import read_format
from modelwright.core.chat import AnswerFormat, ToolChoice
from modelwright.core.errors import Invalid, ModelwrightError, TooLarge
from modelwright.core.json_schema import closed, enforceable, read_schema
from modelwright.core.tools import check_choice, read_call, read_tools


def nested(depth: int) -> dict[str, Any]:
    tree: dict[str, Any] = {"type": "string"}
    for _ in range(depth):
        tree = {"type": "array", "items": tree}
    return tree


@pytest.mark.parametrize(
    ("schema", "words"),
    [
        ({"type": "nonsense"}, "at /type: "),
        ({"properties": {"a/b": {"type": "strin"}}}, "at /properties/a~1b/type"),
        ({"$ref": "http://127.0.0.1:9/x"}, "does not point into the schema"),
        ({"$ref": "#/$defs/no"}, "does not exist"),
        ({"anyOf": [{"enum": []}]}, "at /anyOf/0/enum"),
        ({"type": "string", "pattern": "a(b"}, "at /pattern"),
        ({"type": "array", "minItems": 10**9}, "at /minItems"),
        ({"type": "object", "properties": {"a": False}}, "at /properties/a"),
        ([], "must be a JSON Schema"),
    ],
)
def test_a_wrong_schema_is_refused_with_its_place(schema: object, words: str) -> None:
    with pytest.raises(Invalid, match=words.replace("$", r"\$")):
        read_schema(schema, field="format")


@pytest.mark.parametrize("schema", [nested(40), {"description": "x" * 300_000}])
def test_a_schema_too_deep_or_too_long_is_refused(schema: object) -> None:
    with pytest.raises(TooLarge):
        read_schema(schema, field="format")


def test_what_an_engine_cannot_enforce_is_taken_out() -> None:
    schema = {"type": "array", "maxItems": 10**9, "uniqueItems": True, "items": {"format": "uri", "not": {}}}
    assert enforceable(schema) == {"type": "array", "items": {}}
    assert enforceable({"oneOf": [True, {"pattern": "^a$"}]}) == {"anyOf": [{}, {"pattern": "^a$"}]}


def test_objects_are_closed_unless_schemas_overlap() -> None:
    plain = {"properties": {"a": {"properties": {}}}}
    assert closed(plain)["additionalProperties"] is False
    assert closed(plain)["properties"]["a"]["additionalProperties"] is False
    assert closed({"properties": {}, "additionalProperties": True})["additionalProperties"] is True
    both = {"allOf": [{"properties": {}}]}
    assert closed(both) == both


def test_formats() -> None:
    assert read_format(None) is read_format("") is None
    assert read_format("json") == AnswerFormat()
    assert read_format({"type": "integer"}) == AnswerFormat({"type": "integer"})
    for wrong in ("yaml", 3, [], False):
        with pytest.raises(Invalid, match="invalid format"):
            read_format(wrong)


TOOL = {"function": {"name": "add", "parameters": {"type": "object", "properties": {}}}}


def test_tools_are_read() -> None:
    (tool,) = read_tools([TOOL])
    assert tool["type"] == "function"
    assert read_tools([{"function": {"name": "x"}}])[0]["function"]["parameters"]["type"] == "object"
    assert read_call({"function": {"name": "add", "arguments": '{"a": 1}'}}, field="c").arguments == {"a": 1}
    assert check_choice(ToolChoice("required", "add"), [tool]).name == "add"


@pytest.mark.parametrize(
    "tools",
    [
        ["x"],
        [{"function": {"name": ""}}],
        [{"type": "web_search", "function": {"name": "x"}}],
        [TOOL, TOOL],
        [{"function": {"name": "x", "parameters": {"type": "array"}}}],
        [{"function": {"name": "x", "parameters": {"properties": {"a": {"type": "y"}}}}}],
        [{"function": {"name": f"t{number}"}} for number in range(513)],
    ],
)
def test_wrong_tools_are_refused(tools: list[Any]) -> None:
    with pytest.raises(ModelwrightError):
        read_tools(tools)


@pytest.mark.parametrize("choice", [ToolChoice("required", "sub"), ToolChoice("required")])
def test_a_choice_of_no_tool_is_refused(choice: ToolChoice) -> None:
    with pytest.raises(Invalid):
        check_choice(choice, [] if not choice.name else read_tools([TOOL]))
