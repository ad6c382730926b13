"""Graders: OpenAI's, and formulas of them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelwright.core.errors import Invalid, Unsupported
from modelwright.core.rewards import Answer, check_rewards, total
from modelwright.core.similarity import MEASURES

TEXTS = {"input": "{{sample.output_text}}", "reference": "{{ item.answer }}"}
SAME = {"type": "string_check", "name": "same", "operation": "eq", **TEXTS}
LIKE = {"type": "text_similarity", "evaluation_metric": "rouge_l", **TEXTS}


def worth(grader: dict, text: str, **item: object) -> float:
    rewards = check_rewards([{"type": "grader", "grader": grader}])
    return total(rewards, Answer(text, item, 1), lambda pattern, said: pattern in said)


@pytest.mark.parametrize(
    ("operation", "text", "expected"),
    [
        ("eq", "Rome", 1),
        ("eq", "rome", 0),
        ("ne", "rome", 1),
        ("like", "in Rome.", 1),
        ("ilike", "in rome", 1),
    ],
)
def test_a_text_is_checked_against_a_field_of_the_row(operation: str, text: str, expected: float) -> None:
    assert worth({**SAME, "operation": operation}, text, answer="Rome") == expected


def test_a_field_may_lie_deep_and_be_no_text() -> None:
    assert worth({**SAME, "reference": "{{item.a.b}} m"}, "3 m", a={"b": 3}) == 1
    assert worth({**SAME, "input": "{{sample.output_json.x}}"}, '{"x": "Rome"}', answer="Rome") == 1
    assert worth({**SAME, "input": "{{sample.output_json.x}}"}, "not json", answer="Rome") == 0
    assert worth(SAME, "", nothing=1) == 1


def test_several_graders_make_one_reward() -> None:
    graders = {"a": SAME, "b": LIKE, "c": {"type": "regex", "name": "c", "pattern": "cat"}}
    formula = {"type": "multi", "graders": graders, "calculate_output": "0.5*a + min(b, c) / 2"}
    assert worth(formula, "the cat sat", answer="the cat sat") == 1
    assert worth(formula, "the cat", answer="the cat sat") == pytest.approx(0.4)
    assert worth({**formula, "calculate_output": "a / (b - b)"}, "x", answer="x") == 0


@pytest.mark.parametrize(
    "formula", ["a.__class__", "__import__('os')", "a if a else b", "9**9**9", "a +", "z", "max()", "'x'", ""]
)
def test_a_formula_is_arithmetic_and_nothing_else(formula: str) -> None:
    with pytest.raises(Invalid, match="calculate_output"):
        worth({"type": "multi", "graders": {"a": SAME, "b": SAME}, "calculate_output": formula}, "x")


@pytest.mark.parametrize(
    ("grader", "error"),
    [
        ({"type": "python", "source": "1"}, Unsupported),
        ({"type": "score_model", "model": "x"}, Unsupported),
        ({**SAME, "operation": "is"}, Invalid),
        ({**SAME, "input": None}, Invalid),
        ({**SAME, "input": "{{secrets.key}}"}, Invalid),
        ({**LIKE, "evaluation_metric": "cosine"}, Invalid),
        ({"type": "multi", "graders": {}, "calculate_output": "1"}, Invalid),
        ({"type": "multi", "graders": {"a": {"type": "multi"}}, "calculate_output": "a"}, Invalid),
        ({"type": "regex"}, Invalid),
        ({}, Invalid),
    ],
)
def test_what_is_no_grader_is_refused(grader: dict, error: type[Exception]) -> None:
    with pytest.raises(error):
        worth(grader, "x")


WORDS = st.text(st.sampled_from("ab c"), max_size=20)


@given(name=st.sampled_from(sorted(MEASURES)), one=WORDS, other=WORDS)
def test_likeness_is_between_none_and_whole(name: str, one: str, other: str) -> None:
    assert 0 <= MEASURES[name](one, other) <= 1 + 1e-9
    if len(one.split()) >= 5:
        assert MEASURES[name](one, one) == pytest.approx(1)


def test_likeness_grows_with_what_is_shared() -> None:
    for name, measure in MEASURES.items():
        wanted = "the quick brown fox jumps over"
        assert measure("the quick brown fox jumps under", wanted) > measure(
            "nothing like it at all", wanted
        ), name
