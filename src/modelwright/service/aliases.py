"""Aliases: what dialects call models, where that is no name of ours.

An alias is looked up before a name is parsed, so that a client which gave a model
an id finds it under that id, whatever the id looks like.
"""

from collections.abc import Mapping

from modelwright.core.errors import Invalid
from modelwright.core.grants import Principal
from modelwright.core.minting import candidates
from modelwright.core.names import DEFAULT_NAMESPACE, ModelRef, Name
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

        `scope` None takes an alias of any. What is no alias is read as a name, and
        whether there is such a model is not asked. Raises Invalid for neither.
        """
        found = await self._aliased(asked, dialect, scope)
        if found is not None:
            return found.name.full
        before, at, number = asked.rpartition("@")
        if at and number.isdigit():
            found = await self._aliased(before, dialect, scope)
            if found is not None:
                return str(ModelRef.parse(f"{found.name.full}@{number}", field=field))
        ModelRef.parse(asked, field=field)
        return asked

    async def all(self, principal: Principal, dialect: str) -> Mapping[str, Alias]:
        """What a dialect calls its models, by the key of their names."""
        return await self._catalogue.aliases(dialect)

    async def of(self, principal: Principal, dialect: str, name: Name) -> Alias | None:
        """What a dialect calls one model."""
        return (await self._catalogue.aliases(dialect, name.key)).get(name.key)

    async def mint(self, principal: Principal, wanted: str) -> Name:
        """A free name for a new model, near what is wanted.

        Another create may take it first: pass `fresh` to the create, and mint again.
        """
        for name in candidates(wanted, DEFAULT_NAMESPACE):
            if await self._catalogue.find(name.key) is None:
                return name
        raise Invalid(f'no name like "{wanted[:80]}" is free', field="model", hint="Choose another one")

    async def _aliased(self, asked: str, dialect: str, scope: str | None) -> StoredModel | None:
        for alias, stored in await self._catalogue.find_aliased(asked, dialect):
            if scope is None or alias.scope == scope:
                return stored
        return None
