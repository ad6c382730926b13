"""Who is asking, and whether the route is for them.

Stands in front of every route of every dialect. A server that has no people yet
and listens on the loopback address only knows one principal, the local admin,
and looks at no credential: many libraries insist on sending one.
"""

import math
import time
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Final, Protocol

from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from modelwright.core.errors import Denied, Exhausted, ModelwrightError, Unauthenticated
from modelwright.core.grants import LOCAL_ADMIN, Principal, Verb
from modelwright.dialects.base import is_local, verb_of
from modelwright.service.bounded import Bounded
from modelwright.service.quotas import ANSWERS, REQUESTS, Quotas
from modelwright.web.credentials import credential_of

WRONG_A_MINUTE: Final = 20
"""Wrong credentials that one address may send in a minute."""

_MINUTE: Final = 60.0
_ADDRESSES: Final = 4096
_LEAVE: Final = "modelwright_leave"
_HINT: Final = "Send a key, for example as Authorization: Bearer KEY"


class Keyring(Protocol):
    """Where credentials are known."""

    async def is_keyless(self) -> bool:
        """Whether nobody is asked who they are."""
        ...

    async def principal(self, credential: str, *, local: bool) -> Principal | None:
        """Whose credential it is, None = nobody's. `local`: asked on this machine."""
        ...


class Doorkeeper:
    """Makes doors; without a keyring everybody is the local admin."""

    def __init__(self, keyring: Keyring | None = None, quotas: Quotas | None = None) -> None:
        self._keyring = keyring
        self._quotas = quotas
        self._wrong: Bounded[str, deque[float]] = Bounded(_ADDRESSES)

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
                await self._count(request, principal, verb)
            request.state.principal = principal

        return admit

    async def _count(self, request: Request, principal: Principal, verb: Verb) -> None:
        """See that quotas have room for this request; the turnstile lets it out."""
        if self._quotas is None:
            return
        quotas = (*REQUESTS, *ANSWERS) if verb is Verb.USE else REQUESTS
        leave = await self._quotas.take(principal, *quotas)
        if leave is not None:
            request.scope["state"].setdefault(_LEAVE, []).append(leave)

    async def _known(self, request: Request, *, asked: bool) -> Principal | None:
        """Whoever asks; None when that is not known and the route is open."""
        if self._keyring is None or await self._keyring.is_keyless():
            return LOCAL_ADMIN
        try:
            credential = credential_of(request)
            if not credential:
                raise Unauthenticated("this server wants to know who asks", hint=_HINT)
            times = self._refuse_guessing(request)
            principal = await self._keyring.principal(credential, local=is_local(request))
            if principal is None:
                times.append(time.monotonic())
                raise Unauthenticated(
                    "the credential is not valid, or not any more", field="credential", hint=_HINT
                )
        except ModelwrightError:
            if asked:
                raise
            return None
        return principal

    def _refuse_guessing(self, request: Request) -> deque[float]:
        """When wrong credentials came from this address; Exhausted for too many."""
        address = request.client.host if request.client else ""
        times = self._wrong.get(address) or self._wrong.put(address, deque(maxlen=WRONG_A_MINUTE))
        while times and time.monotonic() - times[0] >= _MINUTE:
            times.popleft()
        if len(times) >= WRONG_A_MINUTE:
            wait = math.ceil(_MINUTE - (time.monotonic() - times[0]))
            raise Exhausted("too many wrong credentials from this address", retry_after=max(1, wait))
        return times


class Turnstile:
    """ASGI middleware that ends what a request holds, however it ends."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        state = scope.setdefault("state", {})
        try:
            await self._app(scope, receive, send)
        finally:
            for leave in state.pop(_LEAVE, ()):
                leave()


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
        hint = "An admin has to give it a role"
        raise Denied(f'"{principal.name}" is not admitted yet', field="role", hint=hint)
    if not principal.scopes.allow(verb, dialect):
        raise Denied(
            f'this key may not be used to {verb} through the dialect "{dialect}"',
            hint="Make one with other scopes: modelwright key create --help",
        )
    if verb is Verb.ADMINISTER and not principal.is_admin:
        raise Denied("only an admin may do this", field="role", hint="Ask one")
