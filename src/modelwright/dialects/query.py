"""What stands in a request's query: read with clear refusals, and documented.

For the dialects whose errors are our own; it knows no path and no field by name.
"""

from typing import Final

from starlette.requests import Request

from modelwright.core.errors import Invalid
from modelwright.dialects.base import Json

_MOST_DIGITS: Final = 15


def required(request: Request, name: str) -> str:
    """A text that must be there; raises Invalid."""
    value = request.query_params.get(name, "")
    if not value:
        raise Invalid(f'the query parameter "{name}" is required', field=name)
    return value


def whole(request: Request, name: str, usual: int, *, least: int = 1, most: int = 10**_MOST_DIGITS) -> int:
    """A whole number within its bounds, `usual` where none is; raises Invalid."""
    text = request.query_params.get(name, str(usual))
    is_number = text.isascii() and text.isdigit() and len(text) <= _MOST_DIGITS
    if not is_number or not least <= int(text) <= most:
        bounds = f"from {least} to {most}" if most < 10**_MOST_DIGITS else f"from {least}"
        raise Invalid(f'"{name}" is {text[:20]!r}', field=name, hint=f"Use a number {bounds}")
    return int(text)


def in_query(**names: bool) -> Json:
    """For the OpenAPI document: each name, and whether it must be there."""
    return {
        "parameters": [
            {"name": name, "in": "query", "required": must, "schema": {"type": "string"}}
            for name, must in names.items()
        ]
    }
