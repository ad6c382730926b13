"""Our own dialect, for models that leave and come, and who one is at registries."""

from collections.abc import Callable, Coroutine, Iterator
from typing import Any

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from modelwright.core.errors import Invalid
from modelwright.core.grants import Verb
from modelwright.dialects.base import Backing, Json, json_response, needs
from modelwright.dialects.body import read_body, read_upload
from modelwright.dialects.fields import Closed, Flag, Text, documented
from modelwright.dialects.query import in_query

Endpoint = Callable[[Request], Coroutine[Any, Any, Response]]


class LoginRequest(Closed):
    """Who one is at a registry; kept for whoever asks, when the registry agrees."""

    registry: Text
    username: Text
    password: Text
    insecure: Flag = False


class LogoutRequest(Closed):
    registry: Text


class SignRequest(Closed):
    """A signature that was made of what /manifest gives."""

    model: Text
    signature: Text


class VerifyRequest(Closed):
    model: Text


class Transfers:
    """The routes."""

    def __init__(self, backing: Backing) -> None:
        self._archive = backing.services.archive
        self._signing = backing.services.signing
        self._pushes = backing.services.pushes
        self._principal_of = backing.principal_of
        self._limits = backing.limits

    def table(self) -> Iterator[tuple[str, str, Endpoint, str, Json | None]]:
        yield "POST", "/login", self.login, "Keep credentials for a registry", documented(LoginRequest)
        yield "POST", "/logout", self.logout, "Forget credentials for a registry", documented(LogoutRequest)

        yield "GET", "/export", self.export, "A model as one file", in_query(model=True, merge=False)
        yield "POST", "/import", self.take, "Make a model of an exported file", in_query(name=False)

        yield (
            "GET",
            "/manifest",
            self.manifest,
            "What a signature of a model is over",
            in_query(model=True),
        )
        yield "POST", "/sign", self.sign, "Keep a signature of a model", documented(SignRequest)
        yield "POST", "/verify", self.verify, "See that a trusted key signed it", documented(VerifyRequest)

    @needs(Verb.READ)
    async def manifest(self, request: Request) -> Response:
        model = request.query_params.get("model", "")
        if not model:
            raise Invalid('the query parameter "model" is required', field="model")
        content = await self._signing.manifest(self._principal_of(request), model)
        return json_response({"manifest": content.decode()})

    @needs(Verb.PUSH)
    async def sign(self, request: Request) -> Response:
        body = await read_body(request, SignRequest, self._limits)
        await self._signing.keep(self._principal_of(request), body.model, body.signature.encode())
        return json_response({"model": body.model})

    @needs(Verb.READ)
    async def verify(self, request: Request) -> Response:
        body = await read_body(request, VerifyRequest, self._limits)
        digest = await self._signing.verify(self._principal_of(request), body.model)
        return json_response({"model": body.model, "digest": str(digest)})

    @needs(Verb.DERIVE)
    async def export(self, request: Request) -> Response:
        model, principal = request.query_params.get("model", ""), self._principal_of(request)
        if not model:
            raise Invalid('the query parameter "model" is required', field="model")
        merge = request.query_params.get("merge", "") not in ("", "0", "false")
        found = await (self._archive.merged if merge else self._archive.export)(principal, model)
        media_type = "application/octet-stream" if merge else "application/x-tar"
        headers = {
            "Content-Length": str(found.size),
            "Content-Disposition": f'attachment; filename="{found.name}"',
        }
        return StreamingResponse(found.chunks, media_type=media_type, headers=headers)

    @needs(Verb.CREATE)
    async def take(self, request: Request) -> Response:
        name = request.query_params.get("name", "")
        chunks = read_upload(request, None, self._limits)
        made = await self._archive.take(self._principal_of(request), chunks, name=name)
        return json_response({"name": str(made.name), "digest": str(made.digest)})

    @needs(Verb.SELF)
    async def login(self, request: Request) -> Response:
        body = await read_body(request, LoginRequest, self._limits)
        await self._pushes.login(
            self._principal_of(request), body.registry, body.username, body.password, insecure=body.insecure
        )
        return json_response({"registry": body.registry})

    @needs(Verb.SELF)
    async def logout(self, request: Request) -> Response:
        body = await read_body(request, LogoutRequest, self._limits)
        await self._pushes.logout(self._principal_of(request), body.registry)
        return json_response({"registry": body.registry})
