"""Card: what may change about a model without changing how it behaves.

It stands beside the spec, has a digest of its own and is versioned with it.
`extras` are fields that one dialect alone knows, by that dialect's name: kept as
they came and given back unchanged. Knows no dialect, and does not look at pictures.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any, Final, TypeAlias

from modelwright.core.digest import Digest
from modelwright.core.errors import Corrupt, Invalid, TooLarge
from modelwright.core.spec import canonical_json

LARGEST: Final = 4 * 1024 * 1024
"""Canonical bytes that a card may have, its picture included."""

Extras: TypeAlias = Mapping[str, Mapping[str, Any]]
"""Name of a dialect -> its own fields, JSON values."""


@dataclass(frozen=True, slots=True)
class Card:
    """What is shown of a model; empty fields say nothing.

    `picture` is a URL or a data URI; `capabilities` are statements such as
    {"vision": true}; `model_card` is text for readers. A model that is not
    `active` is not offered for use.
    """

    display_name: str = ""
    description: str = ""
    picture: str = ""
    tags: tuple[str, ...] = ()
    capabilities: Mapping[str, Any] = field(default_factory=dict)
    model_card: str = ""
    active: bool = True
    extras: Extras = field(default_factory=dict)

    def canonical(self) -> bytes:
        """The bytes that the digest is taken over: sorted keys, no blanks, UTF-8.

        Raises Invalid for what JSON cannot hold, TooLarge above LARGEST.
        """
        tree = {name: getattr(self, name) for name in _NAMES if getattr(self, name) != getattr(_EMPTY, name)}
        try:
            content = canonical_json({**tree, "format": 1})
        except (ValueError, TypeError, RecursionError) as error:
            raise Invalid(f"a card cannot hold a value: {error}", field="card") from error
        if len(content) > LARGEST:
            limit = f"{LARGEST // 1024**2} MiB"
            raise TooLarge(
                f"the card has {len(content)} bytes; the limit is {limit}", hint="Use a smaller picture"
            )
        return content

    @property
    def digest(self) -> Digest | None:
        """None for a card that says nothing."""
        return Digest.of(self.canonical()) if self else None

    def __bool__(self) -> bool:
        return self != _EMPTY

    @classmethod
    def from_canonical(cls, content: bytes) -> "Card":
        """Read canonical bytes back; raises Corrupt when they are not such."""
        try:
            tree = json.loads(content)
            if tree.pop("format") != 1:
                raise Corrupt("a stored card has an unknown format", hint="Upgrade modelwright")
            if "tags" in tree:
                tree["tags"] = tuple(tree["tags"])
            return cls(**tree)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise Corrupt("a stored card cannot be read") from error

    def extra(self, dialect: str) -> Mapping[str, Any]:
        """The fields that one dialect keeps."""
        return self.extras.get(dialect, {})

    def with_extra(self, dialect: str, values: Mapping[str, Any]) -> "Card":
        """The card with a dialect's fields replaced; empty ones are taken away."""
        others = {name: kept for name, kept in self.extras.items() if name != dialect}
        return replace(self, extras={**others, dialect: dict(values)} if values else others)


_EMPTY: Final = Card()
_NAMES: Final = tuple(each.name for each in fields(Card))
