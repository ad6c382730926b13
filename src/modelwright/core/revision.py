"""Revisions: the history of a name, append-only.

A name points to one revision; creating appends one, rolling back moves the
pointer and records the move. Knows nothing of SQL.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from modelwright.core.digest import Digest
from modelwright.core.names import Name
from modelwright.core.spec import ModelSpec
from modelwright.core.weights import WeightFacts


@dataclass(frozen=True, slots=True)
class Revision:
    """One state of a model.

    `manifest` is None while a followed base decides it; `size` is the sum of
    its layers in bytes; `kind` is "create", "copy", "adopt" or "bundled". `base`,
    `parent` and `template`, the digest of the prompt template, follow from the
    spec; they stand here so that a list of models is one query.
    """

    number: int
    spec: Digest
    base: Digest | None
    parent: str
    manifest: Digest | None
    size: int
    author: str
    message: str
    kind: str
    created_at: datetime
    template: Digest | None = None


@dataclass(frozen=True, slots=True)
class StoredModel:
    """A name and the revision it points to; `latest` is the highest number."""

    name: Name
    revision: Revision
    latest: int
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class Move:
    """The pointer of a name moved from one revision to another."""

    before: int
    after: int
    author: str
    moved_at: datetime


@dataclass(frozen=True, slots=True)
class NewRevision:
    """Everything one create writes, in one transaction.

    `small_blobs`: layer and manifest bytes by digest (at most 64 KiB each).
    `ancestors`: specs that the spec stands on and that may not be here yet.
    """

    name: Name
    spec: ModelSpec
    base: Digest | None
    parent: str
    manifest: Digest | None
    size: int
    author: str
    kind: str
    created_at: datetime
    message: str = ""
    template: Digest | None = None
    small_blobs: Mapping[Digest, bytes] = field(default_factory=dict)
    ancestors: tuple[ModelSpec, ...] = ()


class Committed(NamedTuple):
    """What a commit did; `added` are the small blobs that were not here before."""

    model: StoredModel
    changed: bool
    added: frozenset[Digest]


@dataclass(frozen=True, slots=True)
class BlobRecord:
    """A blob file that the store holds; `facts` when it is a weight file."""

    digest: Digest
    size: int
    facts: WeightFacts | None
