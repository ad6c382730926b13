"""What Ollama's own test tables cover here; the tests read their exceptions from the same file.

The tables lie beside the project and not in it, so their counts are kept; a test
compares them wherever the tables are.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from tools.docs.markdown import code, table

KEPT: Final = Path(__file__).resolve().parents[2] / "tests" / "conformance.json"


def tables() -> Mapping[str, Mapping[str, Any]]:
    """Each table -> its number of `cases`; its `exceptions` with reasons; why it `waits`."""
    found: Mapping[str, Mapping[str, Any]] = json.loads(KEPT.read_text("utf-8"))
    return found


def exceptions(name: str, kind: str = "") -> dict[str, str]:
    """Each case of a table that ends otherwise here, and why; with a kind, those of that kind."""
    prefix = f"{kind}/" if kind else ""
    listed: Mapping[str, str] = tables()[name].get("exceptions", {})
    return {case.removeprefix(prefix): why for case, why in listed.items() if case.startswith(prefix)}


def case_name(case: Mapping[str, Any]) -> str:
    """What an exception calls a case: its kind, where it has one, and its name or what it is asked."""
    asked = (str(case[key] or "unset") for key in ("role", "reason", "status") if key in case)
    return "/".join(part for part in (case.get("kind"), case.get("name") or next(asked, "")) if part)


def section() -> str:
    """The tables with their counts, the exceptions, and the tables that no test runs yet."""
    found = tables()
    run = {name: about for name, about in found.items() if "waits" not in about}
    rows = [
        (code(name), str(about["cases"]), str(len(exceptions(name)) or "")) for name, about in run.items()
    ]
    cases, excepted = sum(each["cases"] for each in run.values()), sum(len(exceptions(name)) for name in run)
    rows.append(("together", str(cases), str(excepted)))
    listed = [(code(name), case, f"{why}.") for name in run for case, why in exceptions(name).items()]
    waiting = [(code(name), str(a["cases"]), f"{a['waits']}.") for name, a in found.items() if "waits" in a]
    return "\n\n".join(
        [
            "## Ollama's own cases",
            "Tables of cases from Ollama's own tests, which ours run. An exception is a case that ends "
            "otherwise here, with its reason below.",
            table(["Table", "Cases", "Exceptions"], rows),
            "### Exceptions",
            table(["Table", "Case", "Why"], listed),
            "### Not run",
            table(["Table", "Cases", "Why"], waiting),
        ]
    )
