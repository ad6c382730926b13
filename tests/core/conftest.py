"""Reads the conformance tables, which lie beside the project and not in it."""

import json
from pathlib import Path
from typing import Any

import pytest

TABLES = Path(__file__).parents[2] / "../shared/conformance/ollama"


def read(table: str, kind: str | None) -> list[dict[str, Any]]:
    """The cases of a table; none where the tables are absent."""
    path = TABLES / f"{table}.json"
    cases = json.loads(path.read_text())["cases"] if path.exists() else []
    return [
        case | {"number": number} for number, case in enumerate(cases) if kind in (None, case.get("kind"))
    ]


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "conformance(table, kind=None): run once for each `case` of a table")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    marker = metafunc.definition.get_closest_marker("conformance")
    if marker is None:
        return
    reason = "the conformance tables are not beside this checkout"
    absent = pytest.param({"number": "absent"}, marks=pytest.mark.skip(reason=reason))
    cases = read(marker.args[0], marker.kwargs.get("kind")) or [absent]
    metafunc.parametrize("case", cases, ids=lambda case: str(case["number"]))
