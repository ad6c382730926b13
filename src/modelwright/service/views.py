"""What the services hand out: neutral values that a dialect renders.

No names of wire fields here, and nothing a dialect would have to invent.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeAlias

from modelwright.core.card import Card
from modelwright.core.digest import Digest
from modelwright.core.engine_ports import RunningModel
from modelwright.core.grants import Level
from modelwright.core.lineage import ResolvedSpec
from modelwright.core.names import Name
from modelwright.core.recipe import Origin
from modelwright.core.revision import Move, Revision, StoredModel
from modelwright.core.spec import ModelSpec
from modelwright.core.weights import Anatomy, WeightFacts


@dataclass(frozen=True, slots=True)
class ModelSummary:
    """A line of a list. `size` in bytes; `digest` is the manifest's.

    `revision` is the number shown, `latest` the highest there is. `facts` is
    None while the base is missing. `follows`: the parent is whatever has that name
    now. `key` is its Name.key, which names it wherever a name is asked for; `owner` a
    principal's id; `level` what the principal it was found for may do.
    """

    name: Name
    revision: int
    latest: int
    digest: Digest
    size: int
    modified_at: datetime
    facts: WeightFacts | None
    parent: str
    capabilities: tuple[str, ...]
    card: Card = field(default_factory=Card)
    follows: bool = False
    key: str = ""
    owner: str = ""
    level: Level = Level.USE
    created_at: datetime = datetime.min


@dataclass(frozen=True, slots=True)
class ModelView:
    """Everything a reader of the model may see.

    `own` says which fields the model sets itself; the rest is inherited.
    `spec` is what it says itself, nothing inherited.
    `origin` is what a Modelfile of it stands on; `projector` are the facts of
    its projector. `anatomy` is there when it was asked for.
    """

    summary: ModelSummary
    resolved: ResolvedSpec
    own: frozenset[str]
    origin: Origin
    projector: WeightFacts | None = None
    anatomy: Anatomy | None = None
    spec: ModelSpec = field(default_factory=ModelSpec)


@dataclass(frozen=True, slots=True)
class History:
    """All revisions of a name, oldest first, and the pointer's moves."""

    name: Name
    current: int
    revisions: Sequence[Revision]
    moves: Sequence[Move]


@dataclass(frozen=True, slots=True)
class FieldChange:
    """One difference: `field` ("system", "parameters.top_k"), None = absent."""

    field: str
    before: str | None
    after: str | None


@dataclass(frozen=True, slots=True)
class RunningView:
    """A model that holds an engine now."""

    summary: ModelSummary
    running: RunningModel


@dataclass(frozen=True, slots=True)
class LayerReady:
    """A layer of the new model is there; `existing` when it was before."""

    digest: Digest
    existing: bool


@dataclass(frozen=True, slots=True)
class Notice:
    """Something the author should know, such as a parameter without effect."""

    text: str


@dataclass(frozen=True, slots=True)
class ManifestReady:
    """The manifest is known and about to be committed."""


@dataclass(frozen=True, slots=True)
class Created:
    """The end of a create; `changed` is False when nothing was to be done."""

    name: Name
    revision: int
    changed: bool


@dataclass(frozen=True, slots=True)
class Working:
    """A step of a create that may take long; `completed` and `total` in bytes."""

    status: str
    completed: int = 0
    total: int = 0


CreateEvent: TypeAlias = Working | LayerReady | Notice | ManifestReady | Created


def opaque_digest(stored: StoredModel, revision: Revision) -> Digest:
    """A digest that says which revision it is, and nothing of what that is made of."""
    return Digest.of(f"{stored.id}@{revision.number}".encode())
