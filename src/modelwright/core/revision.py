"""Revisions: the history of a name, append-only.

A name points to one revision; creating appends one, rolling back moves the
pointer and records the move. Knows nothing of SQL.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from modelwright.core.card import Card
from modelwright.core.digest import Digest
from modelwright.core.grants import LOCAL_ADMIN
from modelwright.core.names import Name
from modelwright.core.runs import Hold
from modelwright.core.spec import ModelSpec
from modelwright.core.weights import WeightFacts


@dataclass(frozen=True, slots=True)
class Revision:
    """One state of a model.

    `manifest` is None while a followed base decides it; `size` is the sum of
    its layers in bytes; `kind` is "create", "card" (only the card changed), "copy",
    "adopt" or "bundled". `card` is None for one that says nothing. `base`,
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
    card: Digest | None = None


@dataclass(frozen=True, slots=True)
class StoredModel:
    """A name and the revision it points to; `latest` is the highest number.

    `id` is the catalogue's, and outlives the name. `owner` is a principal's id;
    `granted` the highest level given to whom it was found for, 0 = none.
    """

    name: Name
    revision: Revision
    latest: int
    updated_at: datetime
    id: int = 0
    owner: str = ""
    granted: int = 0
    created_at: datetime = field(default=datetime.min, compare=False)


@dataclass(frozen=True, slots=True)
class Window:
    """A part of a list of models: at most `limit` of them, the last changed first.

    They begin at the `offset`-th, counted from 0; with `after`, the key of a model,
    only those that come after it count, with `before` the ones just in front of it.
    """

    limit: int
    offset: int = 0
    after: str = ""
    before: str = ""


@dataclass(frozen=True, slots=True)
class Move:
    """The pointer of a name moved from one revision to another."""

    before: int
    after: int
    author: str
    moved_at: datetime


@dataclass(frozen=True, slots=True)
class Alias:
    """What a dialect calls a model; unique per dialect and scope.

    `scope` is whose it is: an account or a namespace, as the dialect needs.
    """

    dialect: str
    alias: str
    scope: str = ""


@dataclass(frozen=True, slots=True)
class NewRevision:
    """Everything one create writes, in one transaction.

    `small_blobs`: layer and manifest bytes by digest (at most 64 KiB each).
    `ancestors`: specs that the spec stands on and that may not be here yet. `arrived`:
    the manifest came from outside, so that another one is a change. A model that is
    new belongs to `owner`, a principal's id, who may then have `most_models`; `actor`
    is the id of who does it, `author` its name. `card` None keeps the one that the
    name has. `fresh`: the name must be free. `onto`: the number of the revision it was
    written over, which must still be the current one. `layers`: the files beside the base that
    the spec stands on. `hold`: the run that it comes of must still be in that hand.
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
    arrived: bool = False
    card: Card | None = None
    aliases: tuple[Alias, ...] = ()
    fresh: bool = False
    onto: int | None = None
    owner: str = LOCAL_ADMIN.id
    actor: str = LOCAL_ADMIN.id
    most_models: int | None = None
    layers: frozenset[Digest] = frozenset()
    hold: Hold | None = None


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
