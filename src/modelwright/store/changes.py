"""What each change of the catalogue does inside its transaction.

Functions of a connection. They neither begin nor end the transaction, and do
not know on which thread or database they run, but for the lock on a name.
"""

from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any, Final

from sqlalchemy import Connection, Row

from modelwright.core.audit import Entry
from modelwright.core.digest import Digest
from modelwright.core.errors import Conflict, Exhausted, Invalid, NotFound, TooLarge
from modelwright.core.grants import Principal
from modelwright.core.names import Name
from modelwright.core.ports import SMALL_BLOB
from modelwright.core.revision import BlobRecord, Committed, NewRevision, Revision, StoredModel
from modelwright.core.spec import Absence, PinnedParent
from modelwright.store import audit, queries
from modelwright.store.file_state import FileState
from modelwright.store.rows import read_model, revision_values, write_facts

_BROUGHT: Final = ("pull", "import", "adopt", "train")
"""Kinds of revisions that are actions of their own; the server wrote their messages."""

_QUOTA_SECONDS: Final = 60
"""When to try again where only somebody can make room."""


def commit(connection: Connection, additions: queries.Additions, new: NewRevision) -> Committed:
    """Append a revision and point the name to it, unless it says so already."""
    _check_values(new)
    if connection.dialect.name == "postgresql":
        connection.execute(queries.ENTER_REVISIONS)
    canonical = new.spec.canonical()
    spec = Digest.of(canonical)
    row = _lock_model(connection, new.name.key)
    before = None if row is None else read_model(row)
    _check_standing(new, before)
    card = _card(new, before)
    if before is not None and _says_so(new, before, card):
        _add_aliases(connection, new, row.id if row is not None else 0)
        return Committed(before, False, frozenset())
    for ancestor in new.ancestors:
        connection.execute(additions.spec, {"digest": ancestor.digest, "canonical": ancestor.canonical()})
    _check_references(connection, new)
    connection.execute(additions.spec, {"digest": spec, "canonical": canonical})
    if new.layers:
        rows = [{"digest": digest, "spec_digest": spec} for digest in sorted(new.layers)]
        connection.execute(additions.layer, rows)
    if new.card:
        connection.execute(additions.card, {"digest": card, "canonical": new.card.canonical()})
    added = _add_small_blobs(connection, additions, new.small_blobs)
    number = 1 if before is None else before.latest + 1
    revision = _revision(new, before, number, card)
    if row is None:
        _check_quota(connection, new)
    model_id = _add_model(connection, new) if row is None else row.id
    connection.execute(queries.ADD_REVISION, revision_values(model_id, revision))
    if row is not None:
        _point(connection, model_id, number, number, new.created_at)
    _add_aliases(connection, new, model_id)
    owner = new.owner if before is None else before.owner
    name = new.name if before is None else before.name
    born = new.created_at if before is None else before.created_at
    model = StoredModel(name, revision, number, new.created_at, model_id, owner, created_at=born)
    audit.note(connection, _told(new, revision, name, model_id, row is None))
    return Committed(model, True, added)


def _check_standing(new: NewRevision, before: StoredModel | None) -> None:
    """See that the name is free where it must be, or still is where it was looked at."""
    if before is not None and new.fresh:
        raise Conflict(f"there is a model {before.name} already", field="model", hint="Choose another name")
    if new.onto is not None and (before is None or before.revision.number != new.onto):
        now = "gone" if before is None else f"at revision {before.revision.number}"
        said = f"{new.name} was at revision {new.onto} and is now {now}"
        raise Conflict(said, field="revision", hint="Look again")


def move(
    connection: Connection, key: str, number: int, author: str, moved_at: datetime, actor: str
) -> StoredModel:
    """Point a name to one of its revisions and record that."""
    _check_text(author, "author")
    _check_time(moved_at)
    row = _lock_model(connection, key)
    if row is None:
        raise NotFound("model", key)
    model = read_model(row)
    if model.revision.number == number:
        return model
    if not connection.execute(queries.FIND_REVISION, {"key": key, "number": number}).first():
        hint = f"The model has revisions 1 to {model.latest}"
        raise NotFound("revision", f"{model.name}@{number}", hint=hint)
    _point(connection, row.id, number, model.latest, moved_at)
    connection.execute(
        queries.ADD_MOVE,
        {
            "model_id": row.id,
            "before": model.revision.number,
            "after": number,
            "author": author,
            "moved_at": moved_at,
        },
    )
    audit.note(connection, Entry(moved_at, actor, author, "move", str(model.name), row.id, number))
    return read_model(connection.execute(queries.FIND_MODEL, {"key": key}).one())


def free(connection: Connection, key: str, by: Principal) -> bool:
    """Let a name be taken again; the deleted model keeps its revisions."""
    row = _lock_model(connection, key)
    if row is None:
        return False
    at, model = datetime.now(UTC), read_model(row)
    connection.execute(queries.FREE_ALIASES, {"of_model": row.id})
    connection.execute(queries.FREE_NAME, {"model_id": row.id, "freed_at": at})
    number = model.revision.number
    audit.note(connection, Entry(at, by.id, by.name, "delete", str(model.name), row.id, number))
    return True


def hide(connection: Connection, additions: queries.Additions, key: str, number: int, by: Principal) -> bool:
    """Leave a revision out of what is shown of a model's history."""
    row = _lock_model(connection, key)
    if row is None or not connection.execute(queries.FIND_REVISION, {"key": key, "number": number}).first():
        return False
    if connection.execute(additions.hidden, {"model_id": row.id, "number": number}).rowcount != 0:
        line = Entry(datetime.now(UTC), by.id, by.name, "hide", str(read_model(row).name), row.id, number)
        audit.note(connection, line)
    return True


def add_blob(connection: Connection, additions: queries.Additions, record: BlobRecord) -> None:
    facts = None if record.facts is None else write_facts(record.facts)
    values = {"digest": record.digest, "size": record.size, "facts": facts, "created_at": datetime.now(UTC)}
    connection.execute(additions.blob, values)


def add_link(connection: Connection, additions: queries.Additions, digest: Digest, state: FileState) -> None:
    connection.execute(additions.link, {"digest": digest, **asdict(state)})


def _says_so(new: NewRevision, before: StoredModel, card: Digest | None) -> bool:
    return before.revision.card == card and _is_alike(new, before)


def _is_alike(new: NewRevision, before: StoredModel) -> bool:
    """Whether only the card may differ; a manifest from outside is more than its spec."""
    is_same = not new.arrived or before.revision.manifest == new.manifest
    return is_same and before.revision.spec == new.spec.digest


def _revision(new: NewRevision, before: StoredModel | None, number: int, card: Digest | None) -> Revision:
    """The revision to be written; it is of the kind "card" when nothing else changed."""
    spec = new.spec.digest
    return Revision(
        number=number,
        spec=spec,
        base=new.base,
        parent=new.parent,
        manifest=new.manifest,
        size=new.size,
        author=new.author,
        message=new.message,
        kind="card" if before is not None and _is_alike(new, before) else new.kind,
        created_at=new.created_at,
        template=new.template,
        card=card,
    )


def _told(new: NewRevision, revision: Revision, name: Name, model_id: int, is_new: bool) -> Entry:
    """The line of the audit log for a revision.

    What brought or trained it is the action, and what it said of itself is told. Other
    messages are their author's words, and stay in the history.
    """
    action, did = revision.kind, "create" if is_new else "change"
    detail: dict[str, str | int] = {"did": did, "said": new.message}
    if action not in _BROUGHT:
        action, detail = did, {"kind": revision.kind} if revision.kind != "create" else {}
    if revision.manifest is not None and action in _BROUGHT:
        detail["manifest"] = str(revision.manifest)
    return Entry(new.created_at, new.actor, new.author, action, str(name), model_id, revision.number, detail)


def _card(new: NewRevision, before: StoredModel | None) -> Digest | None:
    """The digest of the card that the name will have."""
    if new.card is not None:
        return new.card.digest
    return None if before is None else before.revision.card


def _add_aliases(connection: Connection, new: NewRevision, model_id: int) -> None:
    for alias in new.aliases:
        values = {"dialect": alias.dialect, "scope": alias.scope, "alias": alias.alias}
        row = connection.execute(queries.FIND_ALIAS, values).first()
        if row is None:
            connection.execute(
                queries.ADD_ALIAS, {**values, "model_id": model_id, "added_at": new.created_at}
            )
        elif row.model_id != model_id:
            raise Conflict(
                f'"{alias.alias}" names another model already', field="id", hint="Choose another id"
            )


def _lock_model(connection: Connection, key: str) -> Row[Any] | None:
    """Read a model that nobody else changes until this transaction ends.

    SQLite has one writer anyway. A row lock would not do for PostgreSQL: a
    name that is about to be taken has no row yet.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(queries.LOCK_NAME, {"key": key})
    return connection.execute(queries.FIND_MODEL, {"key": key}).first()


def _check_quota(connection: Connection, new: NewRevision) -> None:
    """Refuse one model more than an owner may have; its other creates wait."""
    if new.most_models is None:
        return
    if connection.dialect.name == "postgresql":
        connection.execute(queries.LOCK_NAME, {"key": f"models of {new.owner}"})
    if connection.execute(queries.COUNT_OWNED, {"owner": new.owner}).scalar_one() >= new.most_models:
        raise Exhausted(
            f"the quota of {new.most_models} models is used up",
            retry_after=_QUOTA_SECONDS,
            hint="Delete one, or ask an admin for more",
        )


def _add_small_blobs(
    connection: Connection, additions: queries.Additions, contents: Mapping[Digest, bytes]
) -> frozenset[Digest]:
    """Keep those that are not kept yet; returns them."""
    if not contents:
        return frozenset()
    known = set(connection.execute(queries.KNOWN_SMALL_BLOBS, {"digests": list(contents)}).scalars())
    # Sorted, so that two transactions of PostgreSQL never wait for each other in a circle.
    added = sorted(contents.keys() - known)
    if added:
        rows = [{"digest": digest, "content": contents[digest]} for digest in added]
        connection.execute(additions.small_blob, rows)
    return frozenset(added)


def _add_model(connection: Connection, new: NewRevision) -> int:
    name = new.name
    values = {
        "key": name.key,
        "host": name.host,
        "namespace": name.namespace,
        "model": name.model,
        "tag": name.tag,
        "current": 1,
        "latest": 1,
        "updated_at": new.created_at,
        "owner": new.owner,
    }
    added = connection.execute(queries.ADD_MODEL, values).inserted_primary_key
    assert added is not None  # a single row was inserted
    return int(added[0])


def _point(connection: Connection, model_id: int, to: int, highest: int, changed_at: datetime) -> None:
    values = {"model_id": model_id, "to": to, "highest": highest, "changed_at": changed_at}
    connection.execute(queries.POINT_MODEL, values)


def _check_values(new: NewRevision) -> None:
    for field in ("author", "message", "kind", "parent", "owner"):
        _check_text(getattr(new, field), field)
    _check_time(new.created_at)
    for alias in new.aliases:
        _check_text(alias.alias, "alias")
        _check_text(alias.scope, "scope")
    for digest, content in new.small_blobs.items():
        if len(content) > SMALL_BLOB:
            raise TooLarge(f"small blob {digest} has {len(content)} bytes, at most {SMALL_BLOB} are allowed")
        if (actual := Digest.of(content)) != digest:
            raise Invalid(f'digest mismatch, expected "{digest}", got "{actual}"')


def _check_references(connection: Connection, new: NewRevision) -> None:
    """See that what the spec stands on is here, and is what the spec says."""
    parent = new.spec.parent
    if (
        isinstance(parent, PinnedParent)
        and not connection.execute(queries.HAS_SPEC, {"digest": parent.spec}).first()
    ):
        raise NotFound("spec", str(parent.spec), hint=f"It is the parent, called {parent.name!r}")
    sizes: dict[Digest, int | None] = dict.fromkeys(new.layers)  # its ancestors' too: they may be gone by now
    if new.base is not None:
        sizes[new.base] = None
    sizes |= {layer.digest: layer.size for layer in new.spec.weights}
    if not isinstance(new.spec.adapters, Absence):
        sizes |= {layer.digest: layer.size for layer in new.spec.adapters}
    if not sizes:
        return
    rows = connection.execute(queries.SIZES_OF_BLOBS, {"digests": list(sizes)})
    there = {row.digest: row.size for row in rows}
    for digest, size in sizes.items():
        if digest not in there:
            raise NotFound("blob", str(digest), hint="Upload it first")
        if size not in (None, there[digest]):
            raise Invalid(f"layer {digest} is said to have {size} bytes, its blob has {there[digest]}")


def _check_text(value: str, field: str) -> None:
    """Refuse what PostgreSQL (NUL) or UTF-8 (half a surrogate pair) cannot hold."""
    if "\0" in value or any("\ud800" <= char <= "\udfff" for char in value):
        raise Invalid(f"{field} {value[:100]!r} holds a character that cannot be stored", field=field)


def _check_time(value: datetime) -> None:
    if value.tzinfo is None:
        raise Invalid(f"the time {value.isoformat()} has no time zone")
