"""Catalogue: names, revisions, specs and small blobs, in SQL.

It implements core.ports.Catalogue. Each method is one hop to a thread and one
transaction there (database.py says which), so a caller that goes away leaves
either everything or nothing. It knows no files and no rights.
"""

import sys
from collections.abc import Collection, Iterator, Mapping, Sequence, Set
from dataclasses import asdict
from datetime import datetime
from typing import Any, Final, Self

from sqlalchemy import Connection, Row, Select

from modelwright.core.access import Viewer
from modelwright.core.card import Card
from modelwright.core.digest import Digest
from modelwright.core.errors import Corrupt, Invalid, NotFound
from modelwright.core.grants import LOCAL_ADMIN, Principal
from modelwright.core.names import Name
from modelwright.core.revision import (
    Alias,
    BlobRecord,
    Committed,
    Move,
    NewRevision,
    Revision,
    StoredModel,
    Window,
)
from modelwright.core.spec import ModelSpec, PinnedParent
from modelwright.store import changes, grants, migrations, queries
from modelwright.store.database import Database
from modelwright.store.file_state import FileState
from modelwright.store.rows import read_alias, read_blob, read_model, read_move, read_revision, read_state
from modelwright.store.spec_cache import SpecCache

LONGEST_LINEAGE: Final = 17
"""Specs in one answer of `lineage`: a model and 16 ancestors."""
_AT_ONCE: Final = 1000


class Catalogue:
    """The names of one store; made by `open`, ended by `close`."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._additions = queries.Additions(database.kind)
        self._specs = SpecCache()

    @classmethod
    async def open(cls, url: str) -> Self:
        """Open `sqlite:///file` or `postgresql://user@host/name` and bring it up to date.

        Raises Unavailable when another process writes this store or the
        database cannot be reached, Invalid for a URL of another kind,
        Unsupported when a newer modelwright made it.
        """
        database = Database.open(url)
        try:
            while await database.write(migrations.apply_next):
                pass
        except BaseException:
            await database.close()
            raise
        return cls(database)

    @property
    def database(self) -> Database:
        """What other books of the same store are kept in."""
        return self._database

    async def close(self) -> None:
        """Let the store go; calls that are under way end first."""
        await self._database.close()

    async def find(self, key: str, viewer: Viewer | None = None) -> StoredModel | None:
        if viewer is None:
            row = await self._one(queries.FIND_MODEL, key=key)
        else:
            row = await self._one(queries.FIND_GRANTED, key=key, subjects=viewer.subjects)
        return None if row is None else read_model(row)

    async def list_models(self, viewer: Viewer | None = None) -> Sequence[StoredModel]:
        query, bound = queries.views(viewer).models, grants.bindings(viewer)
        return await self._database.read(lambda c: [read_model(row) for row in c.execute(query, bound)])

    async def survey(
        self, viewer: Viewer | None = None, *, whole: bool = False, window: Window | None = None
    ) -> "Survey":
        """As the port says; one transaction, however many models there are."""
        survey = Survey(self._database, viewer, window)
        await self._database.read(lambda c: survey.fill(c, self._specs, whole=whole))
        return survey

    async def count_models(self, viewer: Viewer | None = None) -> int:
        query, bound = queries.views(viewer).number, grants.bindings(viewer)
        return await self._database.read(lambda c: c.execute(query, bound).scalar_one())

    async def known(self, viewer: Viewer | None, keys: Collection[str]) -> frozenset[str]:
        query, bound = queries.views(viewer).known, grants.bindings(viewer)
        return await self._database.read(
            lambda c: frozenset(c.execute(query, {**bound, "keys": list(keys)}).scalars())
        )

    async def reachable(self, viewer: Viewer, digests: Collection[Digest]) -> frozenset[Digest]:
        return await self._database.read(lambda c: grants.reachable(c, viewer, digests))

    async def is_legible(self, viewer: Viewer, spec: Digest) -> bool:
        return await self._database.read(lambda c: grants.is_legible(c, viewer, spec))

    async def is_reshared(self, base: int, wrapper: int) -> bool:
        return await self._database.read(lambda c: grants.is_reshared(c, base, wrapper))

    async def owner_of_namespace(self, namespace: str) -> str | None:
        return await self._database.read(lambda c: grants.owner_of_namespace(c, namespace))

    async def revision(self, key: str, number: int) -> Revision | None:
        row = await self._one(queries.FIND_REVISION, key=key, number=number)
        return None if row is None else read_revision(row)

    async def history(self, key: str) -> Sequence[Revision]:
        return await self._database.read(
            lambda connection: [
                read_revision(row) for row in connection.execute(queries.LIST_REVISIONS, {"key": key})
            ]
        )

    async def moves(self, key: str) -> Sequence[Move]:
        return await self._database.read(
            lambda connection: [
                read_move(row) for row in connection.execute(queries.LIST_MOVES, {"key": key})
            ]
        )

    async def card(self, digest: Digest) -> Card:
        row = await self._one(queries.FIND_CARD, digest=digest)
        if row is None:
            raise NotFound("card", str(digest))
        return Card.from_canonical(_checked(row.canonical, digest, "card"))

    async def find_aliased(
        self, alias: str, dialect: str | None = None
    ) -> Sequence[tuple[Alias, StoredModel]]:
        query = queries.FIND_ALIASED if dialect is None else queries.FIND_ALIASED_IN
        values = {"alias": alias} if dialect is None else {"alias": alias, "dialect": dialect}
        return await self._database.read(
            lambda connection: [
                (read_alias(row), read_model(row)) for row in connection.execute(query, values)
            ]
        )

    async def aliases(self, dialect: str, key: str | None = None) -> Mapping[str, Alias]:
        query = queries.LIST_ALIASES if key is None else queries.LIST_ALIASES_OF
        values = {"dialect": dialect} if key is None else {"dialect": dialect, "key": key}
        return await self._database.read(
            lambda connection: {row.key: read_alias(row) for row in connection.execute(query, values)}
        )

    async def hide(self, key: str, number: int, by: Principal = LOCAL_ADMIN) -> bool:
        return await self._database.write(lambda c: changes.hide(c, self._additions, key, number, by))

    async def hidden(self, key: str) -> Collection[int]:
        return await self._database.read(
            lambda connection: frozenset(connection.execute(queries.LIST_HIDDEN, {"key": key}).scalars())
        )

    async def was_created(self, name: Name, spec: Digest) -> bool:
        return await self._one(queries.FIND_CREATED, key=name.key, spec=spec) is not None

    async def blob(self, digest: Digest) -> BlobRecord | None:
        row = await self._one(queries.FIND_BLOB, digest=digest)
        return None if row is None else read_blob(row)

    async def small_blob(self, digest: Digest) -> bytes | None:
        """Raises Corrupt when the bytes are no longer what the digest says."""
        row = await self._one(queries.FIND_SMALL_BLOB, digest=digest)
        return None if row is None else _checked(row.content, digest, "small blob")

    async def lineage(self, spec: Digest) -> Sequence[ModelSpec]:
        """Child first; without SQL when all its specs were read before."""
        found: list[ModelSpec] = []
        wanted: Digest | None = spec
        while wanted is not None and len(found) < LONGEST_LINEAGE and (known := self._specs.find(wanted)):
            found.append(known)
            wanted = _parent(known)
        if wanted is None or len(found) == LONGEST_LINEAGE:
            return found
        start, room = wanted, LONGEST_LINEAGE - len(found)
        for digest, read, size in await self._database.read(lambda c: _read_lineage(c, start, room)):
            self._specs.keep(digest, read, size)
            found.append(read)
        return found

    async def commit(self, new: NewRevision) -> Committed:
        """As the port says.

        Raises NotFound for a pinned parent or a weight or adapter blob that the
        catalogue does not hold, Invalid for a layer or a small blob that is not
        what its record says, TooLarge for a small blob of more than 64 KiB.
        """
        return await self._database.write(lambda c: changes.commit(c, self._additions, new))

    async def move(
        self, key: str, number: int, author: str, moved_at: datetime, actor: str = LOCAL_ADMIN.id
    ) -> StoredModel:
        """As the port says; moving to where the name points already records nothing."""
        return await self._database.write(lambda c: changes.move(c, key, number, author, moved_at, actor))

    async def delete(self, key: str, by: Principal = LOCAL_ADMIN) -> bool:
        return await self._database.write(lambda c: changes.free(c, key, by))

    async def add_blob(self, record: BlobRecord) -> None:
        """Record a blob file; one that is known keeps its facts unless new ones come."""
        await self._database.write(lambda c: changes.add_blob(c, self._additions, record))

    async def add_upload(self, record: BlobRecord, owner: str, most_bytes: int | None = None) -> None:
        def work(connection: Connection) -> None:
            grants.add_upload(connection, record, owner, most_bytes)
            changes.add_blob(connection, self._additions, record)

        await self._database.write(work)

    async def uploaded_bytes(self, owner: str) -> int:
        return await self._database.read(lambda c: grants.uploaded_bytes(c, owner))

    async def link(self, digest: Digest) -> FileState | None:
        """How the file that a blob is linked to was when it was last verified."""
        row = await self._one(queries.FIND_LINK, digest=digest)
        return None if row is None else read_state(row)

    async def linked(self, state: FileState) -> Digest | None:
        """The blob that is linked to such a file."""
        row = await self._one(queries.FIND_LINKED, **asdict(state))
        return None if row is None else row.digest

    async def add_link(self, digest: Digest, state: FileState) -> None:
        """Record that a blob shares its bytes with a file, which is so now."""
        await self._database.write(lambda c: changes.add_link(c, self._additions, digest, state))

    async def _one(self, query: Select[Any], **values: object) -> Row[Any] | None:
        return await self._database.read(lambda connection: connection.execute(query, values).first())


class Survey(Catalogue):
    """The models that a viewer may know, read at once; what it has not, it looks up.

    For one answer: what is changed meanwhile is not seen.
    """

    def __init__(self, database: Database, viewer: Viewer | None, window: Window | None) -> None:
        super().__init__(database)
        self._viewer = viewer
        self._window = window
        self._specs = SpecCache(room=sys.maxsize)
        self._listed: dict[str, StoredModel] = {}
        self._elsewhere: dict[str, StoredModel | None] = {}
        self._called: dict[str, list[tuple[Alias, StoredModel]]] = {}
        self._cards: dict[Digest, bytes] = {}
        self._blobs: dict[Digest, BlobRecord] = {}

    def fill(self, connection: Connection, known: SpecCache, *, whole: bool) -> None:
        """Read what the models of the list need; `whole`: the specs of all of them."""
        self._listed = {model.name.key: model for model in map(read_model, self._rows(connection))}
        for row in () if self._window else connection.execute(queries.LIST_ALL_ALIASES):
            model = self._listed.get(row.key)
            if model is not None:
                self._called.setdefault(row.alias, []).append((read_alias(row), model))
        revisions = [model.revision for model in self._listed.values()]
        for row in _several(connection, queries.SEVERAL_CARDS, {each.card for each in revisions}):
            self._cards[row.digest] = row.canonical
        for row in _several(connection, queries.SEVERAL_BLOBS, {each.base for each in revisions}):
            self._blobs[row.digest] = read_blob(row)
        following = [each for each in revisions if each.base is None]
        bases = [self._followed(each.parent) for each in following]
        read = revisions if whole else [*following, *(each.revision for each in bases if each)]
        self._fill_specs(connection, {each.spec for each in read}, known)

    def _rows(self, connection: Connection) -> Sequence[Row[Any]]:
        query, bound = queries.views(self._viewer).models, grants.bindings(self._viewer)
        if self._window is None:
            return connection.execute(query, bound).all()
        marks = []
        for key in (self._window.after, self._window.before):
            row = connection.execute(queries.at(query, key), bound).first() if key else None
            if key and row is None:
                raise NotFound("model", key, field="after" if key == self._window.after else "before")
            marks.append(row)
        rows = connection.execute(queries.part(query, self._window, *marks), bound).all()
        return rows[::-1] if self._window.before else rows

    async def list_models(self, viewer: Viewer | None = None) -> Sequence[StoredModel]:
        return list(self._listed.values()) if viewer == self._viewer else await super().list_models(viewer)

    async def find(self, key: str, viewer: Viewer | None = None) -> StoredModel | None:
        if viewer != self._viewer:
            return await super().find(key, viewer)
        if key in self._listed:
            return self._listed[key]
        if key not in self._elsewhere:  # a base that may not be known, but is shared on
            self._elsewhere[key] = await super().find(key, viewer)
        return self._elsewhere[key]

    async def find_aliased(
        self, alias: str, dialect: str | None = None
    ) -> Sequence[tuple[Alias, StoredModel]]:
        if self._window is not None:
            return await super().find_aliased(alias, dialect)
        called = self._called.get(alias, ())
        return [each for each in called if dialect is None or each[0].dialect == dialect]

    async def known(self, viewer: Viewer | None, keys: Collection[str]) -> frozenset[str]:
        found = self._listed.keys() & keys
        if viewer != self._viewer or (self._window is not None and len(found) < len(set(keys))):
            return await super().known(viewer, keys)
        return frozenset(found)

    async def card(self, digest: Digest) -> Card:
        canonical = self._cards.get(digest)
        if canonical is None:
            return await super().card(digest)
        return Card.from_canonical(_checked(canonical, digest, "card"))

    async def blob(self, digest: Digest) -> BlobRecord | None:
        return self._blobs.get(digest) or await super().blob(digest)

    def _followed(self, parent: str) -> StoredModel | None:
        try:
            return self._listed.get(Name.parse(parent).key)
        except Invalid:
            return next((model for _, model in self._called.get(parent, ())), None)

    def _fill_specs(self, connection: Connection, wanted: Set[Digest], known: SpecCache) -> None:
        """Read specs and, generation by generation, their pinned ancestors."""
        for _ in range(LONGEST_LINEAGE):
            found = {digest: spec for digest in wanted if (spec := known.find(digest)) is not None}
            for row in _several(connection, queries.SEVERAL_SPECS, wanted - found.keys()):
                canonical = _checked(row.canonical, row.digest, "spec")
                found[row.digest] = ModelSpec.from_canonical(canonical)
            for digest, spec in found.items():
                self._specs.keep(digest, spec, 0)
            parents = {parent for spec in found.values() if (parent := _parent(spec)) is not None}
            wanted = {digest for digest in parents if self._specs.find(digest) is None}


def _several(connection: Connection, query: Select[Any], digests: Set[Digest | None]) -> Iterator[Row[Any]]:
    """The rows of these digests, a statement for each thousand."""
    asked = [digest for digest in digests if digest is not None]
    for start in range(0, len(asked), _AT_ONCE):
        yield from connection.execute(query, {"digests": asked[start : start + _AT_ONCE]})


def _parent(spec: ModelSpec) -> Digest | None:
    return spec.parent.spec if isinstance(spec.parent, PinnedParent) else None


def _read_lineage(connection: Connection, start: Digest, room: int) -> list[tuple[Digest, ModelSpec, int]]:
    """Read a spec and its ancestors, at most `room`: digest, spec, canonical size."""
    found: list[tuple[Digest, ModelSpec, int]] = []
    wanted: Digest | None = start
    while wanted is not None and len(found) < room:
        row = connection.execute(queries.FIND_SPEC, {"digest": wanted}).first()
        if row is None:
            raise NotFound("spec", str(wanted))
        canonical = _checked(row.canonical, wanted, "spec")
        found.append((wanted, ModelSpec.from_canonical(canonical), len(canonical)))
        wanted = _parent(found[-1][1])
    return found


def _checked(stored: object, digest: Digest, thing: str) -> bytes:
    if not isinstance(stored, bytes) or Digest.of(stored) != digest:
        raise Corrupt(f"{thing} {digest} is damaged in the catalogue", hint="Restore it from a backup")
    return stored
