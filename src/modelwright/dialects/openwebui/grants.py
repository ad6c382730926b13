"""Access grants as Open WebUI writes them, in both of its spellings, and back.

Its `read` is our use, its `write` our write. What is no grant is dropped without
a word, as the product does; a level it has no word for is shown as the next lower
one, and stays when what was shown comes back.
"""

import uuid
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from modelwright.core.grants import Grant, Level, Subject

_NAMESPACE: Final = uuid.UUID("6a1f5e0e-7d0c-4f57-9d0a-3a6d8a9b6c11")
_PERMISSIONS: Final = {"read": Level.USE, "write": Level.WRITE}
_EVERYBODY: Final = "*"


def read_grants(given: Sequence[object], before: Sequence[Grant] = ()) -> list[Grant]:
    """The grants of a list, one for each subject; `before` are those there are."""
    wanted: dict[Subject, Level] = {}
    for item in given:
        read = _read(item)
        if read is not None:
            subject, level = read
            wanted[subject] = max(level, wanted.get(subject, Level.USE))
    kept = {grant.subject: grant.level for grant in before}
    return [Grant(subject, _unless_shown(level, kept.get(subject))) for subject, level in wanted.items()]


def shown_grants(grants: Sequence[Grant], identifier: str, since: datetime) -> list[dict[str, Any]]:
    """Grants as rows; `identifier` is the model's id."""
    return [
        _row(grant.subject, permission, identifier, since)
        for grant in grants
        if grant.subject.kind != "account"
        for permission in _permissions(grant.level)
    ]


def _read(item: object) -> tuple[Subject, Level] | None:
    if not isinstance(item, dict):
        return None
    kind = item.get("principal_type", item.get("access_type"))
    who = item.get("principal_id", item.get("access_id"))
    permission = item.get("permission")
    if not isinstance(who, str) or not who or not isinstance(permission, str):
        return None
    level = _PERMISSIONS.get(permission)
    if level is None or kind not in ("user", "group") or len(who) > 256:
        return None
    if who == _EVERYBODY:
        return (Subject("everyone"), level) if kind == "user" and level is Level.USE else None
    return Subject("group" if kind == "group" else "user", who), level


def _permissions(level: Level) -> tuple[str, ...]:
    return ("read", "write") if level >= Level.WRITE else ("read",)


def _unless_shown(wanted: Level, before: Level | None) -> Level:
    """The level there is, when what is wanted is how that one is shown."""
    if before is not None and _permissions(before)[-1] == _permissions(wanted)[-1]:
        return before
    return wanted


def _row(subject: Subject, permission: str, identifier: str, since: datetime) -> dict[str, Any]:
    kind = "group" if subject.kind == "group" else "user"
    who = subject.id or _EVERYBODY
    return {
        "id": str(uuid.uuid5(_NAMESPACE, f"{identifier} {kind} {who} {permission}")),
        "resource_type": "model",
        "resource_id": identifier,
        "principal_type": kind,
        "principal_id": who,
        "access_type": kind,
        "access_id": who,
        "permission": permission,
        "created_at": int(since.timestamp()),
    }
