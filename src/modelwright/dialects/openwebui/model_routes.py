"""The routes of models: listed, made, changed, shared, deleted, taken in and out.

Facts: open-webui 0.12.4, routers/models.py. Each comes under /api/v1/models and,
as its documentation has it, under /api/models.
"""

from base64 import b64decode
from collections.abc import Iterator, Sequence
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from modelwright.core.grants import Principal, Verb
from modelwright.core.permissions import CREATE, EXPORT, IMPORT
from modelwright.dialects.base import Json, json_response, needs
from modelwright.dialects.openwebui import entry, listing, wire
from modelwright.dialects.openwebui.entries import Found, presets
from modelwright.dialects.openwebui.grants import read_grants
from modelwright.dialects.openwebui.refusals import (
    ID_TAKEN,
    NOT_FOUND,
    NOT_TO_THEM,
    PROHIBITED,
    UNAUTHORIZED,
    Refusal,
    said,
)
from modelwright.dialects.openwebui.routing import Desk, Route, asked, page_of
from modelwright.dialects.openwebui.stance import shareable

FAVICON: Final = "/static/favicon.png"
_ORDERS: Final = ("name", "created_at", "updated_at")


class ModelRoutes:
    """Models of a workspace."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._entries = desk.entries

    def table(self) -> Iterator[Route]:
        yield "GET", "/list", self.list_page, "List the models of a workspace, a page at a time"
        yield "GET", "/all", self.list_all, "List all models, for an admin"
        yield "GET", "/base", self.list_bases, "List entries that lie over a base, for an admin"
        yield "GET", "/base/tags", self.base_tags, "The tags of models without a base, for an admin"
        yield "GET", "/tags", self.tags, "The tags of models"
        yield "POST", "/create", self.create, "Create a model"
        yield "GET", "/export", self.export, "Give models to be imported elsewhere"
        yield "POST", "/import", self.take_in, "Create or change models"
        yield "POST", "/sync", self.sync, "Make these the models there are, for an admin"
        yield "GET", "/model", self.show, "Show a model"
        yield "GET", "/model/profile/image", self.picture, "A model's picture"
        yield "POST", "/model/toggle", self.toggle, "Offer a model, or no longer"
        yield "POST", "/model/update", self.update, "Change a model"
        yield "POST", "/model/access/update", self.share, "Say who may do what with a model"
        yield "POST", "/model/delete", self.delete, "Delete a model"
        yield "DELETE", "/delete/all", self.delete_all, "Delete all models, for an admin"

    @needs(Verb.LIST)
    async def list_page(self, request: Request) -> Response:
        principal, page = self._desk.who(request), page_of(request)
        desk = await self._desk.survey(principal)
        found = _chosen(presets(await desk.entries.listed(principal)), principal, request)
        rows = []
        for each in found[(page - 1) * listing.PAGE : page * listing.PAGE]:
            owner = await desk.people.shown(each.summary.owner)
            tree = listing.with_access(await desk.row(principal, each), each, owner)
            rows.append(listing.without_picture(tree))
        return json_response({"items": rows, "total": len(found)})

    @needs(Verb.LIST)
    async def list_all(self, request: Request) -> Response:
        principal = self._desk.admin(request)
        found = [each for each in await self._entries.all(principal) if each.is_entry]
        return json_response(await self._rows(principal, found))

    @needs(Verb.LIST)
    async def list_bases(self, request: Request) -> Response:
        principal, tag = self._desk.admin(request), request.query_params.get("tag")
        found = [each for each in await self._entries.all(principal) if not each.is_preset and each.is_entry]
        kept = [each for each in found if not tag or tag in each.card.tags]
        return json_response(await self._rows(principal, kept))

    @needs(Verb.LIST)
    async def base_tags(self, request: Request) -> Response:
        found = await self._entries.all(self._desk.admin(request))
        return json_response(listing.tag_names([each for each in found if not each.is_preset]))

    @needs(Verb.LIST)
    async def tags(self, request: Request) -> Response:
        return json_response(listing.tag_names(presets(await self._entries.all(self._desk.who(request)))))

    @needs(Verb.CREATE)
    async def create(self, request: Request) -> Response:
        principal = self._desk.who(request)
        form, tree = await self._desk.read(request, wire.ModelForm)
        await self._desk.check_may(principal, CREATE)
        with said(denied=(401, UNAUTHORIZED)):
            found = await self._create(principal, form, tree)
            return json_response(await self._desk.row(principal, found))

    @needs(Verb.SHOW)
    async def show(self, request: Request) -> Response:
        principal = self._desk.who(request)
        with said((404, NOT_FOUND), (404, NOT_FOUND)):
            found = await self._entries.find(principal, asked(request, "id"))
            tree = await self._desk.row(principal, found)
        return json_response(listing.with_access(tree, found, await self._owner(found)))

    @needs(Verb.SHOW)
    async def picture(self, request: Request) -> Response:
        """Unknown and forbidden models have the picture that a model without one has."""
        found = await self._entries.find_or_none(self._desk.who(request), asked(request, "id"))
        url = "" if found is None else found.card.picture
        head, comma, content = url.partition(";base64,")
        if comma and head.lower().startswith("data:image/"):
            try:
                image = b64decode(content, validate=False)
            except ValueError:
                return RedirectResponse(FAVICON, 302)
            safe = {"Content-Disposition": "inline", "X-Content-Type-Options": "nosniff"}
            return Response(image, media_type=head[len("data:") :].lower(), headers=safe)
        return RedirectResponse(url if url.startswith(("http://", "https://")) else FAVICON, 302)

    @needs(Verb.UPDATE)
    async def toggle(self, request: Request) -> Response:
        principal = self._desk.who(request)
        with said():
            found = await self._entries.find(principal, asked(request, "id"))
            changed = await self._entries.toggle(principal, found)
            return json_response(await self._desk.row(principal, changed))

    @needs(Verb.UPDATE)
    async def update(self, request: Request) -> Response:
        principal = self._desk.who(request)
        form, tree = await self._desk.read(request, wire.ModelForm)
        with said(denied=(400, PROHIBITED)):
            found = await self._entries.find(principal, form.id)
            _check_writable(found, (400, PROHIBITED))
            changed = await self._entries.update(principal, found, form, tree)
            return json_response(await self._desk.row(principal, changed))

    @needs(Verb.GRANT)
    async def share(self, request: Request) -> Response:
        principal = self._desk.who(request)
        form, _ = await self._desk.read(request, wire.AccessForm)
        found = await self._entries.find_or_none(principal, form.id)
        if found is None and not principal.is_admin:
            raise Refusal(403, PROHIBITED)
        with said((403, PROHIBITED), (400, PROHIBITED)):
            if found is None:
                bare = {"id": form.id, "name": form.name or form.id, "meta": {}, "params": {}}
                found = await self._entries.create(principal, wire.read_form(wire.ModelForm, bare), bare)
            _check_writable(found, (400, PROHIBITED))
            before = await self._desk.people.grants(principal, found)
            wanted = read_grants(form.access_grants, before)
            given = shareable(await self._desk.people.permissions(principal), wanted)
            if len(await self._desk.people.known(given)) != len(wanted):
                raise Refusal(403, NOT_TO_THEM)
            await self._desk.people.share(principal, found, wanted)
            return json_response(await self._desk.row(principal, found))

    @needs(Verb.DELETE)
    async def delete(self, request: Request) -> Response:
        principal = self._desk.who(request)
        form, _ = await self._desk.read(request, wire.IdForm)
        with said():
            await self._entries.delete(principal, await self._entries.find(principal, form.id))
        return json_response(True)

    @needs(Verb.DELETE)
    async def delete_all(self, request: Request) -> Response:
        principal = self._desk.admin(request)
        for found in await self._entries.all(principal):
            if found.is_entry:
                await self._entries.delete(principal, found)
        return json_response(True)

    @needs(Verb.UPDATE)
    async def export(self, request: Request) -> Response:
        principal, wanted = self._desk.who(request), request.query_params.getlist("ids")
        await self._desk.check_may(principal, EXPORT)
        if wanted:
            named = [await self._entries.find_or_none(principal, each) for each in wanted]
            found = [each for each in named if each is not None and each.is_preset and each.is_writable]
            if len(found) != len(named):
                raise Refusal(403, PROHIBITED)
        else:
            found = [each for each in presets(await self._entries.all(principal)) if each.is_writable]
        rows = await self._rows(principal, found)
        return json_response([{**tree, "background_image_data": None} for tree in rows])

    @needs(Verb.CREATE)
    async def take_in(self, request: Request) -> Response:
        principal = self._desk.who(request)
        form, _ = await self._desk.read(request, wire.ImportForm)
        await self._desk.check_may(principal, IMPORT)
        for tree in form.models:
            identifier = tree.get("id")
            if isinstance(identifier, str) and entry.is_valid_id(identifier):
                await self._take_in(principal, identifier, tree)
        return json_response(True)

    @needs(Verb.CREATE)
    async def sync(self, request: Request) -> Response:
        principal = self._desk.admin(request)
        form, tree = await self._desk.read(request, wire.SyncForm)
        kept = set()
        for each, raw in zip(form.models, tree.get("models", ()), strict=True):
            kept.add((await self._put(principal, each, raw)).summary.key)
        for found in await self._entries.all(principal):
            if found.is_entry and found.summary.key not in kept:
                await self._entries.delete(principal, found)
        left = [each for each in await self._entries.all(principal) if each.summary.key in kept]
        return json_response(await self._rows(principal, left))

    async def _take_in(self, principal: Principal, identifier: str, tree: Json) -> None:
        found = await self._entries.find_or_none(principal, identifier)
        if found is not None and found.is_entry:
            _check_writable(found, (401, ID_TAKEN))
            old = await self._desk.row(principal, found)
            meta = {**old["meta"], **(tree.get("meta") or {})}
            tree = {**old, **tree, "meta": meta, "params": tree.get("params") or {}}
            if found.is_preset and not tree["base_model_id"] and not principal.is_admin:
                return  # only an admin may take a base away; the product passes such a one over
        elif not principal.is_admin and not tree.get("base_model_id"):
            return
        raw = {"meta": {}, "params": {}, **tree}
        try:
            form = wire.read_form(wire.ModelForm, raw)
        except Refusal as error:
            raise Refusal(400, _first_fault(error)) from error
        with said(denied=(401, ID_TAKEN)):
            await self._put(principal, form, raw)

    async def _put(self, principal: Principal, form: wire.ModelForm, tree: Json) -> Found:
        """Make a model, or change the one of that id."""
        found = await self._entries.find_or_none(principal, form.id)
        if found is not None and found.is_entry:
            return await self._entries.update(principal, found, form, tree)
        return await self._create(principal, form, tree)

    async def _create(self, principal: Principal, form: wire.ModelForm, tree: Json) -> Found:
        found = await self._entries.create(principal, form, tree)
        held = await self._desk.people.permissions(principal)
        wanted = await self._desk.people.known(shareable(held, read_grants(form.access_grants or ())))
        if wanted:
            await self._desk.people.share(principal, found, wanted)
        if form.is_active is not found.card.active:
            await self._entries.set_active(principal, found, form.is_active)
        return found

    async def _rows(self, principal: Principal, found: Sequence[Found]) -> list[Json]:
        desk = await self._desk.survey(principal)
        return [await desk.row(principal, each) for each in found]

    async def _owner(self, found: Found) -> Json | None:
        return await self._desk.people.shown(found.summary.owner)


def _check_writable(found: Found, refused: tuple[int, str]) -> None:
    if not found.is_writable:
        raise Refusal(*refused)


def _chosen(found: Sequence[Found], principal: Principal, request: Request) -> list[Found]:
    """What the query asks for, in the order it asks for."""
    wanted = request.query_params
    words, tag, view = (
        wanted.get("query", "").lower(),
        wanted.get("tag", "").lower(),
        wanted.get("view_option"),
    )
    kept = [
        each
        for each in found
        if (not words or words in f"{each.title}\n{each.identifier}\n{each.summary.parent}".lower())
        and (not tag or tag in (name.lower() for name in each.card.tags))
        and (view != "created" or each.summary.owner == principal.id)
        and (view != "shared" or each.summary.owner != principal.id)
    ]
    order = wanted.get("order_by")
    keys: dict[str, Any] = {
        "name": lambda each: each.title.lower(),
        "created_at": lambda each: each.summary.created_at,
        "updated_at": lambda each: each.summary.modified_at,
    }
    if order in _ORDERS:
        return sorted(kept, key=keys[order], reverse=wanted.get("direction") != "asc")
    return sorted(kept, key=keys["created_at"], reverse=True)


def _first_fault(error: Refusal) -> str:
    if not isinstance(error.detail, list):
        return str(error.detail)
    fault = error.detail[0]
    return f"{'.'.join(str(step) for step in fault['loc'][1:])}: {fault['msg']}"
