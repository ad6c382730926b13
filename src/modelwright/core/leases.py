"""Leases: what of a quota is taken, and for how long.

Pure. How a claim is weighed against what others hold is the same in memory and in
a database: `find_refused` is the one rule.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from modelwright.core.audit import Tokens


@dataclass(frozen=True, slots=True)
class Claim:
    """Room of a quota: `weight` out of `most`, until its end or for `seconds`.

    A `lasting` one is never ended: it counts for its seconds, also when another
    claim of the same request was refused. With a `day`, the tokens used on it count too.
    """

    id: str
    quota: str
    most: int
    seconds: float
    weight: int = 1
    lasting: bool = False
    day: int | None = None


@dataclass(frozen=True, slots=True)
class Refusal:
    """A claim that there is no room for.

    `wait`: in how many seconds there is, as far as that is known; `spent`: the day's
    tokens are used up, and no answer that ends makes room.
    """

    claim: Claim
    wait: float = 0.0
    spent: bool = False


@dataclass(frozen=True, slots=True)
class Held:
    """What is taken of one quota: the weights, and when the first one ends."""

    weight: int = 0
    wait: float = 0.0


def find_refused(
    claims: Iterable[Claim], held: Mapping[str, Held], used: Mapping[int, int]
) -> Refusal | None:
    """The first claim that has no room beside what is held, and used by day."""
    for claim in claims:
        now = held.get(claim.quota, Held())
        spent = 0 if claim.day is None else used.get(claim.day, 0)
        if spent >= claim.most and claim.day is not None:
            return Refusal(claim, spent=True)
        if spent + now.weight >= claim.most:
            return Refusal(claim, now.wait)
    return None


def split(claims: Sequence[Claim], refusal: Refusal | None) -> Sequence[Claim]:
    """What is taken: all, or what lasts of those before the refused one."""
    if refusal is None:
        return claims
    return [claim for claim in claims[: claims.index(refusal.claim)] if claim.lasting]


class LeaseBook(Protocol):
    """Leases in a catalogue of several servers; a call is a transaction."""

    async def take(self, principal: str, claims: Sequence[Claim], holder: str) -> Refusal | None:
        """Take all, or none but what lasts; `holder` is the server."""
        ...

    async def end(self, leases: Sequence[str], tokens: Sequence[Tokens] = ()) -> None:
        """Give back what was taken, and add up the tokens it was for."""
        ...

    async def renew(self, holder: str, seconds: float) -> None:
        """Let what a server holds count for longer, but for what lasts."""
        ...
