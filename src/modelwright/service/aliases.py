"""Aliases: what dialects call models, where that is no name of ours.

An alias is looked up before a name is parsed, so that a client which gave a model
an id finds it under that id, whatever the id looks like.
"""

from collections.abc import Mapping

from modelwright.core.access import level_of, viewer_of
from modelwright.core.errors import Invalid
from modelwright.core.grants import Principal
from modelwright.core.minting import candidates
from modelwright.core.names import DEFAULT_NAMESPACE, ModelRef, Name, check_reference
from modelwright.core.ports import Catalogue
from modelwright.core.revision import Alias, StoredModel
from modelwright.service.resolver import Resolver


class Aliases:
    """Between the ids of a dialect and names."""

    def __init__(self, catalogue: Catalogue, resolver: Resolver) -> None:
        self._catalogue = catalogue
        self._resolver = resolver

    async def locate(
        self,
        principal: Principal,
        dialect: str,
        asked: str,
        *,
        scope: str | None = None,
        field: str = "model",
    ) -> str:
        """The name, perhaps of a revision, that an id of a dialect stands for.

        `scope` None takes an alias of any: one's own first, then one of the library,
        then the oldest; never of a model that may not be known. What is no alias is
        read as a name, and whether there is such a model is not asked. Raises Invalid
        for neither.
        """
        found = await self._aliased(principal, asked, dialect, scope)
        if found is not None:
            return found.name.full
        before, at, number = asked.rpartition("@")
        if at and number.isdigit():
            found = await self._aliased(principal, before, dialect, scope)
            if found is not None:
                return str(ModelRef.parse(f"{found.name.full}@{number}", field=field))
        return check_reference(asked, field=field)

    async def all(self, dialect: str) -> Mapping[str, Alias]:
        """What a dialect calls its models, by key; not filtered for anybody."""
        return await self._catalogue.aliases(dialect)

    async def of(self, dialect: str, key: str) -> Alias | None:
        """What a dialect calls one model, by the key of its name."""
        return (await self._catalogue.aliases(dialect, key)).get(key)

    async def mint(self, principal: Principal, wanted: str) -> Name:
        """A free name for a new model, near what is wanted.

        Another create may take it first: pass `fresh` to the create, and mint again.
        """
        for name in candidates(wanted, principal.namespace or DEFAULT_NAMESPACE):
            if await self._catalogue.find(name.key) is None:
                return name
        raise Invalid(f'no name like "{wanted[:80]}" is free', field="model", hint="Choose another one")

    async def _aliased(
        self, principal: Principal, asked: str, dialect: str, scope: str | None
    ) -> StoredModel | None:
        nearest = {principal.namespace: 0, DEFAULT_NAMESPACE: 1}
        found = [
            (nearest.get(alias.scope, 2), stored)
            for alias, stored in await self._catalogue.find_aliased(asked, dialect)
            if scope is None or alias.scope == scope
        ]
        for _, stored in sorted(found, key=lambda each: each[0]):
            seen = await self._catalogue.find(stored.name.key, viewer_of(principal))
            if seen is not None and level_of(principal, seen) is not None:
                return seen
        return None
