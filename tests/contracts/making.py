"""Revisions for the catalogue's tests, with the manifests that they would have."""

from datetime import UTC, datetime
from typing import Any

from modelwright.core.digest import Digest
from modelwright.core.lineage import resolve
from modelwright.core.manifest import build_manifest
from modelwright.core.names import Name
from modelwright.core.revision import NewRevision
from modelwright.core.spec import AdapterLayer, ModelSpec, PinnedParent, WeightLayer
from modelwright.core.weights import WeightFacts

NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)
WEIGHTS, LORA, DATA = (Digest.of(name) for name in (b"weights", b"lora", b"data"))
FACTS = WeightFacts("model", "gguf", "llama", 7, "F16", 2048, 256, "{{ x }}", True, {})
BASE = ModelSpec(weights=(WeightLayer("model", WEIGHTS, 7),))
CHILD = ModelSpec(
    parent=PinnedParent(BASE.digest, "base"), system="You are Mario.", adapters=(AdapterLayer(LORA, 4, 0.5),)
)


def revision(name: str, spec: ModelSpec, *ancestors: ModelSpec, **fields: Any) -> NewRevision:
    manifest, contents = build_manifest(resolve([spec, *ancestors]), FACTS)
    return NewRevision(
        name=Name.parse(name),
        spec=spec,
        base=WEIGHTS,
        parent="",
        manifest=manifest.digest,
        size=manifest.size,
        author="ann",
        kind="create",
        created_at=NOON,
        small_blobs={**contents, manifest.digest: manifest.content},
        **fields,
    )
