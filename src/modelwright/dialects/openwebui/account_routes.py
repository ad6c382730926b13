"""The routes about people: signing in, keys, and for admins users.

As far as clients of the model routes need them (open-webui 0.12.4,
routers/auths.py, users.py).
"""

from collections.abc import Iterator
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from modelwright.core.errors import Conflict, Unauthenticated
from modelwright.core.grants import Principal, Verb
from modelwright.core.people import NewKey, User, check_role
from modelwright.core.permissions import SHARE_WITH_USERS
from modelwright.dialects.base import Json, json_response, needs
from modelwright.dialects.openwebui import wire
from modelwright.dialects.openwebui.entry import DIALECT
from modelwright.dialects.openwebui.people import absent, keep_name, told_of, user_tree
from modelwright.dialects.openwebui.refusals import (
    BAD_LOGIN,
    BAD_PASSWORD,
    EMAIL_TAKEN,
    NO_KEY,
    PROHIBITED,
    RESTRICTED,
    Refusal,
)
from modelwright.dialects.openwebui.routing import Desk, Route, page_of
from modelwright.dialects.openwebui.stance import permission_tree
from modelwright.service.rights import Rights

_KEY_LABEL: Final = "Open WebUI"
_PAGE: Final = 30
_TOLD: Final = ("bio", "gender", "date_of_birth")


class AccountRoutes:
    """People, under /api/v1."""

    def __init__(self, desk: Desk, rights: Rights) -> None:
        self._desk = desk
        self._accounts = rights.accounts
        self._particulars = rights.particulars

    def table(self) -> Iterator[Route]:
        yield "POST", "/auths/signin", self.sign_in, "Sign in with email and password"
        for method in ("GET", "POST"):  # the product's way until 0.8, and since
            yield method, "/auths/signout", self.sign_out, "End the session, and no key"
        yield "POST", "/auths/update/password", self.update_password, "Change one's own password"
        yield "GET", "/auths/", self.session, "Say who is signed in"
        yield "POST", "/auths/api_key", self.make_key, "Make a key; it is shown once"
        yield "GET", "/auths/api_key", self.find_key, "Say that a key is shown only once"
        yield "DELETE", "/auths/api_key", self.end_keys, "Revoke the keys made here"
        yield "POST", "/auths/add", self.add_user, "Add a user, for an admin"
        yield "GET", "/users/", self.users, "List the users, for an admin"
        yield "GET", "/users/all", self.all_users, "List all users at once, for an admin"
        yield "GET", "/users/search", self.search, "Look for users to share with"
        yield "GET", "/users/groups", self.own_groups, "The groups one is in"
        yield "GET", "/users/{user}/groups", self.groups_of, "The groups of a user, for an admin"
        yield "POST", "/users/{user}/update", self.update_user, "Change a user, for an admin"
        yield "GET", "/users/{user}", self.user, "Show a user, for an admin"
        yield "DELETE", "/users/{user}", self.delete_user, "Delete a user, for an admin"

    @needs(Verb.OPEN)
    async def sign_in(self, request: Request) -> Response:
        form, _ = await self._desk.read(request, wire.SignInForm)
        try:
            user, session = await self._accounts.sign_in(form.email, form.password)
        except Unauthenticated as error:
            raise Refusal(400, BAD_LOGIN) from error
        answer = json_response(await self._session(user.acting(), user, session))
        answer.set_cookie("token", session.secret, httponly=True, samesite="lax", path="/")
        return answer

    @needs(Verb.OPEN)
    async def sign_out(self, request: Request) -> Response:
        """Says the same to who was not signed in."""
        await self._accounts.sign_out(self._desk.backing.credential_of(request))
        answer = json_response({"status": True})
        answer.delete_cookie("token", httponly=True, samesite="lax", path="/")
        return answer

    @needs(Verb.SELF)
    async def update_password(self, request: Request) -> Response:
        form, _ = await self._desk.read(request, wire.PasswordForm)
        principal = self._desk.who(request)
        await self._user(principal)
        try:
            await self._accounts.change_password(principal, form.password, form.new_password)
        except Unauthenticated as error:
            raise Refusal(400, BAD_PASSWORD) from error
        return json_response(True)

    @needs(Verb.SELF)
    async def session(self, request: Request) -> Response:
        principal = self._desk.who(request)
        return json_response(await self._session(principal, await self._user(principal), None))

    @needs(Verb.SELF)
    async def make_key(self, request: Request) -> Response:
        principal = self._desk.who(request)
        user = await self._user(principal)
        await self._end_keys(principal)
        new = await self._accounts.add_key(principal, user, label=_KEY_LABEL)
        return json_response({"api_key": new.secret})

    @needs(Verb.SELF)
    async def find_key(self, request: Request) -> Response:
        raise Refusal(404, NO_KEY)

    @needs(Verb.SELF)
    async def end_keys(self, request: Request) -> Response:
        await self._end_keys(self._desk.who(request))
        return json_response(True)

    @needs(Verb.ADMINISTER)
    async def add_user(self, request: Request) -> Response:
        form, _ = await self._desk.read(request, wire.UserForm)
        user = await self._accounts.add_user(
            self._desk.admin(request),
            form.name,
            check_role(form.role),
            email=form.email,
            password=form.password,
        )
        return json_response({**user_tree(user), "token": "", "token_type": "Bearer"})

    @needs(Verb.ADMINISTER)
    async def users(self, request: Request) -> Response:
        """A page of those whose name or email holds the words of the query."""
        self._desk.admin(request)
        page, words = page_of(request), request.query_params.get("query", "").lower()
        users, groups = await self._accounts.users(), await self._accounts.groups()
        found = [user for user in users if _is_meant(user, words)]
        rows = [
            {**user_tree(user), "group_ids": [group.id for group in groups if user.id in group.members]}
            for user in found[(page - 1) * _PAGE : page * _PAGE]
        ]
        return json_response({"users": rows, "total": len(found)})

    @needs(Verb.ADMINISTER)
    async def all_users(self, request: Request) -> Response:
        self._desk.admin(request)
        found = [user_tree(user) for user in await self._accounts.users()]
        return json_response({"users": found, "total": len(found)})

    @needs(Verb.SELF)
    async def search(self, request: Request) -> Response:
        """A page of users, for who may share with single ones."""
        if SHARE_WITH_USERS not in await self._desk.people.permissions(self._desk.who(request)):
            raise Refusal(401, PROHIBITED)
        page, words = page_of(request), request.query_params.get("query", "").lower()
        found = [user for user in await self._accounts.users() if _is_meant(user, words)]
        rows = [user_tree(user) for user in found[(page - 1) * _PAGE : page * _PAGE]]
        return json_response({"users": rows, "total": len(found)})

    @needs(Verb.SELF)
    async def own_groups(self, request: Request) -> Response:
        return await self._groups_of(self._desk.who(request).id)

    @needs(Verb.ADMINISTER)
    async def groups_of(self, request: Request) -> Response:
        self._desk.admin(request)
        return await self._groups_of((await self._named_user(request)).id)

    @needs(Verb.ADMINISTER)
    async def update_user(self, request: Request) -> Response:
        """All but the name, by which rights and models are found."""
        form, _ = await self._desk.read(request, wire.UserUpdateForm)
        principal, user = self._desk.admin(request), await self._named_user(request)
        stays = principal.id == user.id and form.role in (None, "admin")
        if not stays and await self._is_first(user):
            raise Refusal(403, RESTRICTED)
        keep_name(form.name, user)
        try:
            changed = await self._accounts.change_user(
                principal,
                user.id,
                role=check_role(form.role) if form.role else None,
                email=form.email,
                password=form.password or None,
            )
        except Conflict as error:
            if error.field != "email":
                raise
            raise Refusal(400, EMAIL_TAKEN) from error
        if form.profile_image_url is not None:
            told = {**told_of(user), "profile_image_url": form.profile_image_url}
            changed = await self._particulars.tell(principal, DIALECT, told, of=user.id)
        return json_response(user_tree(changed))

    @needs(Verb.ADMINISTER)
    async def user(self, request: Request) -> Response:
        self._desk.admin(request)
        return json_response(user_tree(await self._named_user(request)))

    @needs(Verb.ADMINISTER)
    async def delete_user(self, request: Request) -> Response:
        """Neither the first one nor oneself."""
        principal, user = self._desk.admin(request), await self._named_user(request)
        if user.id == principal.id or await self._is_first(user):
            raise Refusal(403, RESTRICTED)
        await self._accounts.delete_user(principal, user.id)
        return json_response(True)

    async def _groups_of(self, user: str) -> Response:
        found = await self._accounts.groups(user)
        return json_response([{"id": group.id, "name": group.name} for group in found])

    async def _is_first(self, user: User) -> bool:
        """Whether this is who set the server up, whom other admins leave alone."""
        return (await self._accounts.users())[0].id == user.id

    async def _named_user(self, request: Request) -> User:
        with absent(400):
            return await self._accounts.user(request.path_params["user"])

    async def _user(self, principal: Principal) -> User:
        """The user that acts; the local admin of a keyless server has no entry of its own."""
        with absent():
            return await self._accounts.user(principal.id)

    async def _end_keys(self, principal: Principal) -> None:
        for key in await self._accounts.keys(principal, principal.id):
            if key.label == _KEY_LABEL and key.revoked_at is None:
                await self._accounts.revoke_key(principal, key.id)

    async def _session(self, principal: Principal, user: User, new: NewKey | None) -> Json:
        """Who is there; what it told of itself is said when nobody just signed in."""
        tree = {name: value for name, value in user_tree(user).items() if not name.endswith("_at")}
        ends = new.key.expires_at if new is not None else None
        told = {} if new is not None else {name: told_of(user).get(name) for name in _TOLD}
        return {
            **tree,
            "token": "" if new is None else new.secret,
            "token_type": "Bearer",
            "expires_at": None if ends is None else int(ends.timestamp()),
            "permissions": permission_tree(await self._desk.people.permissions(principal)),
            **told,
        }


def _is_meant(user: User, words: str) -> bool:
    return words in f"{user.name}\n{user.email}".lower()
