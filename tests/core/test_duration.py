"""Durations are read as Go reads them, and keep_alive as Ollama does."""

import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelwright.core.duration import keep_alive_seconds, parse_duration
from modelwright.core.errors import Invalid


@pytest.mark.conformance("api_types", kind="keep_alive")
def test_keep_alive_is_ollamas(case: dict[str, Any]) -> None:
    wanted = math.inf if case["seconds"] == "infinite" else case["seconds"]
    assert keep_alive_seconds(json.loads(case["request_json"]).get("keep_alive")) == wanted


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("5m", 300),
        ("1h30m", 5400),
        ("1h2m3s", 3723),
        ("300ms", 0.3),
        ("1.5h", 5400),
        (".5s", 0.5),
        ("1.s", 1),
        ("+5s", 5),
        ("-1m", -60),
        ("2us", 2e-6),
        ("2\u00b5s", 2e-6),
        ("2\u03bcs", 2e-6),
        ("7ns", 7e-9),
        ("0", 0),
        ("60", 60),
        ("-1", -1),
    ],
)
def test_durations_are_read(text: str, seconds: float) -> None:
    assert parse_duration(text) == pytest.approx(seconds)


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "1d",
        "5 m",
        "m",
        "1h-5m",
        "--1s",
        "1e3s",
        "nan",
        "inf",
        ".",
        "1..s",
        "\u0661s",
        "1" * 10**7,
        "9" * 20 + "h",
    ],
)
def test_a_wrong_duration_is_refused(text: str) -> None:
    with pytest.raises(Invalid, match="duration") as caught:
        parse_duration(text, field="keep_alive")
    assert caught.value.field == "keep_alive"
    assert len(str(caught.value)) < 300


@pytest.mark.parametrize("value", [True, [], {}, math.nan, math.inf, 1e300, 10**400, "soon"])
def test_a_wrong_keep_alive_is_refused(value: object) -> None:
    with pytest.raises(Invalid):
        keep_alive_seconds(value)


@given(st.integers(0, 99), st.integers(0, 59), st.integers(0, 59))
def test_gos_own_form_is_read_back(hours: int, minutes: int, seconds: int) -> None:
    assert parse_duration(f"{hours}h{minutes}m{seconds}s") == hours * 3600 + minutes * 60 + seconds


@given(st.text(st.characters()) | st.text(alphabet="0123456789.hmsun-+"))
def test_any_text_is_a_duration_or_refused(text: str) -> None:
    try:
        seconds = parse_duration(text)
    except Invalid as error:
        shown = str(error)
    else:
        shown = f"{seconds:.3f}"
    assert shown.encode()
    assert shown not in ("nan", "inf")
