"""Names: what a model is called, and how a revision of it is addressed.

    name      = [ [ scheme "://" ] host "/" ] [ namespace "/" ] model [ ":" tag ]
    reference = name [ "@" revision ]
    scheme    = "http" | "https"              (how to reach a registry; no part of the name)
    host      = first { first | "." | "-" | ":" }     1 to 350 characters
    namespace = first { first | "-" }                 1 to 80
    model     = first { first | "." | "-" }           1 to 80
    tag       = first { first | "." | "-" }           1 to 80
    first     = "A".."Z" | "a".."z" | "0".."9" | "_"
    revision  = "1".."9" { "0".."9" }                 1 to 9 digits

Absent parts are `registry.ollama.ai`, `library` and `latest`. Spelling is kept
and does not matter: two names are the same when their `key` is. The grammar is
Ollama's (types/model/name.go). This module knows no catalogue and no aliases.
"""

import re
import unicodedata
from dataclasses import dataclass, field, replace
from typing import Self

from modelwright.core.errors import Invalid
from modelwright.core.wording import excerpt

DEFAULT_HOST = "registry.ollama.ai"
DEFAULT_NAMESPACE = "library"
DEFAULT_TAG = "latest"

HINT = 'A name is [host/][namespace/]model[:tag], for example "mario" or "bob/mario:v1"'
_LONGEST = len("https://") + 350 + 3 * 80 + 3
_SLUG_LENGTH = 64  # leaves room for the "-2" of a name that is taken
_REVISION = re.compile(r"[1-9][0-9]{0,8}")


@dataclass(frozen=True, slots=True)
class _Rule:
    """What one part may be made of; `others` are allowed after the first character."""

    part: str
    others: str
    longest: int
    valid: re.Pattern[str]

    def fault(self, value: str) -> str:
        """Say what is wrong with `value` as this part; empty when nothing is."""
        if self.valid.fullmatch(value):  # a list reads many thousands of good names
            return ""
        if not value:
            return f"the {self.part} is empty"
        if len(value) > self.longest:
            return f"the {self.part} has {len(value)} characters, at most {self.longest} are allowed"
        if not _is_first(value[0]):
            return f"the {self.part} must begin with a letter, a digit or _, not {excerpt(value[0])}"
        for char in value:
            if not _is_first(char) and char not in self.others:
                allowed = " ".join(("_", *self.others))
                return f"the {self.part} may hold letters, digits and {allowed}, not {excerpt(char)}"
        return ""


def _rule(part: str, others: str, longest: int) -> _Rule:
    later = f"[A-Za-z0-9_{re.escape(others)}]{{0,{longest - 1}}}"
    return _Rule(part, others, longest, re.compile(f"[A-Za-z0-9_]{later}"))


_RULES = (
    _rule("host", ".-:", 350),
    _rule("namespace", "-", 80),
    _rule("model", ".-", 80),
    _rule("tag", ".-", 80),
)


def _is_first(char: str) -> bool:
    return char.isascii() and (char.isalnum() or char == "_")


@dataclass(frozen=True, slots=True)
class NameParts:
    """A name cut at its separators, nothing checked: None = absent."""

    scheme: str | None
    host: str | None
    namespace: str | None
    model: str
    tag: str | None


def split(text: str) -> NameParts:
    """Cut a name into its parts; a part that was promised but is missing is empty."""
    scheme = host = namespace = tag = None
    rest = text
    if rest.rfind(":") > rest.rfind("/"):
        rest, _, tag = rest.rpartition(":")
    rest, slash, model = rest.rpartition("/")
    if slash:
        rest, slash, namespace = rest.rpartition("/")
    if slash:
        before, mark, after = rest.partition("://")
        scheme, host = (before, after) if mark else (None, rest)
    return NameParts(scheme, host, namespace, model, tag)


@dataclass(frozen=True, slots=True)
class Name:
    """A complete, valid model name, spelled as it was given.

    `explicit`: shown with its namespace, even if that is the default.
    """

    host: str
    namespace: str
    model: str
    tag: str
    explicit: bool = field(default=False, compare=False)

    def __post_init__(self) -> None:
        for rule, value in zip(_RULES, (self.host, self.namespace, self.model, self.tag), strict=True):
            if fault := rule.fault(value):
                raise Invalid(f"invalid model name: {fault}", field="model", hint=HINT)

    @classmethod
    def parse(cls, text: str, *, field: str = "model") -> Self:
        """Read a name; absent parts get their defaults.

        Raises Invalid that says which part is wrong, and how.
        """
        parts = split(text) if len(text) <= _LONGEST else None
        fault = _fault(text, parts)
        if parts is None or fault:
            raise Invalid(f"invalid model name {excerpt(text)}: {fault}", field=field, hint=HINT)
        return cls(
            DEFAULT_HOST if parts.host is None else parts.host,
            DEFAULT_NAMESPACE if parts.namespace is None else parts.namespace,
            parts.model,
            DEFAULT_TAG if parts.tag is None else parts.tag,
        )

    def __str__(self) -> str:
        """Return the shortest form that parses to the same name; the tag is always shown."""
        if self.host.lower() != DEFAULT_HOST:
            return self.full
        if self.explicit or self.namespace.lower() != DEFAULT_NAMESPACE:
            return f"{self.namespace}/{self.model}:{self.tag}"
        return f"{self.model}:{self.tag}"

    @property
    def full(self) -> str:
        """All four parts: host/namespace/model:tag."""
        return f"{self.host}/{self.namespace}/{self.model}:{self.tag}"

    @property
    def key(self) -> str:
        """What makes the name unique: `full`, case-folded as a whole."""
        return self.full.lower()

    @property
    def short(self) -> str:
        """The display form without ":latest"."""
        return str(self)[: -len(self.tag) - 1] if self.tag.lower() == DEFAULT_TAG else str(self)


def _fault(text: str, parts: NameParts | None) -> str:
    """Say what is wrong with a name that was split; empty when nothing is."""
    if parts is None:
        return f"it has {len(text)} characters, at most {_LONGEST} are allowed"
    if not text:
        return "it is empty"
    if parts.scheme is not None and parts.scheme.lower() not in ("http", "https"):
        return f"the scheme must be http or https, not {excerpt(parts.scheme)}"
    if parts.host is not None and "/" in parts.host:
        return "it has more than three parts between slashes"
    if parts.host is None and parts.namespace is not None and set(parts.namespace) & {".", ":"}:
        return f"{excerpt(parts.namespace)} is no namespace; after a host comes a namespace, then the model"
    given = (parts.host, parts.namespace, parts.model, parts.tag)
    faults = (rule.fault(value) for rule, value in zip(_RULES, given, strict=True) if value is not None)
    return next(filter(None, faults), "")


def slug(wanted: str) -> str:
    """Make a legal model part of any text: "Mario (Bros.)" -> "mario-bros".

    At most 64 characters, lower case; "model" when nothing is left.
    """
    plain = unicodedata.normalize("NFKD", wanted[:1000].casefold())
    letters = "".join(char for char in plain if not unicodedata.combining(char))
    dashed = re.sub(r"[^a-z0-9_.]+", "-", letters.lower()).strip("-.")
    return dashed[:_SLUG_LENGTH].rstrip("-.") or "model"


@dataclass(frozen=True, slots=True)
class ModelRef:
    """A model, or with `revision` (1, 2, ...) one revision of it."""

    name: Name
    revision: int | None

    @classmethod
    def parse(cls, text: str, *, field: str = "model") -> Self:
        """Read "mario", "mario:latest@3" or "mario@3"; raises Invalid."""
        name, at, revision = text.rpartition("@")
        if not at:
            return cls(Name.parse(text, field=field), None)
        if not _REVISION.fullmatch(revision):
            raise Invalid(
                f"invalid revision {excerpt(revision)} in {excerpt(text)}",
                field=field,
                hint='A revision is a whole number from 1 to 999999999, as in "mario@3"',
            )
        return cls(Name.parse(name, field=field), int(revision))

    def __str__(self) -> str:
        return str(self.name) if self.revision is None else f"{self.name}@{self.revision}"

    def within(self, namespace: str) -> "ModelRef":
        """The same in another namespace."""
        return replace(self, name=replace(self.name, namespace=namespace))


def is_bare(text: str) -> bool:
    """Whether a reference names no namespace, so that one's own is looked in first."""
    return split(text).namespace is None


def is_trained_id(text: str) -> bool:
    """Whether a text has the form of a trained model's id: ft:base:org:suffix:id.

    Such an id is never a name: names have one colon at most behind their model.
    """
    return text.startswith("ft:") and text.count(":") >= 3


def check_reference(text: str, *, field: str = "model") -> str:
    """Raise Invalid for what can mean no model, neither by name nor by such an id."""
    if not is_trained_id(text):
        ModelRef.parse(text, field=field)
    return text
