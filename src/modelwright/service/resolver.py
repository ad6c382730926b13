"""Resolver: from a name, as somebody wrote it, to what the model amounts to.

The one place where names, revisions, lineages and facts meet. What follows
from a digest is kept in memory; what a name points to is asked each time.
"""

from collections.abc import Sequence
from typing import Final

from modelwright.core.digest import Digest
from modelwright.core.errors import NotFound
from modelwright.core.lineage import DEPTH_LIMIT, ResolvedSpec, resolve
from modelwright.core.names import ModelRef
from modelwright.core.ports import Catalogue
from modelwright.core.revision import Revision, StoredModel
from modelwright.core.spec import FollowedParent, ModelSpec
from modelwright.core.weights import WeightFacts
from modelwright.service.bounded import Bounded
from modelwright.service.templates import Templates

_KEPT_SPECS: Final = 4096
_KEPT_FACTS: Final = 256
_KEPT_ABILITIES: Final = 4096


class Resolver:
    """Looks models up; shared by the services."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue
        self._resolved: Bounded[Digest, ResolvedSpec] = Bounded(_KEPT_SPECS)
        self._facts: Bounded[Digest, WeightFacts] = Bounded(_KEPT_FACTS)
        self._abilities: Bounded[Digest, tuple[str, ...]] = Bounded(_KEPT_ABILITIES)
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

    async def lineage(self, spec: Digest) -> Sequence[ModelSpec]:
        """A stored spec and all its ancestors, followed names included."""
        lineage = list(await self._catalogue.lineage(spec))
        while isinstance(lineage[-1].parent, FollowedParent) and len(lineage) <= DEPTH_LIMIT:
            _, revision = await self.find(lineage[-1].parent.name, field="from")
            lineage.extend(await self._catalogue.lineage(revision.spec))
        return lineage

    async def abilities(self, revision: Revision) -> tuple[str, ...]:
        """What a model can do; nothing while its base is missing."""
        facts = await self.facts(revision.base)
        if facts is None or revision.template is None or facts.pooled:
            return facts.capabilities if facts is not None else ()
        known = self._abilities.get(revision.template)
        if known is None:
            resolved = await self.resolve(revision.spec)
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
