"""Sharing: what a book of grants must be able to do. Pure.

Each change is written down in the audit log in the same transaction.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Protocol

from modelwright.core.grants import Grant, Principal, Subject
from modelwright.core.revision import StoredModel


class Grants(Protocol):
    """Grants on models, re-shares of bases through wrappers, and owners."""

    async def grants_of(self, model: int) -> Sequence[Grant]: ...

    async def every(self) -> Mapping[str, Sequence[Grant]]:
        """The grants of all models, by the key of their names."""
        ...

    async def put(self, model: StoredModel, grant: Grant, by: Principal, at: datetime) -> None:
        """Give somebody a level, in place of the one it had."""
        ...

    async def replace(self, model: StoredModel, wanted: Sequence[Grant], by: Principal, at: datetime) -> None:
        """Make these the grants of a model, and no others; all or nothing."""
        ...

    async def remove(self, model: StoredModel, subject: Subject, by: Principal, at: datetime) -> bool: ...

    async def reshare(self, base: StoredModel, wrapper: StoredModel, by: Principal, at: datetime) -> None: ...

    async def end_reshare(
        self, base: StoredModel, wrapper: StoredModel, by: Principal, at: datetime
    ) -> bool: ...

    async def reshares_of(self, base: int) -> Sequence[str]:
        """The keys of the names of the wrappers that share a base, by its id."""
        ...

    async def transfer(self, model: StoredModel, to: Principal, by: Principal, at: datetime) -> None: ...
