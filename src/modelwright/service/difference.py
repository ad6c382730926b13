"""What changed between two resolved specs, field by field. Pure."""

from collections.abc import Mapping

from modelwright.core.lineage import ResolvedSpec
from modelwright.service.views import FieldChange


def changes(before: ResolvedSpec, after: ResolvedSpec) -> tuple[FieldChange, ...]:
    """All differences, in the order of the fields; empty when they are equal."""
    old, new = _flat(before), _flat(after)
    names = dict.fromkeys([*old, *new])
    return tuple(
        FieldChange(name, old.get(name), new.get(name)) for name in names if old.get(name) != new.get(name)
    )


def _flat(spec: ResolvedSpec) -> Mapping[str, str]:
    fields = {f"weights.{layer.role}": str(layer.digest) for layer in spec.weights}
    for name in ("prompt_template", "system", "renderer", "parser", "requires"):
        if text := getattr(spec, name):
            fields[name] = text
    for name, value in spec.description.as_dict().items():
        fields[f"info.{name}"] = str(value)
    for name, value in spec.parameters.as_dict().items():
        fields[f"parameters.{name}"] = str(value)
    for name, value in spec.profile.as_dict().items():
        fields[f"profile.{name}"] = str(value)
    for number, message in enumerate(spec.messages, start=1):
        fields[f"messages.{number}"] = f"{message.role}: {message.content}"
    for number, licence in enumerate(spec.licences, start=1):
        fields[f"licences.{number}"] = licence
    for number, adapter in enumerate(spec.adapters, start=1):
        fields[f"adapters.{number}"] = f"{adapter.digest} x {adapter.scale}"
    return fields
