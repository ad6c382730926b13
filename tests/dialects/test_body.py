"""Request bodies: what is read, what is refused, and that nothing else happens."""

import asyncio
import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.requests import Request

from modelwright.core.errors import Invalid, ModelwrightError, TooLarge
from modelwright.dialects.body import Limits, parse_json, read, read_body
from modelwright.dialects.fields import Count, Flag, Number, Text, Whole, Wire

LIMITS = Limits(body=1000, depth=8, seconds=0.2)

TEXT = st.text(st.characters(codec="utf-8"))
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(-1e9, 1e9) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=10,
)


class Sample(Wire):
    name: Text = ""
    flag: Flag = False
    number: Number = 0.5
    whole: Whole = 0
    count: Count = 1


@given(tree=st.dictionaries(TEXT, JSON, max_size=4))
def test_a_json_object_is_read(tree: dict[str, Any]) -> None:
    assert parse_json(json.dumps(tree).encode(), Limits()) == tree


@given(content=st.binary(max_size=200))
def test_no_bytes_do_more_than_be_refused(content: bytes) -> None:
    with suppress(ModelwrightError):
        parse_json(content, LIMITS)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b" \n",
        b"{",
        b'{"a":NaN}',
        b'{"a":Infinity}',
        b'{"a":-Infinity}',
        b'{"a":1e999}',
        b'{"a":' + b"9" * 5000 + b"}",
        b'{"a":"\\ud800"}',
        b'{"a":"\xff"}',
        '{"a":1}'.encode("utf-16"),
        b"[1]",
        b'"text"',
        b"1",
        b"true",
        b'{"a":1} x',
        b"{'a':1}",
        b'{"a":01}',
        b"[" * 200_000,
        b'{"a":' * 200_000,
    ],
)
def test_what_is_no_json_object_is_refused(content: bytes) -> None:
    with pytest.raises(Invalid):
        parse_json(content, Limits())


def test_null_is_an_empty_object() -> None:
    assert parse_json(b"null", LIMITS) == {}


def test_of_two_keys_the_last_one_holds() -> None:
    assert parse_json(b'{"a":1,"a":2}', LIMITS) == {"a": 2}


def test_nesting_has_a_limit_that_the_error_names() -> None:
    deepest = b'{"a":' * 7 + b"{}" + b"}" * 7
    assert parse_json(deepest, LIMITS)
    with pytest.raises(Invalid, match="limit of 8 levels"):
        parse_json(b'{"a":' + deepest + b"}", LIMITS)


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("name", 1, '"name" must be a text, not 1'),
        ("name", ["x"], '"name" must be a text, not a list'),
        ("flag", 1, '"flag" must be true or false, not 1'),
        ("flag", "true", '"flag" must be true or false, not "true"'),
        ("number", "1", '"number" must be a number, not "1"'),
        ("number", True, '"number" must be a number, not true'),
        ("whole", 1.5, '"whole" must be a whole number, not 1.5'),
        ("whole", True, '"whole" must be a whole number, not true'),
        ("whole", 1e30, '"whole" must be a whole number, not 1e+30'),
        ("count", 0, '"count" must be at least 1, not 0'),
        ("count", 2**31, '"count" must be at most 2147483647, not 2147483648'),
    ],
)
def test_a_fault_names_the_field_and_quotes_the_value(field: str, value: object, words: str) -> None:
    with pytest.raises(Invalid) as caught:
        read(Sample, {field: value})
    assert caught.value.message == words
    assert caught.value.field == field


def test_an_explicit_null_is_an_absent_value() -> None:
    assert read(Sample, dict.fromkeys(Sample.model_fields)) == Sample()


def test_a_whole_number_is_a_number() -> None:
    assert read(Sample, {"number": 1}).number == 1


def request(*chunks: bytes, headers: dict[str, str] | None = None, more: bool = False) -> Request:
    """A request whose body comes in pieces; with `more`, it never ends."""
    left = list(chunks)

    async def receive() -> dict[str, Any]:
        if not left:
            await asyncio.Event().wait()
        body = left.pop(0)
        return {"type": "http.request", "body": body, "more_body": bool(left) or more}

    raw = [(name.encode(), value.encode()) for name, value in (headers or {}).items()]
    return Request({"type": "http", "method": "POST", "headers": raw}, receive)


@pytest.mark.anyio
async def test_a_declared_length_over_the_limit_is_refused_unread() -> None:
    with pytest.raises(TooLarge, match="over the limit"):
        await read_body(request(headers={"content-length": "1001"}), Sample, LIMITS)


@pytest.mark.anyio
@pytest.mark.parametrize("headers", [{}, {"content-length": "5"}], ids=["absent", "lying"])
async def test_a_body_over_the_limit_is_read_no_further(headers: dict[str, str]) -> None:
    body = request(b"x" * 600, b"x" * 600, b"x" * 600, headers=headers)
    with pytest.raises(TooLarge, match="over the limit"):
        await read_body(body, Sample, LIMITS)
    assert (await body.receive())["body"] == b"x" * 600


@pytest.mark.anyio
async def test_a_body_that_does_not_come_is_not_waited_for() -> None:
    with pytest.raises(Invalid, match="did not arrive within"):
        await read_body(request(b'{"name"', more=True), Sample, LIMITS)


@pytest.mark.anyio
async def test_a_body_in_pieces_is_put_together() -> None:
    assert (await read_body(request(b'{"na', b'me":"', b'x"}'), Sample, LIMITS)).name == "x"


@pytest.mark.anyio
async def test_a_long_body_is_read_too() -> None:
    text = "x" * 2_000_000
    body = request(json.dumps({"name": text}).encode())
    assert (await read_body(body, Sample, Limits())).name == text
