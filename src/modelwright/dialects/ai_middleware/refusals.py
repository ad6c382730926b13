"""How this dialect refuses: in its own words, and in the original's.

The original answers nearly every fault with status 500 and a capital `Message`, and
a few with a small one. Corrected, a fault has its own status, and both keys.
"""

from typing import Final

from modelwright.core.errors import (
    Conflict,
    Corrupt,
    Invalid,
    ModelwrightError,
    NotFound,
    Unauthenticated,
    Unsupported,
)
from modelwright.dialects.base import Json
from modelwright.dialects.failure import Internal, WrongMethod, status_of

BAD_JSON: Final = "invalid json format. Please check the documentation"
NO_MODEL: Final = "Model not found"
NOT_READY: Final = "Result is not ready yet"
TAKEN: Final = (
    "A model with the same fileName already exists, the model was not created, "
    "please try again with a different fileName"
)
UNAUTHORIZED: Final = "Unauthorized"
WRONG: Final = "Something went wrong: "

_THEIRS: Final = (Invalid, NotFound, Conflict, Unsupported, Corrupt, Internal)
"""What the original has errors for; it has neither rights nor quotas."""


class Refusal(Invalid):
    """A refusal with a status and a text of this dialect's, the same in both stances.

    `more` stands in the body beside the message.
    """

    kind = "refusal"

    def __init__(self, status: int, message: str, more: Json | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.more = more or {}


class Spoken(Invalid):
    """A refusal in the body and with the status that the original has for it."""

    kind = "refusal"

    def __init__(self, message: str, body: Json | None = None) -> None:
        super().__init__(message)
        self.body = body or {"Message": f"{WRONG}{message}"}


def corrected(error: ModelwrightError) -> tuple[int, Json]:
    """Status and body of an error where faults are mended."""
    text = str(error)
    if isinstance(error, Refusal):
        return error.status, {"message": text, "Message": text, **error.more}
    return status_of(error), {"message": text, "Message": text}


def exact(error: ModelwrightError) -> tuple[int, Json]:
    """Status and body as the original has them."""
    if isinstance(error, Spoken):
        return 500, error.body
    if isinstance(error, Refusal):
        return error.status, {"message": error.message}
    if isinstance(error, Unauthenticated):
        return 401, {"message": UNAUTHORIZED}
    if isinstance(error, WrongMethod) or (isinstance(error, NotFound) and error.thing == "route"):
        return status_of(error), {"message": str(error)}
    status = 500 if isinstance(error, _THEIRS) else status_of(error)
    return status, {"Message": f"{WRONG}{error}"}
