"""Our own routes about people: users, groups, accounts, keys, signing in.

A part of the native dialect. A secret is only ever in the answer to the request
that made it.
"""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Final, TypeAlias

from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response

from modelwright.core.duration import parse_duration
from modelwright.core.errors import Conflict, Invalid, NotFound
from modelwright.core.grants import Scopes, Verb, scopes_of
from modelwright.core.names import Name
from modelwright.core.people import Group, Key, NewKey, User, check_role
from modelwright.dialects.base import Backing, Json, json_response, needs, timestamp
from modelwright.dialects.body import read_body
from modelwright.dialects.fields import Closed, Text, documented

MOST_TEXTS: Final = 1000

Row = tuple[str, str, Any, str, Json | None]
Texts: TypeAlias = Annotated[tuple[Text, ...], Field(max_length=MOST_TEXTS)]


class UserRequest(Closed):
    """A user: `name` of a new one, or `user` (id, name or email) and what to change."""

    user: Text = ""
    name: Text = ""
    role: Text = ""
    email: Text | None = None
    password: Text | None = None
    account: Text | None = None


class GroupRequest(Closed):
    """A group, what it is called (`name`) from now on, and who joins or leaves."""

    group: Text = ""
    name: Text = ""
    description: Text | None = None
    add: Texts = ()
    remove: Texts = ()


class AccountRequest(Closed):
    """A new account (a tenant)."""

    name: Text


class KeyRequest(Closed):
    """A new key.

    Of `user`, made with `role` if there is none; else one's own. `expires` is a
    duration such as 720h. The lists narrow what the key may.
    """

    user: Text = ""
    role: Text = ""
    label: Text = ""
    expires: Text = ""
    dialects: Texts = ()
    verbs: Texts = ()
    models: Texts = ()


class KeyName(Closed):
    """A key to revoke: whole, or its id."""

    key: Text


class SignIn(Closed):
    """What proves who somebody is."""

    email: Text
    password: Text


class PeopleRoutes:
    """The routes; `table` lists them."""

    def __init__(self, backing: Backing) -> None:
        self._accounts = backing.services.rights.accounts
        self._particulars = backing.services.rights.particulars
        self._principal_of = backing.principal_of
        self._limits = backing.limits

    def table(self) -> Iterator[Row]:
        yield "GET", "/me", self.me, "Who is asking", None
        yield "POST", "/signin", self.sign_in, "Sign in with a password", documented(SignIn)
        yield "GET", "/users", self.users, "List the users", None
        yield "POST", "/users", self.add_user, "Add a user; the first is an admin", documented(UserRequest)
        yield "PATCH", "/users", self.change_user, "Change a user", documented(UserRequest)
        yield "DELETE", "/users", self.delete_user, "Delete a user", documented(UserRequest)
        yield "GET", "/groups", self.groups, "List the groups", None
        yield "POST", "/groups", self.add_group, "Add a group", documented(GroupRequest)
        yield "PATCH", "/groups", self.change_group, "Let users join or leave", documented(GroupRequest)
        yield "DELETE", "/groups", self.delete_group, "Delete a group", documented(GroupRequest)
        yield "GET", "/accounts", self.accounts, "List the accounts", None
        yield "POST", "/accounts", self.add_account, "Add an account", documented(AccountRequest)
        yield "GET", "/keys", self.keys, "List keys, without their secrets", None
        yield "POST", "/keys", self.add_key, "Make a key; it is shown once", documented(KeyRequest)
        yield "DELETE", "/keys", self.revoke_key, "Revoke a key", documented(KeyName)

    @needs(Verb.SELF)
    async def me(self, request: Request) -> Response:
        principal = self._principal_of(request)
        groups = await self._accounts.groups(principal.id) if principal.groups else ()
        return json_response(
            {
                "id": principal.id,
                "name": principal.name,
                "role": principal.role,
                "groups": [group.name for group in groups],
                "account": principal.account,
                "namespace": principal.namespace or "library",
            }
        )

    @needs(Verb.OPEN)
    async def sign_in(self, request: Request) -> Response:
        body = await read_body(request, SignIn, self._limits)
        user, session = await self._accounts.sign_in(body.email, body.password)
        return json_response({"user": _user(user), **_new_key(session)})

    @needs(Verb.ADMINISTER)
    async def users(self, request: Request) -> Response:
        return json_response({"users": [_user(user) for user in await self._accounts.users()]})

    @needs(Verb.ADMINISTER)
    async def add_user(self, request: Request) -> Response:
        body = await read_body(request, UserRequest, self._limits)
        added = await self._accounts.add_user(
            self._principal_of(request),
            body.name,
            check_role(body.role) if body.role else None,
            email=body.email or "",
            password=body.password or "",
            account=body.account or "",
        )
        return json_response(_user(added), status=201)

    @needs(Verb.ADMINISTER)
    async def change_user(self, request: Request) -> Response:
        body = await read_body(request, UserRequest, self._limits)
        changed = await self._accounts.change_user(
            self._principal_of(request),
            body.user,
            role=check_role(body.role) if body.role else None,
            email=body.email,
            password=body.password,
            account=body.account,
        )
        return json_response(_user(changed))

    @needs(Verb.ADMINISTER)
    async def delete_user(self, request: Request) -> Response:
        body = await read_body(request, UserRequest, self._limits)
        await self._accounts.delete_user(self._principal_of(request), body.user)
        return json_response({"deleted": body.user})

    @needs(Verb.ADMINISTER)
    async def groups(self, request: Request) -> Response:
        names = {user.id: user.name for user in await self._accounts.users()}
        found = await self._accounts.groups()
        return json_response({"groups": [_group(group, names) for group in found]})

    @needs(Verb.ADMINISTER)
    async def add_group(self, request: Request) -> Response:
        body = await read_body(request, GroupRequest, self._limits)
        by = self._principal_of(request)
        added = await self._accounts.add_group(by, body.name, body.description or "")
        return json_response(_group(added, {}), status=201)

    @needs(Verb.ADMINISTER)
    async def change_group(self, request: Request) -> Response:
        body = await read_body(request, GroupRequest, self._limits)
        by, told = self._principal_of(request), body.description
        changed = await self._accounts.change_members(by, body.group, add=body.add, remove=body.remove)
        if body.name or told is not None:
            changed = await self._particulars.change_group(
                by, changed, name=body.name or None, description=told
            )
        names = {user.id: user.name for user in await self._accounts.users()}
        return json_response(_group(changed, names))

    @needs(Verb.ADMINISTER)
    async def delete_group(self, request: Request) -> Response:
        body = await read_body(request, GroupRequest, self._limits)
        await self._accounts.delete_group(self._principal_of(request), body.group)
        return json_response({"deleted": body.group})

    @needs(Verb.ADMINISTER)
    async def accounts(self, request: Request) -> Response:
        found = await self._accounts.accounts()
        return json_response({"accounts": [{"id": each.id, "name": each.name} for each in found]})

    @needs(Verb.ADMINISTER)
    async def add_account(self, request: Request) -> Response:
        body = await read_body(request, AccountRequest, self._limits)
        added = await self._accounts.add_account(self._principal_of(request), body.name)
        return json_response({"id": added.id, "name": added.name}, status=201)

    @needs(Verb.SELF)
    async def keys(self, request: Request) -> Response:
        user = request.query_params.get("user", "")
        found = await self._accounts.keys(self._principal_of(request), user)
        return json_response({"keys": [_key(key) for key in found]})

    @needs(Verb.SELF)
    async def add_key(self, request: Request) -> Response:
        body, principal = await read_body(request, KeyRequest, self._limits), self._principal_of(request)
        expires_at = _moment(body.expires)
        scopes = _scopes(body)
        user = await self._user_of(request, body)
        new = await self._accounts.add_key(
            principal, user, label=body.label, scopes=scopes, expires_at=expires_at
        )
        return json_response({**_new_key(new), "user": user.name}, status=201)

    @needs(Verb.SELF)
    async def revoke_key(self, request: Request) -> Response:
        body = await read_body(request, KeyName, self._limits)
        revoked = await self._accounts.revoke_key(self._principal_of(request), body.key)
        return json_response({"revoked": revoked.id})

    async def _user_of(self, request: Request, body: KeyRequest) -> User:
        """Whose key it is to be; an admin may name somebody who is not there yet."""
        principal = self._principal_of(request)
        if not principal.is_admin:
            if body.user and body.user.casefold() != principal.name.casefold():
                raise NotFound("user", body.user, field="user")
            return await self._accounts.user(principal.id)
        role = check_role(body.role) if body.role else None
        try:
            user = await self._accounts.user(body.user or principal.id)
        except NotFound:
            if not body.user:
                raise Invalid(
                    "a key needs a user", field="user", hint="Name whose it is to be (--user)"
                ) from None
            return await self._accounts.add_user(principal, body.user, role)
        if role not in (None, user.role):
            raise Conflict(
                f'"{user.name}" has the role "{user.role}", not "{role}"',
                field="role",
                hint="Leave the role out, or change the user first",
            )
        return user


def _scopes(body: KeyRequest) -> Scopes:
    models = [Name.parse(model, field="models").key for model in body.models]
    return scopes_of(body.dialects, body.verbs, models)


def _moment(text: str) -> datetime | None:
    if not text:
        return None
    seconds = parse_duration(text)
    if not 0 < seconds <= 100 * 366 * 86_400:
        raise Invalid(f"a key cannot expire after {text[:40]}", field="expires", hint="Use, say, 720h")
    return datetime.now(UTC) + timedelta(seconds=seconds)


def _user(user: User) -> Json:
    return {
        "id": user.id,
        "name": user.name,
        "role": user.role,
        "email": user.email,
        "account": user.account,
        "namespace": user.namespace,
        "created_at": timestamp(user.created_at),
    }


def _group(group: Group, names: dict[str, str]) -> Json:
    members: Sequence[str] = [names.get(member, member) for member in group.members]
    return {"id": group.id, "name": group.name, "description": group.description, "members": members}


def _key(key: Key) -> Json:
    moments = {"created_at": key.created_at, "expires_at": key.expires_at}
    moments |= {"used_at": key.used_at, "revoked_at": key.revoked_at}
    return {
        "id": key.id,
        "user": key.user,
        "label": key.label,
        "session": key.session,
        "dialects": sorted(key.scopes.dialects),
        "verbs": sorted(key.scopes.verbs),
        "models": sorted(key.scopes.models),
        **{name: timestamp(at) if at else None for name, at in moments.items()},
    }


def _new_key(new: NewKey) -> Json:
    expires = new.key.expires_at
    return {"key": new.secret, "id": new.key.id, "expires_at": timestamp(expires) if expires else None}
