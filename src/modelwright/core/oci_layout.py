"""OCI layout: one model as the files of an OCI image layout. Pure.

oci-layout          which version of the layout it is
index.json          the model's manifest, and the artifacts about it
blobs/sha256/<hex>  everything by its digest
"""

import json
import re
from dataclasses import dataclass
from typing import Any, Final

from modelwright.core.digest import Digest
from modelwright.core.errors import Corrupt, Invalid
from modelwright.core.manifest import MANIFEST_TYPE
from modelwright.core.provenance import ARTIFACT_TYPE
from modelwright.core.spec import canonical_json

MARK: Final = "oci-layout"
INDEX: Final = "index.json"
MARK_CONTENT: Final = b'{"imageLayoutVersion":"1.0.0"}'
LARGEST_INDEX: Final = 1024 * 1024

_REFERENCE: Final = "org.opencontainers.image.ref.name"
_INDEX_TYPE: Final = "application/vnd.oci.image.index.v1+json"
_BLOB = re.compile(r"(?:\./)?blobs/sha256/([0-9a-f]{64})")


@dataclass(frozen=True, slots=True)
class LayoutIndex:
    """What index.json says: a manifest, its name, and artifacts (kind, digest)."""

    manifest: Digest
    name: str
    artifacts: tuple[tuple[str, Digest], ...] = ()


def place_of(digest: Digest) -> str:
    return f"blobs/sha256/{digest.hex}"


def digest_at(name: str) -> Digest | None:
    """The digest that a member's name is of; None for any other name."""
    match = _BLOB.fullmatch(name)
    return None if match is None else Digest(match[1])


def write_index(name: str, manifest: bytes, artifacts: tuple[tuple[str, bytes], ...]) -> bytes:
    """index.json for a manifest and the artifacts about it."""
    entries = [{**_entry(MANIFEST_TYPE, manifest), "annotations": {_REFERENCE: name}}]
    entries += [{**_entry(ARTIFACT_TYPE, content), "artifactType": kind} for kind, content in artifacts]
    return canonical_json({"schemaVersion": 2, "mediaType": _INDEX_TYPE, "manifests": entries})


def read_index(content: bytes) -> LayoutIndex:
    """Read index.json; raises Corrupt, or Invalid for one of several models."""
    try:
        entries = json.loads(content)["manifests"]
        models = [each for each in entries if not each.get("artifactType")]
        artifacts = tuple(
            (str(each["artifactType"]), Digest.parse(each["digest"]))
            for each in entries
            if each.get("artifactType")
        )
        if len(models) != 1:
            raise Invalid(f"the archive has {len(models)} models; one is needed")
        name = (models[0].get("annotations") or {}).get(_REFERENCE) or ""
        return LayoutIndex(Digest.parse(models[0]["digest"]), str(name), artifacts)
    except (ValueError, TypeError, LookupError, AttributeError, RecursionError) as error:
        raise Corrupt("the archive's index.json cannot be read") from error


def _entry(media_type: str, content: bytes) -> dict[str, Any]:
    return {"mediaType": media_type, "digest": str(Digest.of(content)), "size": len(content)}
