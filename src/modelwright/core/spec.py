"""ModelSpec: what a model is, immutable and content-addressed.

A spec stands on a parent (another spec, or a name it follows) or owns weight
layers. Every other field is unset (inherit), cleared (inherit nothing) or a
value. Its canonical bytes are JSON with sorted keys, no blanks, UTF-8, unset
fields left out and cleared ones null; their SHA-256 is the spec's digest. Both
are a contract: golden vectors stand in tests/core/golden_specs.json.

It does not know names' meaning, files, or how to resolve a parent (lineage.py).
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final, TypeAlias, TypeVar

from modelwright.core.chat import Message
from modelwright.core.description import Description
from modelwright.core.digest import Digest
from modelwright.core.errors import Corrupt
from modelwright.core.hyperparameters import Hyperparameters
from modelwright.core.parameters import Parameters

FORMAT: Final = 1
"""Version of the canonical form: a change must be visible, not a silent split."""

T = TypeVar("T")


class Absence(Enum):
    """The two ways a field can hold no value."""

    UNSET = "unset"
    CLEARED = "cleared"


UNSET: Final = Absence.UNSET
CLEARED: Final = Absence.CLEARED

Setting: TypeAlias = T | Absence


@dataclass(frozen=True, slots=True)
class PinnedParent:
    """A parent fixed by digest; `name` is what it was called, for display."""

    spec: Digest
    name: str


@dataclass(frozen=True, slots=True)
class FollowedParent:
    """A parent that is whatever `name` points to when the model is used."""

    name: str


@dataclass(frozen=True, slots=True)
class FormerParent:
    """What a model on weights of its own came from; nothing is inherited."""

    name: str


@dataclass(frozen=True, slots=True)
class WeightLayer:
    """Weights of a base: `role` is "model" or "projector", `size` in bytes."""

    role: str
    digest: Digest
    size: int


@dataclass(frozen=True, slots=True)
class AdapterLayer:
    """LoRA weights over a base, applied with `scale`; `size` in bytes."""

    digest: Digest
    size: int
    scale: float = 1.0


Parent: TypeAlias = PinnedParent | FollowedParent | FormerParent


@dataclass(frozen=True, slots=True)
class ModelSpec:
    """The content of one revision; equal content is the same spec."""

    parent: Parent | None = None
    weights: tuple[WeightLayer, ...] = ()
    system: Setting[str] = UNSET
    prompt_template: Setting[str] = UNSET
    parameters: Setting[Parameters] = UNSET
    messages: Setting[tuple[Message, ...]] = UNSET
    licences: Setting[tuple[str, ...]] = UNSET
    adapters: Setting[tuple[AdapterLayer, ...]] = UNSET
    renderer: Setting[str] = UNSET
    parser: Setting[str] = UNSET
    requires: Setting[str] = UNSET
    description: Setting[Description] = UNSET
    profile: Setting[Hyperparameters] = UNSET

    def canonical(self) -> bytes:
        """The bytes that the digest is taken over."""
        tree: dict[str, Any] = {"format": FORMAT}
        if self.parent is not None:
            tree["parent"] = _parent_tree(self.parent)
        if self.weights:
            tree["weights"] = [
                {"role": w.role, "digest": str(w.digest), "size": w.size} for w in self.weights
            ]
        for name, (encode, _) in _FIELDS.items():
            value = getattr(self, name)
            if value is not UNSET:
                tree[name] = None if value is CLEARED else encode(value)
        return canonical_json(tree)

    @property
    def digest(self) -> Digest:
        return Digest.of(self.canonical())

    @classmethod
    def from_canonical(cls, content: bytes) -> "ModelSpec":
        """Read canonical bytes back; raises Corrupt when they are not such."""
        try:
            tree = json.loads(content)
            if tree.pop("format") != FORMAT:
                raise Corrupt("a stored spec has an unknown format", hint="Upgrade modelwright")
            parent = tree.pop("parent", None)
            weights = tree.pop("weights", ())
            fields = {
                name: CLEARED if value is None else _FIELDS[name][1](value) for name, value in tree.items()
            }
            return cls(
                parent=None if parent is None else _read_parent(parent),
                weights=tuple(WeightLayer(w["role"], Digest.parse(w["digest"]), w["size"]) for w in weights),
                **fields,
            )
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise Corrupt("a stored spec cannot be read") from error


def canonical_json(tree: Mapping[str, Any]) -> bytes:
    """JSON with sorted keys, no blanks, non-ASCII kept, as UTF-8."""
    text = json.dumps(tree, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return text.encode("utf-8")


def _parent_tree(parent: Parent) -> dict[str, str]:
    if isinstance(parent, PinnedParent):
        return {"spec": str(parent.spec), "name": parent.name}
    return {"former" if isinstance(parent, FormerParent) else "follow": parent.name}


def _read_parent(tree: Mapping[str, str]) -> Parent:
    if "follow" in tree:
        return FollowedParent(tree["follow"])
    if "former" in tree:
        return FormerParent(tree["former"])
    return PinnedParent(Digest.parse(tree["spec"]), tree["name"])


def _message_trees(messages: tuple[Message, ...]) -> list[dict[str, str]]:
    return [{"role": m.role, "content": m.content} for m in messages]


def _read_messages(trees: list[dict[str, str]]) -> tuple[Message, ...]:
    return tuple(Message(t["role"], t["content"]) for t in trees)


def _adapter_trees(adapters: tuple[AdapterLayer, ...]) -> list[dict[str, Any]]:
    return [{"digest": str(a.digest), "size": a.size, "scale": float(a.scale)} for a in adapters]


def _read_adapters(trees: list[dict[str, Any]]) -> tuple[AdapterLayer, ...]:
    return tuple(AdapterLayer(Digest.parse(t["digest"]), t["size"], t["scale"]) for t in trees)


_FIELDS: Mapping[str, tuple[Callable[[Any], Any], Callable[[Any], Any]]] = {
    "system": (str, str),
    "prompt_template": (str, str),
    "parameters": (lambda parameters: parameters.as_dict(), Parameters.of),
    "messages": (_message_trees, _read_messages),
    "licences": (list, tuple),
    "adapters": (_adapter_trees, _read_adapters),
    "renderer": (str, str),
    "parser": (str, str),
    "requires": (str, str),
    "description": (lambda description: description.as_dict(), Description.of),
    "profile": (lambda profile: profile.as_dict(), Hyperparameters.of),
}
"""Name of a field -> how it is written to JSON, how it is read back."""

FIELDS: Final = tuple(_FIELDS)
"""Names of the fields that can be unset, cleared or a value."""
