"""Our own routes about model templates: keep them, and make models of them.

A part of the native dialect, and what the command line speaks.
"""

from collections.abc import AsyncIterator, Iterator
from typing import Any, Final, TypeAlias

from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response

from modelwright.core.grants import Verb
from modelwright.core.model_template import ModelTemplate, StoredTemplate
from modelwright.dialects.base import Backing, Json, json_response, needs, timestamp
from modelwright.dialects.body import read_body
from modelwright.dialects.fields import Closed, Flag, Table, Text, documented
from modelwright.dialects.query import in_query, required
from modelwright.service.views import Created, CreateEvent

Row: TypeAlias = tuple[str, str, Any, str, Json | None]


class TemplateRequest(Closed):
    """A template to keep; `shared`, left out, stays as it is."""

    name: Text
    template: Table
    shared: Flag | None = None


class MakeRequest(Closed):
    """A model to make: its name, the template (perhaps a revision), arguments."""

    model: Text
    template: Text
    arguments: Table = Field(default_factory=dict)


class RemakeRequest(Closed):
    """A model to make again with changed arguments; a null takes one away."""

    model: Text
    arguments: Table = Field(default_factory=dict)
    latest: Flag = False


class TemplateRoutes:
    """The routes; `table` lists them."""

    def __init__(self, backing: Backing) -> None:
        self._templates = backing.services.templates
        self._principal_of = backing.principal_of
        self._limits = backing.limits

    def table(self) -> Iterator[Row]:
        yield "GET", "/templates", self.list_templates, "List the model templates you may use", None
        yield "GET", "/templates/one", self.one, "Show a model template", _TEMPLATE
        yield "GET", "/templates/history", self.history, "All revisions of a model template", _TEMPLATE
        yield "GET", "/templates/origin", self.origin, "What a model was made from", _MODEL
        yield "POST", "/templates", self.save, "Keep a model template", documented(TemplateRequest)
        yield "DELETE", "/templates", self.delete, "Forget a model template", _TEMPLATE
        yield "POST", "/templates/make", self.make, "Make a model of a template", documented(MakeRequest)
        yield (
            "POST",
            "/templates/remake",
            self.remake,
            "Make a model again with other arguments",
            documented(RemakeRequest),
        )

    @needs(Verb.LIST)
    async def list_templates(self, request: Request) -> Response:
        found = await self._templates.list_templates(self._principal_of(request))
        return json_response({"templates": [_line(stored) for stored in found]})

    @needs(Verb.LIST)
    async def one(self, request: Request) -> Response:
        stored = await self._templates.find(self._principal_of(request), required(request, "template"))
        return json_response(_whole(stored))

    @needs(Verb.LIST)
    async def history(self, request: Request) -> Response:
        found = await self._templates.history(self._principal_of(request), required(request, "template"))
        lines = [
            {
                "number": each.number,
                "digest": each.digest,
                "author": each.author,
                "message": each.message,
                "created_at": timestamp(each.created_at),
            }
            for each in found
        ]
        return json_response({"revisions": lines})

    @needs(Verb.READ)
    async def origin(self, request: Request) -> Response:
        found = await self._templates.recall(self._principal_of(request), required(request, "model"))
        return json_response({"origin": found.as_tree() if found else None})

    @needs(Verb.SELF)
    async def save(self, request: Request) -> Response:
        body = await read_body(request, TemplateRequest, self._limits)
        template = ModelTemplate.read(body.template)
        stored = await self._templates.save(
            self._principal_of(request), body.name, template, shared=body.shared
        )
        return json_response(_whole(stored), status=201)

    @needs(Verb.SELF)
    async def delete(self, request: Request) -> Response:
        stored = await self._templates.delete(self._principal_of(request), required(request, "template"))
        return json_response(_line(stored))

    @needs(Verb.CREATE)
    async def make(self, request: Request) -> Response:
        body = await read_body(request, MakeRequest, self._limits)
        principal = self._principal_of(request)
        events = self._templates.make(principal, body.template, body.model, body.arguments)
        return json_response(await _made(events), status=201)

    @needs(Verb.UPDATE)
    async def remake(self, request: Request) -> Response:
        body = await read_body(request, RemakeRequest, self._limits)
        # Nulls inside arguments are theirs: a Wire drops only those of its own fields.
        events = self._templates.remake(
            self._principal_of(request), body.model, body.arguments, latest=body.latest
        )
        return json_response(await _made(events))


async def _made(events: AsyncIterator[CreateEvent]) -> Json:
    created: Json = {}
    async for event in events:
        if isinstance(event, Created):
            created = {"model": str(event.name), "revision": event.revision, "changed": event.changed}
    return created


def _line(stored: StoredTemplate) -> Json:
    return {
        "id": stored.id,
        "name": stored.name,
        "revision": stored.revision,
        "description": stored.template.description,
        "digest": str(stored.template.digest),
        "shared": stored.shared,
        "shipped": stored.shipped,
        "author": stored.author,
        "updated_at": None if stored.shipped else timestamp(stored.updated_at),
    }


def _whole(stored: StoredTemplate) -> Json:
    return _line(stored) | {"template": stored.template.as_tree()}


_TEMPLATE: Final = in_query(template=True)
_MODEL: Final = in_query(model=True)
