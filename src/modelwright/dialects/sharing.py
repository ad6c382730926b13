"""Our own routes about rights: grants, re-shares, quotas and the audit log.

A part of the native dialect.
"""

from collections.abc import Iterator
from typing import Annotated, Any

from pydantic import Field, Strict
from starlette.requests import Request
from starlette.responses import Response

from modelwright.core.audit import QUOTAS, Entry
from modelwright.core.grants import Subject, Verb
from modelwright.dialects.base import Backing, Json, json_response, needs, timestamp
from modelwright.dialects.body import read_body
from modelwright.dialects.fields import Closed, Text, documented
from modelwright.dialects.query import in_query, required, whole

Row = tuple[str, str, Any, str, Json | None]


class GrantRequest(Closed):
    """Give `principal` (user:bob, group:devs, everyone, ...) a `level` on `model`."""

    model: Text
    principal: Text
    level: Text = ""


class ReshareRequest(Closed):
    """Let the users of `wrapper` use its `base` through it."""

    base: Text
    wrapper: Text


class TransferRequest(Closed):
    """Make `user` the owner of `model`."""

    model: Text
    user: Text


class QuotaRequest(Closed):
    """Limit a `quota` of `user` to `most`; null takes the limit away."""

    user: Text
    quota: Text
    most: Annotated[int, Strict(), Field(ge=0, le=2**53)] | None = None


class SharingRoutes:
    """The routes; `table` lists them."""

    def __init__(self, backing: Backing) -> None:
        rights = backing.services.rights
        self._accounts, self._sharing = rights.accounts, rights.sharing
        self._quotas, self._audit = rights.quotas, rights.audit
        self._principal_of = backing.principal_of
        self._limits = backing.limits

    def table(self) -> Iterator[Row]:
        yield "GET", "/grants", self.shares, "How a model is shared", in_query(model=True)
        yield "POST", "/grants", self.grant, "Give somebody a level", documented(GrantRequest)
        yield "DELETE", "/grants", self.revoke, "Take a grant away", documented(GrantRequest)
        yield "POST", "/reshares", self.reshare, "Share a base through a wrapper", documented(ReshareRequest)
        yield "DELETE", "/reshares", self.end_reshare, "No longer", documented(ReshareRequest)
        yield "POST", "/transfer", self.transfer, "Give a model away", documented(TransferRequest)
        yield "GET", "/quotas", self.quotas, "What limits a user", in_query(user=True)
        yield "PUT", "/quotas", self.set_quota, "Limit a user", documented(QuotaRequest)
        yield "GET", "/audit", self.audit, "Who did what, the last first", None

    @needs(Verb.GRANT)
    async def shares(self, request: Request) -> Response:
        asked = required(request, "model")
        found = await self._sharing.shares(self._principal_of(request), asked)
        grants = [
            {"to": str(each.subject), "name": await self._name(each.subject), "level": each.level.word}
            for each in found.grants
        ]
        owner = await self._name(Subject("user", found.owner))
        return json_response({"model": asked, "owner": owner, "grants": grants, "through": found.wrappers})

    @needs(Verb.GRANT)
    async def grant(self, request: Request) -> Response:
        body = await read_body(request, GrantRequest, self._limits)
        given = await self._sharing.grant(self._principal_of(request), body.model, body.principal, body.level)
        level = "none" if body.level == "none" else given.level.word
        return json_response({"model": body.model, "to": str(given.subject), "level": level})

    @needs(Verb.GRANT)
    async def revoke(self, request: Request) -> Response:
        body = await read_body(request, GrantRequest, self._limits)
        await self._sharing.revoke(self._principal_of(request), body.model, body.principal)
        return json_response({"model": body.model, "to": body.principal, "level": "none"})

    @needs(Verb.GRANT)
    async def reshare(self, request: Request) -> Response:
        return await self._set_reshare(request, allowed=True)

    @needs(Verb.GRANT)
    async def end_reshare(self, request: Request) -> Response:
        return await self._set_reshare(request, allowed=False)

    @needs(Verb.GRANT)
    async def transfer(self, request: Request) -> Response:
        body = await read_body(request, TransferRequest, self._limits)
        await self._sharing.transfer(self._principal_of(request), body.model, body.user)
        return json_response({"model": body.model, "owner": body.user})

    @needs(Verb.ADMINISTER)
    async def quotas(self, request: Request) -> Response:
        user = await self._accounts.user(required(request, "user"))
        limits = await self._quotas.limits(user.acting())
        return json_response({"user": user.name, "quotas": {name: limits.get(name) for name in QUOTAS}})

    @needs(Verb.ADMINISTER)
    async def set_quota(self, request: Request) -> Response:
        body = await read_body(request, QuotaRequest, self._limits)
        user = await self._accounts.user(body.user)
        await self._quotas.set(user.acting(), body.quota, body.most, self._principal_of(request))
        return json_response({"user": user.name, "quota": body.quota, "most": body.most})

    @needs(Verb.ADMINISTER)
    async def audit(self, request: Request) -> Response:
        query = request.query_params
        user = query.get("user", "")
        found = await self._audit.entries(
            limit=whole(request, "limit", 100),
            before=whole(request, "before", 0, least=0) if "before" in query else None,
            model=query.get("model", ""),
            principal=(await self._accounts.user(user)).id if user else "",
        )
        return json_response({"entries": [_entry(entry) for entry in found]})

    async def _set_reshare(self, request: Request, *, allowed: bool) -> Response:
        body = await read_body(request, ReshareRequest, self._limits)
        principal = self._principal_of(request)
        await self._sharing.reshare(principal, body.base, body.wrapper, allowed=allowed)
        return json_response({"base": body.base, "wrapper": body.wrapper, "allowed": allowed})

    async def _name(self, subject: Subject) -> str:
        return await self._accounts.name_of(subject)


def _entry(entry: Entry) -> Json:
    return {
        "id": entry.id,
        "at": timestamp(entry.at),
        "principal": entry.principal,
        "name": entry.name,
        "action": entry.action,
        "thing": entry.thing,
        "revision": entry.revision,
        "detail": dict(entry.detail),
    }
