"""Digest: the name of some bytes. It is the only way to a blob's path.

Accepts Ollama's two spellings, `sha256:<64 hex>` and `sha256-<64 hex>`
(Ollama, manifest/paths.go); always prints the first, in lower case.
"""

import hashlib
import re
from dataclasses import dataclass
from typing import Self

from modelwright.core.errors import Invalid
from modelwright.core.wording import excerpt

_PATTERN = re.compile(r"sha256[:-]([0-9a-fA-F]{64})", re.ASCII)
_HINT = "A digest is sha256: and 64 hex characters"


@dataclass(frozen=True, slots=True, order=True)
class Digest:
    """A SHA-256 digest; `hex` is 64 lower-case hexadecimal characters."""

    hex: str

    def __post_init__(self) -> None:
        if not _PATTERN.fullmatch(f"sha256:{self.hex}") or self.hex != self.hex.lower():
            raise Invalid(f"invalid digest {excerpt(self.hex)}", hint=_HINT)

    @classmethod
    def parse(cls, text: str, *, field: str = "digest") -> Self:
        """Read a digest; raises Invalid that quotes the text."""
        match = _PATTERN.fullmatch(text)
        if match is None:
            raise Invalid(f"invalid digest {excerpt(text)}", field=field, hint=_HINT)
        return cls(match.group(1).lower())

    @classmethod
    def of(cls, content: bytes) -> Self:
        """Digest these bytes."""
        return cls(hashlib.sha256(content).hexdigest())

    def __str__(self) -> str:
        return f"sha256:{self.hex}"
