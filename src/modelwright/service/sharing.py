"""Sharing: who is given what on a model, by its owner or an admin."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from modelwright.core.errors import Denied, Invalid, NotFound
from modelwright.core.grants import Grant, Level, Principal, Subject, Verb
from modelwright.core.ports import Clock
from modelwright.core.sharing import Grants
from modelwright.service.access import Access
from modelwright.service.accounts import Accounts


@dataclass(frozen=True, slots=True)
class Shares:
    """How a model is shared: its owner's id, grants, wrappers that share it on."""

    owner: str
    grants: Sequence[Grant]
    wrappers: Sequence[str]


class Sharing:
    """Gives and takes rights; it needs "own" on the model, unless said otherwise."""

    def __init__(self, access: Access, accounts: Accounts, grants: Grants, clock: Clock) -> None:
        self._access = access
        self._accounts = accounts
        self._grants = grants
        self._clock = clock

    async def shares(self, by: Principal, model: str, *, right: Verb = Verb.GRANT) -> Shares:
        """How a model is shared; for who has the level of `right` on it."""
        stored = await self._access.find(by, model, right)
        found = await self._grants.grants_of(stored.id), await self._grants.reshares_of(stored.id)
        return Shares(stored.owner, *found)

    async def all_grants(self) -> Mapping[str, Sequence[Grant]]:
        """Everybody's grants by the key of the model's name; not filtered for anybody."""
        return await self._grants.every()

    async def grant(self, by: Principal, model: str, principal: str, level: str) -> Grant:
        """Give somebody a level; "none" takes it away."""
        stored = await self._access.find(by, model, Verb.GRANT)
        subject = await self._accounts.subject(principal)
        if level == "none":
            if not await self._grants.remove(stored, subject, by, self._clock.now()):
                raise NotFound("grant", f"{stored.name.short} for {principal}", field="principal")
            return Grant(subject, Level.USE)
        wanted = _checked(Grant(subject, Level.parse(level)))
        await self._grants.put(stored, wanted, by, self._clock.now())
        return wanted

    async def revoke(self, by: Principal, model: str, principal: str) -> None:
        """Take away what somebody was given; NotFound when that is nothing."""
        await self.grant(by, model, principal, "none")

    async def replace(
        self, by: Principal, model: str, wanted: Sequence[Grant], *, right: Verb = Verb.GRANT
    ) -> Sequence[Grant]:
        """Make these the grants of a model, and no others.

        `right`: whose level is enough, where a dialect asks for less than ours.
        """
        stored = await self._access.find(by, model, right)
        highest: dict[Subject, Grant] = {}
        for grant in wanted:
            before = highest.get(grant.subject)
            if before is None or before.level < grant.level:
                highest[grant.subject] = _checked(grant)
        await self._grants.replace(stored, tuple(highest.values()), by, self._clock.now())
        return tuple(highest.values())

    async def reshare(self, by: Principal, base: str, wrapper: str, *, allowed: bool = True) -> None:
        """Let the users of a wrapper use its base through it, or no longer.

        Needs "own" on the base; on the wrapper it is enough to know it.
        """
        through = await self._access.find(by, wrapper, Verb.SHOW, field="wrapper")
        stored = await self._access.find(by, base, Verb.GRANT, field="base")
        if allowed:
            await self._grants.reshare(stored, through, by, self._clock.now())
        elif not await self._grants.end_reshare(stored, through, by, self._clock.now()):
            raise NotFound("re-share", f"{stored.name.short} through {through.name.short}", field="wrapper")

    async def transfer(self, by: Principal, model: str, user: str) -> None:
        """Make somebody else the owner of a model."""
        stored = await self._access.find(by, model, Verb.GRANT)
        to = await self._accounts.user(user)
        if to.role == "pending":
            raise Denied(f'"{to.name}" is not admitted yet', field="user")
        await self._grants.transfer(stored, to.acting(), by, self._clock.now())


def _checked(grant: Grant) -> Grant:
    if grant.subject.kind == "everyone" and grant.level > Level.DERIVE:
        raise Invalid(
            f'everyone cannot be given "{grant.level.word}"',
            field="level",
            hint='Give "use", "read" or "derive", or name who is to have more',
        )
    return grant
