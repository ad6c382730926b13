"""Manifest: a ResolvedSpec as an OCI/Ollama manifest, byte for byte.

The bytes are Ollama's own (manifest/manifest.go, server/create.go): the same
model made there has the same layer digests. Pure: bytes in, bytes out; where
they are kept is the store's business.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from modelwright.core.chat import Message
from modelwright.core.digest import Digest
from modelwright.core.lineage import ResolvedSpec
from modelwright.core.parameters import Parameters
from modelwright.core.weights import WeightFacts

MANIFEST_TYPE: Final = "application/vnd.docker.distribution.manifest.v2+json"
CONFIG_TYPE: Final = "application/vnd.docker.container.image.v1+json"
LAYER_TYPE: Final = "application/vnd.ollama.image."
SCALE: Final = "org.modelwright.adapter.scale"
"""Annotation of an adapter that does not apply in full; Ollama knows no scale."""

_GO_ESCAPES: Final = str.maketrans(
    {"<": "\\u003c", ">": "\\u003e", "&": "\\u0026", "\u2028": "\\u2028", "\u2029": "\\u2029"}
)
"""What Go's encoding/json writes as escapes and Python's does not."""


@dataclass(frozen=True, slots=True)
class Layer:
    """One entry of a manifest; `size` in bytes, `origin` names the parent."""

    media_type: str
    digest: Digest
    size: int
    origin: str = ""
    scale: float = 1.0

    def tree(self) -> dict[str, Any]:
        fields = {"mediaType": self.media_type, "digest": str(self.digest), "size": self.size}
        origin = {"from": self.origin} if self.origin else {}
        scale = {"annotations": {SCALE: go_float(self.scale)}} if self.scale != 1 else {}
        return fields | origin | scale


@dataclass(frozen=True, slots=True)
class Manifest:
    """A config and ordered layers; `digest` is taken over `content`."""

    config: Layer
    layers: tuple[Layer, ...]

    @property
    def content(self) -> bytes:
        tree = {
            "schemaVersion": 2,
            "mediaType": MANIFEST_TYPE,
            "config": self.config.tree(),
            "layers": [layer.tree() for layer in self.layers],
        }
        return go_json(tree)

    @property
    def digest(self) -> Digest:
        return Digest.of(self.content)

    @property
    def size(self) -> int:
        """Bytes of all layers and the config, as `/api/tags` reports them."""
        return self.config.size + sum(layer.size for layer in self.layers)


def build_manifest(resolved: ResolvedSpec, facts: WeightFacts) -> tuple[Manifest, dict[Digest, bytes]]:
    """Lay out a model.

    Returns the manifest and the bytes of its small layers, config included,
    by digest. Layer order: weights, adapters, template, system, licences,
    params, messages.
    """
    contents: dict[Digest, bytes] = {}

    def small(kind: str, content: bytes) -> Layer:
        digest = Digest.of(content)
        contents[digest] = content
        media_type = kind if kind == CONFIG_TYPE else LAYER_TYPE + kind
        return Layer(media_type, digest, len(content))

    layers = [Layer(LAYER_TYPE + w.role, w.digest, w.size, resolved.parent) for w in resolved.weights]
    layers += [Layer(LAYER_TYPE + "adapter", a.digest, a.size, scale=a.scale) for a in resolved.adapters]
    if resolved.prompt_template:
        layers.append(small("template", resolved.prompt_template.encode("utf-8")))
    if resolved.system:
        layers.append(small("system", resolved.system.encode("utf-8")))
    layers += [small("license", licence.encode("utf-8")) for licence in resolved.licences]
    if resolved.parameters:
        layers.append(small("params", params_layer(resolved.parameters)))
    if resolved.messages:
        layers.append(small("messages", messages_layer(resolved.messages)))
    return Manifest(small(CONFIG_TYPE, config_layer(facts, resolved)), tuple(layers)), contents


def params_layer(parameters: Parameters) -> bytes:
    """Parameters as Ollama stores them: keys sorted, Go's escapes, newline."""
    pairs = (f"{go_text(name)}:{_go_value(value)}" for name, value in parameters.as_dict().items())
    return f"{{{','.join(pairs)}}}\n".encode()


def messages_layer(messages: tuple[Message, ...]) -> bytes:
    """Few-shot messages as Ollama stores them."""
    return go_json([{"role": m.role, "content": m.content} for m in messages])


def config_layer(facts: WeightFacts, resolved: ResolvedSpec) -> bytes:
    """The config blob; the order of its fields is part of its digest."""
    said = resolved.description
    family = said.model_family or facts.architecture
    return go_json(
        {
            "model_format": facts.format,
            "model_family": family,
            "model_families": list(dict.fromkeys((family, facts.architecture))),
            "model_type": said.parameter_size or facts.parameter_size,
            "file_type": said.quantization_level or facts.file_type,
            **_given(
                renderer=resolved.renderer,
                parser=resolved.parser,
                requires=resolved.requires,
                capabilities=list(said.capabilities),
                context_length=said.context_length,
                embedding_length=said.embedding_length,
                base_name=said.base_name,
            ),
            "architecture": "amd64",
            "os": "linux",
        }
    )


def _given(**values: object) -> dict[str, object]:
    """What says something, in the order given."""
    return {name: value for name, value in values.items() if value}


def go_json(tree: Mapping[str, Any] | list[Any]) -> bytes:
    """Compact JSON with Go's HTML escapes and one trailing newline; no floats."""
    return go_text(tree).encode("utf-8") + b"\n"


def go_text(value: Any) -> str:
    """JSON text as Go's encoding/json writes it, floats apart."""
    text = json.dumps(value, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return text.translate(_GO_ESCAPES)


def _go_value(value: Any) -> str:
    return go_float(value) if isinstance(value, float) else go_text(value)


def go_float(value: float) -> str:
    """A float as Go writes it: no exponent from 1e-6 up to 1e21.

    Go, encoding/json/encode.go (floatEncoder); the shortest digits are the
    same in both languages.
    """
    digits = repr(value)
    if "e" not in digits:
        return digits.removesuffix(".0")
    if 1e-6 <= abs(value) < 1e21:
        return format(Decimal(digits), "f")
    mantissa, _, exponent = digits.partition("e")
    sign = "-" if exponent.startswith("-") else "+"
    return f"{mantissa.removesuffix('.0')}e{sign}{exponent.lstrip('+-').lstrip('0')}"
