"""Entities: things beside models that one dialect alone knows, such as a group.

Each belongs to an account, or to somebody who is in none. What is in one is its
dialect's affair. Knows no table and no dialect.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol


@dataclass(frozen=True, slots=True)
class Entity:
    """One thing of a kind; `account` is whose it is, `owner` who made it, both ids.

    `alias` is a second name, unique within kind and account; None = it has none.
    """

    id: str
    kind: str
    account: str
    owner: str
    created_at: datetime
    content: Mapping[str, Any] = field(default_factory=dict)
    alias: str | None = None


class EntityBook(Protocol):
    """The book of them; every call is one transaction."""

    async def add(self, entity: Entity) -> None:
        """Raises Conflict for an alias that is taken."""
        ...

    async def find(self, kind: str, id: str) -> Entity | None: ...

    async def find_alias(self, kind: str, alias: str) -> Sequence[Entity]:
        """Those of all accounts that have the alias."""
        ...

    async def list_entities(self, kind: str, account: str | None = None) -> Sequence[Entity]:
        """Those of one account, or with None of all, the oldest first."""
        ...

    async def change(self, kind: str, id: str, content: Mapping[str, Any]) -> bool:
        """Write what is in one; False when it is not there."""
        ...

    async def delete(self, kind: str, id: str) -> bool: ...
