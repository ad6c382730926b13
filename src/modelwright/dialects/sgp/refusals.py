"""How this dialect refuses: a request's faults as a list, all else as a text.

Facts: the platform's OpenAPI document, HTTPValidationError.
"""

from collections.abc import Iterable, Mapping
from typing import Any, TypeVar

from pydantic import ValidationError
from starlette.requests import Request

from modelwright.core.errors import Invalid, ModelwrightError
from modelwright.core.wording import excerpt
from modelwright.dialects.base import Json
from modelwright.dialects.body import Limits, read_tree
from modelwright.dialects.failure import status_of
from modelwright.dialects.fields import Wire

W = TypeVar("W", bound=Wire)


class Unprocessable(Invalid):
    """A request whose fields are wrong; `faults` have `loc`, `msg` and `type`."""

    kind = "unprocessable"

    def __init__(self, faults: Iterable[Mapping[str, Any]]) -> None:
        self.faults = [dict(fault) for fault in faults]
        first = self.faults[0]
        place = ".".join(str(step) for step in first["loc"][1:])
        super().__init__(f'"{place}": {first["msg"]}', field=place)

    @classmethod
    def of(cls, place: tuple[str | int, ...], message: str, given: object = None) -> "Unprocessable":
        """One fault; `place` begins with "body" or "query"."""
        return cls([{"loc": list(place), "msg": message, "type": "value_error", "input": _plain(given)}])


async def read_request(request: Request, model: type[W], limits: Limits) -> W:
    """Read a body; raises Unprocessable that lists every fault."""
    return checked(model, await read_tree(request, limits))


def checked(model: type[W], tree: Json) -> W:
    """Check a JSON object against its wire type; raises Unprocessable."""
    try:
        return model.model_validate(tree)
    except ValidationError as error:
        raise Unprocessable(
            {
                "loc": ["body", *fault["loc"]],
                "msg": fault["msg"],
                "type": fault["type"],
                "input": _plain(fault["input"]),
            }
            for fault in error.errors(include_url=False, include_context=False)
        ) from None


def error_body(error: ModelwrightError) -> tuple[int, Json]:
    """The status and body of an error."""
    if isinstance(error, Unprocessable):
        return 422, {"detail": error.faults}
    return status_of(error), {"detail": str(error)}


def _plain(value: object) -> object:
    """What is shown of a bad value: short, and nothing that is no JSON."""
    if value is None or isinstance(value, bool | int | float):
        return value
    return excerpt(value)[1:-1] if isinstance(value, str) else None
