"""Layers: a manifest and its small layers, read as what they say of a model.

The way back from manifest.py: Ollama's media types, as its store and registries
hold them (Ollama, manifest/manifest.go and server/images.go). What comes from
outside is checked here; nothing of it is a path.
"""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from modelwright.core.chat import Message
from modelwright.core.description import Description
from modelwright.core.digest import Digest
from modelwright.core.draft import read_message
from modelwright.core.errors import Corrupt, Invalid, ModelwrightError, Unsupported
from modelwright.core.manifest import CONFIG_TYPE, LAYER_TYPE, SCALE, Layer, Manifest
from modelwright.core.parameters import Parameters
from modelwright.core.wording import excerpt

MOST_LAYERS: Final = 4096
LARGEST_MANIFEST: Final = 1024 * 1024
LARGEST_SMALL_LAYER: Final = 4 * 1024 * 1024

WEIGHTS: Final = frozenset(("model", "projector", "adapter"))
"""Kinds of layers that are large files."""
TEXTS: Final = frozenset(("template", "system", "license", "params", "messages"))
SAID: Final = ("capabilities", "context_length", "embedding_length", "base_name")
"""Fields of the config that were given as `info`."""
IGNORED: Final = frozenset(("embed",))
"""Kinds that Ollama itself no longer reads."""


@dataclass(frozen=True, slots=True)
class LayeredModel:
    """What the layers of one model say; empty = nothing.

    `origin` is the name of the model it was derived from. `notices` say what
    was left out.
    """

    weights: tuple[Layer, ...] = ()
    template: str = ""
    system: str = ""
    parameters: Parameters = field(default_factory=Parameters)
    messages: tuple[Message, ...] = ()
    licences: tuple[str, ...] = ()
    renderer: str = ""
    parser: str = ""
    requires: str = ""
    description: Description = field(default_factory=Description)
    origin: str = ""
    notices: tuple[str, ...] = ()


def kind_of(layer: Layer) -> str:
    """What a layer is, by its media type: "model", "system"."""
    return layer.media_type.removeprefix(LAYER_TYPE)


def read_manifest(content: bytes) -> Manifest:
    """Read a manifest's bytes; raises Corrupt."""
    try:
        tree = json.loads(content)
        layers = tree.get("layers") or []
        if len(layers) > MOST_LAYERS:
            raise Corrupt(f"the manifest has more than {MOST_LAYERS} layers")
        return Manifest(_layer(tree["config"]), tuple(_layer(each) for each in layers))
    except (ValueError, TypeError, LookupError, AttributeError, RecursionError) as error:
        raise Corrupt("the manifest cannot be read") from error
    except Invalid as error:
        raise Corrupt(f"the manifest cannot be read: {error.message}") from error


def needed(manifest: Manifest) -> tuple[Digest, ...]:
    """The small blobs that `read_layers` wants.

    Raises Unsupported for a layer of another kind.
    """
    for layer in manifest.layers:
        if kind_of(layer) not in WEIGHTS | TEXTS | IGNORED:
            raise Unsupported(f"layers of type {excerpt(layer.media_type)} are not supported yet")
    small = [layer.digest for layer in manifest.layers if kind_of(layer) in TEXTS]
    return tuple(dict.fromkeys([manifest.config.digest, *small]))


def read_layers(manifest: Manifest, contents: Mapping[Digest, bytes]) -> LayeredModel:
    """Say what a manifest's layers hold; `contents` has the `needed` ones.

    Raises Corrupt for bytes that cannot be read, Unsupported for a model that
    runs elsewhere. A parameter we do not know, or that is not of its type, is
    left out with a notice.
    """
    config = _json(contents[manifest.config.digest], dict, "config")
    if config.get("remote_host") or config.get("remote_model"):
        raise Unsupported("the model runs on another machine; only models that are here can be taken over")
    found: dict[str, list[bytes]] = {}
    for layer in manifest.layers:
        if kind_of(layer) in TEXTS:
            found.setdefault(kind_of(layer), []).append(contents[layer.digest])
    weights = tuple(layer for layer in manifest.layers if kind_of(layer) in WEIGHTS)
    parameters, notices = _parameters(_last_json(found, "params", dict))
    return LayeredModel(
        weights=weights,
        template=_text(found.get("template", [b""])[-1], "template"),
        system=_text(found.get("system", [b""])[-1], "system"),
        parameters=parameters,
        messages=_messages(_last_json(found, "messages", list)),
        licences=tuple(_text(content, "license") for content in found.get("license", [])),
        renderer=_config_text(config, "renderer"),
        parser=_config_text(config, "parser"),
        requires=_config_text(config, "requires"),
        description=_description(config),
        origin=next((layer.origin for layer in weights if layer.origin), ""),
        notices=notices,
    )


def _layer(tree: Mapping[str, Any]) -> Layer:
    media_type, size, origin = tree["mediaType"], tree["size"], tree.get("from") or ""
    if not (isinstance(media_type, str) and isinstance(origin, str)) or len(origin) > 1000:
        raise ValueError(media_type)
    if isinstance(size, bool) or not isinstance(size, int) or size < 0:
        raise ValueError(size)
    if not media_type.startswith(LAYER_TYPE) and media_type != CONFIG_TYPE:
        raise Invalid(f"unknown media type {excerpt(media_type)}")
    scale = float((tree.get("annotations") or {}).get(SCALE, 1))
    if not math.isfinite(scale):
        raise ValueError(scale)
    return Layer(media_type, Digest.parse(tree["digest"]), size, origin, scale)


def _parameters(tree: Mapping[str, Any]) -> tuple[Parameters, tuple[str, ...]]:
    kept, notices = Parameters(), []
    for name, value in tree.items():
        try:
            kept = kept.merged(Parameters.of({name: value}))
        except ModelwrightError as error:
            notices.append(f"left out: {error.message}")
    return kept, tuple(notices)


def _messages(trees: list[Any]) -> tuple[Message, ...]:
    try:
        return tuple(
            read_message(tree["role"], str(tree.get("content") or ""), field="messages") for tree in trees
        )
    except (TypeError, LookupError, AttributeError, Invalid) as error:
        raise Corrupt("the messages layer cannot be read") from error


def _last_json(found: Mapping[str, list[bytes]], kind: str, wanted: type) -> Any:
    contents = found.get(kind)
    return wanted() if contents is None else _json(contents[-1], wanted, kind)


def _json(content: bytes, wanted: type, kind: str) -> Any:
    try:
        tree = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise Corrupt(f"the {kind} layer is not JSON") from error
    if not isinstance(tree, wanted):
        raise Corrupt(f"the {kind} layer is not what it should be")
    return tree


def _text(content: bytes, kind: str) -> str:
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise Corrupt(f"the {kind} layer is not UTF-8") from error


def _description(config: Mapping[str, Any]) -> Description:
    """What the config says beyond what follows from the weights."""
    try:
        return Description.of({name: config.get(name) for name in SAID})
    except Invalid as error:
        raise Corrupt(f"the config layer cannot be read: {error.message}") from error


def _config_text(config: Mapping[str, Any], name: str) -> str:
    value = config.get(name) or ""
    if not isinstance(value, str):
        raise Corrupt(f"{name} in the config layer is not a text")
    return value
