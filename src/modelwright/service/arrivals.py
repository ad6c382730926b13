"""Arrivals: a manifest whose blobs are here becomes a model.

What came keeps the manifest that it came with, byte for byte, and so its digest.
Where its own history came along and fits, it becomes this server's too.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from modelwright.core.adopted import draft_of
from modelwright.core.card import Card
from modelwright.core.digest import Digest
from modelwright.core.draft import SpecDraft
from modelwright.core.errors import Corrupt, Invalid
from modelwright.core.layers import (
    LARGEST_SMALL_LAYER,
    LayeredModel,
    kind_of,
    needed,
    read_layers,
    read_manifest,
)
from modelwright.core.lineage import ResolvedSpec, resolve
from modelwright.core.manifest import Layer, Manifest, build_manifest
from modelwright.core.provenance import Provenance
from modelwright.core.spec import ModelSpec
from modelwright.core.weights import WeightFacts
from modelwright.core.wording import excerpt


@dataclass(frozen=True, slots=True)
class Arrival:
    """A manifest as it came, its small layers, the specs and the card it names."""

    content: bytes
    contents: Mapping[Digest, bytes] = field(default_factory=dict)
    lineage: tuple[ModelSpec, ...] = ()
    card: Card | None = None

    @classmethod
    def of(cls, content: bytes, contents: Mapping[Digest, bytes], history: Provenance | None) -> "Arrival":
        if history is None:
            return cls(content, contents)
        return cls(content, contents, history.lineage, history.card or None)

    @property
    def model(self) -> LayeredModel:
        return read_layers(read_manifest(self.content), self.contents)

    @property
    def draft(self) -> SpecDraft:
        return draft_of(self.model)


@dataclass(frozen=True, slots=True)
class Layout:
    """What a create writes: a spec, ancestors that may be new, a manifest."""

    spec: ModelSpec
    resolved: ResolvedSpec
    manifest: Manifest
    content: bytes
    contents: Mapping[Digest, bytes]
    ancestors: tuple[ModelSpec, ...] = ()

    @property
    def digest(self) -> Digest:
        return Digest.of(self.content)


def lay_out(spec: ModelSpec, resolved: ResolvedSpec, facts: WeightFacts, arrival: Arrival | None) -> Layout:
    """Say what is to be written of a spec, or of one that arrived."""
    if arrival is None:
        manifest, contents = build_manifest(resolved, facts)
        return Layout(spec, resolved, manifest, manifest.content, contents)
    manifest = read_manifest(arrival.content)
    if arrival.lineage:
        whole = resolve(arrival.lineage)
        if build_manifest(whole, facts)[0].content == arrival.content:
            own, *ancestors = arrival.lineage
            return Layout(own, whole, manifest, arrival.content, arrival.contents, tuple(ancestors))
    return Layout(spec, resolved, manifest, arrival.content, arrival.contents)


def check_manifest(content: bytes, *, limit: int | None) -> tuple[Manifest, tuple[Layer, ...]]:
    """Read a manifest from outside; gives it and its small layers, config first.

    Raises Corrupt, Unsupported or Invalid before anything of it is fetched.
    """
    manifest = read_manifest(content)
    wanted = set(needed(manifest))
    everything = (manifest.config, *manifest.layers)
    small = tuple({layer.digest: layer for layer in everything if layer.digest in wanted}.values())
    if not any(kind_of(layer) == "model" for layer in manifest.layers):
        raise Corrupt("the manifest has no layer with a model's weights")
    for layer in everything:
        most = LARGEST_SMALL_LAYER if layer.digest in wanted else limit
        if most is not None and layer.size > most:
            raise Invalid(
                f"layer {layer.digest} of type {excerpt(layer.media_type)} has {layer.size} bytes, "
                f"the limit is {most}"
            )
    if sum(layer.size for layer in small) > 4 * LARGEST_SMALL_LAYER:
        raise Invalid(f"the manifest's texts have more than {4 * LARGEST_SMALL_LAYER} bytes together")
    sizes = {layer.digest: layer.size for layer in everything}
    if any(sizes[layer.digest] != layer.size for layer in everything):
        raise Corrupt("the manifest gives two sizes for one layer")
    return manifest, small
