"""Parameters are a closed set: typed, bounded, and the same however they came in."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelwright.core.errors import Invalid
from modelwright.core.parameters import ALIASES, RULES, ParameterRule, Parameters
from tests.effort import least_effort

STOPS = st.text(min_size=1, max_size=20)


def values_of(rule: ParameterRule) -> st.SearchStrategy[object]:
    if rule.type == "bool":
        return st.booleans()
    if rule.type == "list":
        return st.lists(STOPS, max_size=5)
    if rule.type == "int":
        return st.integers(int(rule.minimum), int(rule.maximum))
    return st.floats(rule.minimum, rule.maximum)


PARAMETERS = st.fixed_dictionaries({}, optional={name: values_of(rule) for name, rule in RULES.items()}).map(
    lambda values: Parameters.of(values)
)


@given(PARAMETERS)
def test_the_json_form_is_read_back(parameters: Parameters) -> None:
    assert Parameters.of(parameters.as_dict()) == parameters
    assert list(parameters.as_dict()) == sorted(parameters.as_dict())


@given(PARAMETERS)
def test_the_text_form_is_read_back(parameters: Parameters) -> None:
    assert Parameters.of_texts(parameters.to_texts()) == parameters


@given(PARAMETERS, PARAMETERS, PARAMETERS)
def test_merging_is_associative_and_the_upper_wins(a: Parameters, b: Parameters, c: Parameters) -> None:
    assert a.merged(b).merged(c) == a.merged(b.merged(c))
    assert a.merged(b).as_dict() == a.as_dict() | b.as_dict()
    assert a.merged(Parameters()) == a == Parameters().merged(a)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(), max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
)


@given(st.dictionaries(st.sampled_from([*RULES, *ALIASES]) | st.text(st.characters()), JSON))
def test_any_json_is_parameters_or_refused(values: dict[str, object]) -> None:
    try:
        shown = str(Parameters.of_known(values)[0].to_texts())
    except Invalid as error:
        shown = str(error)
    assert shown.encode()


@given(
    st.lists(st.tuples(st.sampled_from([*RULES, *ALIASES]), st.text(st.characters()) | st.floats().map(str)))
)
def test_any_texts_are_parameters_or_refused(pairs: list[tuple[str, str]]) -> None:
    try:
        shown = str(Parameters.of_texts(pairs).as_dict())
    except Invalid as error:
        shown = str(error)
    assert shown.encode()


@pytest.mark.parametrize("rule", RULES.values(), ids=RULES)
def test_every_rule_is_bounded_described_and_fits_its_own_default(rule: ParameterRule) -> None:
    assert math.isfinite(rule.minimum)
    assert math.isfinite(rule.maximum)
    assert rule.about
    assert rule.default is None or Parameters.of({rule.name: rule.default}).get(rule.name) == rule.default


@pytest.mark.parametrize(
    "rule", [rule for rule in RULES.values() if rule.type in ("int", "float")], ids=lambda rule: rule.name
)
def test_a_number_is_taken_up_to_its_bounds_and_no_further(rule: ParameterRule) -> None:
    for value in (rule.minimum, rule.maximum):
        assert Parameters.of({rule.name: value})
    for value in (rule.minimum - 1, rule.maximum + 1, 10**5000, -(10**5000)):
        with pytest.raises(Invalid, match=f'parameter "{rule.name}" must be {rule.range_text}') as caught:
            Parameters.of({rule.name: value})
        assert caught.value.field == f"parameters.{rule.name}"


def test_whole_numbers_are_the_same_with_and_without_a_point() -> None:
    assert Parameters.of({"temperature": 1.0, "num_ctx": 3.0}) == Parameters.of(
        {"temperature": 1, "num_ctx": 3}
    )
    assert str(Parameters.of({"temperature": 1.0}).as_dict()) == "{'temperature': 1}"
    assert str(Parameters.of({"temperature": -0.0}).as_dict()) == "{'temperature': 0}"


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"top_k": "ten"}, 'parameter "top_k" must be of type integer. "ten" was given'),
        ({"top_k": True}, 'parameter "top_k" must be of type integer. A value of type boolean was given'),
        ({"top_k": 2.5}, 'parameter "top_k" must be of type integer. A value of type number was given'),
        ({"temperature": "0.7"}, 'parameter "temperature" must be of type number. "0.7" was given'),
        ({"temperature": math.nan}, 'parameter "temperature" must be a finite number. nan was given'),
        ({"temperature": -math.inf}, 'parameter "temperature" must be a finite number. -inf was given'),
        ({"top_p": 1.5}, 'parameter "top_p" must be a number from 0 to 1. 1.5 was given'),
        ({"num_ctx": -1}, 'parameter "num_ctx" must be a whole number from 0 to 16777216. -1 was given'),
        ({"use_mmap": 1}, 'parameter "use_mmap" must be of type boolean. A value of type integer was given'),
        ({"stop": 3}, 'parameter "stop" must be of type array. A value of type integer was given'),
        ({"stop": ["a", None]}, 'parameter "stop" must be of an array of strings. One is of type null'),
        (
            {"stop": [""]},
            'parameter "stop" may not hold an empty text. An empty list means that there are none',
        ),
        ({"stop": ["a"] * 65}, 'parameter "stop" may hold at most 64 texts. 65 were given'),
        ({"stop": "a" * 1025}, 'parameter "stop" may hold texts of at most 1024 characters. One has 1025'),
        ({"stop": "\ud800"}, 'parameter "stop" must be valid Unicode text. "\\ud800" was given'),
        ({"temprature": 1}, 'unknown parameter "temprature". Did you mean "temperature"?'),
        ({"Top_K": 1}, 'unknown parameter "Top_K". Did you mean "top_k"?'),
        ({"temprature": None}, 'unknown parameter "temprature". Did you mean "temperature"?'),
        (
            {"num_gpa": 1, "num_gqa": 2},
            'parameter "num_gqa" is given twice, under two names and with two values',
        ),
    ],
)
def test_a_wrong_value_is_explained(values: dict[str, object], message: str) -> None:
    with pytest.raises(Invalid) as caught:
        Parameters.of(values)
    assert str(caught.value) == message
    assert caught.value.field.startswith("parameters.")


def test_options_of_a_request_are_worded_as_ollama_does() -> None:
    for values, message in (
        ({"top_k": "ten"}, 'option "top_k" must be of type integer'),
        ({"temperature": "hot"}, 'option "temperature" must be of type float32'),
        ({"stop": 1}, 'option "stop" must be of type array'),
    ):
        with pytest.raises(Invalid) as caught:
            Parameters.of_known(values)
        assert caught.value.message == message
        assert caught.value.field == f"options.{next(iter(values))}"


def test_an_unknown_name_with_no_likely_meaning_is_told_the_known_ones() -> None:
    with pytest.raises(Invalid, match=r"unknown parameter .* Known are .*temperature") as caught:
        Parameters.of({"x" * 1_000_000: 1})
    assert len(str(caught.value)) < 1000


def test_requests_get_their_unknown_names_back() -> None:
    parameters, unknown = Parameters.of_known({"top_k": 1, "logit_bias": {}, "penalty_last_n": None})
    assert parameters == Parameters.of({"top_k": 1})
    assert unknown == ("logit_bias", "penalty_last_n")


@pytest.mark.parametrize(("alias", "name"), ALIASES.items())
def test_an_alias_is_its_name(alias: str, name: str) -> None:
    assert Parameters.of({alias: 1}) == Parameters.of({name: 1}) == Parameters.of({alias: 1, name: 1.0})


def test_null_is_unset_and_one_stop_is_a_list() -> None:
    assert not Parameters.of({"temperature": None, "stop": None})
    assert Parameters.of({"stop": "a"}).as_dict() == {"stop": ["a"]}


def test_no_stops_is_a_value_that_replaces() -> None:
    none = Parameters.of({"stop": []})
    assert none.get("stop") == ()
    assert Parameters.of({"stop": "a"}).merged(none) == none
    assert none.to_texts() == (("stop", ""),)


def test_what_has_no_effect_is_told() -> None:
    assert Parameters.of({"tfs_z": 1, "mirostat": 2, "num_gqa": 8}).without_effect == ("num_gqa", "tfs_z")


def test_texts_accumulate_stops_and_else_the_last_holds() -> None:
    parameters = Parameters.of_texts(
        [("stop", "a"), ("seed", "1"), ("stop", "b"), ("seed", "2"), ("stop", "a")]
    )
    assert parameters.as_dict() == {"seed": 2, "stop": ["a", "b", "a"]}


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("num_ctx", "1e+06", 1_000_000),
        ("num_ctx", "4096.0", 4096),
        ("num_ctx", "+8", 8),
        ("seed", "-1", -1),
        ("temperature", ".5", 0.5),
        ("temperature", "1e-1", 0.1),
        ("temperature", "1.", 1),
        ("use_mmap", "TRUE", True),
        ("use_mmap", "0", False),
        ("num_gpa", "8", 8),
    ],
)
def test_texts_are_read_as_go_reads_them(name: str, text: str, value: object) -> None:
    assert Parameters.of_texts([(name, text)]) == Parameters.of({name: value})


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("num_ctx", "x"),
        ("num_ctx", ""),
        ("num_ctx", "1.5"),
        ("num_ctx", "1_000"),
        ("num_ctx", "0x10"),
        ("num_ctx", "\u0661"),
        ("num_ctx", "1e999"),
        ("num_ctx", "9" * 10_000),
        ("temperature", "hot"),
        ("temperature", "nan"),
        ("use_mmap", "yes"),
    ],
)
def test_a_text_that_is_no_value_is_explained(name: str, text: str) -> None:
    with pytest.raises(Invalid, match=r"invalid (int|float|bool) value \[") as caught:
        Parameters.of_texts([(name, text)])
    assert caught.value.field == f"parameters.{name}"
    assert RULES[name].range_text in str(caught.value)
    assert len(str(caught.value)) < 300


@pytest.mark.parametrize(
    ("value", "text"),
    [(1_000_000, "1000000"), (1.0, "1"), (0.1, "0.1"), (0.30000000000000004, "0.30000000000000004")],
)
def test_numbers_are_printed_as_short_as_they_can_be(value: float, text: str) -> None:
    name = "num_ctx" if value > 100 else "temperature"
    assert Parameters.of({name: value}).to_texts() == ((name, text),)


def test_a_flood_of_unknown_names_is_refused_at_once() -> None:
    flood = {f"unknown_{number}": number for number in range(100_000)}

    def refused() -> None:
        with pytest.raises(Invalid):
            Parameters.of(flood)

    assert least_effort(refused) < 1


def test_parameters_can_be_a_key() -> None:
    assert len({Parameters.of({"stop": ["a"], "seed": 1}), Parameters.of({"seed": 1.0, "stop": "a"})}) == 1
