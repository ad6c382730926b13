"""Provenance: what a model carries beside its manifest, and nobody else reads.

An artifact whose subject is the manifest (OCI image specification, "Guidelines
for artifact usage"): the manifest, and so the model's digest, is the same with and
without it, and Ollama does not notice it. Read as text from outside.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Any, Final

from modelwright.core.card import Card
from modelwright.core.digest import Digest
from modelwright.core.errors import Corrupt, ModelwrightError
from modelwright.core.lineage import DEPTH_LIMIT
from modelwright.core.manifest import MANIFEST_TYPE
from modelwright.core.revision import Revision
from modelwright.core.spec import ModelSpec, PinnedParent, canonical_json

KIND: Final = "application/vnd.modelwright.provenance.v1+json"
"""The artifact's type, and that of its one layer."""
ARTIFACT_TYPE: Final = "application/vnd.oci.image.manifest.v1+json"
EMPTY_TYPE: Final = "application/vnd.oci.empty.v1+json"
EMPTY: Final = b"{}"
LARGEST: Final = 4 * 1024 * 1024

_FORMAT: Final = 1


@dataclass(frozen=True, slots=True)
class Provenance:
    """Which revision of what it was, its card, and its lineage, child first.

    `lineage` is empty for a model that follows its base by name. Of the card goes along
    what is shown; whether it is active, and what single dialects know, does not.
    """

    name: str
    revision: int
    author: str
    message: str
    created_at: str
    lineage: tuple[ModelSpec, ...] = ()
    card: Card = field(default_factory=Card)

    @classmethod
    def of(cls, name: str, revision: Revision, lineage: tuple[ModelSpec, ...], card: Card) -> "Provenance":
        at = revision.created_at.isoformat()
        whole = lineage if _is_chain(lineage) else ()
        shown = replace(card, active=True, extras={})
        if len(shown.canonical()) > LARGEST // 2:
            shown = replace(shown, picture="")
        return cls(name, revision.number, revision.author, revision.message, at, whole, shown)

    @property
    def content(self) -> bytes:
        card = {"card": json.loads(self.card.canonical())} if self.card else {}
        return canonical_json(
            {
                **card,
                "format": _FORMAT,
                "name": self.name,
                "revision": self.revision,
                "author": self.author,
                "message": self.message,
                "created_at": self.created_at,
                "lineage": [json.loads(spec.canonical()) for spec in self.lineage],
            }
        )

    @classmethod
    def read(cls, content: bytes) -> "Provenance":
        """Read it back; unknown keys are left out. Raises Corrupt."""
        try:
            tree = json.loads(content)
            if tree["format"] != _FORMAT or len(tree["lineage"]) > DEPTH_LIMIT + 1:
                raise Corrupt("the provenance is of an unknown format")
            lineage = tuple(ModelSpec.from_canonical(canonical_json(each)) for each in tree["lineage"])
            name, author, message, at = (
                str(tree[key])[:1000] for key in ("name", "author", "message", "created_at")
            )
            card = _read_card(tree.get("card"))
            found = cls(name, int(tree["revision"]), author, message, at, lineage, card)
        except (ValueError, TypeError, LookupError, AttributeError, RecursionError) as error:
            raise Corrupt("the provenance cannot be read") from error
        except ModelwrightError as error:
            raise Corrupt(f"the provenance cannot be read: {error.message}") from error
        if not _is_chain(lineage):
            raise Corrupt("the specs of the provenance do not stand on each other")
        return found


@dataclass(frozen=True, slots=True)
class Artifact:
    """An artifact's manifest, and its one layer; its config is EMPTY."""

    content: bytes
    layer: bytes


def artifact(kind: str, layer: bytes, subject: Digest, subject_size: int) -> Artifact:
    """Lay out an artifact with one layer, about another manifest."""
    content = canonical_json(
        {
            "schemaVersion": 2,
            "mediaType": ARTIFACT_TYPE,
            "artifactType": kind,
            "config": _entry(EMPTY_TYPE, EMPTY),
            "layers": [_entry(kind, layer)],
            "subject": {"mediaType": MANIFEST_TYPE, "digest": str(subject), "size": subject_size},
        }
    )
    return Artifact(content, layer)


def read_artifact(content: bytes, kind: str, subject: Digest) -> tuple[Digest, int] | None:
    """The layer of an artifact of that kind about that subject; None for any other."""
    try:
        tree = json.loads(content)
        if tree.get("artifactType") != kind or tree["subject"]["digest"] != str(subject):
            return None
        [layer] = tree["layers"]
        size = layer["size"]
        if isinstance(size, bool) or not isinstance(size, int) or not 0 <= size <= LARGEST:
            return None
        return Digest.parse(str(layer["digest"])), size
    except (ValueError, TypeError, LookupError, AttributeError, RecursionError, ModelwrightError):
        return None


def _entry(media_type: str, content: bytes) -> Mapping[str, Any]:
    return {"mediaType": media_type, "digest": str(Digest.of(content)), "size": len(content)}


def _read_card(tree: Any) -> Card:
    """What a card from outside shows; Corrupt for one of other types than ours."""
    if tree is None:
        return Card()
    shown = Card.from_canonical(canonical_json(tree))
    texts = (shown.display_name, shown.description, shown.picture, shown.model_card, *shown.tags)
    if not all(isinstance(each, str) for each in texts) or not isinstance(shown.capabilities, dict):
        raise Corrupt("the card of the provenance cannot be read")
    return replace(shown, active=True, extras={})


def _is_chain(lineage: tuple[ModelSpec, ...]) -> bool:
    """Whether each stands on the next, and the last on weights."""
    if not lineage:
        return True
    for child, parent in pairwise(lineage):
        if not isinstance(child.parent, PinnedParent) or child.parent.spec != parent.digest:
            return False
    return lineage[-1].parent is None
