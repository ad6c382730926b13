"""Resolver: from a name, as somebody wrote it, to what the model amounts to.

The one place where names, revisions, lineages and facts meet. What follows
from a digest is kept in memory; what a name points to is asked each time.
"""

from collections.abc import Sequence
from typing import Final

from modelwright.core.access import level_of, viewer_of
from modelwright.core.digest import Digest
from modelwright.core.errors import NotFound
from modelwright.core.grants import Principal, Verb
from modelwright.core.lineage import DEPTH_LIMIT, ResolvedSpec, resolve
from modelwright.core.names import ModelRef
from modelwright.core.ports import Catalogue
from modelwright.core.revision import Revision, StoredModel
from modelwright.core.spec import FollowedParent, ModelSpec
from modelwright.core.weights import WeightFacts
from modelwright.service.access import Access
from modelwright.service.bounded import Bounded
from modelwright.service.templates import Templates

_KEPT_SPECS: Final = 4096
_KEPT_FACTS: Final = 256
_KEPT_ABILITIES: Final = 4096


class Resolver:
    """Looks models up; shared by the services."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue
        self.access = Access(catalogue)
        self._resolved: Bounded[Digest, ResolvedSpec] = Bounded(_KEPT_SPECS)
        self._facts: Bounded[Digest, WeightFacts] = Bounded(_KEPT_FACTS)
        self._abilities: Bounded[Digest, tuple[str, ...]] = Bounded(_KEPT_ABILITIES)
        self.templates = Templates()

    async def find(
        self, principal: Principal, asked: str, verb: Verb, *, field: str = "model"
    ) -> tuple[StoredModel, Revision]:
        """The model and the revision that `asked` names ("mario", "mario@1").

        Raises as Access.find does, NotFound also for a revision that is not there.
        """
        ref = ModelRef.parse(asked, field=field)
        stored = await self.access.find(principal, asked, verb, field=field)
        if ref.revision is None or ref.revision == stored.revision.number:
            return stored, stored.revision
        revision = await self._catalogue.revision(stored.name.key, ref.revision)
        if revision is None:
            hint = f"{stored.name.short} has revisions 1 to {stored.latest}"
            raise NotFound("model", asked, field=field, hint=hint)
        return stored, revision

    async def resolve(self, principal: Principal, revision: Revision, wrapper: int = 0) -> ResolvedSpec:
        """What a revision amounts to, its ancestors merged in.

        `wrapper` is the id of its model: where it follows another by name, the
        principal needs "use" on that one, or its owner lets this wrapper share it.
        """
        known = self._resolved.get(revision.spec)
        if known is not None:
            return known
        spec = revision.spec
        lineage = await self.lineage(principal, spec, wrapper)
        resolved = resolve(lineage)
        pinned = not any(isinstance(ancestor.parent, FollowedParent) for ancestor in lineage)
        return self._resolved.put(spec, resolved) if pinned else resolved

    async def lineage(self, principal: Principal, spec: Digest, wrapper: int = 0) -> Sequence[ModelSpec]:
        """A stored spec and all its ancestors, followed names included."""
        lineage = list(await self._catalogue.lineage(spec))
        while isinstance(followed := lineage[-1].parent, FollowedParent) and len(lineage) <= DEPTH_LIMIT:
            wrapper, revision = await self._followed(principal, followed.name, wrapper)
            lineage.extend(await self._catalogue.lineage(revision.spec))
        return lineage

    async def _followed(self, principal: Principal, name: str, wrapper: int) -> tuple[int, Revision]:
        """The id and the revision of a base that is followed; no name of a private one is told."""
        ref = ModelRef.parse(name, field="from")
        base = await self._catalogue.find(ref.name.key, viewer_of(principal))
        allowed = base is not None and (
            level_of(principal, base) is not None or await self._catalogue.is_reshared(base.id, wrapper)
        )
        revision = base.revision if base is not None and allowed else None
        if base is not None and revision is not None and ref.revision not in (None, revision.number):
            revision = await self._catalogue.revision(ref.name.key, ref.revision or 0)
        if base is None or revision is None:
            raise _baseless()
        return base.id, revision

    async def abilities(self, principal: Principal, revision: Revision) -> tuple[str, ...]:
        """What a model can do; nothing while its base is missing."""
        facts = await self.facts(revision.base)
        if facts is None or revision.template is None or facts.pooled:
            return facts.capabilities if facts is not None else ()
        known = self._abilities.get(revision.template)
        if known is None:
            resolved = await self.resolve(principal, revision)
            known = self._abilities.put(revision.template, self.templates.abilities(resolved.prompt_template))
        return known

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
    error.message = "the base of this model is not here, or not yours to use"
    return error
