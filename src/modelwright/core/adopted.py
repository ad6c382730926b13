"""Adopted: what a model of another store asks of `service.models.create`.

A model that was derived from another of that store, and only added to it, is
derived here too; any other stands on its weights. Pure.
"""

from typing import TypeVar

from modelwright.core.draft import SpecDraft
from modelwright.core.errors import Unsupported
from modelwright.core.layers import LayeredModel, kind_of
from modelwright.core.parameters import Parameters
from modelwright.core.spec import CLEARED, UNSET, Setting

T = TypeVar("T")


def draft_of(model: LayeredModel) -> SpecDraft:
    """A draft that stands on the model's own weights; raises Unsupported."""
    _refuse_unbuilt(model)
    bases = [layer.digest for layer in model.weights if kind_of(layer) == "model"]
    if len(bases) != 1:
        raise Unsupported(f"the model has {len(bases)} weight files, not one")
    return SpecDraft(
        weights=bases[0],
        system=model.system or UNSET,
        parameters=model.parameters or UNSET,
        messages=model.messages or UNSET,
        licences=model.licences or UNSET,
    )


def derived_draft(model: LayeredModel, base: LayeredModel, parent: str) -> SpecDraft | None:
    """A draft over `parent`, which `base` is; None when the model does not contain it."""
    _refuse_unbuilt(model)
    own = dict(model.parameters.items)
    inherited = dict(base.parameters.items)
    licences = model.licences[: len(base.licences)]
    same_weights = _digests(model) == _digests(base)
    if not same_weights or licences != base.licences or not inherited.keys() <= own.keys():
        return None
    changed = tuple((name, value) for name, value in own.items() if inherited.get(name) != value)
    return SpecDraft(
        parent=parent,
        system=_difference(model.system, base.system),
        parameters=Parameters(changed) if changed else UNSET,
        messages=_difference(model.messages, base.messages),
        licences=model.licences[len(licences) :] or UNSET,
    )


def _digests(model: LayeredModel) -> list[tuple[str, str]]:
    return [(kind_of(layer), layer.digest.hex) for layer in model.weights]


def _difference(own: T, inherited: T) -> Setting[T]:
    if own == inherited:
        return UNSET
    return own or CLEARED


def _refuse_unbuilt(model: LayeredModel) -> None:
    kinds = {kind_of(layer) for layer in model.weights} - {"model"}
    fields = [name for name in ("template", "renderer", "parser", "requires") if getattr(model, name)]
    for name in [*fields, *sorted(kinds)]:
        raise Unsupported(f"{name} is not supported yet")
