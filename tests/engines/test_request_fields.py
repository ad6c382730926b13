"""Every parameter reaches the engine, under a name and with a value it takes."""

import pytest

from modelwright.core.parameters import RULES, Parameters
from modelwright.engines.request_fields import FIELDS, most_tokens, request_fields

PER_REQUEST = {name for name, rule in RULES.items() if rule.effective and rule.per_request}


def test_all_parameters_of_a_request_are_mapped_and_no_others() -> None:
    assert set(FIELDS) == PER_REQUEST
    assert len(set(FIELDS.values())) == len(FIELDS)


def test_all_are_sent_even_when_none_is_set() -> None:
    fields = request_fields(Parameters(), 512)
    assert set(FIELDS.values()) <= set(fields)
    assert None not in fields.values()
    for name in PER_REQUEST - {"stop", "dry_penalty_last_n"}:
        assert fields[FIELDS[name]] == RULES[name].default


@pytest.mark.parametrize(
    ("name", "value", "sent"),
    [
        ("temperature", 0.3, 0.3),
        ("seed", 7, 7),
        ("num_predict", 9, 9),
        ("repeat_last_n", -1, 512),
        ("dry_penalty_last_n", -1, 512),
        ("stop", ["###", "End"], ["###", "End"]),
    ],
)
def test_values_are_put_in_the_engines_words(name: str, value: object, sent: object) -> None:
    assert request_fields(Parameters.of({name: value}), 512)[FIELDS[name]] == sent


@pytest.mark.parametrize(
    ("num_predict", "shift", "prompt", "limit"),
    [
        (None, True, None, 5120),
        (-1, True, 100, 5120),
        (-1, False, 100, 412),
        (-2, True, 100, 412),
        (9, True, 100, 9),
        (9000, True, None, 5120),
        (9000, False, 100, 412),
    ],
)
def test_an_answer_may_be_so_long(
    num_predict: int | None, shift: bool, prompt: int | None, limit: int
) -> None:
    parameters = Parameters.of({} if num_predict is None else {"num_predict": num_predict})
    assert most_tokens(parameters, 512, prompt, shift=shift) == limit
