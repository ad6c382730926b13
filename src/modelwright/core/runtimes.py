"""Runtimes: what a template's bundle runs, and what its parameters mean there.

The built-in ones are served by our engines; their creation parameters bind to the
spec by name: BASE_MODEL is the base, SYSTEM the system text, TEMPERATURE the
parameter temperature, LORA_RANK the profile's rank. Any other image is a container's,
whose creation parameters are its environment (reference: Scale GenAI Platform v4).
"""

from collections.abc import Collection, Iterator, Mapping
from types import MappingProxyType
from typing import Any, Final, Literal, TypeAlias

from modelwright.core.errors import Invalid
from modelwright.core.hyperparameters import RULES as HYPERPARAMETERS
from modelwright.core.model_template import hole
from modelwright.core.parameter_rules import ALIASES
from modelwright.core.parameter_rules import RULES as PARAMETERS
from modelwright.core.wording import excerpt, nearest

Runtime: TypeAlias = Literal[
    "modelwright/llm",
    "modelwright/embedding",
    "modelwright/reranker",
    "modelwright/generic-http",
    "container",
]

LLM: Final = "modelwright/llm"
HTTP: Final = "modelwright/generic-http"
CONTAINER: Final = "container"
BUILT_IN: Final[tuple[Runtime, ...]] = (LLM, "modelwright/embedding", "modelwright/reranker", HTTP)

_PLAIN: Final[Mapping[str, tuple[str, ...]]] = {
    "BASE_MODEL": ("base",),
    "SYSTEM": ("system",),
    "PROMPT_TEMPLATE": ("template",),
    "LICENSE": ("license",),
    "RENDERER": ("renderer",),
    "PARSER": ("parser",),
    "DISPLAY_NAME": ("card", "display_name"),
    "DESCRIPTION": ("card", "description"),
}
_SAMPLING: Final = {name.upper(): ("parameters", name) for name in PARAMETERS}
_ALIASES: Final = {
    **{alias.upper(): ("parameters", name) for alias, name in ALIASES.items()},
    "MAX_TOKENS": ("parameters", "num_predict"),
}
_TRAINING: Final = {f"LORA_{name.upper()}": ("profile", name) for name in HYPERPARAMETERS}

PLACES: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {**_PLAIN, **_SAMPLING, **_ALIASES, **_TRAINING}
)
"""Name of a creation parameter of a built-in runtime -> its place in the spec."""

ADAPTER: Final = "ADAPTER"
ADAPTER_SCALE: Final = "ADAPTER_SCALE"
"""These two make one entry of the list of adapters: a digest, and how strongly it applies."""

HTTP_PLACES: Final = ("ENDPOINT",)
"""What generic-http takes beside what its endpoint gets: where that is."""

NAMES: Final = (*PLACES, ADAPTER, ADAPTER_SCALE)


def runtime_of(registry: str, image: str) -> Runtime:
    """The runtime that an image names, with or without a registry before it."""
    for known in BUILT_IN:
        if image == known or f"{registry.rstrip('/')}/{image}" == known:
            return known
    return CONTAINER


def bound_spec(runtime: Runtime, names: Collection[str], constants: Mapping[str, Any]) -> dict[str, Any]:
    """The spec of a template for a runtime: a hole for each named creation parameter.

    `constants` are values for names that are no arguments, such as a bundle's env. A
    runtime that is not an engine has an empty spec: it takes its parameters itself.
    Raises Invalid with every name that means nothing, and for two that mean one thing.
    """
    if runtime in (HTTP, CONTAINER):
        return {}
    unknown = [name for name in (*names, *constants) if name not in NAMES]
    if unknown:
        raise Invalid(
            f"{runtime} has no parameter {', '.join(map(excerpt, unknown))}",
            field="model_creation_parameters_schema",
            hint=" ".join(_hints(unknown)) or f"Known are {', '.join((*_PLAIN, ADAPTER, *_SAMPLING))}",
        )
    _check_single(names, "model_creation_parameters_schema")
    _check_single(constants, "model_creation_parameters")
    spec: dict[str, Any] = {}
    values = {**constants, **{name: hole(name) for name in names}}
    for name, value in values.items():
        if name in PLACES:
            _put(spec, PLACES[name], value)
    if ADAPTER in values:
        scale = values.get(ADAPTER_SCALE, 1.0)
        spec["adapters"] = [{"digest": values[ADAPTER], "scale": scale}]
    return spec


def bound_request(names: Collection[str]) -> dict[str, Any]:
    """The parameters of a request: a hole for each name, in either spelling."""
    unknown = [name for name in names if name.upper() not in PLACES]
    places = {name: PLACES[name.upper()] for name in names if name not in unknown}
    unknown += [name for name, place in places.items() if place[0] != "parameters"]
    if unknown:
        raise Invalid(
            f"a request has no parameter {', '.join(map(excerpt, unknown))}",
            field="model_request_parameters_schema",
            hint=f"Known are {', '.join(_SAMPLING)}, MAX_TOKENS",
        )
    _check_single([name.upper() for name in names], "model_request_parameters_schema")
    return {place[1]: hole(name) for name, place in places.items()}


def _check_single(names: Collection[str], field: str) -> None:
    """Raise Invalid where two names have one place: a value would be lost."""
    found: dict[tuple[str, ...], str] = {}
    for name in names:
        place = PLACES.get(name)
        if place is None:
            continue
        if place in found:
            raise Invalid(
                f"{found[place]} and {name} are two names for one parameter",
                field=field,
                hint=f"Leave out {name}",
            )
        found[place] = name


def _put(tree: dict[str, Any], place: tuple[str, ...], value: Any) -> None:
    for step in place[:-1]:
        tree = tree.setdefault(step, {})
    tree[place[-1]] = value


def _hints(unknown: Collection[str]) -> Iterator[str]:
    for name in unknown:
        if close := nearest(name, [each.lower() for each in NAMES]):
            yield f'Did you mean "{close.upper()}"?'
