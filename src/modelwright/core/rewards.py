"""Rewards: declared functions that say how good an answer is, from 0 to 1.

Nobody's code is run: a reward names one of these and its settings. Their sum,
weighted, is an answer's reward. Patterns run under a time limit that the caller
brings, since Python's own have none.
"""

import json
import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final, Protocol

import jsonschema_rs

from modelwright.core.errors import Invalid
from modelwright.core.graders import check_grader, grade
from modelwright.core.wording import excerpt

LONGEST_PATTERN: Final = 1_000
MOST_REWARDS: Final = 16
UNITS: Final = ("characters", "tokens")


class Search(Protocol):
    """Whether a pattern occurs in a text; raises TimeoutError when it takes too long."""

    def __call__(self, pattern: str, text: str) -> bool: ...


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer, the row it belongs to and how many tokens it has."""

    text: str
    reference: Mapping[str, Any]
    tokens: int


_Reward = Callable[[Mapping[str, Any], Answer, Search], float]


def check_rewards(declared: object, *, field: str = "rewards") -> tuple[Mapping[str, Any], ...]:
    """Check a list of declared rewards; raises Invalid with the place."""
    if not isinstance(declared, list | tuple) or not declared or len(declared) > MOST_REWARDS:
        raise Invalid(f'"{field}" must be a list of 1 to {MOST_REWARDS} rewards', field=field)
    return tuple(_checked(each, f"{field}.{place}") for place, each in enumerate(declared))


def total(declared: Sequence[Mapping[str, Any]], answer: Answer, search: Search) -> float:
    """The weighted sum of the rewards of one answer."""
    return sum(
        float(reward.get("weight", 1.0)) * KINDS[reward["type"]].measure(reward, answer, search)
        for reward in declared
    )


def _exact(reward: Mapping[str, Any], answer: Answer, _: Search) -> float:
    return float(answer.text.strip() == _wanted(reward, answer).strip())


def _contains(reward: Mapping[str, Any], answer: Answer, _: Search) -> float:
    text, wanted = answer.text, _wanted(reward, answer)
    if reward.get("ignore_case"):
        text, wanted = text.casefold(), wanted.casefold()
    return float(wanted in text)


def _regex(reward: Mapping[str, Any], answer: Answer, search: Search) -> float:
    return float(search(reward["pattern"], answer.text))


def _json_schema(reward: Mapping[str, Any], answer: Answer, _: Search) -> float:
    try:
        tree = json.loads(answer.text)
    except (ValueError, RecursionError):
        return 0.0
    return float(_validator(reward["schema"]).is_valid(tree))


def _validator(schema: Mapping[str, Any]) -> jsonschema_rs.Draft202012Validator:
    """Reads the schema; nothing outside of it is ever looked up."""
    return jsonschema_rs.Draft202012Validator(dict(schema), retriever=_nothing)


def _nothing(uri: str) -> dict[str, Any]:
    raise ValueError(f"nothing is looked up elsewhere: {uri}")


def _max_length(reward: Mapping[str, Any], answer: Answer, _: Search) -> float:
    length = answer.tokens if reward.get("unit") == "tokens" else len(answer.text)
    return float(length <= reward["length"])


def _grader(reward: Mapping[str, Any], answer: Answer, search: Search) -> float:
    def measured(declared: Mapping[str, Any]) -> float:
        return KINDS[declared["type"]].measure(declared, answer, search)

    return grade(reward["grader"], answer.text, answer.reference, measured)


def _wanted(reward: Mapping[str, Any], answer: Answer) -> str:
    """The text to compare with: a fixed one, or that field of the row."""
    if "value" in reward:
        return str(reward["value"])
    return str(answer.reference.get(reward["field"], ""))


@dataclass(frozen=True, slots=True)
class _Kind:
    """A reward's settings: `one_of` = exactly one of them, `needed` = all of them."""

    measure: _Reward
    needed: Mapping[str, type]
    one_of: Mapping[str, type]
    others: Mapping[str, type]


_TEXT_OR_FIELD: Final = MappingProxyType({"value": str, "field": str})
_NONE: Final[Mapping[str, type]] = MappingProxyType({})

KINDS: Final[Mapping[str, _Kind]] = MappingProxyType(
    {
        "exact": _Kind(_exact, _NONE, _TEXT_OR_FIELD, _NONE),
        "contains": _Kind(_contains, _NONE, _TEXT_OR_FIELD, MappingProxyType({"ignore_case": bool})),
        "regex": _Kind(_regex, MappingProxyType({"pattern": str}), _NONE, _NONE),
        "json_schema": _Kind(_json_schema, MappingProxyType({"schema": dict}), _NONE, _NONE),
        "max_length": _Kind(
            _max_length, MappingProxyType({"length": int}), _NONE, MappingProxyType({"unit": str})
        ),
        "grader": _Kind(_grader, MappingProxyType({"grader": dict}), _NONE, _NONE),
    }
)
"""Kind of a reward -> how it is measured and what it takes."""


def _checked(reward: object, where: str) -> Mapping[str, Any]:
    kind = KINDS.get(str(reward.get("type"))) if isinstance(reward, Mapping) else None
    if kind is None or not isinstance(reward, Mapping):
        raise Invalid(
            f'"{where}" is no reward', field=where, hint=f'Give its "type": one of {", ".join(KINDS)}'
        )
    known = {**kind.needed, **kind.one_of, **kind.others, "type": str, "weight": float}
    for name, value in reward.items():
        wanted = known.get(name)
        fits = wanted and isinstance(value, (int, float) if wanted is float else wanted)
        if not fits or (isinstance(value, bool) and wanted is not bool):
            allowed = ", ".join(known)
            raise Invalid(
                f'"{where}.{name}" is {excerpt(str(value), 40)}',
                field=f"{where}.{name}",
                hint=f"Known: {allowed}",
            )
    missing = [name for name in kind.needed if name not in reward]
    if missing or (kind.one_of and len(set(kind.one_of) & set(reward)) != 1):
        needs = missing or [" or ".join(kind.one_of)]
        raise Invalid(f'"{where}" needs "{", ".join(needs)}"', field=where)
    _check_settings(reward, where)
    return dict(reward)


def _check_settings(reward: Mapping[str, Any], where: str) -> None:
    if not math.isfinite(reward.get("weight", 1.0)):
        raise Invalid(f'"{where}.weight" is no number', field=f"{where}.weight")
    if reward.get("unit", "tokens") not in UNITS:
        raise Invalid(f'"{where}.unit" is unknown', field=f"{where}.unit", hint=f"Use {' or '.join(UNITS)}")
    try:
        re.compile(reward.get("pattern", ""))
    except (re.error, RecursionError, OverflowError) as error:
        text = f'"{where}.pattern" is no regular expression: {error}'
        raise Invalid(text, field=f"{where}.pattern") from None
    if len(reward.get("pattern", "")) > LONGEST_PATTERN:
        raise Invalid(f'"{where}.pattern" is longer than {LONGEST_PATTERN} characters', field=where)
    if "grader" in reward:
        check_grader(reward["grader"], f"{where}.grader", _checked)
    if "schema" in reward:
        try:
            _validator(reward["schema"])
        except (ValueError, jsonschema_rs.ValidationError, jsonschema_rs.ReferencingError) as error:
            text = getattr(error, "message", str(error))
            raise Invalid(f'"{where}.schema" is no JSON Schema: {text}', field=f"{where}.schema") from None
