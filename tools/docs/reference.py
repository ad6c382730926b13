"""Reference pages taken from the code: error kinds."""

from modelwright.core.errors import ERROR_KINDS
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
