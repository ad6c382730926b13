"""Lineage: a spec and its ancestors become one ResolvedSpec.

Pure. Precedence of a value, strongest first:

    request > model > parent > ... > base > engine default

system, prompt template, messages, renderer, parser, requires: the nearest spec
that says something wins.
parameters, description, profile: merged key by key, lists replaced whole. licences: what
the ancestors have, then one's own that are not among them, so that a model
which was shown in full is made again the same; adapters likewise, and one that
an ancestor has takes the scale that is said last. *Cleared* stops inheritance
at that spec. (Ollama merges in nearly the same way: server/create.go.)
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any, Final, TypeVar

from modelwright.core.chat import Message
from modelwright.core.description import Description
from modelwright.core.digest import Digest
from modelwright.core.errors import Invalid
from modelwright.core.hyperparameters import Hyperparameters
from modelwright.core.parameters import Parameters
from modelwright.core.spec import (
    CLEARED,
    FIELDS,
    UNSET,
    Absence,
    AdapterLayer,
    ModelSpec,
    Setting,
    WeightLayer,
)

DEPTH_LIMIT: Final = 16
"""Ancestors a spec may have."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class ResolvedSpec:
    """What a model amounts to, nothing left to look up.

    `parent` is the direct parent's name ("" for a base); empty values mean
    that nothing in the lineage says otherwise.
    """

    parent: str = ""
    weights: tuple[WeightLayer, ...] = ()
    system: str = ""
    prompt_template: str = ""
    parameters: Parameters = field(default_factory=Parameters)
    messages: tuple[Message, ...] = ()
    licences: tuple[str, ...] = ()
    adapters: tuple[AdapterLayer, ...] = ()
    renderer: str = ""
    parser: str = ""
    requires: str = ""
    description: Description = field(default_factory=Description)
    profile: Hyperparameters = field(default_factory=Hyperparameters)

    @property
    def base(self) -> Digest | None:
        """The digest of the base's weights; None while they are missing."""
        return self._weights("model")

    @property
    def projector(self) -> Digest | None:
        """The digest of what turns images into the base's vectors, if it has such."""
        return self._weights("projector")

    @property
    def layers(self) -> frozenset[Digest]:
        """The digests of all files that it stands on, but for its base."""
        files = [layer.digest for layer in self.weights] + [layer.digest for layer in self.adapters]
        return frozenset(files) - {self.base}

    def _weights(self, role: str) -> Digest | None:
        return next((layer.digest for layer in self.weights if layer.role == role), None)


def resolve(lineage: Sequence[ModelSpec]) -> ResolvedSpec:
    """Merge a spec with its ancestors.

    `lineage` is child first, complete down to the base. Raises Invalid when it
    is deeper than DEPTH_LIMIT or comes back to a spec it has passed.
    """
    _check(lineage)
    resolved = ResolvedSpec()
    for spec in reversed(lineage):
        resolved = ResolvedSpec(
            parent=_parent_name(spec),
            weights=spec.weights or resolved.weights,
            system=_nearest(spec.system, resolved.system, ""),
            prompt_template=_nearest(spec.prompt_template, resolved.prompt_template, ""),
            parameters=_merged(spec.parameters, resolved.parameters),
            messages=_nearest(spec.messages, resolved.messages, ()),
            licences=_appended(spec.licences, resolved.licences),
            adapters=_adapted(spec.adapters, resolved.adapters),
            renderer=_nearest(spec.renderer, resolved.renderer, ""),
            parser=_nearest(spec.parser, resolved.parser, ""),
            requires=_nearest(spec.requires, resolved.requires, ""),
            description=_described(spec.description, resolved.description),
            profile=_profiled(spec.profile, resolved.profile),
        )
    return resolved


def overlaid(over: ModelSpec, below: ModelSpec) -> ModelSpec | None:
    """One spec that says what `over` on `below` says, on what `below` stands on.

    None where no single spec can: below a value that is added to, what is inherited was
    cleared. Weights are the upper ones, if it has any.
    """
    said: dict[str, Any] = {}
    for name in FIELDS:
        own, under = getattr(over, name), getattr(below, name)
        if own is UNSET:
            said[name] = under
        elif name in _JOINED and own is not CLEARED and under is not UNSET:
            if under is CLEARED:
                return None
            said[name] = _JOINED[name](own, under)
    return replace(over, parent=below.parent, weights=over.weights or below.weights, **said)


def to_go_on_with(spec: ModelSpec, resolved: ResolvedSpec) -> AdapterLayer | None:
    """The adapter that training of a model goes on with: the last, if it is its own.

    What is inherited stays as it is, under a new one: taking it away would change more.
    """
    own = spec.adapters if isinstance(spec.adapters, tuple) else ()
    last = resolved.adapters[-1] if resolved.adapters else None
    return last if last is not None and last.digest in [each.digest for each in own] else None


def own_fields(spec: ModelSpec) -> frozenset[str]:
    """Names of the fields that a spec says something about itself."""
    return frozenset(name for name in FIELDS if getattr(spec, name) is not UNSET)


def _check(lineage: Sequence[ModelSpec]) -> None:
    if len(lineage) > DEPTH_LIMIT + 1:
        raise Invalid(
            f"the model has more than {DEPTH_LIMIT} ancestors",
            field="from",
            hint="Derive from a model nearer to the base",
        )
    if len(set(lineage)) != len(lineage):
        raise Invalid("the model is its own ancestor", field="from")


def _parent_name(spec: ModelSpec) -> str:
    return "" if spec.parent is None else spec.parent.name


def _nearest(own: Setting[T], inherited: T, empty: T) -> T:
    if isinstance(own, Absence):
        return inherited if own is UNSET else empty
    return own


def _merged(own: Setting[Parameters], inherited: Parameters) -> Parameters:
    if isinstance(own, Absence):
        return inherited if own is UNSET else Parameters()
    return inherited.merged(own)


def _appended(own: Setting[tuple[T, ...]], inherited: tuple[T, ...]) -> tuple[T, ...]:
    if isinstance(own, Absence):
        return inherited if own is UNSET else ()
    return (*inherited, *(item for item in own if item not in inherited))


def _adapted(
    own: Setting[tuple[AdapterLayer, ...]], inherited: tuple[AdapterLayer, ...]
) -> tuple[AdapterLayer, ...]:
    if isinstance(own, Absence):
        return inherited if own is UNSET else ()
    found = {adapter.digest: adapter for adapter in inherited}
    return tuple((found | {adapter.digest: adapter for adapter in own}).values())


def _described(own: Setting[Description], inherited: Description) -> Description:
    if isinstance(own, Absence):
        return inherited if own is UNSET else Description()
    return inherited.merged(own)


def _profiled(own: Setting[Hyperparameters], inherited: Hyperparameters) -> Hyperparameters:
    if isinstance(own, Absence):
        return inherited if own is UNSET else Hyperparameters()
    return inherited.merged(own)


_JOINED: Final[Mapping[str, Callable[[Any, Any], object]]] = MappingProxyType(
    {
        "parameters": _merged,
        "licences": _appended,
        "adapters": _adapted,
        "description": _described,
        "profile": _profiled,
    }
)
"""Fields in which a value does not take the place of what is inherited."""
