"""Creation parameters without a template: those that mean something to us, by name.

BASE_MODEL, SYSTEM and TEMPLATE, and every parameter in capitals (TEMPERATURE,
NUM_CTX, ...). Others are kept and shown again, as the platform does with them.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from modelwright.core.parameters import RULES, Parameters
from modelwright.core.spec import ModelSpec
from modelwright.dialects.sgp.refusals import Unprocessable

FIELD: Final = "model_creation_parameters"
BASE: Final = "BASE_MODEL"
_TEXTS: Final = ("SYSTEM", "TEMPLATE")
_PARAMETERS: Final = {name.upper(): name for name in RULES}


@dataclass(frozen=True, slots=True)
class Bound:
    """What creation parameters say of a model; empty says nothing."""

    base: str = ""
    system: str = ""
    template: str = ""
    parameters: Parameters = Parameters()


def read_bound(given: Mapping[str, Any]) -> Bound:
    """Read those that are known; raises Unprocessable for a wrong type or range."""
    for name in (BASE, *_TEXTS):
        if not isinstance(given.get(name, ""), str):
            raise Unprocessable.of(("body", FIELD, name), "it must be a text", given[name])
    values = {_PARAMETERS[name]: value for name, value in given.items() if name in _PARAMETERS}
    return Bound(
        base=given.get(BASE, ""),
        system=given.get("SYSTEM", ""),
        template=given.get("TEMPLATE", ""),
        parameters=Parameters.of(values, field=FIELD),
    )


def said_by(spec: ModelSpec) -> Bound:
    """What a spec says itself of the same things, but for its base."""
    return Bound(
        system=spec.system if isinstance(spec.system, str) else "",
        template=spec.prompt_template if isinstance(spec.prompt_template, str) else "",
        parameters=spec.parameters if isinstance(spec.parameters, Parameters) else Parameters(),
    )


def shown(kept: Mapping[str, Any], spec: ModelSpec, *, only_kept: bool = False) -> dict[str, Any]:
    """Creation parameters as they are now, whoever changed the model since.

    `only_kept`: of names that were not given none is added, as a template decides
    which there are.
    """
    said = said_by(spec)
    now: dict[str, Any] = {"SYSTEM": said.system, "TEMPLATE": said.template}
    now = {name: value for name, value in now.items() if value}
    now |= {name.upper(): _plain(value) for name, value in said.parameters.as_dict().items()}
    if only_kept:
        return {name: now.get(name, value) for name, value in kept.items()}
    rest = {name: value for name, value in kept.items() if name not in _TEXTS and name not in _PARAMETERS}
    return {**rest, **now}


def _plain(value: object) -> object:
    return list(value) if isinstance(value, tuple) else value
