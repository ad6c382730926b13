"""Model templates: keep them, and make models of them.

A template belongs to whoever made it; shared, those of its account may use it. What it
makes is made by `Models.create`, with the rights of whoever asks. A model remembers, in
its card, the template's revision and the arguments, so that it can be made again.
"""

import re
import secrets
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from modelwright.core.card import Card
from modelwright.core.draft import SpecDraft
from modelwright.core.errors import Conflict, Denied, Invalid, NotFound
from modelwright.core.grants import Level, Principal, Verb
from modelwright.core.model_template import Instance, ModelTemplate, Origin, StoredTemplate, instantiate
from modelwright.core.ports import Clock
from modelwright.core.revision import Alias
from modelwright.core.spec import FIELDS, UNSET
from modelwright.core.template_ports import Audience, TemplateBook, TemplateRevision
from modelwright.core.wording import excerpt, nearest
from modelwright.service.access import Access, check_whole
from modelwright.service.models import Models
from modelwright.service.views import CreateEvent, ModelSummary

EXTRA: Final = "template"
"""Where in a card's extras a model remembers what it was made from."""
KIND: Final = "template"
"""Kind of the revisions that are made here."""

_NAME: Final = re.compile(r"[^\s\x00-\x1f\x7f@](?:[^\x00-\x1f\x7f@]{0,126}[^\s\x00-\x1f\x7f@])?")
_REVISION: Final = re.compile(r"(.+)@(\d{1,9})")

Dress = Callable[[Card], Card]


class ModelTemplates:
    """Templates and who may do what with them; `shipped` came with the package."""

    def __init__(
        self,
        book: TemplateBook,
        models: Models,
        access: Access,
        clock: Clock,
        shipped: Mapping[str, ModelTemplate],
    ) -> None:
        self._book = book
        self._models = models
        self._access = access
        self._clock = clock
        self._shipped = {
            name: StoredTemplate(f"shipped-{name}", name, 1, template, shared=True)
            for name, template in shipped.items()
        }

    async def create(
        self,
        principal: Principal,
        name: str,
        template: ModelTemplate,
        *,
        shared: bool = False,
        account: str | None = None,
        message: str = "",
    ) -> StoredTemplate:
        """Keep a new template; several may have one name. `account` None is one's own."""
        now = self._clock.now()
        stored = StoredTemplate(
            id=f"mt-{secrets.token_hex(12)}",
            name=_checked_name(name),
            revision=1,
            template=template,
            owner=principal.id,
            account=principal.account if account is None else account,
            shared=shared,
            author=principal.name,
            created_at=now,
            updated_at=now,
        )
        await self._book.add(stored, message)
        return stored

    async def save(
        self, principal: Principal, name: str, template: ModelTemplate, *, shared: bool | None = None
    ) -> StoredTemplate:
        """Keep a template, as a revision of one's own of that name if there is one.

        `shared` None leaves it as it is, at first for oneself alone.
        """
        own = [each for each in await self._named(principal, name) if each.owner == principal.id]
        if not own:
            return await self.create(principal, name, template, shared=bool(shared))
        return await self.revise(principal, own[0].id, template, shared=shared)

    async def find(self, principal: Principal, asked: str, *, field: str = "template") -> StoredTemplate:
        """A template by its id or name, perhaps with @ and a revision; NotFound.

        Of several with one name it is one's own, else a shared one, else the shipped one.
        """
        match = _REVISION.fullmatch(asked)
        name, number = (match[1], int(match[2])) if match else (asked, None)
        found = await self._meant(principal, name)
        if found is not None and number not in (None, found.revision):
            found = None if found.shipped else await self._book.find(found.id, number)
        if found is None:
            known = [each.name for each in await self.list_templates(principal)]
            close = nearest(name, known)
            hint = f'Did you mean "{close}"?' if close else ""
            raise NotFound("model template", asked, field=field, hint=hint)
        return found

    async def list_templates(
        self, principal: Principal, *, account: str | None = None, shipped: bool = True
    ) -> Sequence[StoredTemplate]:
        """Those that one may use, the last changed first, then the shipped ones."""
        found = await self._book.list_templates(_audience(principal), account=account)
        return [*found, *(self._shipped.values() if shipped else ())]

    async def history(self, principal: Principal, asked: str) -> Sequence[TemplateRevision]:
        stored = await self.find(principal, asked)
        if not stored.shipped:
            return await self._book.history(stored.id)
        return [TemplateRevision(1, str(stored.template.digest), "modelwright", "", stored.created_at)]

    async def revise(
        self,
        principal: Principal,
        asked: str,
        template: ModelTemplate,
        *,
        shared: bool | None = None,
        message: str = "",
    ) -> StoredTemplate:
        """Add a revision; what says the same as the last one adds none."""
        stored = await self._own(principal, asked, "change")
        same = template == stored.template and shared in (None, stored.shared)
        if same:
            return stored
        changed = replace(
            stored,
            template=template,
            shared=stored.shared if shared is None else shared,
            author=principal.name,
            updated_at=self._clock.now(),
        )
        return await self._book.append(changed, message)

    async def delete(self, principal: Principal, asked: str) -> StoredTemplate:
        """Forget a template; models made of it stay, and remember it."""
        stored = await self._own(principal, asked, "delete")
        if not await self._book.delete(stored.id, self._clock.now()):
            raise NotFound("model template", asked, field="template")
        return stored

    async def make(
        self,
        principal: Principal,
        asked: str,
        name: str,
        arguments: object,
        *,
        dress: Dress = lambda card: card,
        aliases: Sequence[Alias] = (),
        base: str | None = None,
        again: bool = False,
        fresh: bool = False,
        message: str = "",
    ) -> AsyncGenerator[CreateEvent, None]:
        """Make a model of a template; events end with Created, as those of a create.

        `base` is the parent where the template names none; without one, a model that is made
        `again` stays on its own. `dress` may add to the card. Raises BadArguments with every fault.
        """
        stored = await self.find(principal, asked)
        made = instantiate(stored.template, arguments)
        card = dress(_with_origin(made.card, stored, made))
        async for event in self._models.create(
            principal,
            name,
            _standing(made.draft, base, again=again),
            message=message or f"made from {stored.name}@{stored.revision}",
            kind=KIND,
            card=card,
            aliases=aliases,
            fresh=fresh,
        ):
            yield event

    async def origin(self, principal: Principal, model: str) -> Origin | None:
        """What a model was made from; None for no template, and for who may not read it."""
        summary = await self._models.summary(principal, model)
        return _origin(summary) if summary.level >= Level.READ else None

    async def recall(self, principal: Principal, model: str) -> Origin | None:
        """What a model was made from, for its readers; raises NotFound or Denied."""
        await self._access.find(principal, model, Verb.READ)
        return await self.origin(principal, model)

    async def remake(
        self,
        principal: Principal,
        model: str,
        changes: Mapping[str, Any],
        *,
        latest: bool = False,
        dress: Dress = lambda card: card,
    ) -> AsyncGenerator[CreateEvent, None]:
        """Make a model again with some arguments changed.

        One that becomes null is not given any more. The template is the revision that it
        was made from, or the `latest`.
        """
        check_whole(model)
        await self._access.find(principal, model, Verb.UPDATE)
        summary = await self._models.summary(principal, model)
        origin = _origin(summary)
        if origin is None:
            raise Conflict(
                f'"{summary.name}" was not made from a template', hint="Make it with: modelwright template"
            )
        stored = await self._remembered(principal, origin, latest)
        given = {**origin.arguments, **changes}
        kept = {name: value for name, value in given.items() if value is not None}
        made = instantiate(stored.template, kept)
        card = _with_origin(_laid_over(summary.card, made.card), stored, made)
        async for event in self._models.create(
            principal,
            model,
            _standing(made.draft, None, again=True),
            message=f"made again from {stored.name}@{stored.revision}",
            kind=KIND,
            card=dress(card),
        ):
            yield event

    async def _remembered(self, principal: Principal, origin: Origin, latest: bool) -> StoredTemplate:
        if latest or origin.template in {each.id for each in self._shipped.values()}:
            return await self.find(principal, origin.template)
        stored = await self._book.find(origin.template, origin.revision)
        if stored is None or not _may_use(principal, stored):
            raise NotFound("model template", origin.name, field="template")
        return stored

    async def _meant(self, principal: Principal, asked: str) -> StoredTemplate | None:
        for shipped in self._shipped.values():
            if asked == shipped.id:
                return shipped
        stored = await self._book.find(asked)
        if stored is not None and _may_use(principal, stored):
            return stored
        named = sorted(await self._named(principal, asked), key=lambda each: each.owner != principal.id)
        return named[0] if named else self._shipped.get(asked)

    async def _named(self, principal: Principal, name: str) -> Sequence[StoredTemplate]:
        return await self._book.list_templates(_audience(principal), name=name) if name else ()

    async def _own(self, principal: Principal, asked: str, deed: str) -> StoredTemplate:
        stored = await self.find(principal, asked)
        if stored.shipped:
            raise Denied(
                f'"{stored.name}" came with modelwright; you may not {deed} it',
                field="template",
                hint="Create one of your own with the same name",
            )
        if stored.owner != principal.id and not principal.is_admin:
            raise Denied(
                f'you may not {deed} the template "{stored.name}": it is not yours', field="template"
            )
        return stored


def _standing(draft: SpecDraft, base: str | None, *, again: bool) -> SpecDraft:
    """A template's draft on a base: where it names none, `base` or its present one."""
    if not draft.bare:
        return draft
    if base is not None:
        return replace(draft, bare=False, parent=base)
    if not again:
        return draft
    unsaid = frozenset(name for name in FIELDS if getattr(draft, name) is UNSET)
    return replace(draft, bare=False, revises=True, unset=unsaid)


def _with_origin(card: Card, stored: StoredTemplate, made: Instance) -> Card:
    digest = str(stored.template.digest)
    origin = Origin(stored.id, stored.name, stored.revision, digest, made.arguments)
    return card.with_extra(EXTRA, origin.as_tree())


def _origin(summary: ModelSummary) -> Origin | None:
    return Origin.of(summary.card.extra(EXTRA))


def _laid_over(kept: Card, made: Card) -> Card:
    """What the template says of the card, over what the model's says since."""
    return replace(
        kept,
        display_name=made.display_name or kept.display_name,
        description=made.description or kept.description,
        picture=made.picture or kept.picture,
        tags=made.tags or kept.tags,
        capabilities=made.capabilities or kept.capabilities,
        model_card=made.model_card or kept.model_card,
    )


def _may_use(principal: Principal, stored: StoredTemplate) -> bool:
    mine = principal.is_admin or stored.owner == principal.id
    return mine or (stored.shared and stored.account == principal.account)


def _audience(principal: Principal) -> Audience:
    return Audience(principal.id, principal.account, principal.is_admin)


def _checked_name(name: str) -> str:
    if not _NAME.fullmatch(name):
        raise Invalid(
            f"{excerpt(name)} is no name of a template",
            field="name",
            hint="1 to 128 characters, without @ and control characters, no blank at its ends",
        )
    return name
