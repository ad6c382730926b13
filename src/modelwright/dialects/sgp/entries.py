"""Entries: models found, made and changed as the platform's clients know them.

The id of a model that was made here is an alias; any other goes by its name. Names
need not be unique: the one given is shown, a free one near it is the model's own.
"""

import secrets
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, TypeAlias

from modelwright.core.card import Card
from modelwright.core.draft import SpecDraft
from modelwright.core.errors import Conflict, Denied, Invalid, NotFound
from modelwright.core.grants import Level, Principal
from modelwright.core.revision import Alias, Window
from modelwright.dialects.sgp import creation, wire
from modelwright.dialects.shown import Shown, as_asked, located
from modelwright.service.models import Models
from modelwright.service.views import ModelSummary, ModelView

DIALECT: Final = "sgp"
KEPT: Final = (
    "name",
    "model_type",
    "model_vendor",
    "base_model_id",
    "base_model_metadata",
    "training_data_card",
    "model_template_id",
    "model_group_id",
    creation.FIELD,
)
"""Fields that stand among a card's extras; the others have places of their own."""
_CARD: Final = ("display_name", "description", "model_card")
_TRIES: Final = 5

Making: TypeAlias = Callable[[str, Sequence[Alias]], AsyncIterator[object]]
"""What makes a model, under a name that must be free and with its aliases."""


@dataclass(frozen=True, slots=True)
class Entry(Shown):
    """A model that is there: its id for the caller, and its line in a list."""

    id: str
    summary: ModelSummary
    asked: str = ""

    @property
    def extra(self) -> Mapping[str, Any]:
        return self.card.extra(DIALECT)

    @property
    def title(self) -> str:
        """The name it is shown by."""
        given = self.extra.get("name")
        return given if isinstance(given, str) else self.summary.name.short.removesuffix(":latest")

    @property
    def model_type(self) -> str:
        """What it is made for: as was said, else what its weights can."""
        given = self.extra.get("model_type")
        if isinstance(given, str):
            return given
        facts = self.summary.facts
        if facts is not None and facts.ranks:
            return "RERANKING"
        can_chat = facts is None or "completion" in facts.capabilities
        return "CHAT_COMPLETION" if can_chat else "EMBEDDING"

    @property
    def account(self) -> str:
        given = self.extra.get("account_id")
        return given if isinstance(given, str) else ""

    @property
    def scope(self) -> str:
        """The account that it was made for, by our own id."""
        given = self.extra.get("account")
        return given if isinstance(given, str) else ""

    @property
    def group(self) -> str:
        given = self.extra.get("model_group_id")
        return given if isinstance(given, str) else ""


class Entries:
    """Models by their ids."""

    def __init__(self, models: Models) -> None:
        self._models = models

    async def locate(self, principal: Principal, id: str, *, field: str = "model") -> str:
        """The name that an id stands for; raises NotFound for what is none."""
        return await located(self._models, principal, DIALECT, id, field=field)

    async def find(self, principal: Principal, id: str, *, field: str = "model") -> Entry:
        """Raises NotFound for a model that is not there, or may not be known."""
        name = await self.locate(principal, id, field=field)
        try:
            summary = await self._models.summary(principal, name)
        except NotFound:
            raise NotFound("model", id, field=field) from None
        return await self._entry(summary, as_asked(summary.key, name))

    async def _entry(self, summary: ModelSummary, asked: str = "") -> Entry:
        alias = await self._models.aliases.of(DIALECT, summary.key)
        return Entry(alias.alias if alias else str(summary.name), summary, asked)

    async def named(self, principal: Principal, id: str) -> Entry:
        """One by its id, or else by the name that it is shown by.

        Raises NotFound for neither, and Invalid for the name of several.
        """
        try:
            return await self.find(principal, id)
        except NotFound:
            found = [entry for entry in await self.all(principal) if entry.title == id]
            if not found:
                raise
        if len(found) > 1:
            ids = ", ".join(entry.id for entry in found[:_TRIES])
            raise Invalid(f'{len(found)} models are called "{id}"', field="model", hint=f"Use an id: {ids}")
        return found[0]

    async def writable(self, principal: Principal, id: str) -> Entry:
        """One that may be changed; raises Denied for one that may only be known."""
        entry = await self.find(principal, id)
        if not entry.is_writable:
            raise Denied(
                f'you may not change "{id}": that needs the right "{Level.WRITE.word}", '
                f'and you have "{entry.summary.level.word}"',
                field="model",
                hint="Its owner or an admin can grant it",
            )
        return entry

    async def all(self, principal: Principal) -> list[Entry]:
        """Every model that the caller may know."""
        aliases = await self._models.aliases.all(DIALECT)
        return [
            Entry(aliases[summary.key].alias if summary.key in aliases else str(summary.name), summary)
            for summary in await self._models.list_models(principal)
        ]

    async def page(self, principal: Principal, window: Window) -> list[Entry]:
        """A part of them, the last changed first."""
        return [await self._entry(each) for each in await self._models.list_models(principal, window)]

    async def view(self, principal: Principal, entry: Entry) -> ModelView:
        return await self._models.show(principal, entry.name)

    async def base_id(self, principal: Principal, entry: Entry) -> str | None:
        """The id of the base, as it was given where that is still it."""
        given, parent = entry.extra.get("base_model_id"), entry.summary.parent
        if not parent:
            return None
        if isinstance(given, str) and await self._is_at(principal, given, parent):
            return given
        try:
            return (await self.find(principal, parent)).id
        except NotFound:
            return parent

    async def _is_at(self, principal: Principal, id: str, name: str) -> bool:
        try:
            return (await self.find(principal, id)).name == (await self.find(principal, name)).name
        except NotFound:
            return False

    async def create(self, principal: Principal, wanted: str, scope: str, making: Making) -> Entry:
        """Make a model under a free name near the wanted one; `making` is told the name."""
        alias = Alias(DIALECT, f"mdl-{secrets.token_hex(12)}", scope)
        for _ in range(_TRIES):
            name = await self._models.aliases.mint(principal, wanted)
            try:
                async for _event in making(name.full, (alias,)):
                    pass
            except Conflict:
                continue
            return await self.find(principal, alias.alias)
        raise Conflict(f'no name like "{wanted[:80]}" is free', field="name")

    async def revise(self, principal: Principal, entry: Entry, draft: SpecDraft | None, card: Card) -> Entry:
        """Change what a model is, or its card alone."""
        if draft is not None:
            async for _event in self._models.create(principal, entry.name, draft, card=card):
                pass
        elif card != entry.card:
            await self._models.change_card(principal, entry.name, card)
        return await self.find(principal, entry.name)

    async def delete(self, principal: Principal, entry: Entry) -> None:
        await self._models.delete(principal, entry.name)

    async def parent_of(self, principal: Principal, id: str) -> str:
        """The name of a base; raises NotFound where there is none."""
        return (await self.find(principal, id, field="base_model_id")).name


def kept_of(wanted: wire.ModelPatch) -> dict[str, Any]:
    """What a request says of the fields that the card keeps for this dialect."""
    tree = wanted.model_dump(by_alias=True, exclude_none=True, mode="json")
    return {name: tree[name] for name in KEPT if name in tree}


def card_of(before: Card, wanted: wire.ModelPatch, **more: Any) -> Card:
    """A card with what a request says, over what it was."""
    fields = {name: getattr(wanted, name) for name in _CARD if getattr(wanted, name) is not None}
    kept = {**before.extra(DIALECT), **kept_of(wanted), **more}
    return replace(before, **fields).with_extra(DIALECT, kept)
