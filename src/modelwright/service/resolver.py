"""Resolver: from a name, as somebody wrote it, to what the model amounts to.

The one place where names, revisions, lineages and facts meet. What follows
from a digest is kept in memory; what a name points to is asked each time.
"""

from collections.abc import Sequence
from typing import Final

from modelwright.core.card import Card
from modelwright.core.digest import Digest
from modelwright.core.errors import Invalid, NotFound
from modelwright.core.lineage import DEPTH_LIMIT, ResolvedSpec, resolve
from modelwright.core.names import ModelRef, Name
from modelwright.core.ports import Catalogue
from modelwright.core.revision import Revision, StoredModel
from modelwright.core.spec import FollowedParent, ModelSpec
from modelwright.core.weights import WeightFacts
from modelwright.service.bounded import Bounded
from modelwright.service.templates import Templates

_KEPT_SPECS: Final = 4096
_KEPT_FACTS: Final = 256
_KEPT_ABILITIES: Final = 4096
_KEPT_CARDS: Final = 256


class Resolver:
    """Looks models up; shared by the services."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue
        self._resolved: Bounded[Digest, ResolvedSpec] = Bounded(_KEPT_SPECS)
        self._facts: Bounded[Digest, WeightFacts] = Bounded(_KEPT_FACTS)
        self._abilities: Bounded[Digest, tuple[str, ...]] = Bounded(_KEPT_ABILITIES)
        self._cards: Bounded[Digest, Card] = Bounded(_KEPT_CARDS)
        self.templates = Templates()

    async def find(self, asked: str, *, field: str = "model") -> tuple[StoredModel, Revision]:
        """The model and the revision that `asked` names ("mario", "mario@1").

        Raises Invalid for what is no name, NotFound for what is not there.
        """
        ref = ModelRef.parse(asked, field=field)
        stored = await self._catalogue.find(ref.name.key)
        if stored is None:
            raise NotFound("model", asked, field=field)
        if ref.revision is None or ref.revision == stored.revision.number:
            return stored, stored.revision
        revision = await self._catalogue.revision(ref.name.key, ref.revision)
        if revision is None:
            hint = f"{stored.name.short} has revisions 1 to {stored.latest}"
            raise NotFound("model", asked, field=field, hint=hint)
        return stored, revision

    async def resolve(self, spec: Digest) -> ResolvedSpec:
        """What a stored spec amounts to, its ancestors merged in."""
        known = self._resolved.get(spec)
        if known is not None:
            return known
        lineage = await self.lineage(spec)
        resolved = resolve(lineage)
        pinned = not any(isinstance(ancestor.parent, FollowedParent) for ancestor in lineage)
        return self._resolved.put(spec, resolved) if pinned else resolved

    async def lineage(self, spec: Digest, *, below: str = "") -> Sequence[ModelSpec]:
        """A stored spec and all its ancestors, followed names included.

        It ends early where a followed name is of nothing (yet). Raises Invalid when
        following comes back to where it was, or to the model with the key `below`.
        """
        lineage = list(await self._catalogue.lineage(spec))
        passed = {below}
        while isinstance(parent := lineage[-1].parent, FollowedParent) and len(lineage) <= DEPTH_LIMIT:
            try:
                stored, revision = await self.find_followed(parent.name)
            except NotFound:
                if _key(parent.name) == below:  # which is about to be made
                    raise _circle() from None
                break
            if stored.name.key in passed:
                raise _circle()
            passed.add(stored.name.key)
            lineage.extend(await self._catalogue.lineage(revision.spec))
        return lineage

    async def find_followed(self, name: str) -> tuple[StoredModel, Revision]:
        """What a followed name means now: a model's name, else what a dialect calls one."""
        try:
            return await self.find(name, field="from")
        except (Invalid, NotFound):
            found = await self._catalogue.find_aliased(name)
            if not found:
                raise NotFound("model", name, field="from") from None
            return found[0][1], found[0][1].revision

    async def standing(self, revision: Revision) -> Revision | None:
        """The revision whose weights a model uses; None while its base is missing.

        That is the revision itself unless it follows a name.
        """
        seen = 0
        while revision.base is None and seen <= DEPTH_LIMIT:
            parent = (await self._catalogue.lineage(revision.spec))[-1].parent
            if not isinstance(parent, FollowedParent):
                return None
            try:
                _, revision = await self.find_followed(parent.name)
            except NotFound:
                return None
            seen += 1
        return revision if revision.base is not None else None

    async def card(self, revision: Revision) -> Card:
        """What stands beside a revision's spec."""
        if revision.card is None:
            return Card()
        known = self._cards.get(revision.card)
        return known or self._cards.put(revision.card, await self._catalogue.card(revision.card))

    async def abilities(self, revision: Revision) -> tuple[str, ...]:
        """What a model can do; nothing while its base is missing."""
        if revision.base is None:
            return await self._abilities_now(revision)
        facts = await self.facts(revision.base)
        if facts is None or revision.template is None or facts.pooled:
            return facts.capabilities if facts is not None else ()
        known = self._abilities.get(revision.template)
        if known is None:
            resolved = await self.resolve(revision.spec)
            known = self._abilities.put(revision.template, self.templates.abilities(resolved.prompt_template))
        return known

    async def _abilities_now(self, revision: Revision) -> tuple[str, ...]:
        """What a model can do while the names it follows point where they do."""
        resolved = await self.resolve(revision.spec)
        facts = await self.facts(resolved.base)
        if facts is None or facts.pooled or not resolved.prompt_template:
            return facts.capabilities if facts is not None else ()
        return self.templates.abilities(resolved.prompt_template)

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


def _key(name: str) -> str:
    try:
        return Name.parse(name).key
    except Invalid:
        return name


def _circle() -> Invalid:
    return Invalid("the model is its own ancestor", field="from", hint="Let it follow another base")
