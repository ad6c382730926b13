"""The table of hyperparameters in docs/reference/hyperparameters.md."""

from modelwright.core.hyperparameters import RULES
from tools.docs.markdown import code, page, table


def hyperparameters() -> str:
    """List every hyperparameter of a run, its default and what it may be."""
    rows = [
        (
            code(name),
            f"{rule.about}.",
            "it depends" if rule.default is None else code(_shown(rule.default)),
            f"{rule.range_text}.",
        )
        for name, rule in RULES.items()
    ]
    return page(
        "Hyperparameters",
        "What a run of training may be told: `modelwright train NAME --data FILE --set rank=8`, or "
        "`hyperparameters` in the body of a request. `docs/training.md` tells when which matters.",
        table(["Hyperparameter", "What it is", "Default", "Allowed"], rows),
    )


def _shown(value: object) -> str:
    return ",".join(value) if isinstance(value, tuple) else str(value)
