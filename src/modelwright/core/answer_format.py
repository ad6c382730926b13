"""AnswerFormat, from what a client sends: "json" or a JSON Schema.

Facts: Ollama, server/routes.go (the words), llm/server.go (what counts as none).
"""

from modelwright.core.chat import AnswerFormat
from modelwright.core.errors import Invalid
from modelwright.core.json_schema import read_schema
from modelwright.core.wording import excerpt


def read_format(value: object, *, field: str = "format") -> AnswerFormat | None:
    """None and an empty text ask for no format; raises as read_schema does."""
    if value is None or value == "":
        return None
    if value == "json":
        return AnswerFormat()
    if not isinstance(value, dict):
        shown = excerpt(value) if isinstance(value, str) else str(value)[:100]
        raise Invalid(f'invalid format: {shown}; expected "json" or a valid JSON Schema object', field=field)
    return AnswerFormat(read_schema(value, field=field))
