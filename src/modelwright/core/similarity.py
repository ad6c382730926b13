"""Similarity: how alike an answer and a reference text are, from 0 to 1. Pure.

The measures that OpenAI's text_similarity grader names, computed over words;
fuzzy_match over characters. Sources: Papineni et al. 2002 (BLEU, smoothed by one
after Lin and Och 2004), Wu et al. 2016 (GLEU), Lin 2004 (ROUGE).
"""

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from difflib import SequenceMatcher
from functools import partial
from types import MappingProxyType
from typing import Final

_ORDERS: Final = (1, 2, 3, 4)
LONGEST: Final = 2_000
"""Words, or characters of a fuzzy match, that are compared; the rest is left out."""


def _fuzzy(answer: str, reference: str) -> float:
    return SequenceMatcher(None, answer[:LONGEST], reference[:LONGEST], autojunk=False).ratio()


def _bleu(answer: str, reference: str) -> float:
    said, wanted = _words(answer), _words(reference)
    if not said or not wanted:
        return float(said == wanted)
    total = 0.0
    for n in _ORDERS:
        shared, own, _ = _overlap(said, wanted, n)
        smooth = 0 if n == 1 else 1
        if shared + smooth == 0:
            return 0.0
        total += math.log((shared + smooth) / (own + smooth))
    brevity = min(0.0, 1 - len(wanted) / len(said))
    return math.exp(brevity + total / len(_ORDERS))


def _gleu(answer: str, reference: str) -> float:
    said, wanted = _words(answer), _words(reference)
    found = [_overlap(said, wanted, n) for n in _ORDERS]
    longest = max(sum(own for _, own, _ in found), sum(theirs for _, _, theirs in found))
    return sum(shared for shared, _, _ in found) / longest if longest else float(said == wanted)


def _rouge(n: int, answer: str, reference: str) -> float:
    return _f1(*_overlap(_words(answer), _words(reference), n))


def _rouge_l(answer: str, reference: str) -> float:
    said, wanted = _words(answer), _words(reference)
    row = [0] * (len(wanted) + 1)
    for word in said:
        before = 0
        for place, other in enumerate(wanted, 1):
            before, row[place] = row[place], before + 1 if word == other else max(row[place], row[place - 1])
    return _f1(row[-1], len(said), len(wanted))


MEASURES: Final[Mapping[str, Callable[[str, str], float]]] = MappingProxyType(
    {
        "fuzzy_match": _fuzzy,
        "bleu": _bleu,
        "gleu": _gleu,
        **{f"rouge_{n}": partial(_rouge, n) for n in range(1, 6)},
        "rouge_l": _rouge_l,
    }
)
"""Name of a measure -> how an answer and a reference are compared."""


def _words(text: str) -> list[str]:
    return text.lower().split()[:LONGEST]


def _grams(words: Sequence[str], n: int) -> Counter[tuple[str, ...]]:
    return Counter(tuple(words[place : place + n]) for place in range(len(words) - n + 1))


def _overlap(said: Sequence[str], wanted: Sequence[str], n: int) -> tuple[int, int, int]:
    """Sequences of n words that both have, that the one has, that the other has."""
    own, theirs = _grams(said, n), _grams(wanted, n)
    return (own & theirs).total(), own.total(), theirs.total()


def _f1(shared: int, own: int, theirs: int) -> float:
    return 2 * shared / (own + theirs) if own + theirs else 0.0
