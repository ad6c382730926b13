"""Models: create, show, list, copy, delete; history, rollback, diff.

Every model there is was made by `Models.create`, whatever the dialect. Knows
no wire, no SQL and no file: the catalogue is a port.
"""

from collections.abc import AsyncIterator, Sequence
from datetime import datetime

from modelwright.core.digest import Digest
from modelwright.core.draft import SpecDraft
from modelwright.core.errors import Corrupt, Invalid, NotFound
from modelwright.core.grants import Principal
from modelwright.core.lineage import ResolvedSpec, own_fields, resolve
from modelwright.core.manifest import Manifest, build_manifest
from modelwright.core.names import ModelRef, Name
from modelwright.core.parameters import Parameters
from modelwright.core.ports import Catalogue, Clock
from modelwright.core.revision import NewRevision, Revision, StoredModel
from modelwright.core.spec import FollowedParent, ModelSpec, PinnedParent, WeightLayer
from modelwright.core.weights import WeightFacts
from modelwright.service.bounded import Bounded
from modelwright.service.difference import changes
from modelwright.service.views import (
    CreateEvent,
    Created,
    FieldChange,
    History,
    LayerReady,
    ManifestReady,
    ModelSummary,
    ModelView,
    Notice,
)
