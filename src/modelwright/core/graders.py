"""Graders: OpenAI's way to say how good an answer is, from 0 to 1.

string_check and text_similarity compare texts in which {{item.field}} stands for
a field of the row, {{sample.output_text}} for the answer; multi computes with
several graders. Nobody's code is run: a formula has numbers, names and a few
functions. Any other type is one of our declared rewards, known to the caller.
"""

import ast
import json
import math
import operator
import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from types import MappingProxyType
from typing import Any, Final, TypeAlias

from modelwright.core.errors import Invalid, Unsupported
from modelwright.core.similarity import MEASURES
from modelwright.core.wording import excerpt

Tree: TypeAlias = Mapping[str, Any]

LONGEST_FORMULA: Final = 1_000
MOST_GRADERS: Final = 16
REFUSED: Final = ("python", "score_model", "label_model", "endpoint")
"""Types that would run somebody's code, or ask a second model."""

OPERATIONS: Final[Mapping[str, Callable[[str, str], bool]]] = MappingProxyType(
    {
        "eq": operator.eq,
        "ne": operator.ne,
        "like": lambda text, wanted: wanted in text,
        "ilike": lambda text, wanted: wanted.casefold() in text.casefold(),
    }
)
_PLACE: Final = re.compile(r"\{\{\s*([^{}]*?)\s*\}\}")
_WORDS: Final = re.compile(r"(item|sample)((?:\.[A-Za-z0-9_]+)+)")
_BINARY: Final[Mapping[type, Callable[[float, float], float]]] = MappingProxyType(
    {ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.Div: operator.truediv}
)
_FUNCTIONS: Final[Mapping[str, Callable[..., float]]] = MappingProxyType(
    {
        "min": min,
        "max": max,
        "abs": abs,
        "floor": math.floor,
        "ceil": math.ceil,
        "exp": math.exp,
        "sqrt": math.sqrt,
        "log": math.log,
    }
)


def check_grader(
    tree: object, where: str, check: Callable[[object, str], Tree], *, inner: bool = False
) -> Tree:
    """Check a grader; `check` does it for a declared reward.

    Raises Invalid or Unsupported.
    """
    if not isinstance(tree, Mapping):
        raise Invalid(f'"{where}" is no grader', field=where, hint='Give an object with a "type"')
    kind = tree.get("type")
    if kind in REFUSED:
        raise Unsupported(
            f'graders of the type "{kind}" are not supported',
            field=f"{where}.type",
            hint="Use string_check, text_similarity, multi, or a declared reward such as regex",
        )
    if kind == "string_check":
        _check_texts(tree, where)
        _one_of(tree.get("operation"), OPERATIONS, f"{where}.operation")
    elif kind == "text_similarity":
        _check_texts(tree, where)
        _one_of(tree.get("evaluation_metric"), MEASURES, f"{where}.evaluation_metric")
    elif kind == "multi" and not inner:
        _check_multi(tree, where, check)
    elif kind == "multi":
        raise Invalid(f'"{where}" is a multi grader in another one', field=where)
    else:
        return check({name: value for name, value in tree.items() if name != "name"}, where)
    return tree


def grade(tree: Tree, text: str, item: Tree, measure: Callable[[Tree], float]) -> float:
    """How good an answer is; `measure` says it of a declared reward."""
    match tree["type"]:
        case "string_check":
            found = OPERATIONS[tree["operation"]]
            return float(found(_filled(tree["input"], text, item), _filled(tree["reference"], text, item)))
        case "text_similarity":
            compared = MEASURES[tree["evaluation_metric"]]
            return compared(_filled(tree["input"], text, item), _filled(tree["reference"], text, item))
        case "multi":
            graders = tree["graders"]
            scores = {name: grade(each, text, item, measure) for name, each in graders.items()}
            return _computed(tree["calculate_output"], scores)
    return measure(tree)


def _check_texts(tree: Tree, where: str) -> None:
    for name in ("input", "reference"):
        value, place = tree.get(name), f"{where}.{name}"
        if not isinstance(value, str):
            raise Invalid(f'"{place}" must be a text', field=place)
        for match in _PLACE.finditer(value):
            if not _WORDS.fullmatch(match[1]):
                raise Invalid(
                    f'"{place}" has {excerpt(match[0], 40)}',
                    field=place,
                    hint="Use {{item.FIELD}} or {{sample.output_text}}",
                )


def _check_multi(tree: Tree, where: str, check: Callable[[object, str], Tree]) -> None:
    graders = tree.get("graders")
    if not isinstance(graders, Mapping) or not 1 <= len(graders) <= MOST_GRADERS:
        raise Invalid(
            f'"{where}.graders" must hold 1 to {MOST_GRADERS} graders by name', field=f"{where}.graders"
        )
    for name, each in graders.items():
        check_grader(each, f"{where}.graders.{name}", check, inner=True)
    formula, place = tree.get("calculate_output"), f"{where}.calculate_output"
    if not isinstance(formula, str):
        raise Invalid(f'"{place}" must be a text', field=place, hint="For example: 0.5 * a + 0.5 * b")
    with suppress(ArithmeticError, ValueError):  # as some scores may make it; the answer is then worth 0
        _value(_parsed(formula, place), dict.fromkeys(graders, 1.0), place)


def _one_of(value: object, known: Mapping[str, object], where: str) -> None:
    if not isinstance(value, str) or value not in known:
        shown = excerpt(str(value), 40)
        raise Invalid(f'"{where}" is {shown}', field=where, hint=f"Use {', '.join(known)}")


def _filled(template: str, text: str, item: Tree) -> str:
    return _PLACE.sub(lambda match: _named(match[1], text, item), template)


def _named(path: str, text: str, item: Tree) -> str:
    root, *steps = path.split(".")
    value: Any = item
    if root == "sample":
        if steps == ["output_text"]:
            return text
        try:
            value = {"output_json": json.loads(text)}
        except (ValueError, RecursionError):
            return ""
    for step in steps:
        value = value.get(step) if isinstance(value, Mapping) else None
    return value if isinstance(value, str) else "" if value is None else json.dumps(value)


def _parsed(formula: str, where: str) -> ast.expr:
    if len(formula) <= LONGEST_FORMULA:
        try:
            return ast.parse(formula.strip(), mode="eval").body
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            pass
    raise Invalid(f'"{where}" is no formula: {excerpt(formula, 40)}', field=where)


def _computed(formula: str, scores: Mapping[str, float]) -> float:
    try:
        value = float(_value(_parsed(formula, "calculate_output"), scores, "calculate_output"))
    except (ArithmeticError, ValueError):
        return 0.0
    return value if math.isfinite(value) else 0.0


def _value(node: ast.expr, scores: Mapping[str, float], where: str) -> float:
    match node:
        case ast.Constant(value=int() | float() as number) if not isinstance(number, bool):
            return number
        case ast.Name(id=name) if name in scores:
            return scores[name]
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return -_value(operand, scores, where)
        case ast.BinOp(left=left, op=op, right=right) if type(op) in _BINARY:
            return _BINARY[type(op)](_value(left, scores, where), _value(right, scores, where))
        case ast.Call(func=ast.Name(id=name), args=[_, *_] as given, keywords=[]) if name in _FUNCTIONS:
            return _FUNCTIONS[name](*(_value(each, scores, where) for each in given))
    allowed = f"numbers, {', '.join(scores)}, + - * / and {', '.join(_FUNCTIONS)}"
    raise Invalid(f'"{where}" holds more than a formula may', field=where, hint=f"Allowed are {allowed}")
