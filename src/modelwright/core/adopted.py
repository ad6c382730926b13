"""Adopted: what a model of another store asks of `service.models.create`.

A model that was derived from another of that store, and only added to it, is
derived here too; any other stands on its weights. Pure.
"""

from dataclasses import replace
from typing import TypeVar

from modelwright.core.draft import SpecDraft
from modelwright.core.errors import Invalid
from modelwright.core.layers import LayeredModel, kind_of
from modelwright.core.manifest import Layer
from modelwright.core.names import Name
from modelwright.core.parameters import Parameters
from modelwright.core.spec import CLEARED, UNSET, Setting
from modelwright.core.weight_files import NamedAdapter, NamedBlob

T = TypeVar("T")


def draft_of(model: LayeredModel) -> SpecDraft:
    """A draft that stands on the model's own weights."""
    return SpecDraft(
        files=tuple(NamedBlob("", layer.digest) for layer in _bases(model)),
        origin=_name(model.origin),
        adapters=_named(_adapters(model)),
        system=model.system or UNSET,
        prompt_template=model.template or UNSET,
        parameters=model.parameters or UNSET,
        messages=model.messages or UNSET,
        licences=model.licences or UNSET,
        renderer=model.renderer or UNSET,
        parser=model.parser or UNSET,
        requires=model.requires or UNSET,
        description=model.description or UNSET,
    )


def derived_draft(model: LayeredModel, base: LayeredModel, parent: str) -> SpecDraft | None:
    """A draft over `parent`, which `base` is; None when the model does not contain it."""
    inherited = dict(base.parameters.items)
    licences = _rest(model.licences, base.licences)
    adapters = _rest(_adapters(model), _adapters(base))
    said, before = model.description.as_dict(), base.description.as_dict()
    lacking = (inherited.keys() - dict(model.parameters.items).keys()) | (before.keys() - said.keys())
    if _bases(model) != _bases(base) or licences is None or adapters is None or lacking:
        return None
    changed = tuple((name, value) for name, value in model.parameters.items if inherited.get(name) != value)
    return SpecDraft(
        parent=parent,
        adapters=_named(adapters),
        system=_difference(model.system, base.system),
        prompt_template=_difference(model.template, base.template),
        parameters=Parameters(changed) if changed else UNSET,
        messages=_difference(model.messages, base.messages),
        licences=licences or UNSET,
        renderer=_difference(model.renderer, base.renderer),
        parser=_difference(model.parser, base.parser),
        requires=_difference(model.requires, base.requires),
        description=_difference(model.description, base.description),
    )


def _name(origin: str) -> str:
    """What the model was derived from, as we spell it; "" when that is no name."""
    try:
        return str(Name.parse(origin)) if origin else ""
    except Invalid:
        return ""


def _bases(model: LayeredModel) -> tuple[Layer, ...]:
    """Model and projector, whatever each was derived from."""
    return tuple(replace(layer, origin="") for layer in model.weights if kind_of(layer) != "adapter")


def _adapters(model: LayeredModel) -> tuple[Layer, ...]:
    return tuple(replace(layer, origin="") for layer in model.weights if kind_of(layer) == "adapter")


def _named(layers: tuple[Layer, ...]) -> Setting[tuple[NamedAdapter, ...]]:
    found = tuple(NamedAdapter((NamedBlob("", layer.digest),), layer.scale) for layer in layers)
    return found or UNSET


def _rest(own: tuple[T, ...], inherited: tuple[T, ...]) -> tuple[T, ...] | None:
    """What comes after what is inherited; None when that is not where it should be."""
    return own[len(inherited) :] if own[: len(inherited)] == inherited else None


def _difference(own: T, inherited: T) -> Setting[T]:
    if own == inherited:
        return UNSET
    return own or CLEARED
