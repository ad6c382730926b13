"""Audit: what is written down of what was done, and the quotas that limit it.

Counts and names, never a prompt or an answer.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, Protocol

from modelwright.core.errors import Invalid
from modelwright.core.wording import excerpt

QUOTAS: Final = ("models", "bytes", "jobs", "requests_per_minute", "streams", "tokens_per_day")
"""What can be limited: models owned, bytes uploaded, jobs and answers at one time, and so on."""

MOST: Final = 2**53


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the log: who did what to which thing, and which revision of it.

    `action` is create, change, move, hide, delete, collect, pull, import, adopt, train, sign,
    push, export, use, read, grant, revoke, reshare, transfer, user, group, account, key,
    quota or setting.
    `detail` says more in texts and numbers.
    """

    at: datetime
    principal: str
    name: str
    action: str
    thing: str
    model: int | None = None
    revision: int | None = None
    detail: Mapping[str, str | int] = field(default_factory=dict)
    id: int = 0


@dataclass(frozen=True, slots=True)
class Tokens:
    """Tokens that a principal used on a day, counted since 1970 in UTC."""

    principal: str
    day: int
    count: int


class AuditLog(Protocol):
    """The log, and what is counted beside it."""

    async def append(self, entries: Sequence[Entry], tokens: Sequence[Tokens] = ()) -> None:
        """Write lines and add up tokens, all or nothing."""
        ...

    async def entries(
        self, *, limit: int, before: int | None = None, model: str = "", principal: str = ""
    ) -> Sequence[Entry]:
        """The last lines first; `before` is the id of the first unwanted one."""
        ...

    async def tokens(self, principal: str, day: int) -> int: ...

    async def quotas(self, principal: str) -> Mapping[str, int]:
        """What was set for this principal alone."""
        ...

    async def set_quota(self, principal: str, quota: str, most: int | None, line: Entry) -> None:
        """Limit something, or with None no longer, and write that down."""
        ...


def check_quota(name: str, most: int | None = None) -> str:
    """The name of a quota; raises Invalid for an unknown one, or an impossible limit."""
    if name not in QUOTAS:
        raise Invalid(
            f"unknown quota {excerpt(name)}", field="quota", hint=f"Allowed are {', '.join(QUOTAS)}"
        )
    if most is not None and not 0 <= most <= MOST:
        raise Invalid(f"a quota of {most}", field="most", hint=f"Allowed is 0 to {MOST}")
    return name


def read_quotas(text: str) -> dict[str, int]:
    """Read "models=100,streams=4"; raises Invalid."""
    found = {}
    for part in filter(None, (part.strip() for part in text.split(","))):
        name, _, most = part.partition("=")
        if not most.strip().isascii() or not most.strip().isdigit() or len(most) > 17:
            raise Invalid(f"invalid quota {excerpt(part)}", field="quotas", hint='It is as in "models=100"')
        found[check_quota(name.strip(), int(most))] = int(most)
    return found
