"""The written pages: links lead somewhere, decisions have their parts, dependencies their reason."""

import ast
import re
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

from modelwright.settings import RULES

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("changes/*.md")])
DECISIONS = sorted(ROOT.glob("docs/decisions/*.md"))


def called(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def declared() -> dict[str, str]:
    wanted = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
    return {re.split(r"[=<>;\[ ]", requirement)[0]: requirement for requirement in wanted}


def extras() -> set[str]:
    """What is imported only where it is installed."""
    wanted = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    named = {re.split(r"[=<>;\[ ]", each)[0] for extra in ("hub", "sign", "train") for each in wanted[extra]}
    return {name.lower().replace("_", "-") for name in named}


def imported_names(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Import):
        return [name.name for name in node.names]
    return [node.module or ""] if isinstance(node, ast.ImportFrom) else []


@pytest.mark.parametrize("page", PAGES, ids=called)
def test_every_link_leads_somewhere(page: Path) -> None:
    targets = re.findall(r"\]\(([^)#]+)[^)]*\)", page.read_text())
    local = [target for target in targets if "://" not in target]
    assert not [target for target in local if not (page.parent / target).exists()]


def test_the_page_on_other_machines_names_settings_that_are_there() -> None:
    text = (ROOT / "docs/reverse-proxy.md").read_text()
    named = {flag.replace("-", "_") for flag in re.findall(r"--([a-z-]+)", text)}
    assert {"hosts", "origins", "insecure", "host"} <= named
    options = {"user", "role", "verb", "dialect"}
    assert named - options <= set(RULES)


@pytest.mark.parametrize("page", DECISIONS, ids=called)
def test_a_decision_says_context_choice_and_cost_on_one_page(page: Path) -> None:
    text = page.read_text()
    assert text.startswith(f"# {page.name[:4]} ")
    assert re.findall(r"^\*\*(Context|Choice|Cost)\.\*\*", text, re.MULTILINE) == [
        "Context",
        "Choice",
        "Cost",
    ]
    assert len(text.splitlines()) <= 60


def test_decisions_are_numbered_without_a_gap() -> None:
    assert [int(page.name[:4]) for page in DECISIONS] == list(range(1, len(DECISIONS) + 1))


def test_every_dependency_has_its_reason_and_an_exact_version() -> None:
    reasons = re.findall(r"^\| ([\w-]+) \| .{20,} \|$", DECISIONS[1].read_text(), re.MULTILINE)
    assert reasons == list(declared())
    assert all("==" in requirement for requirement in declared().values())


def test_the_package_imports_what_it_declares_and_nothing_else() -> None:
    distributions = packages_distributions()
    imported = {
        name.partition(".")[0]
        for path in (ROOT / "src").rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        for name in imported_names(node)
    }
    outside = imported - sys.stdlib_module_names - {"modelwright"}
    found = {distributions[name][0].lower().replace("_", "-") for name in outside}
    assert set(declared()) <= found <= set(declared()) | extras()


def test_every_change_fragment_says_of_which_kind_it_is() -> None:
    names = [path.name for path in (ROOT / "changes").iterdir()]
    assert not [
        name for name in names if not re.fullmatch(r"[\w-]+\.(added|changed|fixed|removed)\.md", name)
    ]
