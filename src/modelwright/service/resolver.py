"""Resolver: from a name, as somebody wrote it, to what the model amounts to.

The one place where names, revisions, lineages and facts meet. What follows
from a digest is kept in memory; what a name points to is asked each time.
"""

from collections.abc import Sequence
from copy import copy
from dataclasses import replace
from typing import Final

from modelwright.core.access import level_of, viewer_of
from modelwright.core.card import Card
from modelwright.core.digest import Digest
from modelwright.core.errors import Denied, Invalid, ModelwrightError, NotFound
from modelwright.core.grants import Level, Principal, Verb
from modelwright.core.lineage import DEPTH_LIMIT, ResolvedSpec, resolve
from modelwright.core.names import ModelRef
from modelwright.core.ports import Catalogue
from modelwright.core.revision import Revision, StoredModel, Window
from modelwright.core.spec import FollowedParent, ModelSpec
from modelwright.core.weights import WeightFacts
from modelwright.service.access import Access, key_of
from modelwright.service.bounded import Bounded
from modelwright.service.templates import Templates

_KEPT_SPECS: Final = 4096
_KEPT_FACTS: Final = 256
_KEPT_ABILITIES: Final = 4096
_KEPT_CARDS: Final = 256
_BASELESS: Final = "the base of this model is not here, or not yours to use"


class Resolver:
    """Looks models up; shared by the services."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue
        self.access = Access(catalogue)
        self._resolved: Bounded[Digest, ResolvedSpec] = Bounded(_KEPT_SPECS)
        self._facts: Bounded[Digest, WeightFacts] = Bounded(_KEPT_FACTS)
        self._abilities: Bounded[Digest, tuple[str, ...]] = Bounded(_KEPT_ABILITIES)
        self._cards: Bounded[Digest, Card] = Bounded(_KEPT_CARDS)
        self.templates = Templates()

    def over(self, catalogue: Catalogue) -> "Resolver":
        """The same, with what it knows by digest, on another view of the catalogue."""
        other = copy(self)
        other._catalogue, other.access = catalogue, Access(catalogue)
        return other

    async def find(
        self, principal: Principal, asked: str, verb: Verb, *, field: str = "model"
    ) -> tuple[StoredModel, Revision]:
        """The model and the revision that `asked` names ("mario", "mario@1").

        Raises as Access.find does, NotFound also for a revision that is not there.
        """
        asked = await self.access.named(principal, asked, field=field)
        ref = ModelRef.parse(asked, field=field)
        stored = await self.access.find(principal, asked, verb, field=field)
        if ref.revision is None or ref.revision == stored.revision.number:
            return stored, stored.revision
        revision = await self._catalogue.revision(stored.name.key, ref.revision)
        if revision is None:
            hint = f"{stored.name.short} has revisions 1 to {stored.latest}"
            raise NotFound("model", asked, field=field, hint=hint)
        return stored, revision

    async def place(self, principal: Principal, window: Window) -> Window:
        """The window whose models are named by keys; raises NotFound, with its field."""
        marks = {"after": window.after, "before": window.before}
        for field, ref in marks.items():
            if ref:
                marks[field] = (await self.find(principal, ref, Verb.SHOW, field=field))[0].name.key
        return replace(window, after=marks["after"], before=marks["before"])

    async def resolve(
        self,
        principal: Principal,
        revision: Revision,
        wrapper: StoredModel | None = None,
        *,
        lenient: bool = False,
    ) -> ResolvedSpec:
        """What a revision amounts to, its ancestors merged in.

        `wrapper` is its model: where it follows another by name, the principal needs
        "use" on that one, or its owner lets this wrapper share it. Raises NotFound for
        a followed base that is missing, and Denied to who owns the wrapper, unless `lenient`.
        """
        known = self._resolved.get(revision.spec)
        if known is not None:
            return known
        spec = revision.spec
        lineage = await self.lineage(principal, spec, wrapper, lenient=lenient)
        resolved = resolve(lineage)
        pinned = not any(isinstance(ancestor.parent, FollowedParent) for ancestor in lineage)
        return self._resolved.put(spec, resolved) if pinned else resolved

    async def lineage(
        self,
        principal: Principal,
        spec: Digest,
        wrapper: StoredModel | None = None,
        *,
        lenient: bool = False,
        below: str = "",
    ) -> Sequence[ModelSpec]:
        """A stored spec and all its ancestors, followed names included.

        `lenient`, it ends early where a followed name is of nothing (yet). Raises
        Invalid when following comes back to where it was, or to a model with the key
        `below`, which is perhaps still to be made.
        """
        lineage = list(await self._catalogue.lineage(spec))
        passed, through = {below}, 0 if wrapper is None else wrapper.id
        while isinstance(followed := lineage[-1].parent, FollowedParent) and len(lineage) <= DEPTH_LIMIT:
            if below and key_of(followed.name) == below:
                raise _circle()
            try:
                base, revision = await self._followed(principal, followed.name, through)
            except NotFound as error:
                if lenient:
                    break
                raise _told(error, principal, wrapper) from None
            if base.name.key in passed:
                raise _circle()
            passed.add(base.name.key)
            through = base.id
            lineage.extend(await self._catalogue.lineage(revision.spec))
        return lineage

    async def base_to_follow(self, principal: Principal, name: str) -> StoredModel | None:
        """The model a wrapper may follow under this name; None while there is none.

        Wrapping needs no more than to use it.
        """
        try:
            return await self.access.find(principal, name, Verb.USE, field="from")
        except (Invalid, NotFound):
            return await self._aliased(principal, name)

    async def standing(
        self, principal: Principal, revision: Revision, wrapper: StoredModel
    ) -> Revision | None:
        """The revision whose weights a model uses; None while its base is missing.

        That is the revision itself unless it follows a name.
        """
        steps, through = 0, wrapper.id
        while revision.base is None and steps <= DEPTH_LIMIT:
            parent = (await self._catalogue.lineage(revision.spec))[-1].parent
            if not isinstance(parent, FollowedParent):
                return None
            try:
                base, revision = await self._followed(principal, parent.name, through)
            except NotFound:
                return None
            through, steps = base.id, steps + 1
        return revision if revision.base is not None else None

    async def card(self, revision: Revision) -> Card:
        """What stands beside a revision's spec."""
        if revision.card is None:
            return Card()
        known = self._cards.get(revision.card)
        return known or self._cards.put(revision.card, await self._catalogue.card(revision.card))

    async def _followed(self, principal: Principal, name: str, wrapper: int) -> tuple[StoredModel, Revision]:
        """A base that is followed, and its revision; no name of a private one is told."""
        try:
            ref = ModelRef.parse(name, field="from")
        except Invalid:
            base = await self._aliased(principal, name)
            if base is None:
                raise _baseless() from None
            return base, base.revision
        base = await self._catalogue.find(ref.name.key, viewer_of(principal))
        if base is None:
            base = await self._aliased(principal, name)
        allowed = base is not None and (
            level_of(principal, base) is not None or await self._catalogue.is_reshared(base.id, wrapper)
        )
        revision = base.revision if base is not None and allowed else None
        if base is not None and revision is not None and ref.revision not in (None, revision.number):
            revision = await self._catalogue.revision(ref.name.key, ref.revision or 0)
        if base is None or revision is None:
            raise _baseless()
        return base, revision

    async def _aliased(self, principal: Principal, name: str) -> StoredModel | None:
        """The first model that some dialect calls so, of those that may be known."""
        for _, stored in await self._catalogue.find_aliased(name):
            found = await self._catalogue.find(stored.name.key, viewer_of(principal))
            if found is not None and level_of(principal, found) is not None:
                return found
        return None

    async def abilities(self, principal: Principal, revision: Revision) -> tuple[str, ...]:
        """What a model can do; nothing while its base is missing."""
        if revision.base is None:
            return await self._abilities_now(principal, revision)
        facts = await self.facts(revision.base)
        if facts is None or revision.template is None or facts.pooled:
            return facts.capabilities if facts is not None else ()
        known = self._abilities.get(revision.template)
        if known is None:
            resolved = await self.resolve(principal, revision)
            projector = await self.facts(resolved.projector)
            abilities = self.templates.abilities(resolved, facts, projector)
            known = self._abilities.put(revision.template, abilities)
        return known

    async def _abilities_now(self, principal: Principal, revision: Revision) -> tuple[str, ...]:
        """What a model can do while the names it follows point where they do."""
        resolved = await self.resolve(principal, revision, lenient=True)
        facts = await self.facts(resolved.base)
        projector = await self.facts(resolved.projector)
        return self.templates.abilities(resolved, facts, projector) if facts is not None else ()

    async def facts(self, base: Digest | None) -> WeightFacts | None:
        """What the weight file of a base says about itself, if it is here."""
        if base is None:
            return None
        known = self._facts.get(base)
        if known is not None:
            return known
        record = await self._catalogue.blob(base)
        if record is None or record.facts is None:
            return None
        return self._facts.put(base, record.facts)


def _baseless() -> NotFound:
    """A followed base that is absent, or may not be used: alike, and without its name."""
    error = NotFound("base", "", field="from", hint="Its owner can say more")
    error.message = _BASELESS
    return error


def _told(error: NotFound, principal: Principal, wrapper: StoredModel | None) -> ModelwrightError:
    """What is said of a missing base: denied to its wrapper's owner, else absent.

    Whether it is gone or was taken away the owner is not told: whoever can make a
    wrapper over any name would else find out what there is. An admin may know.
    """
    owns = wrapper is not None and level_of(principal, wrapper) is Level.OWN
    if not owns or viewer_of(principal) is None:
        return error
    hint = "Ask who shared it with you, or let the model follow another base"
    return Denied(_BASELESS, field="from", hint=hint)


def _circle() -> Invalid:
    return Invalid("the model is its own ancestor", field="from", hint="Let it follow another base")
