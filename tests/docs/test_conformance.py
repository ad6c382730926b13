"""The counts that the page of the dialect tells are those of the tables, and the tests run them."""

import json
from pathlib import Path
from typing import Any

import pytest

from tools.docs.conformance import case_name, tables

TESTS = Path(__file__).parents[1]
TABLES = TESTS.parent / "../shared/conformance/ollama"
SOURCES = [path.read_text() for path in TESTS.rglob("test_*.py")]

absent = pytest.mark.skipif(not TABLES.is_dir(), reason="the conformance tables are not here")


def cases(name: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads((TABLES / f"{name}.json").read_text("utf-8"))["cases"]
    return found


def named_in(name: str) -> list[str]:
    """The tests that name a table."""
    return [text for text in SOURCES if f'"{name}"' in text or f"{name}.json" in text]


@absent
def test_every_table_is_told_with_its_number_of_cases() -> None:
    counted = {path.stem: len(cases(path.stem)) for path in TABLES.glob("*.json")}
    assert {name: about["cases"] for name, about in tables().items()} == counted


@absent
@pytest.mark.parametrize("name", tables())
def test_every_exception_is_one_case(name: str) -> None:
    known = [case_name(case) for case in cases(name)]
    assert not [case for case in tables()[name].get("exceptions", ()) if known.count(case) != 1]


@absent
@pytest.mark.parametrize("name", tables())
def test_a_table_is_run_with_all_its_kinds_or_waits(name: str) -> None:
    if "waits" in tables()[name]:
        assert not named_in(name)
        return
    text = "".join(named_in(name))
    assert text
    kinds = {case["kind"] for case in cases(name) if "kind" in case}
    assert not {kind for kind in kinds if f'"{kind}"' not in text}
