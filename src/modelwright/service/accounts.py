"""Accounts: who there is, and whose a credential is.

Users, service accounts, groups, tenants, keys, signing in. Until somebody is
there, and only where that was said to be safe, nobody is asked who they are.
"""

import re
import secrets
import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from hashlib import sha256
from hmac import compare_digest
from typing import Final

from modelwright.core.audit import AuditLog, Entry
from modelwright.core.errors import Invalid, NotFound, Unauthenticated
from modelwright.core.grants import EVERYTHING, LOCAL_ADMIN, MAKER, Principal, Role, Scopes, Subject
from modelwright.core.people import (
    Account,
    Group,
    Key,
    NewKey,
    People,
    User,
    check_description,
    check_email,
    check_name,
    check_password,
)
from modelwright.core.ports import Clock
from modelwright.service import passwords
from modelwright.service.bounded import Bounded
from modelwright.service.guards import refuse_foreign, refuse_scoped

PREFIX: Final = "mw-"
MEMORY_SECONDS: Final = 1.0
"""How long a credential is believed without asking the store again."""

_KEY: Final = re.compile(r"mw-([0-9a-f]{12})-([A-Za-z0-9_-]{43})")
_KEPT: Final = 4096
_DEFAULT_SESSION: Final = timedelta(days=7)


class Accounts:
    """People and keys.

    `token` is what the server's own user knows from its data folder; `keyless`:
    without people, whoever can reach the server is the local admin.
    """

    def __init__(
        self,
        people: People,
        log: AuditLog,
        clock: Clock,
        *,
        token: str = "",
        keyless: bool = True,
        session: timedelta = _DEFAULT_SESSION,
        seconds: Callable[[], float] = time.monotonic,
    ) -> None:
        self._people = people
        self._log = log
        self._clock = clock
        self._token = token
        self._keyless = keyless
        self._session = session
        self._seconds = seconds
        self._asked_at = -MEMORY_SECONDS
        self._known: Bounded[str, tuple[float, Key, Principal]] = Bounded(_KEPT)
        self._used: dict[str, datetime] = {}
        self._proofs = passwords.Proofs(people, seconds)

    async def is_keyless(self) -> bool:
        """Whether nobody is asked who they are; once there was a user, that is over."""
        if self._keyless and self._seconds() - self._asked_at >= MEMORY_SECONDS:
            now = self._seconds()
            if await self._people.has_anybody():  # never back: the first may have come meanwhile
                self._keyless = False
            self._asked_at = now
        return self._keyless

    async def has_keys(self) -> bool:
        """Whether somebody could be let in."""
        now = self._clock.now()
        return any(key.is_good(now) for key in await self._people.keys()) or any(
            [await self._people.password_of(user.email) for user in await self._people.users() if user.email]
        )

    async def principal(self, credential: str, *, local: bool) -> Principal | None:
        """Whose key it is, if it is good; the token counts on this machine only."""
        if local and self._token and compare_digest(self._token.encode(), credential.encode()):
            return LOCAL_ADMIN
        match = _KEY.fullmatch(credential)
        if match is None:
            return None
        hashed, now = _hash(credential), self._clock.now()
        known = self._known.get(hashed)
        if known is None or self._seconds() - known[0] >= MEMORY_SECONDS:
            asked_at = self._seconds()
            held = await self._people.held_key(match[1])
            if held is None or not compare_digest(held.hash.encode(), hashed.encode()):
                return None
            known = (asked_at, held.key, held.user.acting(held.groups, held.key.scopes))
            self._known.put(hashed, known)
        if not known[1].is_good(now):
            return None
        self._used[match[1]] = now
        return known[2]

    async def acting(self, user: str) -> Principal | None:
        """Who has this id, as one who acts without a key; None when it is here no more."""
        if user == LOCAL_ADMIN.id:
            return LOCAL_ADMIN
        found = next((each for each in await self._people.users() if each.id == user), None)
        if found is None:
            return None
        groups = [group.id for group in await self._people.groups(user)]
        return found.acting(tuple(groups))

    async def note_uses(self) -> None:
        """Write down when keys were used last."""
        used, self._used = self._used, {}
        await self._people.note_uses(used)

    async def add_user(
        self,
        by: Principal,
        name: str,
        role: Role | None = None,
        *,
        email: str = "",
        password: str = "",
        account: str = "",
    ) -> User:
        """Add a user or service account; the first one is an admin.

        Raises Conflict for a name or an email that is taken.
        """
        refuse_scoped(by)
        first = not await self._people.has_anybody()
        if first and role not in (None, "admin"):
            raise Invalid(
                f'the first user must be an admin, not "{role}"',
                field="role",
                hint="Make the admin first: modelwright user create NAME --role admin",
            )
        user = User(
            id=secrets.token_hex(16),
            name=check_name(name, "user"),
            role=role or ("admin" if first else "user"),
            namespace="",
            created_at=self._clock.now(),
            email=check_email(email) if email else "",
            account=(await self.account(account)).id if account else "",
        )
        stored = await passwords.hashed(check_password(password)) if password else None
        added = await self._people.add_user(user, stored)
        self._keyless = False
        await self._note(by, "user", added.name, {"did": "added", "role": added.role})
        return added

    async def users(self) -> Sequence[User]:
        return await self._people.users()

    async def user(self, text: str) -> User:
        """A user by id, name or email; raises NotFound."""
        found = await self._people.find_user(text)
        if found is None:
            raise NotFound("user", text, field="user", hint='See who there is with "modelwright user ls"')
        return found

    async def change_user(
        self,
        by: Principal,
        text: str,
        *,
        role: Role | None = None,
        email: str | None = None,
        password: str | None = None,
        account: str | None = None,
    ) -> User:
        """Change what is given; raises Conflict when no admin would be left.

        With a new password all sessions end that were begun with another.
        """
        refuse_scoped(by)
        user = await self.user(text)
        changed = replace(user, role=role or user.role)
        if email is not None:
            changed = replace(changed, email=check_email(email) if email else "")
        if account is not None:
            changed = replace(changed, account=(await self.account(account)).id if account else "")
        stored = None if password is None else await passwords.hashed(check_password(password))
        await self._people.change_user(changed, stored)
        if stored is not None:
            await self._end_sessions(user.id)
        self._forget()
        await self._note(by, "user", user.name, {"did": "changed", "role": changed.role})
        return changed

    async def delete_user(self, by: Principal, text: str) -> None:
        """Let nobody act as this user any more; what it made stays, and stays attributed."""
        refuse_scoped(by)
        user = await self.user(text)
        await self._people.delete_user(user.id, self._clock.now())
        self._forget()
        await self._note(by, "user", user.name, {"did": "deleted"})

    async def add_group(self, by: Principal, name: str, description: str = "") -> Group:
        told = check_description(description)
        group = Group(secrets.token_hex(16), check_name(name, "group"), self._clock.now(), description=told)
        await self._people.add_group(group)
        await self._note(by, "group", group.name, {"did": "added"})
        return group

    async def groups(self, member: str = "") -> Sequence[Group]:
        return await self._people.groups(member)

    async def group(self, text: str) -> Group:
        found = await self._people.find_group(text)
        if found is None:
            raise NotFound("group", text, field="group", hint='See them with "modelwright group ls"')
        return found

    async def delete_group(self, by: Principal, text: str) -> None:
        group = await self.group(text)
        await self._people.delete_group(group.id)
        self._forget()
        await self._note(by, "group", group.name, {"did": "deleted"})

    async def change_members(
        self, by: Principal, text: str, *, add: Collection[str] = (), remove: Collection[str] = ()
    ) -> Group:
        """Let users join and leave a group; nothing is done when one of them is unknown."""
        group = await self.group(text)
        joining = [(await self.user(each)).id for each in add]
        leaving = [(await self.user(each)).id for each in remove]
        await self._people.put_members(group.id, joining)
        await self._people.remove_members(group.id, leaving)
        self._forget()
        await self._note(by, "group", group.name, {"joined": len(joining), "left": len(leaving)})
        return await self.group(group.id)

    async def add_account(self, by: Principal, name: str) -> Account:
        account = Account(secrets.token_hex(16), check_name(name, "account"), self._clock.now())
        await self._people.add_account(account)
        await self._note(by, "account", account.name, {"did": "added"})
        return account

    async def accounts(self) -> Sequence[Account]:
        return await self._people.accounts()

    async def account(self, text: str) -> Account:
        found = await self._people.find_account(text)
        if found is None:
            raise NotFound("account", text, field="account", hint="Add it first")
        return found

    async def subject(self, text: str) -> Subject:
        """Whom a text means: "bob", "user:bob", "group:devs", "account:acme", "everyone"."""
        kind, colon, name = text.partition(":")
        if text in ("everyone", "*"):
            return Subject("everyone")
        if colon and kind not in ("user", "group", "account"):
            raise NotFound("principal", text, field="principal", hint=_SUBJECTS)
        wanted = name if colon else text
        any_kind = not colon
        if (any_kind or kind == "user") and (user := await self._people.find_user(wanted)):
            return Subject("user", user.id)
        if (any_kind or kind == "group") and (group := await self._people.find_group(wanted)):
            return Subject("group", group.id)
        if (any_kind or kind == "account") and (account := await self._people.find_account(wanted)):
            return Subject("account", account.id)
        raise NotFound("principal", text, field="principal", hint=_SUBJECTS)

    async def name_of(self, subject: Subject) -> str:
        """What a subject is called; its id when it is there no more."""
        if subject.kind == "everyone" or subject.id in (LOCAL_ADMIN.id, MAKER.id):
            return subject.id or subject.kind
        found: User | Group | Account | None
        if subject.kind == "user":
            found = await self._people.find_user(subject.id)
        elif subject.kind == "group":
            found = await self._people.find_group(subject.id)
        else:
            found = await self._people.find_account(subject.id)
        return found.name if found else subject.id

    async def add_key(
        self,
        by: Principal,
        user: User,
        *,
        label: str = "",
        scopes: Scopes = EVERYTHING,
        expires_at: datetime | None = None,
    ) -> NewKey:
        """Make a key; its secret is in the answer and nowhere else.

        One's own, or as an admin another's. Raises Denied to a key with scopes: it
        could make one without.
        """
        refuse_scoped(by)
        refuse_foreign(by, user.id)
        if expires_at is not None and expires_at <= self._clock.now():
            raise Invalid("the key would have expired already", field="expires")
        if len(label) > 200 or not label.isprintable():
            raise Invalid("a label has at most 200 printable characters", field="label")
        new = await self._new_key(user, label=label, scopes=scopes, expires_at=expires_at)
        await self._note(by, "key", new.key.id, {"did": "added", "for": user.name})
        return new

    async def keys(self, by: Principal, user: str = "") -> Sequence[Key]:
        """Keys of one user, or of all for an admin; never their secrets."""
        owner = (await self.user(user)).id if user else ("" if by.is_admin else by.id)
        refuse_foreign(by, owner)
        return await self._people.keys(owner)

    async def revoke_key(self, by: Principal, text: str) -> Key:
        """End a key, given whole or by its id; at once here, elsewhere within a second."""
        match = _KEY.fullmatch(text)
        id = match[1] if match else text
        found = next((key for key in await self._people.keys() if key.id == id), None)
        if found is None or not (by.is_admin or found.user == by.id):
            raise NotFound("key", id if match is None else f"{PREFIX}{id}-...", field="key")
        await self._people.revoke_key(id, self._clock.now())
        self._forget()
        await self._note(by, "key", id, {"did": "revoked"})
        return found

    async def sign_in(self, email: str, password: str) -> tuple[User, NewKey]:
        """A session for who knows the password; else raises Unauthenticated, alike."""
        user = await self._proofs.owner(email, password)
        if user is None:
            raise Unauthenticated("the email or the password is wrong")
        session = await self._new_key(
            user, label="session", expires_at=self._clock.now() + self._session, session=True
        )
        await self._note(user.acting(), "user", user.name, {"did": "signed in"})
        return user, session

    async def change_password(self, by: Principal, password: str, wanted: str) -> None:
        """Change one's own, which one must know; raises Unauthenticated, Invalid."""
        user = await self.user(by.id)
        if await self._proofs.owner(user.email, password) is None:
            raise Unauthenticated("the password is wrong")
        await self.change_user(by, user.id, password=wanted)

    async def sign_out(self, credential: str) -> None:
        """End the session that a credential is; nothing for a key, which outlives it."""
        match = _KEY.fullmatch(credential)
        held = await self._people.held_key(match[1]) if match is not None else None
        if held is None or not held.key.session or not compare_digest(held.hash, _hash(credential)):
            return
        if await self._people.revoke_key(held.key.id, self._clock.now()):
            self._forget()
            await self._note(held.user.acting(), "user", held.user.name, {"did": "signed out"})

    async def _end_sessions(self, user: str) -> None:
        for key in await self._people.keys(user):
            if key.session and key.revoked_at is None:
                await self._people.revoke_key(key.id, self._clock.now())

    async def _new_key(
        self,
        user: User,
        *,
        label: str,
        scopes: Scopes = EVERYTHING,
        expires_at: datetime | None = None,
        session: bool = False,
    ) -> NewKey:
        secret = f"{PREFIX}{secrets.token_hex(6)}-{secrets.token_urlsafe(32)}"
        key = Key(
            id=secret.split("-")[1],
            user=user.id,
            label=label,
            created_at=self._clock.now(),
            scopes=scopes,
            session=session,
            expires_at=expires_at,
        )
        await self._people.add_key(key, _hash(secret))
        return NewKey(key, secret)

    def _forget(self) -> None:
        self._known = Bounded(_KEPT)

    async def _note(self, by: Principal, action: str, thing: str, detail: dict[str, str | int]) -> None:
        await self._log.append([Entry(self._clock.now(), by.id, by.name, action, thing, detail=detail)])


_SUBJECTS: Final = "It is a user, user:NAME, group:NAME, account:NAME or everyone"


def _hash(secret: str) -> str:
    return sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()
