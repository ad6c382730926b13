"""Between `params` of Open WebUI and what we know: system text and parameters.

What a model carries here is `custom_params` over `params`, as when it is used
(open-webui 0.12.4, utils/payload.py). What no engine of ours knows is for the
dialect to keep.
"""

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

import orjson

from modelwright.core.errors import Invalid
from modelwright.core.parameters import ALIASES, RULES, Parameters

OWN: Final = (
    "stream_response",
    "stream_delta_chunk_size",
    "function_calling",
    "reasoning_tags",
    "compact_token_threshold",
    "system",
    "note_id",
    "tool_approval_mode",
    "model_controls",
    "custom_params",
)
"""Keys that speak to Open WebUI itself and are never passed on."""

_NAMES: Final = MappingProxyType(
    {**ALIASES, "max_tokens": "num_predict", "max_completion_tokens": "num_predict"}
)
_ESCAPES: Final = re.compile(r"\\(n|t|r|\\|\"|'|x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4})")
_PLAIN: Final = MappingProxyType({"n": "\n", "t": "\t", "r": "\r", "\\": "\\", '"': '"', "'": "'"})
_NUMBER: Final = re.compile(r"\s*[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,3})?\s*")


def effective(params: Mapping[str, Any]) -> dict[str, Any]:
    """What is passed on: without keys of `OWN`, `custom_params` over the rest.

    Escapes in `stop` are read here, and not in one that stands at the top of a body.
    """
    kept = {name: value for name, value in params.items() if name not in OWN and value is not None}
    custom = params.get("custom_params")
    if isinstance(custom, dict):
        kept = deep_update(kept, {name: _parsed(value) for name, value in custom.items()})
    if isinstance(stops := kept.get("stop"), list | str):
        texts = [stops] if isinstance(stops, str) else stops
        kept["stop"] = [_ESCAPES.sub(_unescaped, t) if isinstance(t, str) else t for t in texts]
    return kept


def read_parameters(values: Mapping[str, Any], field: str = "params") -> tuple[Parameters, dict[str, Any]]:
    """Our parameters of what is passed on, and all that is left over.

    A number may be a text, as the product's casts have it. Raises Invalid for a
    value that is out of range or of a wrong type.
    """
    known: dict[str, object] = {}
    rest: dict[str, Any] = {}
    for given, value in values.items():
        name = our_name(given)
        if name not in RULES:
            rest[given] = value
        elif value is not None:
            known[name] = _cast(name, value, f"{field}.{given}")
    return Parameters.of(known, field=field), rest


def our_name(given: str) -> str:
    """What a parameter of Open WebUI is called here."""
    return _NAMES.get(given, given)


def shown_parameters(parameters: Parameters) -> dict[str, Any]:
    """Our parameters under Open WebUI's names."""
    shown = parameters.as_dict()
    most = shown.get("num_predict")
    if isinstance(most, int) and most > 0:
        shown["max_tokens"] = shown.pop("num_predict")
    return dict(shown)


def deep_update(below: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """One object over another, objects inside merged likewise; neither is changed."""
    merged = dict(below)
    for name, value in over.items():
        before = merged.get(name)
        if isinstance(before, dict) and isinstance(value, dict):
            merged[name] = deep_update(before, value)
        else:
            merged[name] = value
    return merged


def with_controls(params: Mapping[str, Any], wanted: object) -> dict[str, Any]:
    """The params with a user's choices of controls put into `custom_params`.

    Raises Invalid for a choice that there is not.
    """
    controls = params.get("model_controls") or {}
    if wanted is None:
        wanted = {}
    if not isinstance(wanted, dict):
        raise Invalid("Model control options must be an object.", field="model_options")
    custom = params.get("custom_params") or {}
    for key, control in controls.items():
        choice = wanted.get(key, control.get("default"))
        if choice is None:
            continue
        if not isinstance(choice, str) or choice not in control["options"]:
            raise Invalid(
                f"Model control {key}: the selected option is no longer available.", field="model_options"
            )
        custom = deep_update(custom, control["options"][choice]["params"])
    return {**params, "custom_params": custom} if custom else dict(params)


def _cast(name: str, value: Any, field: str) -> object:
    kind = RULES[name].type
    if isinstance(value, str) and kind in ("int", "float"):
        if not _NUMBER.fullmatch(value) or len(value) > 40:
            raise Invalid(f'"{field}" must be a number', field=field)
        value = float(value)
    if kind == "int" and isinstance(value, float) and abs(value) < 2**53:
        return int(value)
    if name == "stop":
        texts = [value] if isinstance(value, str) else value
        if isinstance(texts, list) and all(isinstance(text, str) for text in texts):
            return [text for text in texts if text]
    return value


def _unescaped(match: re.Match[str]) -> str:
    code = match[1]
    return _PLAIN[code] if code in _PLAIN else chr(int(code[1:], 16))


def _parsed(value: Any) -> Any:
    """A text of `custom_params` is JSON when it can be read as such."""
    if not isinstance(value, str):
        return value
    try:
        return orjson.loads(value)
    except orjson.JSONDecodeError:
        return value
