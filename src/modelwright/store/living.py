"""Living: the specs and manifests that models which exist stand on.

Deleted models keep their revisions, which are history; their bytes may go.
"""

from collections.abc import Iterator
from typing import Final, NamedTuple

from sqlalchemy import Connection, select

from modelwright.core.digest import Digest
from modelwright.core.errors import Corrupt
from modelwright.core.spec import ModelSpec, PinnedParent
from modelwright.store.tables import models, revisions, specs

_AT_ONCE: Final = 500
_HINT: Final = "`modelwright check` says what else is"


class Living(NamedTuple):
    """What all revisions of all models that exist need; `specs` with their ancestors."""

    specs: dict[Digest, bytes]
    bases: frozenset[Digest]
    manifests: frozenset[Digest]


def read_living(connection: Connection, *, strict: bool) -> Living:
    """Read it; `strict`: raise Corrupt for a spec that is missing or damaged.

    Else such a one ends its line, for whoever looks for damage to tell of it.
    """
    query = (
        select(revisions.c.spec_digest, revisions.c.base_digest, revisions.c.manifest_digest)
        .join_from(revisions, models, models.c.id == revisions.c.model_id)
        .where(models.c.deleted_at.is_(None))
        .distinct()
    )
    rows = connection.execute(query).all()
    found: dict[Digest, bytes] = {}
    wanted = {row.spec_digest for row in rows}
    while wanted:
        read = dict(_read(connection, sorted(wanted)))
        if strict and (missing := wanted - read.keys()):
            raise Corrupt(f"the spec {min(missing)} is missing", hint=_HINT)
        found |= read
        parents = (_parent(digest, content, strict=strict) for digest, content in read.items())
        wanted = {parent for parent in parents if parent is not None} - found.keys()
    bases = frozenset(row.base_digest for row in rows if row.base_digest is not None)
    manifests = frozenset(row.manifest_digest for row in rows if row.manifest_digest is not None)
    return Living(found, bases, manifests)


def _read(connection: Connection, digests: list[Digest]) -> Iterator[tuple[Digest, bytes]]:
    for start in range(0, len(digests), _AT_ONCE):
        some = digests[start : start + _AT_ONCE]
        for row in connection.execute(select(specs).where(specs.c.digest.in_(some))):
            yield row.digest, row.canonical


def _parent(digest: Digest, content: bytes, *, strict: bool) -> Digest | None:
    try:
        if Digest.of(content) != digest:
            raise Corrupt(f"the spec {digest} is damaged", hint=_HINT)
        parent = ModelSpec.from_canonical(content).parent
    except Corrupt:
        if strict:
            raise
        return None
    return parent.spec if isinstance(parent, PinnedParent) else None
