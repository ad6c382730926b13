"""The error tree: every failure that may cross a room boundary.

Grouped by who can mend it. No HTTP words here: a dialect maps a kind to its
status and shapes the body.

    ModelwrightError
    |- NotFound      the named thing is not there (or may not be known)
    |- Conflict      it is there and stands in the way
    |  `- Lost           what was in hand is not any more
    |- Invalid       the caller's input is wrong
    |  `- ContextExceeded  it has more tokens than the context holds
    |- TooLarge      the caller's input is over a limit
    |- Denied        known, but not allowed
    |  `- Unauthenticated   nobody has said who is asking, or not provably
    |- Unsupported   right, but this model or this version cannot do it
    |- Unavailable   right, but not now; try again
    |  `- Exhausted         a quota is used up
    `- Corrupt       stored bytes are not what their digest says
"""

from typing import ClassVar


class ModelwrightError(Exception):
    """Base of every error of ours.

    `message` names the thing and quotes the bad value; `field` is where in the
    caller's input it stands ("parameters.temperature"); `hint` is the next step.
    """

    kind: ClassVar[str] = "error"

    def __init__(self, message: str, *, field: str = "", hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.field = field
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message}. {self.hint}" if self.hint else self.message


class NotFound(ModelwrightError):
    """A named thing is absent; `thing` is its kind ("model"), `name` as asked."""

    kind = "not_found"

    def __init__(self, thing: str, name: str, *, field: str = "", hint: str = "") -> None:
        super().__init__(f"{thing} '{name}' not found", field=field, hint=hint)
        self.thing = thing
        self.name = name


class Conflict(ModelwrightError):
    """Something that exists already stands in the way."""

    kind = "conflict"


class Lost(Conflict):
    """A thing that was in hand was changed, or taken up, by another meanwhile."""


class Invalid(ModelwrightError):
    """The input is wrong: type, range, syntax, reference."""

    kind = "invalid"


class ContextExceeded(Invalid):
    """What is to be answered has more tokens than the context holds."""

    def __init__(self, tokens: int, context: int, *, field: str = "messages") -> None:
        super().__init__(
            f"the prompt is {tokens} tokens long, the context holds {context}: "
            "the input length exceeds the context length",
            field=field,
            hint="Shorten it, or raise num_ctx as far as the model was trained for",
        )
        self.tokens = tokens
        self.context = context


class TooLarge(ModelwrightError):
    """The input is over a limit; the message names the limit and its setting."""

    kind = "too_large"


class Denied(ModelwrightError):
    """The principal may know the thing but not do this with it."""

    kind = "denied"


class Unauthenticated(Denied):
    """Who asks is not known; the message never says whether a key once was."""

    kind = "unauthenticated"


class Unsupported(ModelwrightError):
    """The request is well formed, but this model or version cannot do it."""

    kind = "unsupported"


class Unavailable(ModelwrightError):
    """Not possible now; `retry_after` is in seconds."""

    kind = "unavailable"

    def __init__(self, message: str, *, retry_after: int = 1, field: str = "", hint: str = "") -> None:
        super().__init__(message, field=field, hint=hint)
        self.retry_after = retry_after


class Exhausted(Unavailable):
    """A quota is used up; the message names it, its limit and whose it is."""

    kind = "exhausted"


class Corrupt(ModelwrightError):
    """Stored or uploaded bytes do not match their digest, or are damaged."""

    kind = "corrupt"


ERROR_KINDS: tuple[type[ModelwrightError], ...] = (
    NotFound,
    Conflict,
    Invalid,
    TooLarge,
    Denied,
    Unauthenticated,
    Unsupported,
    Unavailable,
    Exhausted,
    Corrupt,
)
