"""Stance: what an operator chooses about this dialect, and what users may by it.

Facts: open-webui 0.12.4, config.py, utils/access_control.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from modelwright.core.grants import Grant, Principal
from modelwright.core.people import Group
from modelwright.core.permissions import (
    PERMISSIONS,
    SHARE,
    SHARE_WITH_ALL,
    SHARE_WITH_GROUPS,
    SHARE_WITH_USERS,
)
from modelwright.dialects.openwebui.refusals import Wording

_AUDIENCES: Final[Mapping[str, str]] = {
    "everyone": SHARE_WITH_ALL,
    "user": SHARE_WITH_USERS,
    "group": SHARE_WITH_GROUPS,
}


@dataclass(frozen=True, slots=True)
class Stance:
    """`wording`: the product's words or those of its documentation.

    `permissions` are what users may whom no group lets; `metadata` and `params` hold
    where a model says nothing itself; `fallback` is the id of the model that answers
    where a wrapper's base is gone, empty when none does.
    """

    wording: Wording = "product"
    permissions: Collection[str] = PERMISSIONS
    metadata: Mapping[str, Any] = field(default_factory=dict)
    params: Mapping[str, Any] = field(default_factory=dict)
    fallback: str = ""


def permitted(
    principal: Principal, default: Collection[str], groups: Iterable[Mapping[str, Any]]
) -> set[str]:
    """The permissions of somebody whose groups have these; an admin has all."""
    if principal.is_admin:
        return set(PERMISSIONS)
    return {name for name in PERMISSIONS if name in default or any(holds(each, name) for each in groups)}


def permissions_of(group: Group, dialect: str) -> Mapping[str, Any]:
    """What a group lets its members do; empty when nothing was said."""
    said = group.extras.get(dialect, {}).get("permissions")
    return said if isinstance(said, dict) else {}


def permission_tree(held: Collection[str]) -> dict[str, dict[str, bool]]:
    """Permissions as the product's clients read them."""
    tree: dict[str, dict[str, bool]] = {}
    for name in PERMISSIONS:
        section, _, key = name.partition(".")
        tree.setdefault(section, {})[key] = name in held
    return tree


def shareable(held: Collection[str], wanted: Iterable[Grant]) -> list[Grant]:
    """Those grants that somebody with these permissions may give."""
    if SHARE not in held:
        return []
    return [grant for grant in wanted if _AUDIENCES.get(grant.subject.kind, "") in held]


def holds(tree: Mapping[str, Any], name: str) -> bool:
    """Whether a tree of permissions has this one."""
    section, _, key = name.partition(".")
    inner = tree.get(section)
    return isinstance(inner, dict) and bool(inner.get(key))
