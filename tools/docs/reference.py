"""Reference pages that are tables: errors, settings, parameters."""

from collections.abc import Iterable
from typing import Final

from modelwright.core.parameters import ALIASES, RULES, ParameterRule
from modelwright.dialects.failure import STATUS
from modelwright.settings import FILE_NAME, OTHER_VARIABLES, PREFIX
from modelwright.settings import RULES as SETTINGS
from tools.docs.markdown import code, page, summary, table

OLLAMAS_OTHERS: Final = (
    ("OLLAMA_API_KEY", "The client's key, where MODELWRIGHT_KEY is not set."),
    ("OLLAMA_MODELS", "Where `modelwright adopt` looks; our own data folder is MODELWRIGHT_HOME."),
    ("OLLAMA_NOPRUNE", "Not read: nothing is removed at a start."),
    ("OLLAMA_NOHISTORY", "Not read: what is typed is kept in the data folder, for its user alone."),
    ("OLLAMA_FLASH_ATTENTION", "Not read: the engine decides by what it finds."),
    ("OLLAMA_KV_CACHE_TYPE", "Not read: the cache is kept in half precision."),
    ("OLLAMA_GPU_OVERHEAD", "Not read: engines compute on the processor."),
    ("OLLAMA_SCHED_SPREAD", "Not read: engines compute on the processor."),
    ("OLLAMA_LLM_LIBRARY", "Not read: there is one engine library."),
    ("OLLAMA_MULTIUSER_CACHE", "Not read: a slot goes on from the longest beginning that it knows."),
    ("OLLAMA_AUTH", "Not read: requests are not signed with Ollama's key."),
    ("OLLAMA_REMOTES", "Not read: all models run here."),
)
"""Variables of Ollama (envconfig/config.go) that are no setting here."""


def errors() -> str:
    """List every kind of error that may reach a user, with its HTTP status."""
    rows = [(code(kind.kind), str(status), summary(kind.__doc__)) for kind, status in STATUS.items()]
    return page(
        "Errors",
        "Every failure has a kind, a message that names the thing and quotes the bad value, and where it "
        "helps the field of the input and the next step. Each dialect puts them into the body that its own "
        "clients know.",
        table(["Kind", "Status", "Means"], rows),
    )


def settings() -> str:
    """List every setting, and where its value may come from."""
    rows = [
        (
            code(name),
            f"{rule.doc} Allowed: {rule.allowed}.",
            "your platform's folder for user data" if name == "home" else code(rule.default),
            code(f"{PREFIX}{name.upper()}"),
            code(rule.ollama),
        )
        for name, rule in SETTINGS.items()
    ]
    return page(
        "Settings",
        "A flag (`--keep-alive 10m`) wins over the variable of ours, that over the settings file "
        f'(`{FILE_NAME}` in the data folder: `keep_alive = "10m"`), that over Ollama\'s variable, that over '
        "the default. `modelwright config` prints every value and where it came from.",
        table(["Setting", "What it is", "Default", "Variable", "Ollama's variable"], rows),
        f"Two more variables are no settings of the server: {' and '.join(map(code, OTHER_VARIABLES))}.",
        "## Ollama's other variables",
        table(["Variable", "What becomes of it"], [(code(name), why) for name, why in OLLAMAS_OTHERS]),
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
