"""Wording: how a caller's text is quoted, and corrected, in an error message."""

import difflib
from collections.abc import Iterable


def excerpt(text: str, limit: int = 100) -> str:
    """Return `text` in double quotes, on one line, cut to `limit` characters.

    Unprintable characters are escaped, so the result is valid UTF-8 also where
    the text, from JSON, holds lone surrogates.
    """
    shown = "".join(
        char if char.isprintable() else char.encode("unicode_escape").decode("ascii") for char in text[:limit]
    )
    return f'"{shown}..."' if len(text) > limit else f'"{shown}"'


def nearest(word: str, known: Iterable[str]) -> str:
    """Return the known word that `word` was probably meant to be, else an empty text."""
    if len(word) > 40:  # comparing takes time quadratic in the length
        return ""
    return next(iter(difflib.get_close_matches(word.lower(), list(known), n=1)), "")


def json_type(value: object) -> str:
    """Return JSON's word for the type of a decoded value."""
    words = {bool: "boolean", int: "integer", float: "number", str: "string", dict: "object", list: "array"}
    return words.get(type(value), "null" if value is None else type(value).__name__)
