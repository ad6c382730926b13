"""Who acts, and what may be done: principals, levels, verbs, grants.

Knows nothing of keys, carriers or tables. How these decide is in access.py.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from enum import IntEnum, StrEnum
from types import MappingProxyType
from typing import Final, Literal, Self, TypeAlias, get_args

from modelwright.core.errors import Invalid
from modelwright.core.wording import excerpt

Role: TypeAlias = Literal["admin", "user", "pending", "service"]
"""An admin may everything; who is pending may nothing yet; a service is no person."""

ROLES: Final[tuple[str, ...]] = get_args(Role)


class Level(IntEnum):
    """What a grant gives on a model; each level holds those before it."""

    USE = 1
    READ = 2
    DERIVE = 3
    WRITE = 4
    OWN = 5

    @property
    def word(self) -> str:
        return self.name.lower()

    @classmethod
    def parse(cls, text: str, *, field: str = "level") -> Self:
        """Read "use", "read", "derive", "write" or "own"; raises Invalid."""
        found = next((level for level in cls if level.word == text), None)
        if found is None:
            allowed = ", ".join(level.word for level in cls)
            raise Invalid(f"unknown level {excerpt(text)}", field=field, hint=f"Allowed are {allowed}")
        return found


class Verb(StrEnum):
    """What a route does; each route of each dialect declares one."""

    OPEN = "open"
    """Nothing that concerns anybody: nobody is asked who they are."""
    SELF = "self"
    """Something about the caller alone."""
    LIST = "list"
    """What the caller may know, and nothing else."""
    SHOW = "show"
    USE = "use"
    READ = "read"
    DERIVE = "derive"
    CREATE = "create"
    UPLOAD = "upload"
    UPDATE = "update"
    DELETE = "delete"
    GRANT = "grant"
    PUSH = "push"
    ADMINISTER = "administer"
    """For admins only."""

    @classmethod
    def parse(cls, text: str, *, field: str = "verb") -> Self:
        found = next((verb for verb in cls if verb.value == text), None)
        if found is None:
            raise Invalid(f"unknown verb {excerpt(text)}", field=field, hint=f"Allowed are {', '.join(cls)}")
        return found


NEEDED: Final[Mapping[Verb, Level]] = MappingProxyType(
    {
        Verb.SHOW: Level.USE,
        Verb.USE: Level.USE,
        Verb.READ: Level.READ,
        Verb.DERIVE: Level.DERIVE,
        Verb.UPDATE: Level.WRITE,
        Verb.DELETE: Level.OWN,
        Verb.GRANT: Level.OWN,
        Verb.PUSH: Level.OWN,
    }
)
"""The level that a verb needs on the model it is done to."""


@dataclass(frozen=True, slots=True)
class Scopes:
    """What a key may at most; an empty set leaves open what it is about.

    `models` are Name.key; the other two are names of dialects and verbs.
    """

    dialects: frozenset[str] = frozenset()
    verbs: frozenset[str] = frozenset()
    models: frozenset[str] = frozenset()

    def allow(self, verb: Verb, dialect: str) -> bool:
        return (not self.verbs or verb in self.verbs) and (not self.dialects or dialect in self.dialects)

    def allow_model(self, key: str) -> bool:
        return not self.models or key in self.models


def scopes_of(
    dialects: Collection[str] = (), verbs: Collection[str] = (), models: Collection[str] = ()
) -> Scopes:
    """Scopes of a key; `models` are keys of names. Raises Invalid for an unknown verb."""
    known = frozenset(Verb.parse(verb, field="verbs").value for verb in verbs)
    return Scopes(frozenset(dialects), known, frozenset(models))


EVERYTHING: Final = Scopes()
EVERYONE: Final = "everyone"


@dataclass(frozen=True, slots=True)
class Subject:
    """Whom a grant is for: a user (or service account), a group, an account, all.

    `id` is empty for everyone.
    """

    kind: Literal["user", "group", "account", "everyone"]
    id: str = ""

    def __str__(self) -> str:
        return f"{self.kind}:{self.id}" if self.id else self.kind

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read what `str` gives; raises Invalid."""
        kind, _, rest = text.partition(":")
        for known in ("user", "group", "account"):
            if kind == known and rest:
                return cls(known, rest)
        if text == EVERYONE:
            return cls("everyone")
        raise Invalid(f"{excerpt(text)} is nobody that can be given anything", field="subject")


@dataclass(frozen=True, slots=True)
class Principal:
    """A user or service account that acts; `name` signs revisions.

    `groups` and `account` are ids. Models it makes under a bare name stand in its
    `namespace`, or in `library` when that is empty. `scopes` are those of its key.
    """

    id: str
    name: str
    role: Role = "user"
    groups: tuple[str, ...] = ()
    account: str = ""
    namespace: str = ""
    scopes: Scopes = field(default=EVERYTHING)

    @property
    def is_admin(self) -> bool:
        return self.role == "admin"

    @property
    def subjects(self) -> tuple[str, ...]:
        """Whose grants are its own, as `Subject` spells them."""
        groups = (f"group:{group}" for group in self.groups)
        account = (f"account:{self.account}",) if self.account else ()
        return (f"user:{self.id}", *groups, *account, EVERYONE)


@dataclass(frozen=True, slots=True)
class Grant:
    """What somebody may do with a model."""

    subject: Subject
    level: Level


LOCAL_ADMIN: Final = Principal("local", "local", "admin")
"""Whoever can reach a keyless server on the loopback address."""

MAKER: Final = Principal("modelwright", "modelwright", "admin")
"""Whoever made what comes with the package."""
