"""The routes of model templates: what models are made from.

A template of ours is a spec with holes; the platform's is an image with parameters.
Those of our own runtimes bind to holes by name (core.runtimes).
"""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response

from modelwright.core.grants import Verb
from modelwright.core.model_template import ModelTemplate, StoredTemplate
from modelwright.core.runtimes import bound_request, bound_spec, runtime_of
from modelwright.dialects.base import Json, json_response, needs
from modelwright.dialects.sgp import wire
from modelwright.dialects.sgp.desk import Desk, People, Route, deleted, page_of, path_of
from modelwright.dialects.sgp.entries import DIALECT

TYPES: Final = {"str": "string", "int": "integer", "float": "number", "bool": "boolean"}
"""The platform's types of parameters, and JSON Schema's."""
_SHIPPED: Final[Mapping[str, Any]] = {
    "endpoint_type": "SYNC",
    "model_type": "CHAT_COMPLETION",
    "vendor_configuration": {
        "vendor": "LAUNCH",
        "bundle_config": {"registry": "modelwright", "image": "llm", "tag": "latest"},
    },
}
"""What is said of a template that was made elsewhere."""
_BORN: Final = datetime(2026, 1, 1, tzinfo=UTC)
"""When what came with the package is said to have been made."""


class TemplateRoutes:
    """Templates, which an account has and all of its members use."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._templates = desk.backing.services.templates

    def table(self) -> Iterator[Route]:
        path = "/v4/model-templates"
        yield "POST", path, self.create_template, "Make a model template"
        yield "GET", path, self.list_templates, "List the model templates"
        yield "GET", f"{path}/{{template}}", self.show_template, "Show a model template"
        yield "DELETE", f"{path}/{{template}}", self.delete_template, "Delete a model template"

    @needs(Verb.LIST)
    async def create_template(self, request: Request) -> Response:
        principal = self._desk.who(request)
        body = await self._desk.read(request, wire.TemplateRequest)
        account = await self._desk.account(request, body.account_id)
        stored = await self._templates.create(
            principal,
            body.name,
            read_template(body, account.label),
            shared=account.id != principal.id,
            account=account.id,
        )
        return json_response(template_tree(stored, await self._desk.people(principal)))

    @needs(Verb.LIST)
    async def list_templates(self, request: Request) -> Response:
        principal, page = await self._desk.check(request), page_of(request)
        account = await self._desk.filter(request)
        found = await self._templates.list_templates(
            principal, account=account.id if account else None, shipped=account is None
        )
        people = await self._desk.people(principal)
        return json_response(page.answer(found, lambda each: template_tree(each, people)))

    @needs(Verb.LIST)
    async def show_template(self, request: Request) -> Response:
        principal = await self._desk.check(request)
        found = await self._templates.find(principal, path_of(request, "template"))
        return json_response(template_tree(found, await self._desk.people(principal)))

    @needs(Verb.LIST)
    async def delete_template(self, request: Request) -> Response:
        principal = await self._desk.check(request)
        await self._templates.delete(principal, path_of(request, "template"))
        return json_response(deleted())


def read_template(body: wire.TemplateRequest, account: str) -> ModelTemplate:
    """A template of ours; raises Invalid for parameters without a meaning."""
    bundle = body.vendor_configuration.bundle_config
    creation, request = body.model_creation_parameters_schema, body.model_request_parameters_schema
    runtime = runtime_of(bundle.registry, bundle.image)
    asked = [field.name for field in creation.parameters] if creation else []
    allowed = [field.name for field in request.parameters] if request else []
    kept = body.model_dump(mode="json", exclude={"name", "account_id"}, exclude_none=True)
    return ModelTemplate.read(
        {
            "spec": bound_spec(runtime, asked, bundle.env),
            "creation": _schema(creation),
            "request_parameters": bound_request(allowed) if runtime != "container" else {},
            "request": _schema(request) if runtime != "container" else {},
            "extras": {DIALECT: {**kept, "account_id": account}},
        }
    )


def template_tree(stored: StoredTemplate, people: People) -> Json:
    """A template as it is sent."""
    template = stored.template
    kept = template.extras.get(DIALECT) or {
        **_SHIPPED,
        "model_creation_parameters_schema": _fields(template.creation.tree),
        "model_request_parameters_schema": _fields(template.request.tree),
    }
    account = kept.get("account_id") or stored.account or stored.owner or "modelwright"
    born = _BORN if stored.shipped else stored.created_at
    made = people.made(stored.id, account, stored.owner or "modelwright", born)
    return {**made, "name": stored.name, **{name: kept[name] for name in kept if name != "account_id"}}


def model_type_of(template: ModelTemplate) -> str | None:
    """The type of models that a template makes, if it says so."""
    found = template.extras.get(DIALECT, {}).get("model_type")
    return found if isinstance(found, str) else None


def request_of(template: ModelTemplate) -> Json | None:
    """What a request may set, as a template of that alone, if the template says so."""
    says = "model_request_parameters_schema" in template.extras.get(DIALECT, {})
    if not (says or template.request_parameters):
        return None
    return {"request_parameters": template.request_parameters, "request": template.request.tree}


def _schema(wanted: wire.ParameterSchema | None) -> Json:
    if wanted is None or not wanted.parameters:
        return {}
    properties = {
        field.name: {"type": TYPES[field.type], "description": field.description}
        for field in wanted.parameters
    }
    needed = [field.name for field in wanted.parameters if field.required]
    return {"type": "object", "properties": properties, "required": needed}


def _fields(schema: Mapping[str, Any]) -> Json:
    """Parameters as the platform can say them; those of other types it cannot."""
    words = {ours: theirs for theirs, ours in TYPES.items()}
    properties: Mapping[str, Any] = schema.get("properties", {})
    fields = [
        {
            "name": name,
            "type": words[about["type"]],
            "description": about.get("description", ""),
            "required": name in schema.get("required", ()) and "default" not in about,
        }
        for name, about in properties.items()
        if about.get("type") in words
    ]
    return {"parameters": fields}
