"""Access: the one rule that says who may do what with a model. Pure.

    admin                    everything
    the model's owner        everything with it
    a grant, however come by what its level says, the highest of several
    nobody of these          as if the model were not there

A key narrows what its principal may, and never widens it. Whoever asks for a
model puts a `Viewer` into the query, so that no second one is needed here.
"""

from dataclasses import dataclass
from typing import Final

from modelwright.core.errors import Denied, NotFound
from modelwright.core.grants import NEEDED, Level, Principal, Verb
from modelwright.core.revision import StoredModel

_DONE: Final = {
    Verb.SHOW: "show",
    Verb.USE: "use",
    Verb.READ: "read",
    Verb.DERIVE: "derive from or copy",
    Verb.UPDATE: "change",
    Verb.DELETE: "delete",
    Verb.GRANT: "share",
    Verb.PUSH: "push",
}


@dataclass(frozen=True, slots=True)
class Viewer:
    """For whom a query is: it finds what they own, or may at `level` or higher.

    `subjects` are those whose grants count; `only`, unless empty, are the keys of
    the models that may be found at all. An admin owns everything.
    """

    id: str
    subjects: tuple[str, ...]
    everything: bool = False
    level: Level = Level.USE
    only: frozenset[str] = frozenset()


def viewer_of(principal: Principal, level: Level = Level.USE) -> Viewer | None:
    """The filter for a principal's queries; None when it hides nothing."""
    only = principal.scopes.models
    if principal.is_admin and not only:
        return None
    return Viewer(principal.id, principal.subjects, principal.is_admin, level, only)


def level_of(principal: Principal, model: StoredModel) -> Level | None:
    """What a principal may with a model that was found for it; None = not know of it."""
    if not principal.scopes.allow_model(model.name.key):
        return None
    if principal.is_admin or model.owner == principal.id:
        return Level.OWN
    return Level(model.granted) if model.granted else None


def authorize(
    principal: Principal, verb: Verb, model: StoredModel | None, asked: str, *, field: str = "model"
) -> Level:
    """The level held on a model, if it is enough for the verb.

    Raises NotFound for a model that is absent or may not be known, alike, and
    Denied for one that may be known.
    """
    held = None if model is None else level_of(principal, model)
    if model is None or held is None:
        raise NotFound("model", asked, field=field)
    needed = NEEDED[verb]
    if held < needed:
        raise Denied(
            f'you may not {_DONE[verb]} "{model.name.short}": that needs the right "{needed.word}", '
            f'and you have "{held.word}"',
            field=field,
            hint="Its owner or an admin can grant it",
        )
    return held
