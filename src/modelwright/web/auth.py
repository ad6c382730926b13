"""Who is asking, and whether the route is for them.

Stands in front of every route of every dialect. A server that has no people yet
and listens on the loopback address only knows one principal, the local admin,
and looks at no credential: many libraries insist on sending one.
"""

from collections.abc import Awaitable, Callable
from typing import Final, Protocol

from starlette.requests import Request

from modelwright.core.errors import Denied, ModelwrightError, Unauthenticated
from modelwright.core.grants import LOCAL_ADMIN, Principal, Verb
from modelwright.dialects.base import is_local, verb_of
from modelwright.web.credentials import credential_of

_HINT: Final = "Send a key, for example as Authorization: Bearer KEY"


class Keyring(Protocol):
    """Where credentials are known."""

    async def is_keyless(self) -> bool:
        """Whether nobody is asked who they are."""
        ...

    async def principal(self, credential: str, *, local: bool) -> Principal | None:
        """Whose credential it is; None when it is nobody's. `local`: asked on this machine."""
        ...


class Doorkeeper:
    """Makes doors; without a keyring everybody is the local admin."""

    def __init__(self, keyring: Keyring | None = None) -> None:
        self._keyring = keyring

    def door(self, dialect: str) -> Callable[[Request], Awaitable[None]]:
        """What each route of a dialect depends on; raises before the endpoint runs."""

        async def admit(request: Request) -> None:
            verb = verb_of(request.scope["route"].endpoint)
            if verb is None:
                raise Denied(f"the route {request.url.path} does not say what it does")
            principal = await self._known(request, asked=verb is not Verb.OPEN)
            if principal is None:
                return
            if verb is not Verb.OPEN:
                _check(principal, verb, dialect)
            request.state.principal = principal

        return admit

    async def _known(self, request: Request, *, asked: bool) -> Principal | None:
        """Whoever asks; None when that is not known and the route is open."""
        if self._keyring is None or await self._keyring.is_keyless():
            return LOCAL_ADMIN
        try:
            credential = credential_of(request)
            if not credential:
                raise Unauthenticated("this server wants to know who asks", hint=_HINT)
            principal = await self._keyring.principal(credential, local=is_local(request))
            if principal is None:
                raise Unauthenticated("the credential is not valid, or not any more", hint=_HINT)
        except ModelwrightError:
            if asked:
                raise
            return None
        return principal


def principal_of(request: Request) -> Principal:
    """The principal that a request acts as."""
    principal = known_principal(request)
    if principal is None:
        raise Unauthenticated("this server wants to know who asks", hint=_HINT)
    return principal


def known_principal(request: Request) -> Principal | None:
    """The same where a route is open, and nobody has to say who asks."""
    found: Principal | None = getattr(request.state, "principal", None)
    return found


def _check(principal: Principal, verb: Verb, dialect: str) -> None:
    if principal.role == "pending" and verb is not Verb.SELF:
        raise Denied(f'"{principal.name}" is not admitted yet', hint="An admin has to give it a role")
    if not principal.scopes.allow(verb, dialect):
        raise Denied(
            f'this key may not be used to {verb} through the dialect "{dialect}"',
            hint="Make one with other scopes: modelwright key create --help",
        )
    if verb is Verb.ADMINISTER and not principal.is_admin:
        raise Denied("only an admin may do this", hint="Ask one")
