"""Users and groups as Open WebUI shows them, and what models give to whom."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from modelwright.core.errors import Denied, Invalid, NotFound
from modelwright.core.grants import Grant, Level, Principal, Verb
from modelwright.core.people import Group, User
from modelwright.core.wording import excerpt
from modelwright.dialects.openwebui.entries import Found
from modelwright.dialects.openwebui.entry import DIALECT
from modelwright.dialects.openwebui.refusals import NOT_FOUND, Refusal
from modelwright.dialects.openwebui.stance import permissions_of, permitted
from modelwright.dialects.openwebui.standing import Standing
from modelwright.dialects.openwebui.variables import Speaker
from modelwright.service.rights import Rights


class People:
    """Who there is, for the routes of this dialect."""

    def __init__(self, rights: Rights, standing: Standing) -> None:
        self._rights = rights
        self._standing = standing
        self._accounts = rights.accounts
        self._sharing = rights.sharing
        self._grants: Mapping[str, Sequence[Grant]] | None = None
        self._users: Mapping[str, User] | None = None

    async def survey(self) -> "People":
        """The same people, read at once: for a list, and for no changes."""
        other = People(self._rights, self._standing)
        other._grants = await self._sharing.all_grants()
        other._users = {user.id: user for user in await self._accounts.users()}
        return other

    async def grants(self, principal: Principal, found: Found) -> Sequence[Grant]:
        """The grants of a model, for who may change it; else none."""
        if self._grants is not None:
            gives = found.is_writable
            return self._grants.get(found.key, ()) if gives else ()
        try:
            return (await self._sharing.shares(principal, found.name, right=Verb.UPDATE)).grants
        except (Denied, NotFound):  # gone, or given away by the very call
            return ()

    async def share(self, principal: Principal, found: Found, wanted: Iterable[Grant]) -> None:
        """Make these the grants of a model; those to accounts, not shown, stay.

        Who may change it may share it, as in the product; "own", which that has not, is
        the owner's to take.
        """
        owns = found.summary.level >= Level.OWN
        kept = [
            each
            for each in await self.grants(principal, found)
            if each.subject.kind == "account" or (each.level > Level.WRITE and not owns)
        ]
        await self._sharing.replace(principal, found.name, [*kept, *wanted], right=Verb.UPDATE)

    async def known(self, grants: Iterable[Grant]) -> list[Grant]:
        """Those grants that are for somebody who is there."""
        return [grant for grant in grants if await self._is_there(grant)]

    async def shown(self, user: str) -> dict[str, Any] | None:
        """A user by id, as it is shown beside a model."""
        try:
            found = self._users.get(user) if self._users is not None else await self._accounts.user(user)
        except NotFound:
            return None
        if found is None:
            return None
        return {"id": found.id, "name": found.name, "role": found.role, "email": found.email}

    async def permissions(self, principal: Principal) -> set[str]:
        """What somebody may by their groups, and without any."""
        groups = () if principal.is_admin else await self._accounts.groups(principal.id)
        told = [permissions_of(group, DIALECT) for group in groups]
        return permitted(principal, (await self._standing.now()).permissions, told)

    async def speaker(self, principal: Principal) -> Speaker:
        """Who chats, as far as a system text may ask."""
        groups = tuple(group.name for group in await self._accounts.groups(principal.id))
        try:
            user = await self._accounts.user(principal.id)
        except NotFound:
            return Speaker(principal.name, groups=groups)
        return Speaker(principal.name, user.email, groups, told_of(user))

    async def _is_there(self, grant: Grant) -> bool:
        subject = grant.subject
        if subject.kind == "everyone":
            return True
        find = self._accounts.user if subject.kind == "user" else self._accounts.group
        try:
            return (await find(subject.id)).id == subject.id
        except NotFound:
            return False


@contextmanager
def absent(status: int = 404) -> Iterator[None]:
    """Say in the product's words that there is no such user or group."""
    try:
        yield
    except NotFound as error:
        raise Refusal(status, NOT_FOUND) from error


def keep_name(name: str | None, user: User) -> None:
    """Raises Invalid for another name: rights and models are found by it."""
    if name not in (None, user.name):
        raise Invalid(
            f'"name" is {excerpt(name or "")}, and a user stays {excerpt(user.name)}',
            field="name",
            hint="Ask an admin for another user",
        )


def told_of(user: User) -> Mapping[str, Any]:
    """What a user told of itself here: bio, gender, date of birth, info, variables."""
    told: Mapping[str, Any] = user.extras.get(DIALECT, {})
    return told


def user_tree(user: User) -> dict[str, Any]:
    """A user in a list."""
    born = int(user.created_at.timestamp())
    return {
        "id": user.id,
        "name": user.name,
        "email": user.email,
        "role": "user" if user.role == "service" else user.role,
        "profile_image_url": told_of(user).get("profile_image_url") or "/user.png",
        "created_at": born,
        "updated_at": born,
        "last_active_at": born,
    }


def group_tree(group: Group) -> dict[str, Any]:
    """A group in a list."""
    told = group.extras.get(DIALECT, {})
    born = int(group.created_at.timestamp())
    return {
        "id": group.id,
        "parent_group_id": None,
        "user_id": "",
        "name": group.name,
        "description": group.description,
        "user_ids": list(group.members),
        "member_count": len(group.members),
        "permissions": told.get("permissions"),
        "data": told.get("data", {"config": {"share": True}}),
        "meta": None,
        "created_at": born,
        "updated_at": born,
    }
