"""Creation parameters: what they say of a model, and how that is shown again.

Those of core.runtimes.NAMES (BASE_MODEL, SYSTEM, TEMPERATURE, ...) mean something to
us, with a template or without; others are kept and shown, as the platform does.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from modelwright.core.argument_schema import BadArguments
from modelwright.core.draft import SpecDraft
from modelwright.core.model_template import ModelTemplate, request_parameters
from modelwright.core.parameters import Parameters
from modelwright.core.runtimes import ADAPTER, ADAPTER_SCALE, LLM, NAMES, PLACES, bound_request, bound_spec
from modelwright.core.spec import UNSET, ModelSpec
from modelwright.core.template_spec import FilledSpec, read_spec
from modelwright.dialects.sgp.refusals import Unprocessable

FIELD: Final = "model_creation_parameters"
BINDINGS: Final = "model_request_parameters"
BASE: Final = "BASE_MODEL"
_SHOWN: Final = {"SYSTEM": "system", "PROMPT_TEMPLATE": "prompt_template"}
_PARAMETERS: Final = {name: place[1].upper() for name, place in PLACES.items() if place[0] == "parameters"}
"""Every name of a parameter -> the one under which it is shown."""
_ELSE: Final = {"LICENSE": "licences", "RENDERER": "renderer", "PARSER": "parser", ADAPTER: "adapters"}
"""Names whose values are not shown from the spec -> the draft's field."""
_KINDS: Final = {"missing": "missing", "unknown": "extra_forbidden", "type": "type_error"}


def filled(given: Mapping[str, Any]) -> FilledSpec:
    """What known names say; the base apart. Raises Unprocessable with every fault."""
    known = {name: value for name, value in given.items() if name in NAMES and name != BASE}
    found = read_spec(bound_spec(LLM, (), known))
    if found.faults:
        raise Unprocessable(
            {
                "loc": ["body", FIELD, _name_at(fault.pointer, known)],
                "msg": fault.message,
                "type": "value_error",
            }
            for fault in found.faults
        )
    return found


def base_of(given: Mapping[str, Any]) -> str:
    """The base that is named among them; raises Unprocessable for what is no text."""
    base = given.get(BASE, "")
    if not isinstance(base, str):
        raise Unprocessable.of(("body", FIELD, BASE), "it must be a text", base)
    return base


def change(
    spec: ModelSpec, before: Mapping[str, Any], given: Mapping[str, Any], parent: str | None
) -> SpecDraft | None:
    """What other creation parameters change of a spec; None when nothing is."""
    wanted, unset, fields = filled(given).draft, set[str](), dict[str, Any]()
    for field in ("system", "prompt_template", "parameters"):
        now, then = getattr(wanted, field), getattr(spec, field)
        if now is UNSET and then is not UNSET:
            unset.add(field)
        elif now != then:
            fields[field] = now
    for name, field in _ELSE.items():
        names = (name, ADAPTER_SCALE) if name == ADAPTER else (name,)
        if all(before.get(each) == given.get(each) for each in names):
            continue
        if getattr(wanted, field) is UNSET:
            unset.add(field)
        else:
            fields[field] = getattr(wanted, field)
    draft = SpecDraft(revises=True, parent=parent, unset=frozenset(unset))
    draft = replace(draft, **fields)
    return None if draft == SpecDraft(revises=True) else draft


def shown(kept: Mapping[str, Any], spec: ModelSpec, *, only_kept: bool) -> dict[str, Any]:
    """Creation parameters as they are now, whoever changed the model since.

    `only_kept`: no name is added to those given, as a template decides which there are.
    """
    texts = {name: getattr(spec, field) for name, field in _SHOWN.items()}
    now: dict[str, Any] = {name: text for name, text in texts.items() if isinstance(text, str)}
    said = spec.parameters if isinstance(spec.parameters, Parameters) else Parameters()
    now |= {name.upper(): _plain(value) for name, value in said.as_dict().items()}
    if only_kept:
        return {name: now.get(_PARAMETERS.get(name, name), value) for name, value in kept.items()}
    seen = {*_SHOWN, *_PARAMETERS}
    return {**{name: value for name, value in kept.items() if name not in seen}, **now}


def refused(error: BadArguments, place: tuple[str, ...] = (FIELD,)) -> Unprocessable:
    """Arguments that a template does not take, as the platform tells of them."""
    return Unprocessable(
        {
            "loc": ["body", *place, *([fault.argument] if fault.argument else [])],
            "msg": fault.message,
            "type": _KINDS.get(fault.kind, "value_error"),
        }
        for fault in error.faults
    )


def bound(bindings: Mapping[str, Any], said: Mapping[str, Any] | None) -> Parameters:
    """What a request's bindings set; `said` is what the model's template says of them.

    Raises Unprocessable with every binding that the template does not take; where none
    says anything, Invalid for a name that means nothing or a value out of range.
    """
    if said is not None:
        try:
            return request_parameters(ModelTemplate.read(said), dict(bindings))
        except BadArguments as error:
            raise refused(error, (BINDINGS, "bindings")) from None
    places = bound_request(tuple(bindings))
    names = {node["$arg"]: place for place, node in places.items()}
    return Parameters.of({names[name]: value for name, value in bindings.items()}, field=BINDINGS)


def _name_at(pointer: str, given: Mapping[str, Any]) -> str:
    """The name whose value stands at a place of the spec, as it was given."""
    steps = tuple(pointer[1:].split("/"))
    if steps[0] == "adapters":
        return ADAPTER
    places = {name: PLACES[name] for name in given if name in PLACES}
    return next((name for name, place in places.items() if place == steps[: len(place)]), pointer)


def _plain(value: object) -> object:
    return list(value) if isinstance(value, tuple) else value
