"""The routes of models: made, shown, changed, listed, deleted."""

from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from modelwright.core.argument_schema import BadArguments
from modelwright.core.card import Card
from modelwright.core.draft import SpecDraft
from modelwright.core.errors import Invalid
from modelwright.core.grants import Principal, Verb
from modelwright.core.model_template import StoredTemplate
from modelwright.core.revision import Alias, Window
from modelwright.dialects.base import json_response, needs
from modelwright.dialects.sgp import creation, wire
from modelwright.dialects.sgp.deployed import RUNS, Deployed, runs_of
from modelwright.dialects.sgp.desk import Account, Desk, Route, deleted, listed, page_of, path_of
from modelwright.dialects.sgp.entries import Entries, Entry, card_of
from modelwright.dialects.sgp.execution import REQUEST
from modelwright.dialects.sgp.group_routes import GROUP
from modelwright.dialects.sgp.shelf import SORTS, VIEWS, Shelf
from modelwright.dialects.sgp.template_routes import model_type_of, request_of
from modelwright.service.model_templates import EXTRA


class ModelRoutes:
    """Models."""

    def __init__(self, desk: Desk, entries: Entries, shelf: Shelf, deployed: Deployed) -> None:
        services = desk.backing.services
        self._desk = desk
        self._entries = entries
        self._shelf = shelf
        self._deployed = deployed
        self._models = services.models
        self._templates = services.templates
        self._entities = services.entities

    def table(self) -> Iterator[Route]:
        yield (
            "POST",
            "/v4/models",
            self.create_model,
            "Make a model from a template or on a base, and deploy it",
        )
        yield "GET", "/v4/models", self.list_models, "List models"
        joined = "/v4/model-groups/{group}/models/{model:path}"
        yield "POST", joined, self.join_group, "Put a model into a group"
        # The last of all paths under /v4/models: it takes every other one.
        yield "GET", "/v4/models/{model:path}", self.show_model, "Show a model"
        yield "PATCH", "/v4/models/{model:path}", self.change_model, "Change a model"
        yield "DELETE", "/v4/models/{model:path}", self.delete_model, "Delete a model"

    @needs(Verb.CREATE)
    async def create_model(self, request: Request) -> Response:
        principal = self._desk.who(request)
        body = await self._desk.read(request, wire.ModelRequest)
        account = await self._desk.account(request, body.account_id)
        await self._check_group(principal, body.model_group_id)
        if body.model_template_id is not None:
            entry = await self._from_template(principal, body, account)
        else:
            entry = await self._plain(principal, body, account)
        if entry.summary.facts is not None or body.model_template_id is not None:
            await self._deployed.automatic(principal, entry)
        return await self._shown(principal, entry)

    async def _plain(self, principal: Principal, body: wire.ModelRequest, account: Account) -> Entry:
        """A model on a base, or on nothing yet."""
        given = body.model_creation_parameters or {}
        named = creation.base_of(given)
        base = body.base_model_id or named
        found = creation.filled(given)
        parent = await self._entries.parent_of(principal, base) if base else None
        draft = replace(found.draft, parent=parent, bare=parent is None)
        card = card_of(found.card, body, account_id=account.label, account=account.id)

        def making(name: str, aliases: Sequence[Alias]) -> AsyncIterator[object]:
            return self._models.create(principal, name, draft, card=card, aliases=aliases, fresh=True)

        return await self._entries.create(principal, body.name, account.id, making)

    async def _from_template(self, principal: Principal, body: wire.ModelRequest, account: Account) -> Entry:
        template = await self._template(principal, body)
        arguments = await self._arguments(principal, template, body)
        kept = {"account_id": account.label, "account": account.id, **_remembered(template)}
        base = await self._base(principal, body, arguments)

        def making(name: str, aliases: Sequence[Alias]) -> AsyncIterator[object]:
            return self._templates.make(
                principal,
                template.id,
                name,
                arguments,
                dress=lambda card: card_of(card, body, **kept),
                aliases=aliases,
                base=base,
                fresh=True,
            )

        try:
            return await self._entries.create(principal, body.name, account.id, making)
        except BadArguments as error:
            raise creation.refused(error) from None

    async def _base(
        self, principal: Principal, body: wire.ModelPatch, arguments: Mapping[str, Any]
    ) -> str | None:
        """The base that stands beside the arguments; raises NotFound."""
        if not body.base_model_id or creation.BASE in arguments:
            return None
        return await self._entries.parent_of(principal, body.base_model_id)

    async def _template(self, principal: Principal, body: wire.ModelPatch) -> StoredTemplate:
        """The template that is named, if it makes models of the type that is wanted."""
        found = await self._templates.find(principal, body.model_template_id or "", field="model_template_id")
        makes = model_type_of(found.template)
        if body.model_type is not None and makes not in (None, body.model_type):
            raise Invalid(
                f'the template "{found.name}" makes models of the type {makes}, not {body.model_type}',
                field="model_type",
                hint=f"Use {makes}",
            )
        return found

    async def _arguments(
        self, principal: Principal, template: StoredTemplate, body: wire.ModelPatch
    ) -> dict[str, Any]:
        """What the template is given, its base by name."""
        arguments = dict(body.model_creation_parameters or {})
        if body.base_model_id and creation.BASE in template.template.creation.properties:
            arguments.setdefault(creation.BASE, body.base_model_id)
        base = arguments.get(creation.BASE)
        if isinstance(base, str):
            arguments[creation.BASE] = await self._entries.parent_of(principal, base)
        return arguments

    @needs(Verb.LIST)
    async def list_models(self, request: Request) -> Response:
        principal, page = await self._desk.check(request), page_of(request)
        views, orders = listed(request, "view", VIEWS), listed(request, "sort_by", SORTS)
        account, asked = await self._desk.filter(request), request.query_params
        group = asked.get("model_group_id")
        if account or orders or "model_type" in asked or group is not None:
            around = await self._shelf.surroundings(principal, await self._deployed.all(principal), views)
            found = [
                entry
                for entry in await self._entries.all(principal)
                if (account is None or account.id == (entry.scope or entry.summary.owner))
                and asked.get("model_type") in (None, entry.model_type)
                and (group is None or (group == entry.group and around.group_of(entry) is not None))
            ]
            ordered = await self._shelf.ordered(principal, found, around, orders)
            total, part = len(found), ordered[page.start : page.start + page.limit]
        else:
            total = await self._models.count(principal)
            part = await self._entries.page(principal, Window(page.limit, page.start))
            deployments = await self._deployed.of(principal, *part)
            around = await self._shelf.surroundings(principal, deployments, views)
        shown = [await self._shelf.tree(principal, entry, around) for entry in part]
        return json_response(page.envelope(shown, total))

    @needs(Verb.SHOW)
    async def show_model(self, request: Request) -> Response:
        principal = await self._desk.check(request)
        entry = await self._entries.find(principal, path_of(request, "model"))
        return await self._shown(principal, entry, listed(request, "view", VIEWS))

    @needs(Verb.UPDATE)
    async def change_model(self, request: Request) -> Response:
        principal = await self._desk.check(request)
        entry = await self._entries.writable(principal, path_of(request, "model"))
        body = await self._changed(principal, entry, await self._desk.read(request, wire.ModelPatch))
        await self._check_group(principal, body.model_group_id)
        made = body.model_template_id or (
            entry.extra.get("model_template_id") if entry.card.extra(EXTRA) else None
        )
        moved = body.model_creation_parameters is not None or body.model_template_id is not None
        before = entry.summary.digest
        if made and moved:
            entry = await self._remade(principal, entry, body.model_copy(update={"model_template_id": made}))
        else:
            entry = await self._revised(principal, entry, body)
        if entry.scope and entry.summary.facts is not None and entry.summary.digest != before:
            await self._deployed.automatic(principal, entry)
        return await self._shown(principal, entry)

    async def _changed(self, principal: Principal, entry: Entry, body: wire.ModelPatch) -> wire.ModelPatch:
        """What of a request is not so already: saving what was shown changes nothing."""
        around = await self._shelf.surroundings(principal, ())
        shown = await self._shelf.tree(principal, entry, around)
        wanted = body.model_dump(mode="json", by_alias=True, exclude_none=True)
        return wire.ModelPatch.model_validate(
            {name: value for name, value in wanted.items() if shown.get(name) != value}
        )

    async def _remade(self, principal: Principal, entry: Entry, body: wire.ModelPatch) -> Entry:
        """Make a model again of its template, or of another one."""
        template = await self._template(principal, body)
        given = body.model_creation_parameters
        if given is None:
            body = body.model_copy(update={creation.FIELD: dict(entry.extra.get(creation.FIELD, {}))})
        arguments = await self._arguments(principal, template, body)
        kept = _remembered(template)

        def dress(card: Card) -> Card:
            return card_of(entry.card, body, **kept).with_extra(EXTRA, card.extra(EXTRA))

        base = await self._base(principal, body, arguments)
        making = self._templates.make(
            principal, template.id, entry.name, arguments, dress=dress, base=base, again=True
        )
        try:
            async for _ in making:
                pass
        except BadArguments as error:
            raise creation.refused(error) from None
        return await self._entries.find(principal, entry.name)

    async def _revised(self, principal: Principal, entry: Entry, body: wire.ModelPatch) -> Entry:
        """Change a model that no template made, or only what stands on its card."""
        draft, parent = None, None
        given, kept = body.model_creation_parameters, entry.extra.get(creation.FIELD, {})
        base = body.base_model_id or (creation.base_of(given) if given is not None else "")
        if base and base != await self._entries.base_id(principal, entry):
            parent = await self._entries.parent_of(principal, base)
        if given is not None:
            view = await self._entries.view(principal, entry)
            draft = creation.change(view.spec, kept, given, parent)
        elif parent is not None:
            draft = SpecDraft(revises=True, parent=parent)
        return await self._entries.revise(principal, entry, draft, card_of(entry.card, body))

    @needs(Verb.DELETE)
    async def delete_model(self, request: Request) -> Response:
        principal = await self._desk.check(request)
        await self._entries.delete(principal, await self._entries.find(principal, path_of(request, "model")))
        return json_response(deleted())

    @needs(Verb.UPDATE)
    async def join_group(self, request: Request) -> Response:
        principal = await self._desk.check(request)
        entry = await self._entries.writable(principal, path_of(request, "model"))
        group = await self._entities.find(principal, GROUP, path_of(request, "group"))
        card = card_of(entry.card, wire.ModelPatch(model_group_id=group.id))
        return await self._shown(principal, await self._entries.revise(principal, entry, None, card))

    async def _check_group(self, principal: Principal, group: str | None) -> None:
        if group:
            await self._entities.find(principal, GROUP, group, field="model_group_id")

    async def _shown(self, principal: Principal, entry: Entry, views: Sequence[str] = ()) -> Response:
        found = await self._deployed.of(principal, entry)
        around = await self._shelf.surroundings(principal, found, views)
        return json_response(await self._shelf.tree(principal, entry, around))


def _remembered(template: StoredTemplate) -> dict[str, Any]:
    """What a model keeps of its template, for those who may use it and not read that."""
    return {REQUEST: request_of(template.template), RUNS: runs_of(template.template)}
