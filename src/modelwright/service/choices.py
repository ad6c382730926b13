"""Choices: what admins change of a dialect while the server runs.

They stand over what the operator has set; what is in them is the dialect's affair.
A change counts at once here, and within a second on other servers of the same store.
"""

import json
import time
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Final

from modelwright.core.audit import AuditLog, Entry
from modelwright.core.entities import Entity, EntityBook
from modelwright.core.errors import Conflict, Denied, Invalid
from modelwright.core.grants import Principal
from modelwright.core.ports import Clock

KIND: Final = "choices"
MEMORY_SECONDS: Final = 1.0
MOST: Final = 256 * 1024
"""Characters of all choices of a dialect, as JSON."""

_NONE: Final[Mapping[str, Any]] = MappingProxyType({})


class Choices:
    """By the name of the dialect, then of what is chosen."""

    def __init__(
        self,
        book: EntityBook,
        log: AuditLog,
        clock: Clock,
        seconds: Callable[[], float] = time.monotonic,
    ) -> None:
        self._book = book
        self._log = log
        self._clock = clock
        self._seconds = seconds
        self._known: dict[str, tuple[float, Mapping[str, Any]]] = {}

    async def of(self, dialect: str) -> Mapping[str, Any]:
        """What was chosen; empty where the operator's settings hold."""
        known = self._known.get(dialect)
        if known is None or self._seconds() - known[0] >= MEMORY_SECONDS:
            asked_at, found = self._seconds(), await self._book.find(KIND, _id(dialect))
            known = self._known[dialect] = (asked_at, found.content if found is not None else _NONE)
        return known[1]

    async def change(self, by: Principal, dialect: str, name: str, chosen: Any) -> None:
        """Choose something; raises Denied to who is no admin, Invalid for too much of it."""
        if not by.is_admin:
            raise Denied("only an admin may do this", field="role", hint="Ask one")
        self._known.pop(dialect, None)
        content = {**await self.of(dialect), name: chosen}
        if len(json.dumps(content)) > MOST:
            raise Invalid("there is more of it than is kept", hint=f"At most {MOST} characters as JSON")
        await self._write(by, _id(dialect), content)
        self._known.pop(dialect, None)
        entry = Entry(self._clock.now(), by.id, by.name, "setting", dialect, detail={"changed": name})
        await self._log.append([entry])

    async def _write(self, by: Principal, id: str, content: Mapping[str, Any]) -> None:
        if await self._book.change(KIND, id, content):
            return
        try:
            await self._book.add(Entity(id, KIND, "", by.id, self._clock.now(), content))
        except Conflict:  # somebody else was the first
            await self._book.change(KIND, id, content)


def _id(dialect: str) -> str:
    return f"{KIND}-{dialect}"
