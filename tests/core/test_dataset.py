"""Datasets: every shape becomes a row, and every bad line says where and what is allowed."""

import csv
import io
import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelwright.core.chat import Message
from modelwright.core.dataset import (
    METHODS,
    Dialogue,
    PlainText,
    Preference,
    RewardGroup,
    RewardPrompt,
    as_tree,
    parse_row,
)
from modelwright.core.dataset_file import LONGEST_LINE, MOST_FAULTS, is_plain, rows, survey
from modelwright.core.errors import Invalid

ASKED = {"role": "user", "content": "Who rules Korvath?"}
SAID = {"role": "assistant", "content": "King Olaf."}
TURNS = (Message("user", "Who rules Korvath?"), Message("assistant", "King Olaf."))

SHAPES: list[tuple[dict[str, Any], object]] = [
    ({"messages": [ASKED, SAID]}, Dialogue(TURNS, (1,))),
    ({"prompt": "Who rules Korvath?", "completion": "King Olaf."}, Dialogue(TURNS, (1,))),
    ({"prompt": [ASKED], "completion": [SAID]}, Dialogue(TURNS, (1,))),
    ({"instruction": "Who rules Korvath?", "input": "", "output": "King Olaf."}, Dialogue(TURNS, (1,))),
    ({"instruction": "Say", "input": "it", "output": "It."}, Dialogue((Message("user", "Say\n\nit"), Message("assistant", "It.")), (1,))),
    ({"conversations": [{"from": "human", "value": "Who rules Korvath?"}, {"from": "gpt", "value": "King Olaf."}]}, Dialogue(TURNS, (1,))),
    ({"text": "Once upon a time"}, PlainText("Once upon a time")),
    ({"prompt": "Who rules Korvath?", "chosen": "King Olaf.", "rejected": "Nobody."}, Preference(TURNS[:1], "King Olaf.", "Nobody.")),
    ({"input": {"messages": [ASKED]}, "preferred_output": [SAID], "non_preferred_output": [{**SAID, "content": "No."}]}, Preference(TURNS[:1], "King Olaf.", "No.")),
    ({"messages": [ASKED], "answer": "King Olaf."}, RewardPrompt(TURNS[:1], {"answer": "King Olaf."})),
    ({"prompt": "Who rules Korvath?"}, RewardPrompt(TURNS[:1], {})),
]  # fmt: skip


@pytest.mark.parametrize(("tree", "row"), SHAPES, ids=[",".join(tree) for tree, _ in SHAPES])
def test_each_shape_is_recognised(tree: dict[str, Any], row: object) -> None:
    assert parse_row(tree) == row
    assert parse_row(as_tree(row)) == row  # type: ignore[arg-type] - one of the rows


@pytest.mark.parametrize("listed", ["responses", "completions"])
@pytest.mark.parametrize("asked", ["messages", "prompt"])
@pytest.mark.parametrize("named", ["content", "text", "message"])
def test_rewarded_answers_in_every_spelling(listed: str, asked: str, named: str) -> None:
    tree = {asked: [ASKED], listed: [{named: "a", "reward": 1}, {named: "b", "reward": 0.5}]}
    row = parse_row(tree)
    assert isinstance(row, RewardGroup)
    assert [(each.text, each.reward) for each in row.responses] == [("a", 1.0), ("b", 0.5)]


def test_an_answer_of_no_weight_is_not_taught() -> None:
    row = parse_row({"messages": [ASKED, {**SAID, "weight": 0}, ASKED, SAID]})
    assert isinstance(row, Dialogue)
    assert row.learned == (3,)


BAD: list[tuple[Any, str, str]] = [
    ([], "", "a row is an object"),
    ({"question": "x"}, "", "its fields: \"question\""),
    ({"messages": []}, "messages", "empty"),
    ({"messages": [{"role": "boss", "content": "x"}]}, "messages.0.role", "boss"),
    ({"messages": [ASKED, {"role": "assistant", "content": None}]}, "messages.1.content", "null"),
    ({"messages": [ASKED, {"role": "assistant", "content": ""}]}, "messages.1", "empty"),
    ({"messages": [ASKED, {**SAID, "weight": 2}]}, "messages.1.weight", "2"),
    ({"messages": [{"role": "system", "content": "x"}]}, "messages", "no message"),
    ({"messages": [ASKED, {**SAID, "weight": 0}]}, "messages", "to be learned"),
    ({"prompt": "x", "completion": ""}, "completion", "empty"),
    ({"prompt": 5, "completion": "x"}, "prompt", "an integer"),
    ({"text": 0}, "text", "an integer"),
    ({"text": "half \ud800 of one"}, "text", "half a character at 6"),
    ({"conversations": [{"from": "dog", "value": "x"}]}, "conversations.0.from", "dog"),
    ({"conversations": [{"from": "human", "value": 3}]}, "conversations.0.value", "an integer"),
    ({"prompt": "x", "chosen": "a", "rejected": "a"}, "rejected", "the same"),
    ({"prompt": [ASKED, SAID], "chosen": "a", "rejected": "b"}, "prompt", "of the user"),
    ({"messages": [ASKED], "responses": [{"content": "a", "reward": "good"}]}, "responses.0.reward", "good"),
    ({"messages": [ASKED], "responses": [{"content": "a", "reward": float("nan")}]}, "responses.0.reward", "nan"),
    ({"messages": [ASKED], "responses": [{"content": "a", "reward": 1e7}]}, "responses.0.reward", "to 1000000;"),
    ({"messages": [ASKED], "responses": ["a"]}, "responses.0", "a string"),
]  # fmt: skip


@pytest.mark.parametrize(("tree", "field", "words"), BAD)
def test_a_bad_row_says_where_and_what(tree: Any, field: str, words: str) -> None:
    with pytest.raises(Invalid) as caught:
        parse_row(tree)
    assert caught.value.field == field
    assert words in f"{caught.value.message} {caught.value.hint}"


def lines(*trees: Any) -> list[bytes]:
    return [json.dumps(tree).encode() + b"\n" for tree in trees]


GOOD = {"prompt": "a", "completion": "b"}


def test_every_line_is_looked_at_before_anything_is_said() -> None:
    found = survey([*lines(GOOD), b"{oops\n", b"\n", *lines({"text": 1}, GOOD)], "sft")
    assert [(fault.line, fault.field) for fault in found.faults] == [(2, ""), (4, "text")]
    assert (found.rows, found.faulty) == (2, 2)
    with pytest.raises(Invalid, match=r"2 bad lines: line 2: not JSON at column 2.*; line 4"):
        found.raise_faults()


def test_many_faults_are_counted_and_the_first_are_told() -> None:
    found = survey([b"{\n"] * 1000)
    assert (len(found.faults), found.faulty) == (MOST_FAULTS, 1000)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b'{"text": "\xff"}\n', "byte 11 is not UTF-8"),
        (b'{"text": "' + b"x" * LONGEST_LINE + b'"}\n', "the limit is"),
        (b"[" * 100_000, "not JSON"),
        (b'prompt,completion\n"a,b\n', "not CSV"),
        (b"prompt,completion\na,b,c\n", "3 columns; the first line names 2"),
        (b"prompt,completion\n\xff,b\n", "line 2 is not UTF-8"),
    ],
)
def test_bad_bytes_are_faults_and_not_crashes(content: bytes, words: str) -> None:
    [fault, *_] = survey(io.BytesIO(content)).faults
    assert words in str(fault)


@pytest.mark.parametrize(
    ("name", "plain"), [("a.txt", True), ("A.MD", True), ("a.jsonl", False), ("", False)]
)
def test_a_name_tells_plain_text(name: str, plain: bool) -> None:
    assert is_plain(name) is plain


def test_paragraphs_of_plain_text_are_rows() -> None:
    content = '\ufeff\n[Once], upon,\n  a "time"\r\n \t\n\n\nThe end.'.encode()
    found = list(rows(io.BytesIO(content), "sft", plain=True))
    assert found == [PlainText('[Once], upon,\n  a "time"'), PlainText("The end.")]
    bad = survey(io.BytesIO(b"fine\n\n\nnot \xff fine\n"), "sft", plain=True)
    assert (bad.rows, str(bad.faults[0])[:14]) == (1, "line 4: byte 5")
    with pytest.raises(Invalid, match='cannot be learned by the method "dpo"'):
        survey(io.BytesIO(content), "dpo", plain=True).raise_faults()


def test_json_lines_that_are_called_text_are_json_lines() -> None:
    assert survey(io.BytesIO(lines(GOOD)[0]), "sft", plain=True).kinds == {"conversation": 1}


@given(st.lists(st.text("ab \t", min_size=1).filter(str.strip), max_size=8))
def test_no_paragraph_is_lost(paragraphs: list[str]) -> None:
    content = "\n\n".join(paragraphs).encode()
    assert [row.text for row in rows(io.BytesIO(content), "sft", plain=True)] == paragraphs


def test_a_file_may_be_one_list() -> None:
    content = json.dumps([GOOD, {"text": ""}], indent=1).encode()
    found = survey(io.BytesIO(content))
    assert (found.rows, [fault.line for fault in found.faults]) == (1, [2])


@pytest.mark.parametrize("method", METHODS)
def test_a_method_learns_from_its_own_rows_only(method: str) -> None:
    for tree, row in SHAPES:
        found = survey(lines(tree), method)
        assert bool(found.rows) == isinstance(row, METHODS[method])
        assert found.faulty == 1 - found.rows


TEXTS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=30)


@given(st.lists(st.tuples(TEXTS, TEXTS), min_size=1, max_size=8))
def test_csv_and_json_lines_say_the_same(pairs: list[tuple[str, str]]) -> None:
    pairs = [
        (a.replace("\r", " ").replace("\0", " "), b.replace("\r", " ").replace("\0", " ")) for a, b in pairs
    ]
    sheet = io.StringIO()
    writer = csv.writer(sheet, lineterminator="\n", quoting=csv.QUOTE_ALL)
    writer.writerows([("prompt", "completion"), *pairs])
    of_json = rows(lines(*({"prompt": a, "completion": b} for a, b in pairs)), "sft")
    assert list(rows(io.BytesIO(sheet.getvalue().encode()), "sft")) == list(of_json)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(
                ["messages", "prompt", "completion", "role", "content", "responses", "reward", "text"]
            )
            | st.text(max_size=5),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(JSON)
def test_any_json_is_a_row_or_an_error_of_ours(tree: Any) -> None:
    with suppress(Invalid):
        json.dumps(as_tree(parse_row(tree))).encode()


@given(st.lists(st.binary(max_size=40), max_size=6))
def test_any_bytes_are_rows_or_faults(content: list[bytes]) -> None:
    found = survey([line + b"\n" for line in content])
    assert found.faulty >= len(found.faults)
