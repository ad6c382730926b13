"""Minting: a free name for a model, from any text that somebody wants it to have.

Pure: whether a name is taken is asked of the caller.
"""

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from modelwright.core.errors import Invalid
from modelwright.core.names import Name, slug

MOST: Final = 100_000
"""Numbers tried before a name counts as not to be had."""


def candidates(wanted: str, namespace: str) -> Iterator[Name]:
    """Names to try, in order: the wanted one, then with -2, -3, ... at its end.

    A text that is a model's part of a name, perhaps with a tag, is taken as it is;
    of any other its slug is.
    """
    first = _first(wanted, namespace)
    yield first
    for number in range(2, MOST):
        end = f"-{number}"
        yield replace(first, model=first.model[: 80 - len(end)] + end)


def _first(wanted: str, namespace: str) -> Name:
    try:
        name = Name.parse(slug(wanted) if "/" in wanted else wanted)
    except Invalid:
        name = Name.parse(slug(wanted))
    return replace(name, namespace=namespace)
