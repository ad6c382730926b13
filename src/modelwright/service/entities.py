"""Entities: a dialect's own things are made, found, changed and deleted.

Whoever is in an account sees and changes what is the account's, and nobody else's
things; an admin all of them.
"""

import secrets
from collections.abc import Mapping, Sequence
from typing import Any

from modelwright.core.entities import Entity, EntityBook
from modelwright.core.errors import NotFound
from modelwright.core.grants import Principal
from modelwright.core.ports import Clock


class Entities:
    """What one may do with them; each call names the principal who acts."""

    def __init__(self, book: EntityBook, clock: Clock) -> None:
        self._book = book
        self._clock = clock

    async def add(
        self,
        principal: Principal,
        kind: str,
        content: Mapping[str, Any],
        *,
        account: str = "",
        alias: str | None = None,
    ) -> Entity:
        """Make one for an account; raises Conflict for an alias that is taken."""
        entity = Entity(
            id=f"{kind}-{secrets.token_hex(12)}",
            kind=kind,
            account=account or home_of(principal),
            owner=principal.id,
            created_at=self._clock.now(),
            content=content,
            alias=alias,
        )
        await self._book.add(entity)
        return entity

    async def find(self, principal: Principal, kind: str, id: str, *, field: str = "id") -> Entity:
        """Raises NotFound for another account's, too."""
        found = await self._book.find(kind, id)
        if found is None or not _sees(principal, found):
            raise NotFound(kind.replace("-", " "), id, field=field)
        return found

    async def find_alias(self, principal: Principal, kind: str, alias: str) -> Entity:
        """The one of that alias, one's own account's first; raises NotFound."""
        seen = [found for found in await self._book.find_alias(kind, alias) if _sees(principal, found)]
        own = [found for found in seen if found.account == home_of(principal)]
        if not seen:
            raise NotFound(kind.replace("-", " "), alias, field="alias")
        return (own or seen)[0]

    async def list_entities(self, principal: Principal, kind: str, account: str = "") -> Sequence[Entity]:
        """Those one sees, the oldest first; of one account only when that is given."""
        if not principal.is_admin:
            found = await self._book.list_entities(kind, home_of(principal))
            return found if account in ("", home_of(principal)) else ()
        return await self._book.list_entities(kind, account or None)

    async def change(self, principal: Principal, kind: str, id: str, content: Mapping[str, Any]) -> Entity:
        """Put other content in one."""
        await self.find(principal, kind, id)
        await self._book.change(kind, id, content)
        return await self.find(principal, kind, id)

    async def delete(self, principal: Principal, kind: str, id: str) -> None:
        await self.find(principal, kind, id)
        await self._book.delete(kind, id)


def home_of(principal: Principal) -> str:
    """Whose the things are that a principal makes: its account's, or its own."""
    return principal.account or principal.id


def _sees(principal: Principal, entity: Entity) -> bool:
    return principal.is_admin or entity.account == home_of(principal)
