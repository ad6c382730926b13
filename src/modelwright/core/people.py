"""People: users, service accounts, groups, accounts (tenants) and their keys.

What is known of them, and what a book of them must be able to do. No secret is
ever in one of these values but in NewKey, which is shown once.
"""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Final, Protocol

from modelwright.core.errors import Invalid
from modelwright.core.grants import EVERYTHING, ROLES, Principal, Role, Scopes
from modelwright.core.names import DEFAULT_NAMESPACE, slug
from modelwright.core.wording import excerpt

LONGEST_NAME: Final = 80
LONGEST_DESCRIPTION: Final = 4096
MOST_EXTRAS: Final = 256 * 1024
"""Characters of what one dialect alone keeps about a user or a group."""
PASSWORD_LENGTHS: Final = (8, 256)

_NAME: Final = re.compile(r"[^\s\x00-\x1f\x7f:/](?:[^\x00-\x1f\x7f:/]{0,78}[^\s\x00-\x1f\x7f:/])?")
_EMAIL: Final = re.compile(r"[^@\s\x00-\x1f\x7f]{1,64}@[^@\s\x00-\x1f\x7f]{1,190}")


@dataclass(frozen=True, slots=True)
class User:
    """A user or, with the role "service", a service account.

    `account` is an id, or empty; models it makes stand in `namespace`, but an
    admin's in the library. `extras`: what one dialect alone knows, by its name.
    """

    id: str
    name: str
    role: Role
    namespace: str
    created_at: datetime
    email: str = ""
    account: str = ""
    extras: Mapping[str, Any] = field(default_factory=dict, hash=False)

    def acting(self, groups: tuple[str, ...] = (), scopes: Scopes | None = None) -> Principal:
        """The user as one who acts, with the scopes of the key that it uses."""
        principal = Principal(
            self.id,
            self.name,
            self.role,
            groups,
            self.account,
            "" if self.role == "admin" else self.namespace,
        )
        return principal if scopes is None else replace(principal, scopes=scopes)


@dataclass(frozen=True, slots=True)
class Group:
    """A group; `members` are ids of users, `extras` what one dialect alone knows."""

    id: str
    name: str
    created_at: datetime
    members: tuple[str, ...] = ()
    description: str = ""
    extras: Mapping[str, Any] = field(default_factory=dict, hash=False)


@dataclass(frozen=True, slots=True)
class Account:
    """A tenant: users of one account can be granted things together."""

    id: str
    name: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Key:
    """What is known of a key but the key; a `session` is one got by signing in."""

    id: str
    user: str
    label: str
    created_at: datetime
    scopes: Scopes = EVERYTHING
    session: bool = False
    expires_at: datetime | None = None
    used_at: datetime | None = None
    revoked_at: datetime | None = None

    def is_good(self, at: datetime) -> bool:
        return self.revoked_at is None and (self.expires_at is None or at < self.expires_at)


@dataclass(frozen=True, slots=True)
class NewKey:
    """A key with its secret, as it is shown once."""

    key: Key
    secret: str


@dataclass(frozen=True, slots=True)
class HeldKey:
    """A key as the book holds it: whose it is, the hash of its secret in hexadecimal."""

    key: Key
    hash: str
    user: User
    groups: tuple[str, ...]


class People(Protocol):
    """The book of people and keys; every write is one transaction.

    `text` in `find_...` is an id, a name in any case, or for users an email.
    """

    async def has_anybody(self) -> bool:
        """Whether there ever was a user."""
        ...

    async def add_user(self, user: User, password: str | None) -> User:
        """Add one, under a namespace that is free; Conflict for a taken name or email."""
        ...

    async def users(self) -> Sequence[User]: ...

    async def find_user(self, text: str) -> User | None: ...

    async def password_of(self, email: str) -> tuple[User, str] | None:
        """A user and the hash of its password, if it has one."""
        ...

    async def change_user(self, user: User, password: str | None = None) -> None:
        """Write role, email and account, and the hash of a password if one is given.

        Raises Conflict for a taken email, and when no admin would be left.
        """
        ...

    async def put_extras(self, user: str, dialect: str, content: Mapping[str, Any]) -> bool:
        """Write what a dialect keeps about a user; False when that is here no more."""
        ...

    async def delete_user(self, id: str, at: datetime) -> bool:
        """Let nobody act as this user any more; Conflict for the last admin."""
        ...

    async def add_group(self, group: Group) -> None: ...

    async def groups(self, member: str = "") -> Sequence[Group]:
        """All of them, or those that a user is in."""
        ...

    async def find_group(self, text: str) -> Group | None: ...

    async def change_group(self, group: Group) -> None:
        """Write name, description and extras; Conflict for a taken name."""
        ...

    async def delete_group(self, id: str) -> bool:
        """Remove a group and what was granted to it."""
        ...

    async def put_members(self, group: str, users: Collection[str]) -> None: ...

    async def remove_members(self, group: str, users: Collection[str]) -> None: ...

    async def add_account(self, account: Account) -> None: ...

    async def accounts(self) -> Sequence[Account]: ...

    async def find_account(self, text: str) -> Account | None: ...

    async def add_key(self, key: Key, hash: str) -> None: ...

    async def keys(self, user: str = "") -> Sequence[Key]: ...

    async def held_key(self, id: str) -> HeldKey | None:
        """A key of somebody who is still there."""
        ...

    async def revoke_key(self, id: str, at: datetime) -> bool: ...

    async def note_uses(self, uses: Mapping[str, datetime]) -> None:
        """Remember when keys, by id, were used last."""
        ...


def check_name(text: str, thing: str) -> str:
    """A person's, group's or account's name; raises Invalid that says what it may be."""
    if len(text) > LONGEST_NAME or not _NAME.fullmatch(text) or not text.isprintable():
        raise Invalid(
            f"invalid name of a {thing}: {excerpt(text)}",
            field="name",
            hint=f"It has 1 to {LONGEST_NAME} printable characters, no colon or slash, no blank at an end",
        )
    return text


def check_description(text: str) -> str:
    """What is told of a group; raises Invalid when it is too long, or cannot be shown."""
    if len(text) > LONGEST_DESCRIPTION or "\x00" in text:
        raise Invalid(
            f"the description has {len(text)} characters",
            field="description",
            hint=f"Use at most {LONGEST_DESCRIPTION}, none of them NUL",
        )
    return text


def check_email(text: str) -> str:
    if not _EMAIL.fullmatch(text) or not text.isprintable():
        raise Invalid(f"invalid email {excerpt(text)}", field="email", hint="It looks like ada@example.com")
    return text


def check_password(text: str) -> str:
    least, most = PASSWORD_LENGTHS
    if not least <= len(text) <= most:
        raise Invalid(
            f"the password has {len(text)} characters", field="password", hint=f"Use {least} to {most}"
        )
    return text


def check_role(text: str) -> Role:
    found: Role
    for found in ("admin", "user", "pending", "service"):
        if text == found:
            return found
    raise Invalid(f"unknown role {excerpt(text)}", field="role", hint=f"Allowed are {', '.join(ROLES)}")


def namespaces_for(name: str) -> tuple[str, ...]:
    """Namespaces that a user of this name may get, the nicest first."""
    plain = slug(name).replace(".", "-").strip("-") or "user"
    wanted = f"{plain}-1" if plain == DEFAULT_NAMESPACE else plain
    return (wanted, *(f"{plain}-{number}" for number in range(2, 1000)))
