"""Particulars: what is told of people and groups, beside what they may.

None of it gives or takes a right by itself; what a dialect alone knows is kept
under that dialect's name.
"""

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from modelwright.core.audit import AuditLog, Entry
from modelwright.core.errors import Denied, Invalid, NotFound
from modelwright.core.grants import Principal
from modelwright.core.people import MOST_EXTRAS, Group, People, User, check_description, check_name
from modelwright.core.ports import Clock


class Particulars:
    """Told by somebody of themselves, or by an admin of a group."""

    def __init__(self, people: People, log: AuditLog, clock: Clock) -> None:
        self._people = people
        self._log = log
        self._clock = clock

    async def tell(self, by: Principal, dialect: str, content: Mapping[str, Any], *, of: str = "") -> User:
        """Keep what somebody says of themselves in a dialect, or an admin `of` a user.

        Raises NotFound.
        """
        if of not in ("", by.id) and not by.is_admin:
            raise Denied("only an admin may tell of somebody else", field="user")
        _check_size(content)
        told = await self._people.put_extras(of or by.id, dialect, content)
        found = await self._people.find_user(of or by.id) if told else None
        if found is None:
            raise NotFound(
                "user", of or by.name, field="user", hint='Make one with "modelwright user create"'
            )
        return found

    async def change_group(
        self,
        by: Principal,
        group: Group,
        *,
        name: str | None = None,
        description: str | None = None,
        extras: Mapping[str, Any] | None = None,
    ) -> Group:
        """Change what is given; `extras` take the place of those of the same dialects."""
        changed = replace(
            group,
            name=group.name if name is None else check_name(name, "group"),
            description=group.description if description is None else check_description(description),
            extras={**group.extras, **_check_size(extras or {})},
        )
        await self._people.change_group(changed)
        entry = Entry(self._clock.now(), by.id, by.name, "group", changed.name, detail={"did": "changed"})
        await self._log.append([entry])
        return changed


def _check_size(extras: Mapping[str, Any]) -> Mapping[str, Any]:
    if len(json.dumps(extras)) > MOST_EXTRAS:
        raise Invalid("there is more of it than is kept", hint=f"At most {MOST_EXTRAS} characters as JSON")
    return extras
