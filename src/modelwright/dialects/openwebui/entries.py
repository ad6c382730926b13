"""Entries: models found, made and changed as Open WebUI's clients know them.

The only part of this dialect that speaks to the services about models. An id is
an alias; a model without one goes by its name. What a caller may not know of is
absent here, too.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from modelwright.core.card import Card
from modelwright.core.draft import SpecDraft
from modelwright.core.errors import Conflict, NotFound
from modelwright.core.grants import Principal, Verb
from modelwright.core.names import DEFAULT_NAMESPACE, Name
from modelwright.core.revision import Alias
from modelwright.core.spec import UNSET, ModelSpec
from modelwright.dialects.openwebui import entry, wire
from modelwright.dialects.openwebui.entry import DIALECT
from modelwright.dialects.openwebui.refusals import (
    ID_TAKEN,
    ID_TOO_LONG,
    UNAUTHORIZED,
    VERSION_CONFLICT,
    Refusal,
)
from modelwright.dialects.openwebui.variables import chat_fields
from modelwright.dialects.shown import Shown, as_asked, located
from modelwright.service.models import Models
from modelwright.service.views import ModelSummary, ModelView

_TRIES: Final = 5


@dataclass(frozen=True, slots=True)
class Found(Shown):
    """A model that is there: its id for the caller, and what may be seen of it."""

    identifier: str
    view: ModelView
    asked: str = ""

    @property
    def summary(self) -> ModelSummary:
        return self.view.summary

    @property
    def is_preset(self) -> bool:
        """Whether it stands on another model, as all of a workspace do."""
        return _is_preset(self.summary)

    @property
    def is_provider(self) -> bool:
        """Whether it is one that others stand on, weights and all."""
        return not self.is_preset and self.summary.facts is not None

    @property
    def is_entry(self) -> bool:
        """Whether the product would have a row for it, and not only a provider."""
        return _is_entry(self.summary)

    @property
    def params(self) -> dict[str, Any]:
        """Its params, for who may read them; else none."""
        return entry.shown_params(self.view.spec, self.card) if self.is_legible else {}

    @property
    def asks(self) -> list[dict[str, Any]]:
        """The variables that its system text asks a chat for."""
        if self.is_legible:
            return chat_fields(entry.said_by(self.view.spec).system)
        return list(self.card.extra(DIALECT).get("asks", ()))

    @property
    def version(self) -> int:
        """The revision that is its version: offering it, or no longer, makes no new one."""
        return entry.version_of(self.card, self.summary.revision)

    @property
    def title(self) -> str:
        return entry.shown_name(self.card, self.identifier)


class Entries:
    """Models by their ids."""

    def __init__(self, models: Models, aliases: Mapping[str, Alias] | None = None) -> None:
        self._models = models
        self._aliases = aliases

    async def locate(self, principal: Principal, identifier: str) -> str:
        """The name that an id stands for; raises NotFound for one that is none."""
        return await located(self._models, principal, DIALECT, identifier)

    async def find(self, principal: Principal, identifier: str) -> Found:
        """Raises NotFound for a model that is not there, or may not be known."""
        located = await self.locate(principal, identifier)
        view = await self._models.show(principal, located)
        asked = as_asked(view.summary.key, located)
        return Found(await self.identifier(principal, view.summary), view, asked)

    async def find_or_none(self, principal: Principal, identifier: str) -> Found | None:
        try:
            return await self.find(principal, identifier)
        except NotFound:
            return None

    async def all(self, principal: Principal) -> list[Found]:
        """Every model that the caller may know."""
        return await (await self.survey(principal)).listed(principal)

    async def survey(self, principal: Principal) -> "Entries":
        """The same models, read at once: for a list, and for no changes."""
        models = await self._models.survey(principal)
        return Entries(models, await models.aliases.all(DIALECT))

    async def listed(self, principal: Principal) -> list[Found]:
        views = await self._models.list_views(principal)
        return [Found(await self.identifier(principal, view.summary), view) for view in views]

    async def identifier(self, principal: Principal, summary: ModelSummary) -> str:
        """The id of a model, as the caller can use it."""
        alias = await self._alias_of(summary.key) if _is_entry(summary) else None
        if alias is not None and await self._means(principal, alias.alias, summary.key):
            return alias.alias
        return str(summary.name)

    async def _alias_of(self, key: str) -> Alias | None:
        known = self._aliases
        return await self._models.aliases.of(DIALECT, key) if known is None else known.get(key)

    async def _means(self, principal: Principal, alias: str, key: str) -> bool:
        located = await self._models.aliases.locate(principal, DIALECT, alias)
        return Name.parse(located).key == key

    async def base_of(self, principal: Principal, found: Found) -> str | None:
        """The id of the model it stands on; "" when that may not be known."""
        if not found.is_preset:
            return None
        given, parent = entry.given_base(found.card), found.summary.parent
        if not parent:
            return ""
        target = await self._line(principal, parent)
        other = target if target is None or not given else await self._line(principal, given)
        if given and (target is None or (other is not None and other.key == target.key)):
            return given
        return parent if target is None else await self.identifier(principal, target)

    async def _line(self, principal: Principal, identifier: str) -> ModelSummary | None:
        try:
            return await self._models.summary(principal, await self.locate(principal, identifier))
        except NotFound:
            return None

    async def create(self, principal: Principal, form: wire.ModelForm, tree: Mapping[str, Any]) -> Found:
        """Make an entry; raises Refusal in the product's words and order."""
        if not entry.is_valid_id(form.id):
            raise Refusal(400, ID_TOO_LONG)
        base = None if form.base_model_id == form.id else form.base_model_id or None
        existing = await self.find_or_none(principal, form.id)
        if existing is not None and (existing.is_entry or base is not None or not principal.is_admin):
            raise Refusal(401, ID_TAKEN)
        if base is None and not principal.is_admin:
            raise Refusal(401, UNAUTHORIZED)
        written = _Written.of(form, tree, base)
        if existing is not None:
            await self._revise(principal, existing, written, form.commit_message, identifier=form.id)
        else:
            await self._make(principal, form, written)
        return await self.find(principal, form.id)

    async def _make(self, principal: Principal, form: wire.ModelForm, written: "_Written") -> None:
        draft = SpecDraft(
            follows=await self._followed(principal, written.base) if written.base else None,
            bare=written.base is None,
            system=written.said.system or UNSET,
            parameters=written.said.parameters or UNSET,
        )
        alias = _alias(principal, form.id)
        for _ in range(_TRIES):
            name = await self._models.aliases.mint(principal, form.id)
            try:
                async for _event in self._models.create(
                    principal,
                    name.full,
                    draft,
                    card=written.card(Card()),
                    aliases=(alias,),
                    fresh=True,
                    message=form.commit_message or "",
                ):
                    pass
            except Conflict as error:
                if error.field == "id":
                    raise Refusal(401, ID_TAKEN) from error
                continue
            return
        raise Refusal(401, ID_TAKEN)

    async def update(
        self, principal: Principal, found: Found, form: wire.ModelForm, tree: Mapping[str, Any]
    ) -> Found:
        """Change an entry to what a form says; what it leaves out stays."""
        shown = await self.base_of(principal, found)
        base = shown if "base_model_id" not in form.model_fields_set else form.base_model_id or None
        if base == form.id:
            base = None
        if shown == "" and base is None:
            base = ""
        if found.is_preset and base is None and not principal.is_admin:
            raise Refusal(401, UNAUTHORIZED)
        written = _Written.of(form, tree, base, found)
        await self._revise(principal, found, written, form.commit_message, moved=base != shown)
        return await self.find(principal, found.name)

    async def _revise(
        self,
        principal: Principal,
        found: Found,
        written: "_Written",
        message: str | None,
        *,
        moved: bool = False,
        identifier: str = "",
    ) -> None:
        before, unset = entry.said_by(found.view.spec), set[str]()
        if written.said.system != before.system and not written.said.system:
            unset.add("system")
        if written.said.parameters != before.parameters and not written.said.parameters:
            unset.add("parameters")
        if moved and written.base is None:
            unset.add("parent")
        follows = await self._followed(principal, written.base) if moved and written.base else None
        draft = SpecDraft(
            revises=True,
            follows=follows,
            system=written.said.system if written.said.system not in ("", before.system) else UNSET,
            parameters=written.said.parameters
            if written.said.parameters and written.said.parameters != before.parameters
            else UNSET,
            unset=frozenset(unset),
        )
        card, aliases = written.card(found.card), (_alias(principal, identifier),) if identifier else ()
        onto = found.summary.revision
        try:
            async for _event in self._models.create(
                principal, found.name, draft, card=card, aliases=aliases, onto=onto, message=message or ""
            ):
                pass
        except Conflict as error:
            if error.field == "revision":
                raise Refusal(409, VERSION_CONFLICT) from error
            raise

    async def _followed(self, principal: Principal, base: str) -> str:
        """The name of a base, or its id as it is when there is none yet."""
        found = await self.find_or_none(principal, base)
        if found is not None:
            return found.name
        if not entry.is_valid_id(base):
            raise Refusal(400, ID_TOO_LONG)
        return base

    async def toggle(self, principal: Principal, found: Found) -> Found:
        await self.set_active(principal, found, not found.card.active)
        return await self.find(principal, found.name)

    async def set_active(self, principal: Principal, found: Found, active: bool) -> None:
        card = replace(found.card, active=active)
        if found.is_entry:
            card = entry.mark_toggled(card, found.version, found.summary.latest + 1)
        await self._models.change_card(principal, found.name, card)

    async def delete(self, principal: Principal, found: Found) -> None:
        """Delete a model; of what only lies over a base, that alone.

        Who may change it may delete it, as in the product.
        """
        if found.is_preset or not (found.is_entry and found.summary.facts is not None):
            await self._models.delete(principal, found.name, right=Verb.UPDATE)
            return
        spec = await self._beneath(principal, found)
        unset = frozenset(name for name in ("system", "parameters") if getattr(spec, name) is UNSET)
        draft = SpecDraft(revises=True, system=spec.system, parameters=spec.parameters, unset=unset)
        async for _event in self._models.create(principal, found.name, draft, card=Card()):
            pass

    async def _beneath(self, principal: Principal, found: Found) -> ModelSpec:
        """What the base said itself before an entry lay over it."""
        history = await self._models.history(principal, found.name)
        for revision in reversed(history.revisions):
            view = await self._models.show(principal, f"{found.name}@{revision.number}")
            if DIALECT not in view.summary.card.extras:
                return view.spec
        return ModelSpec()


@dataclass(frozen=True, slots=True)
class _Written:
    """A form, checked: what becomes of the spec and of the card."""

    name: str
    params: Mapping[str, Any]
    meta: Mapping[str, Any]
    base: str | None
    active: bool
    said: entry.Said

    @classmethod
    def of(
        cls, form: wire.ModelForm, tree: Mapping[str, Any], base: str | None, before: Found | None = None
    ) -> "_Written":
        """Raises Invalid for params that cannot be kept."""
        params, meta = dict(wire.raw(dict(tree), "params")), entry.read_meta(wire.raw(dict(tree), "meta"))
        active = form.is_active
        if before is not None:
            if "is_active" not in form.model_fields_set:
                active = before.card.active
            if "model_controls" not in params and "model_controls" in before.params:
                params["model_controls"] = before.params["model_controls"]
            shown = entry.shown_meta(before.card)
            kept = ("profile_image_url", "background_image_url", "voice_avatar")
            meta = {name: shown[name] for name in kept if name not in meta} | meta
        meta = {name: v for name, v in meta.items() if v is not None or name not in entry.KNOWN_META}
        return cls(form.name, params, meta, base, active, entry.read_params(params))

    def card(self, before: Card) -> Card:
        return entry.write_card(
            before, name=self.name, params=self.params, meta=self.meta, base=self.base, active=self.active
        )


def _alias(principal: Principal, identifier: str) -> Alias:
    return Alias(DIALECT, identifier, principal.namespace or DEFAULT_NAMESPACE)


def _is_preset(summary: ModelSummary) -> bool:
    return bool(summary.parent) or summary.follows


def _is_entry(summary: ModelSummary) -> bool:
    return _is_preset(summary) or DIALECT in summary.card.extras


def presets(found: Sequence[Found]) -> list[Found]:
    return [each for each in found if each.is_preset]
