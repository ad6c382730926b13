"""Failures at the edge: which status an error has, and what may be said of it.

The errors that only HTTP can have (a wrong method, headers that are too large)
are added to core's tree here; a dialect shapes the body of any of them.
"""

import logging
import secrets
from collections.abc import Mapping
from typing import Final

from modelwright.core.errors import (
    Conflict,
    Corrupt,
    Denied,
    Exhausted,
    Invalid,
    ModelwrightError,
    NotFound,
    TooLarge,
    Unauthenticated,
    Unavailable,
    Unsupported,
)

_LOG = logging.getLogger(__name__)


class WrongMethod(Invalid):
    """The path exists, the method does not; `allowed` as in the Allow header."""

    kind = "wrong_method"

    def __init__(self, method: str, path: str, allowed: str) -> None:
        super().__init__(f"{method} is not allowed on {path}", hint=f"Allowed: {allowed}")
        self.allowed = allowed


class HeadersTooLarge(TooLarge):
    """The request's header fields are over a limit."""

    kind = "headers_too_large"


class Internal(ModelwrightError):
    """A fault of ours; `message` holds an id that stands in the log, no more."""

    kind = "internal"


STATUS: Final[Mapping[type[ModelwrightError], int]] = {
    NotFound: 404,
    Conflict: 409,
    Invalid: 400,
    TooLarge: 413,
    Denied: 403,
    Unauthenticated: 401,
    Unsupported: 400,
    Unavailable: 503,
    Exhausted: 429,
    Corrupt: 500,
    WrongMethod: 405,
    HeadersTooLarge: 431,
    Internal: 500,
}
"""Kind of error -> status, the same in every dialect so far."""


def status_of(error: ModelwrightError) -> int:
    """The status of an error: its own kind's, else its nearest ancestor's."""
    return next((STATUS[kind] for kind in type(error).__mro__ if kind in STATUS), 500)


def headers_of(error: ModelwrightError) -> dict[str, str]:
    """The header fields that an error brings along."""
    if isinstance(error, Unavailable):
        return {"Retry-After": str(error.retry_after)}
    if isinstance(error, WrongMethod):
        return {"Allow": error.allowed}
    if isinstance(error, Conflict):
        return {"x-should-retry": "false"}  # many clients would ask again, and get the same answer
    if isinstance(error, Unauthenticated):
        return {"WWW-Authenticate": 'Bearer realm="modelwright"'}
    return {}


def known(error: Exception) -> ModelwrightError:
    """An error that may be shown; an unforeseen one is logged and hidden."""
    if isinstance(error, ModelwrightError):
        return error
    number = secrets.token_hex(6)
    _LOG.error("internal error %s", number, exc_info=error)
    return Internal(f"internal error {number}", hint="The server's log says more under this number")
