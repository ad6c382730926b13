"""Inspection: the catalogue looked through, row by row, without changing it.

It may run beside a server: it reads one state of the catalogue, on connections
that cannot write. Knows no blob's file.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection, Table, func, inspect, select

from modelwright.core.card import Card
from modelwright.core.digest import Digest
from modelwright.core.errors import ModelwrightError, Unavailable
from modelwright.core.layers import read_manifest
from modelwright.core.spec import Absence, ModelSpec, PinnedParent
from modelwright.core.upkeep import Fault, Held
from modelwright.store.database import Database
from modelwright.store.living import Living, read_living
from modelwright.store.migrations import STEPS
from modelwright.store.tables import (
    blobs,
    cards,
    datasets,
    layers,
    migrations,
    models,
    revisions,
    small_blobs,
    specs,
    upload_parts,
)

REMAKE: Final = "Make it again, or put back a copy of the catalogue"
FEW: Final = 3
"""Users of a blob that are named."""


class Inspection:
    """Implements core.upkeep.Records on a database that may be in use."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def faults(self) -> Sequence[Fault]:
        """As the port says; Unavailable where there is no catalogue of today's shape."""
        return await self._database.read(lambda connection: list(_faults(connection)))

    async def counts(self) -> tuple[int, int]:
        query = select(func.count(models.c.id)).where(models.c.deleted_at.is_(None))
        every = select(func.count()).select_from(revisions)
        return await self._database.read(
            lambda c: (c.execute(query).scalar_one(), c.execute(every).scalar_one())
        )

    async def blobs(self) -> Sequence[Held]:
        def read(connection: Connection) -> list[Held]:
            users = _users(connection)
            rows = connection.execute(select(blobs.c.digest, blobs.c.size).order_by(blobs.c.digest))
            return [Held(row.digest, row.size, tuple(users[row.digest][:FEW])) for row in rows]

        return await self._database.read(read)

    async def is_promised(self, digest: Digest) -> bool:
        query = select(blobs.c.digest).where(blobs.c.digest == digest)
        return await self._database.read(lambda c: c.execute(query).first() is not None)


class _Known(NamedTuple):
    """What there is to refer to; blobs with their sizes."""

    specs: frozenset[Digest]
    cards: frozenset[Digest]
    blobs: dict[Digest, int]
    small: dict[Digest, int]


def _faults(connection: Connection) -> Iterator[Fault]:
    _check_shape(connection)
    if connection.dialect.name == "sqlite":
        yield from _sqlite_faults(connection)
    known = _Known(
        frozenset(connection.scalars(select(specs.c.digest))),
        frozenset(connection.scalars(select(cards.c.digest))),
        {row.digest: row.size for row in connection.execute(select(blobs.c.digest, blobs.c.size))},
        {
            row.digest: row.size
            for row in connection.execute(
                select(small_blobs.c.digest, func.length(small_blobs.c.content).label("size"))
            )
        },
    )
    living = read_living(connection, strict=False)
    yield from _content_faults(connection, known)
    yield from _model_faults(connection)
    yield from _revision_faults(connection, known)
    for digest, content in living.specs.items():
        yield from _spec_faults(f"spec {digest}", content, known)
    yield from _reference_faults(connection, known, living)


def _check_shape(connection: Connection) -> None:
    """See that the tables are today's; a server brings older ones up to date."""
    there = inspect(connection).has_table(migrations.name)
    applied = set(connection.scalars(select(migrations.c.name))) if there else set()
    if applied != {name for name, _ in STEPS}:
        raise Unavailable(
            "the catalogue has the tables of another version of modelwright",
            hint="Start the server once, which brings it up to date, or upgrade modelwright",
        )


def _sqlite_faults(connection: Connection) -> Iterator[Fault]:
    for (line,) in connection.exec_driver_sql("PRAGMA integrity_check(20)"):
        if line != "ok":
            yield Fault("catalogue", f"SQLite finds it damaged: {line}", "Put back a copy of the file")
    for row in connection.exec_driver_sql("PRAGMA foreign_key_check"):
        yield Fault(f"table {row[0]}", f"row {row[1]} refers to what is not in {row[2]}", REMAKE)


def _content_faults(connection: Connection, known: _Known) -> Iterator[Fault]:
    """Look at everything that is kept under its digest."""
    for row in connection.execute(select(small_blobs)):
        if Digest.of(row.content) != row.digest:
            yield Fault(f"small blob {row.digest}", "its bytes are damaged", REMAKE)
    for row in connection.execute(select(cards)):
        yield from _kept(f"card {row.digest}", row, Card.from_canonical)
    for row in connection.execute(select(specs)):
        yield from _kept(f"spec {row.digest}", row, ModelSpec.from_canonical)


def _kept(thing: str, row: Any, read: Callable[[bytes], object]) -> Iterator[Fault]:
    if Digest.of(row.canonical) != row.digest:
        yield Fault(thing, "its bytes are damaged", REMAKE)
        return
    try:
        read(row.canonical)
    except ModelwrightError as error:
        yield Fault(thing, error.message, error.hint or REMAKE)


def _spec_faults(thing: str, content: bytes, known: _Known) -> Iterator[Fault]:
    """Look at what the spec of a model that exists stands on."""
    try:
        spec = ModelSpec.from_canonical(content)
    except ModelwrightError:
        return  # told already
    if isinstance(spec.parent, PinnedParent) and spec.parent.spec not in known.specs:
        yield Fault(thing, f"its parent {spec.parent.name}, spec {spec.parent.spec}, is missing", REMAKE)
    for weight in spec.weights:
        yield from _layer_faults(thing, weight.digest, weight.size, known.blobs)
    for adapter in () if isinstance(spec.adapters, Absence) else spec.adapters:
        yield from _layer_faults(thing, adapter.digest, adapter.size, known.blobs)


def _layer_faults(thing: str, digest: Digest, size: int, there: dict[Digest, int]) -> Iterator[Fault]:
    if digest not in there:
        yield Fault(thing, f"it stands on {digest}, which the catalogue does not hold", REMAKE)
    elif there[digest] != size:
        yield Fault(thing, f"it says {size} bytes of {digest}, which has {there[digest]}", REMAKE)


def _model_faults(connection: Connection) -> Iterator[Fault]:
    """See that each name points to a revision, and counts them rightly."""
    numbers = defaultdict[int, set[int]](set)
    for row in connection.execute(select(revisions.c.model_id, revisions.c.number)):
        numbers[row.model_id].add(row.number)
    for row in connection.execute(select(models)):
        there, thing = numbers.pop(row.id, set()), f"model {row.key}"
        if row.current not in there:
            yield Fault(thing, f"it points to revision {row.current}, which is missing", REMAKE)
        if there != set(range(1, row.latest + 1)):
            yield Fault(thing, f"it should have revisions 1 to {row.latest} and has {len(there)}", REMAKE)
    for model in numbers:
        yield Fault(f"model number {model}", "it has revisions and is missing itself", REMAKE)


def _revision_faults(connection: Connection, known: _Known) -> Iterator[Fault]:
    query = select(revisions, models.c.key, models.c.deleted_at).join_from(
        revisions, models, models.c.id == revisions.c.model_id
    )
    manifests = dict[Digest, str]()
    for row in connection.execute(query):
        thing = f"model {row.key}@{row.number}"
        if row.spec_digest not in known.specs:
            yield Fault(thing, f"its spec {row.spec_digest} is missing", REMAKE)
        if row.card_digest is not None and row.card_digest not in known.cards:
            yield Fault(thing, f"its card {row.card_digest} is missing", REMAKE)
        if row.deleted_at is not None:
            continue  # its bytes may go
        if row.base_digest is not None and row.base_digest not in known.blobs:
            yield Fault(thing, f"its base {row.base_digest} is not in the catalogue", REMAKE)
        if row.manifest_digest is not None:
            manifests.setdefault(row.manifest_digest, thing)
    there = known.blobs | known.small
    for digest, thing in manifests.items():
        if digest not in there:
            yield Fault(thing, f"its manifest {digest} is missing", REMAKE)
        elif digest in known.small:
            yield from _manifest_faults(connection, thing, digest, there)


def _manifest_faults(
    connection: Connection, thing: str, digest: Digest, there: dict[Digest, int]
) -> Iterator[Fault]:
    query = select(small_blobs.c.content).where(small_blobs.c.digest == digest)
    try:
        manifest = read_manifest(connection.execute(query).scalar_one())
    except ModelwrightError as error:
        yield Fault(thing, f"its manifest {digest} cannot be read: {error.message}", REMAKE)
        return
    for layer in (manifest.config, *manifest.layers):
        yield from _layer_faults(thing, layer.digest, layer.size, there)


def _reference_faults(connection: Connection, known: _Known, living: Living) -> Iterator[Fault]:
    """Look at what else refers to blobs and specs."""
    for row in connection.execute(select(layers)):
        if row.spec_digest not in known.specs:
            yield Fault(f"layer {row.digest}", f"its spec {row.spec_digest} is missing", REMAKE)
        if row.spec_digest in living.specs and row.digest not in known.blobs:
            yield Fault(f"spec {row.spec_digest}", f"its layer {row.digest} is missing", REMAKE)
    holders: tuple[tuple[str, Table], ...] = (("dataset", datasets), ("part of an upload", upload_parts))
    for what, table in holders:
        for row in connection.execute(select(table.c.id, table.c.digest)):
            if row.digest not in known.blobs:
                yield Fault(f"{what} {row.id}", f"its blob {row.digest} is not in the catalogue", REMAKE)


def _users(connection: Connection) -> defaultdict[Digest, list[str]]:
    """The models that stand on each blob, by their names."""
    living = models.c.deleted_at.is_(None)
    bases = (
        select(revisions.c.base_digest.label("digest"), models.c.key)
        .join_from(revisions, models, models.c.id == revisions.c.model_id)
        .where(living, revisions.c.base_digest.is_not(None))
        .distinct()
    )
    others = (
        select(layers.c.digest, models.c.key)
        .join_from(layers, revisions, revisions.c.spec_digest == layers.c.spec_digest)
        .join(models, models.c.id == revisions.c.model_id)
        .where(living)
        .distinct()
    )
    found = defaultdict[Digest, list[str]](list)
    for query in (bases, others):
        for row in connection.execute(query):
            found[row.digest].append(row.key)
    return found
