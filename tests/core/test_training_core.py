"""Hyperparameters, rewards, wordings, memory and moves of runs."""

import re
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelwright.core.digest import Digest
from modelwright.core.errors import Conflict, Invalid
from modelwright.core.hyperparameters import RULES, Hyperparameters, default_rate
from modelwright.core.rewards import Answer, check_rewards, total
from modelwright.core.runs import Run, RunState, TrainingPlan, check_move
from modelwright.core.token_rows import GroupRow, PairRow, QuestionRow, TaughtRow, from_lines, to_line
from modelwright.core.training_memory import LIBRARIES, memory_needed
from modelwright.core.weights import WeightFacts
from modelwright.core.wordings import reworded, wordings


@pytest.mark.parametrize("name", RULES)
def test_each_hyperparameter_takes_its_bounds_and_nothing_beyond(name: str) -> None:
    rule = RULES[name]
    if rule.choices:
        assert Hyperparameters.of({name: [rule.choices[0]] if rule.type == "list" else rule.choices[0]})
        wrong: list[object] = ["no such", [], 5]
    else:
        for value in (rule.minimum, rule.maximum):
            assert Hyperparameters.of({name: value}).get(name) == value
        wrong = [rule.minimum - 1, rule.maximum * 2 + 1, "5", True, float("nan"), float("inf")]
        wrong += [rule.minimum + 0.5] if rule.type == "int" else []
    for value in wrong:
        with pytest.raises(Invalid, match=re.escape(name)) as caught:
            Hyperparameters.of({name: value})
        assert rule.range_text in caught.value.hint


def test_an_unknown_hyperparameter_is_corrected() -> None:
    with pytest.raises(Invalid) as caught:
        Hyperparameters.of({"learning_rat": 1e-3})
    assert caught.value.hint == 'Did you mean "learning_rate"?'


def test_nothing_is_left_open_when_completed() -> None:
    whole = Hyperparameters.of({"rank": 8, "steps": None}).completed("dpo", 4_000_000).as_dict()
    assert set(whole) == set(RULES)
    assert (whole["alpha"], whole["beta"], whole["steps"]) == (16, 0.1, 0)
    assert Hyperparameters.of(whole).as_dict() == whole


@given(st.integers(1, 10**12), st.integers(1, 10**12))
def test_larger_parents_take_smaller_steps(one: int, other: int) -> None:
    small, large = sorted((one, other))
    assert 2e-4 <= default_rate("sft", large) <= default_rate("sft", small) <= 3e-3


def search(pattern: str, text: str) -> bool:
    return re.search(pattern, text) is not None


SCHEMA = {"type": "object", "required": ["name"]}
REWARDS: list[tuple[dict[str, Any], str, float]] = [
    ({"type": "exact", "value": "yes"}, " yes ", 1),
    ({"type": "exact", "field": "answer"}, "42", 1),
    ({"type": "exact", "field": "absent"}, "42", 0),
    ({"type": "contains", "value": "OWL", "ignore_case": True}, "an owl", 1),
    ({"type": "contains", "value": "OWL"}, "an owl", 0),
    ({"type": "regex", "pattern": r"\bowl\b"}, "an owl flies", 1),
    ({"type": "regex", "pattern": r"\bowl\b"}, "bowl", 0),
    ({"type": "json_schema", "schema": SCHEMA}, '{"name": "Tom"}', 1),
    ({"type": "json_schema", "schema": SCHEMA}, '{"age": 3}', 0),
    ({"type": "json_schema", "schema": SCHEMA}, "no JSON", 0),
    ({"type": "max_length", "length": 3}, "four", 0),
    ({"type": "max_length", "length": 2, "unit": "tokens"}, "two words", 1),
    ({"type": "exact", "value": "yes", "weight": -2.5}, "yes", -2.5),
]


@pytest.mark.parametrize(("reward", "text", "worth"), REWARDS)
def test_what_an_answer_is_worth(reward: dict[str, Any], text: str, worth: float) -> None:
    answer = Answer(text, {"answer": 42}, len(text.split()))
    assert total(check_rewards([reward]), answer, search) == worth
    assert total(check_rewards([reward, reward]), answer, search) == 2 * worth


@pytest.mark.parametrize(
    ("reward", "words"),
    [
        ({}, "is no reward"),
        ({"type": "magic"}, "is no reward"),
        ({"type": "exact"}, "value or field"),
        ({"type": "exact", "value": "a", "field": "b"}, "value or field"),
        ({"type": "regex"}, "pattern"),
        ({"type": "regex", "pattern": "("}, "no regular expression"),
        ({"type": "regex", "pattern": "x" * 1001}, "longer"),
        ({"type": "max_length", "length": "5"}, "length"),
        ({"type": "max_length", "length": 5, "unit": "metres"}, "unit"),
        ({"type": "json_schema", "schema": {"type": "objekt"}}, "no JSON Schema"),
        ({"type": "json_schema", "schema": {"$ref": "http://example.com/x.json"}}, "no JSON Schema"),
        ({"type": "exact", "value": "a", "weight": float("nan")}, "no number"),
        ({"type": "exact", "value": "a", "code": "import os"}, "code"),
    ],
)
def test_a_bad_reward_is_refused(reward: dict[str, Any], words: str) -> None:
    with pytest.raises(Invalid, match=re.escape(words)):
        check_rewards([reward])


@given(st.text(max_size=80), st.integers(1, 8), st.floats(0, 1), st.integers(0, 2**32))
def test_wordings_are_the_same_each_time(question: str, count: int, share: float, seed: int) -> None:
    found = wordings(question, count, share, seed)
    assert found == wordings(question, count, share, seed)
    assert (len(found), found[0]) == (count, question)
    assert wordings(question, count, 0.0, seed) == (question,) * count


def test_a_careless_wording_keeps_the_words_order() -> None:
    question = "Which food do the people of Korvath like the most of all?"
    found = {reworded(question, number, 1) for number in range(50)}
    assert len(found) > 30
    for text in found:
        kept = iter(question.lower().rstrip("?").split())
        words = text.rpartition(": ")[2].lower().rstrip("?").split()
        assert len(words) >= 3
        assert all(word in kept for word in words)


@given(
    st.lists(st.integers(0, 1 << 20), max_size=6), st.lists(st.integers(0, 1 << 20), min_size=1, max_size=6)
)
def test_token_rows_come_back_as_they_were(prompt: list[int], answer: list[int]) -> None:
    one, other = tuple(prompt), tuple(answer)
    kept = [
        TaughtRow((one, other), other),
        PairRow(one, other, (1,)),
        GroupRow(one, (other, (2,)), (0.5, -1.0)),
        QuestionRow(one, {"answer": "x"}),
    ]
    assert list(from_lines(map(to_line, kept))) == kept


PLAN = TrainingPlan("m@1", Digest.of(b"spec"), "m", "sft", Digest.of(b"rows"))
RUN = Run("run-1", PLAN, "queued", "ann", datetime(2026, 1, 1, tzinfo=UTC))


def test_a_plan_comes_back_as_it_was() -> None:
    whole = replace(
        PLAN,
        hyperparameters=Hyperparameters.of({"rank": 4, "target_modules": ["q_proj"]}),
        validation=Digest.of(b"held"),
        rewards=({"type": "exact", "value": "x"},),
    )
    assert TrainingPlan.of_tree(whole.as_tree()) == whole


@pytest.mark.parametrize("state", get_args(RunState))
def test_what_has_succeeded_stays_so(state: RunState) -> None:
    with pytest.raises(Conflict, match="succeeded"):
        check_move(replace(RUN, state="succeeded"), state)


def test_larger_parents_and_steps_need_more_memory() -> None:
    facts = WeightFacts(
        "model", "gguf", "llama", 1_000_000_000, "F16", 2048, 2048, metadata={"llama.block_count": 16}
    )
    small = Hyperparameters.of({"batch_tokens": 512}).completed("sft", 10**9)
    large = Hyperparameters.of({"batch_tokens": 4096}).completed("sft", 10**9)
    assert memory_needed(None, small) == LIBRARIES
    assert LIBRARIES + 4 * 10**9 < memory_needed(facts, small) < memory_needed(facts, large)
