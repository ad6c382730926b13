"""The statements of the catalogue, built once; values are bound, never pasted.

Nothing here changes or removes a revision, a spec or a move.
"""

from typing import Any, Final, NamedTuple

from sqlalchemy import (
    BigInteger,
    BindParameter,
    Insert,
    Row,
    Select,
    bindparam,
    delete,
    func,
    insert,
    literal,
    select,
    text,
    tuple_,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.sql.elements import ColumnElement

from modelwright.core.access import Viewer
from modelwright.core.revision import Window
from modelwright.store.grants import AMONG, GRANTED, VISIBLE
from modelwright.store.tables import (
    Instant,
    aliases,
    blobs,
    cards,
    hidden_revisions,
    layers,
    linked_blobs,
    models,
    moves,
    revisions,
    small_blobs,
    specs,
)

_KEY: Final[BindParameter[str]] = bindparam("key")
_LIVE: Final[ColumnElement[bool]] = models.c.deleted_at.is_(None)
_NAMED: Final[ColumnElement[bool]] = (models.c.key == _KEY) & _LIVE
_OF_MODEL: Final[ColumnElement[bool]] = revisions.c.model_id == models.c.id

_FIRST: Final = revisions.alias("first")
_BORN: Final = (
    select(_FIRST.c.created_at)
    .where(_FIRST.c.model_id == models.c.id, _FIRST.c.number == 1)
    .scalar_subquery()
    .label("born_at")
)

_POINTED: Final = select(
    models.c.id,
    models.c.host,
    models.c.namespace,
    models.c.model,
    models.c.tag,
    models.c.latest,
    models.c.updated_at,
    models.c.owner,
    _BORN,
    *(column for column in revisions.c if column.name != "model_id"),
).join_from(models, revisions, _OF_MODEL & (revisions.c.number == models.c.current))

_NEWEST_FIRST: Final = (models.c.updated_at.desc(), models.c.id.desc())
_OLDEST_FIRST: Final = (models.c.updated_at, models.c.id)

FIND_MODEL: Final[Select[Any]] = _POINTED.where(_NAMED)
LIST_MODELS: Final[Select[Any]] = _POINTED.where(_LIVE).order_by(*_NEWEST_FIRST)
COUNT_MODELS: Final[Select[Any]] = select(func.count()).select_from(models).where(_LIVE)
COUNT_OWNED: Final[Select[Any]] = COUNT_MODELS.where(models.c.owner == bindparam("owner"))

FIND_GRANTED: Final[Select[Any]] = _POINTED.add_columns(GRANTED.label("granted")).where(_NAMED)
LIST_VISIBLE: Final[Select[Any]] = (
    _POINTED.add_columns(GRANTED.label("granted")).where(_LIVE, VISIBLE).order_by(*_NEWEST_FIRST)
)
LIST_VISIBLE_AMONG: Final[Select[Any]] = LIST_VISIBLE.where(AMONG)
COUNT_VISIBLE: Final[Select[Any]] = COUNT_MODELS.where(VISIBLE)
COUNT_VISIBLE_AMONG: Final[Select[Any]] = COUNT_VISIBLE.where(AMONG)

_KEYS: Final[Select[Any]] = select(models.c.key).where(
    models.c.key.in_(bindparam("keys", expanding=True)), _LIVE
)
_PLACE: Final = tuple_(models.c.updated_at, models.c.id)


class Views(NamedTuple):
    """What a viewer is asked for: the models, how many, and which of some keys."""

    models: Select[Any]
    number: Select[Any]
    known: Select[Any]


def views(viewer: Viewer | None) -> Views:
    """The statements for a viewer; they are bound to what `grants.bindings` gives."""
    if viewer is None:
        return _ALL
    return _SEEN_AMONG if viewer.only else _SEEN


_ALL: Final = Views(LIST_MODELS, COUNT_MODELS, _KEYS)
_SEEN: Final = Views(LIST_VISIBLE, COUNT_VISIBLE, _KEYS.where(VISIBLE))
_SEEN_AMONG: Final = Views(LIST_VISIBLE_AMONG, COUNT_VISIBLE_AMONG, _KEYS.where(VISIBLE, AMONG))


def at(query: Select[Any], key: str) -> Select[Any]:
    """The line of one model in a list."""
    return query.where(models.c.key == key)


def part(query: Select[Any], window: Window, after: Row[Any] | None, before: Row[Any] | None) -> Select[Any]:
    """The part of a list that a window shows; backwards when it ends `before` a model."""
    if after is not None:
        query = query.where(_place_of(after) > _PLACE)
    if before is not None:
        query = query.where(_place_of(before) < _PLACE).order_by(None).order_by(*_OLDEST_FIRST)
    return query.limit(window.limit).offset(window.offset)


def _place_of(row: Row[Any]) -> ColumnElement[Any]:
    return tuple_(literal(row.updated_at, Instant), literal(row.id, BigInteger))


_REVISIONS: Final = select(revisions).join_from(models, revisions, _OF_MODEL).where(_NAMED)
FIND_REVISION: Final[Select[Any]] = _REVISIONS.where(revisions.c.number == bindparam("number"))
LIST_REVISIONS: Final[Select[Any]] = _REVISIONS.order_by(revisions.c.number)
LIST_MOVES: Final[Select[Any]] = (
    select(moves).join_from(models, moves, moves.c.model_id == models.c.id).where(_NAMED).order_by(moves.c.id)
)

FIND_CREATED: Final[Select[Any]] = (
    select(revisions.c.number)
    .join_from(models, revisions, _OF_MODEL)
    .where(models.c.key == _KEY, revisions.c.spec_digest == bindparam("spec"))
    .limit(1)
)

_IN_DIALECT: Final[ColumnElement[bool]] = aliases.c.dialect == bindparam("dialect")
FIND_ALIASED: Final[Select[Any]] = (
    _POINTED.add_columns(aliases.c.dialect, aliases.c.scope, aliases.c.alias)
    .join(aliases, aliases.c.model_id == models.c.id)
    .where(aliases.c.alias == bindparam("alias"), _LIVE)
    .order_by(aliases.c.added_at, aliases.c.model_id)
)
FIND_ALIASED_IN: Final[Select[Any]] = FIND_ALIASED.where(_IN_DIALECT)
FIND_ALIAS: Final[Select[Any]] = select(aliases.c.model_id).where(
    _IN_DIALECT, aliases.c.scope == bindparam("scope"), aliases.c.alias == bindparam("alias")
)
LIST_ALIASES: Final[Select[Any]] = (
    select(models.c.key, aliases.c.dialect, aliases.c.scope, aliases.c.alias)
    .join_from(aliases, models, aliases.c.model_id == models.c.id)
    .where(_IN_DIALECT, _LIVE)
    .order_by(aliases.c.added_at.desc())
)
LIST_ALIASES_OF: Final[Select[Any]] = LIST_ALIASES.where(models.c.key == _KEY)
LIST_HIDDEN: Final[Select[Any]] = (
    select(hidden_revisions.c.number)
    .join_from(models, hidden_revisions, hidden_revisions.c.model_id == models.c.id)
    .where(_NAMED)
)

FIND_CARD: Final[Select[Any]] = select(cards.c.canonical).where(cards.c.digest == bindparam("digest"))
LIST_ALL_ALIASES: Final[Select[Any]] = (
    select(models.c.key, aliases.c.dialect, aliases.c.scope, aliases.c.alias)
    .join_from(aliases, models, aliases.c.model_id == models.c.id)
    .where(_LIVE)
    .order_by(aliases.c.added_at, aliases.c.model_id)
)
FIND_SPEC: Final[Select[Any]] = select(specs.c.canonical).where(specs.c.digest == bindparam("digest"))
HAS_SPEC: Final[Select[Any]] = select(specs.c.digest).where(specs.c.digest == bindparam("digest"))
FIND_SMALL_BLOB: Final[Select[Any]] = select(small_blobs.c.content).where(
    small_blobs.c.digest == bindparam("digest")
)
FIND_BLOB: Final[Select[Any]] = select(blobs).where(blobs.c.digest == bindparam("digest"))
FIND_LINK: Final[Select[Any]] = select(linked_blobs).where(linked_blobs.c.digest == bindparam("digest"))
FIND_LINKED: Final[Select[Any]] = select(linked_blobs.c.digest).where(
    *(linked_blobs.c[name] == bindparam(name) for name in ("device", "inode", "size", "modified"))
)
_WANTED: Final[BindParameter[Any]] = bindparam("digests", expanding=True)
KNOWN_SMALL_BLOBS: Final[Select[Any]] = select(small_blobs.c.digest).where(small_blobs.c.digest.in_(_WANTED))
SIZES_OF_BLOBS: Final[Select[Any]] = select(blobs.c.digest, blobs.c.size).where(blobs.c.digest.in_(_WANTED))

SEVERAL_CARDS: Final[Select[Any]] = select(cards.c.digest, cards.c.canonical).where(
    cards.c.digest.in_(_WANTED)
)
SEVERAL_SPECS: Final[Select[Any]] = select(specs.c.digest, specs.c.canonical).where(
    specs.c.digest.in_(_WANTED)
)
SEVERAL_BLOBS: Final[Select[Any]] = select(blobs).where(blobs.c.digest.in_(_WANTED))

ADD_MODEL: Final = insert(models)
ADD_REVISION: Final = insert(revisions)
ADD_MOVE: Final = insert(moves)
ADD_ALIAS: Final = insert(aliases)
FREE_ALIASES: Final = delete(aliases).where(aliases.c.model_id == bindparam("of_model"))

POINT_MODEL: Final = (
    update(models)
    .where(models.c.id == bindparam("model_id"))
    .values(current=bindparam("to"), latest=bindparam("highest"), updated_at=bindparam("changed_at"))
)
FREE_NAME: Final = (
    update(models).where(models.c.id == bindparam("model_id")).values(deleted_at=bindparam("freed_at"))
)

LOCK_NAME: Final = text("SELECT pg_advisory_xact_lock(hashtextextended(:key, 0))")
"""PostgreSQL only: changes of one name wait for each other."""


ENTER_REVISIONS: Final = text("LOCK TABLE revisions IN ROW EXCLUSIVE MODE")
"""For PostgreSQL: a create begins, so that no blob is found to be garbage beside it (garbage.py)."""


class Additions:
    """Inserts that leave alone what is there already, in the words of one database."""

    def __init__(self, kind: str) -> None:
        into = postgresql.insert if kind == "postgresql" else sqlite.insert
        self.spec: Insert = into(specs).on_conflict_do_nothing()
        self.layer: Insert = into(layers).on_conflict_do_nothing()
        self.card: Insert = into(cards).on_conflict_do_nothing()
        self.hidden: Insert = into(hidden_revisions).on_conflict_do_nothing()
        self.small_blob: Insert = into(small_blobs).on_conflict_do_nothing()
        link = into(linked_blobs)
        self.link: Insert = link.on_conflict_do_update(
            index_elements=[linked_blobs.c.digest],
            set_={name: link.excluded[name] for name in ("device", "inode", "size", "modified")},
        )
        blob = into(blobs)
        # Facts are a function of the bytes: later ones come from a reader that knows more. The
        # time is when it was last put here: whoever did that is going to need it.
        self.blob: Insert = blob.on_conflict_do_update(
            index_elements=[blobs.c.digest],
            set_={
                "facts": func.coalesce(blob.excluded.facts, blobs.c.facts),
                "created_at": blob.excluded.created_at,
            },
        )
