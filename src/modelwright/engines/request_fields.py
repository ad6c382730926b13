"""Fields of an engine request, from our parameters.

Every sampling field is always sent, so that no default of the engine ever leaks
into an answer: those of core.parameters hold. Source of the engine's names and
ranges: llama.cpp b11549, tools/server, tried one by one.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from modelwright.core.parameters import RULES, Parameters, ParameterValue

FIELDS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "temperature": "temperature",
        "top_k": "top_k",
        "top_p": "top_p",
        "min_p": "min_p",
        "typical_p": "typical_p",
        "top_n_sigma": "top_n_sigma",
        "repeat_last_n": "repeat_last_n",
        "repeat_penalty": "repeat_penalty",
        "presence_penalty": "presence_penalty",
        "frequency_penalty": "frequency_penalty",
        "mirostat": "mirostat",
        "mirostat_tau": "mirostat_tau",
        "mirostat_eta": "mirostat_eta",
        "xtc_probability": "xtc_probability",
        "xtc_threshold": "xtc_threshold",
        "dry_multiplier": "dry_multiplier",
        "dry_base": "dry_base",
        "dry_allowed_length": "dry_allowed_length",
        "dry_penalty_last_n": "dry_penalty_last_n",
        "dynatemp_range": "dynatemp_range",
        "dynatemp_exponent": "dynatemp_exponent",
        "seed": "seed",
        "num_predict": "n_predict",
        "num_keep": "n_keep",
        "stop": "stop",
    }
)
"""Our name of a parameter -> the engine's."""

_UNNAMED: Final[Mapping[str, object]] = MappingProxyType(
    {
        "samplers": [
            "penalties",
            "dry",
            "top_n_sigma",
            "top_k",
            "typ_p",
            "top_p",
            "min_p",
            "xtc",
            "temperature",
        ],
        "dry_sequence_breakers": ["\n", ":", '"', "*"],
        "ignore_eos": False,
        "cache_prompt": True,
    }
)
"""Fields that have no parameter of ours."""

_WHOLE_CONTEXT: Final = frozenset({"repeat_last_n", "dry_penalty_last_n"})


FILL: Final = -2
"""The num_predict that fills the context and ends there."""

ENDLESS: Final = 10
"""How many times its context an answer may fill when it shifts (Ollama, server/routes.go)."""


def most_tokens(parameters: Parameters, context: int, prompt_tokens: int | None, *, shift: bool) -> int:
    """Tokens that an answer may have; it shifts where it may go on in a full context.

    `prompt_tokens` must be known where it may not.
    """
    wanted = parameters.get("num_predict")
    asked = wanted if isinstance(wanted, int) else -1
    shifting = context * ENDLESS
    limit = shifting if prompt_tokens is None or (shift and asked != FILL) else context - prompt_tokens
    return min(asked, limit) if asked >= 0 else limit


def request_fields(parameters: Parameters, context: int) -> dict[str, object]:
    """All sampling fields of a request to an engine with `context` tokens a slot."""
    given = dict(parameters.items)
    fields: dict[str, object] = dict(_UNNAMED)
    for name, field in FIELDS.items():
        value = given.get(name, RULES[name].default)
        fields[field] = _engine_value(name, value, context)
    return fields


def _engine_value(name: str, value: ParameterValue | None, context: int) -> object:
    if name == "stop" and isinstance(value, tuple):
        return [text for text in value if text]  # an empty one would end every answer at once
    if name in _WHOLE_CONTEXT and value == -1:
        return context
    return value
