"""Origins: what a Modelfile must stand on to make a model again.

Looks names up as they are now. It does not decide who may be told of them.
"""

from modelwright.core.lineage import ResolvedSpec
from modelwright.core.names import Name
from modelwright.core.ports import Catalogue
from modelwright.core.recipe import EMPTIED, Origin, origin_of_weights
from modelwright.core.spec import CLEARED, FIELDS, FollowedParent, ModelSpec, PinnedParent
from modelwright.service.resolver import Resolver


class Origins:
    """Finds origins in the catalogue."""

    def __init__(self, catalogue: Catalogue, resolver: Resolver) -> None:
        self._catalogue = catalogue
        self._resolver = resolver

    async def origin(self, spec: ModelSpec, resolved: ResolvedSpec) -> Origin:
        """What a Modelfile stands on that makes this very model again.

        The parent by name where it still says the same, else by revision; the
        weights where the parent is gone, where the model has weights of its own (it was
        quantized), or where a Modelfile cannot say what is taken away.
        """
        taken_away = {name for name in FIELDS if getattr(spec, name) is CLEARED}
        is_sayable = not spec.weights and taken_away <= EMPTIED
        name = await self._parent_name(spec) if is_sayable else ""
        if name:
            return Origin((name,), frozenset(taken_away))
        facts = await self._resolver.facts(resolved.base)
        return origin_of_weights(resolved, facts.architecture if facts else "")

    async def _parent_name(self, spec: ModelSpec) -> str:
        """How to call the parent as it was; empty when it cannot be called any more."""
        if isinstance(spec.parent, FollowedParent):
            return spec.parent.name
        if not isinstance(spec.parent, PinnedParent):
            return ""
        name = Name.parse(spec.parent.name)
        stored = await self._catalogue.find(name.key)
        if stored is None or str(stored.name) != spec.parent.name:
            return ""
        if stored.revision.spec == spec.parent.spec:
            return spec.parent.name
        for revision in reversed(await self._catalogue.history(name.key)):
            if revision.spec == spec.parent.spec:
                return f"{spec.parent.name}@{revision.number}"
        return ""
