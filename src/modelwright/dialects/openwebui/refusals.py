"""What Open WebUI says when it refuses: its statuses and its texts.

Facts: open-webui 0.12.4, constants.py and routers/models.py. "docs" are the words
of its documentation page for creating a model, which differ from the product's.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import MappingProxyType
from typing import Any, Final, Literal, TypeAlias

from modelwright.core.errors import Denied, Invalid, NotFound

Wording: TypeAlias = Literal["product", "docs"]

UNAUTHORIZED: Final = "401 Unauthorized"
PROHIBITED: Final = (
    "You do not have permission to access this resource. Please contact your administrator for assistance."
)
NOT_FOUND: Final = "We could not find what you're looking for :/"
ID_TAKEN: Final = "Uh-oh! This model id is already registered. Please choose another model id string."
ID_TOO_LONG: Final = (
    "The model id is too long. Please make sure your model id is less than 256 characters long."
)
NO_VERSION: Final = "Model version not found"
NO_BASE: Final = "The base model is unavailable."
CURRENT_VERSION: Final = "Cannot delete the current version"
VERSION_CONFLICT: Final[Mapping[str, str]] = MappingProxyType({"code": "version_conflict"})
NO_MODEL: Final = "Model not found"
NOT_TO_THEM: Final = "You do not have permission to share with the requested audience"
NO_KEY: Final = (
    "Oops! It looks like there's a hiccup. The API key is missing. "
    "Please make sure to provide a valid API key to access this feature."
)
NO_CREDENTIAL: Final = "Not authenticated"
EXPIRED: Final = "Your session has expired or the token is invalid. Please sign in again."
BAD_PASSWORD: Final = "The password provided is incorrect. Please check for typos and try again."
EMAIL_TAKEN: Final = (
    "Uh-oh! This email is already registered. "
    "Sign in with your existing account or choose another email to start anew."
)
RESTRICTED: Final = "The requested action has been restricted as a security measure."
BAD_LOGIN: Final = (
    "The email or password provided is incorrect. Please check for typos and try logging in again."
)

_DOCS: Final[Mapping[str, tuple[int, str]]] = MappingProxyType(
    {
        ID_TAKEN: (400, "Model ID is already taken"),
        ID_TOO_LONG: (400, "Model ID is too long (max 256 characters)"),
        UNAUTHORIZED: (401, "Unauthorized"),
    }
)


class Refusal(Invalid):
    """An error as Open WebUI words it; `detail` is a text, or a list of faults."""

    kind = "refusal"

    def __init__(self, status: int, detail: Any) -> None:
        super().__init__(detail if isinstance(detail, str) else "the request is not valid")
        self.status = status
        self.detail = dict(detail) if isinstance(detail, Mapping) else detail

    def worded(self, wording: Wording) -> tuple[int, Any]:
        """Status and detail, in the words asked for."""
        if wording == "docs" and isinstance(self.detail, str):
            return _DOCS.get(self.detail, (self.status, self.detail))
        return self.status, self.detail


Said: TypeAlias = tuple[int, str]

ABSENT: Final[Said] = (401, NOT_FOUND)
"""A model that is not there, or that the caller may not know of, on most routes."""


@contextmanager
def said(absent: Said = ABSENT, denied: Said = (401, UNAUTHORIZED)) -> Iterator[None]:
    """Word what the services raise about a model as this route does."""
    try:
        yield
    except NotFound as error:
        if error.thing not in ("model", "base", "base of model"):
            raise
        raise Refusal(*absent) from error
    except Denied as error:
        raise Refusal(*denied) from error
