"""Pages of OpenAI's lists: what the query asks for, what a page says of itself."""

from collections.abc import Sequence
from typing import Any, Final

from starlette.requests import Request

from modelwright.core.errors import Invalid
from modelwright.dialects.query import whole

USUAL: Final = 20


def limit_of(request: Request, *, usual: int = USUAL, most: int = 100) -> int:
    """How many the page may hold; raises Invalid for what is no number from 1."""
    return whole(request, "limit", usual, most=most)


def is_oldest_first(request: Request, *, ascending: str = "asc", descending: str = "desc") -> bool:
    """Whether the query's order is from old to new."""
    order = request.query_params.get("order", descending)
    if order not in (ascending, descending):
        raise Invalid(f'"order" is {order[:20]!r}', field="order", hint=f"Use {ascending} or {descending}")
    return order == ascending


def page(data: Sequence[dict[str, Any]], *, more: bool) -> dict[str, Any]:
    """A page; its first and last id are what the next one is asked for by."""
    return {
        "object": "list",
        "data": list(data),
        "first_id": data[0]["id"] if data else None,
        "last_id": data[-1]["id"] if data else None,
        "has_more": more,
    }
