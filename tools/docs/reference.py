"""Reference pages taken from the code: error kinds and parameters."""

from collections.abc import Iterable

from modelwright.core.errors import ERROR_KINDS
from modelwright.core.parameters import ALIASES, RULES, ParameterRule
from tools.docs.markdown import code, page, summary, table


def errors() -> str:
    """List every kind of error that may reach a user."""
    rows = [(code(kind.kind), code(kind.__name__), summary(kind.__doc__)) for kind in ERROR_KINDS]
    return page(
        "Errors",
        "Every failure has a kind, a message that names the thing and quotes the bad value, and where it "
        "helps the field of the input and the next step. Each dialect gives them the status and the body "
        "that its own clients know.",
        table(["Kind", "Class", "Means"], rows),
    )


def parameters() -> str:
    """List every parameter a model may carry, by when it takes effect."""
    return page(
        "Parameters",
        "A model carries its parameters; a request may override them. The set is closed: when a model is "
        "created, an unknown name is refused with the nearest known one, and so is a value out of range.",
        "## Chosen for each request",
        _rules(rule for rule in RULES.values() if rule.effective and rule.per_request),
        "## Fixed when an engine starts",
        _rules(rule for rule in RULES.values() if rule.effective and not rule.per_request),
        "## Kept without effect",
        "No engine uses these any more. They are kept and shown, so that old Modelfiles stay valid.",
        _rules(rule for rule in RULES.values() if not rule.effective),
        "## Other spellings",
        table(["Accepted", "Means"], [(code(alias), code(name)) for alias, name in ALIASES.items()]),
    )


def _rules(rules: Iterable[ParameterRule]) -> str:
    return table(
        ["Parameter", "Allowed", "Default", "Meaning"],
        [(code(rule.name), rule.range_text, code(_default(rule)), rule.about) for rule in rules],
    )


def _default(rule: ParameterRule) -> str:
    if rule.default is None:
        return "the engine's"
    return "none" if rule.default == () else str(rule.default).lower()
