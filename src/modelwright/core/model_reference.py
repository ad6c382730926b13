"""Source suffixes: where an Ollama client wants a model to run.

`mario:local` is `mario` on this machine; `mario:cloud` and `mario:7b-cloud` are
models of Ollama's own servers, which a caller refuses. The suffix is no tag, so
it is taken off before a name is parsed (Ollama, internal/modelref/modelref.go).
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Self

from modelwright.core.errors import Invalid
from modelwright.core.wording import excerpt

_CLOUD_TAG = "-cloud"


class Source(StrEnum):
    """Where a model is wanted from; empty when the client did not say."""

    UNSTATED = ""
    LOCAL = "local"
    CLOUD = "cloud"


@dataclass(frozen=True, slots=True)
class SourcedName:
    """A model name as text, and the source its suffix asked for."""

    base: str
    source: Source

    @classmethod
    def parse(cls, text: str, *, field: str = "model") -> Self:
        """Take one suffix off; raises Invalid for no text and for two suffixes."""
        text = text.strip()
        if not text:
            raise Invalid("model is required", field=field)
        base, source = split_source(text)
        if source and split_source(base)[1]:
            raise Invalid(f"use either :local or :cloud, not both: {excerpt(text)}", field=field)
        return cls(base, source)


def split_source(text: str) -> tuple[str, Source]:
    """Cut `:local`, `:cloud` or, in a tag only, `-cloud` off, in any letter case."""
    base, colon, suffix = text.rpartition(":")
    suffix = suffix.strip()
    folded = suffix.lower()
    if not colon:
        return text, Source.UNSTATED
    if folded in (Source.LOCAL, Source.CLOUD):
        return base, Source(folded)
    if folded.endswith(_CLOUD_TAG) and "/" not in suffix:
        return f"{base}:{suffix[: -len(_CLOUD_TAG)]}", Source.CLOUD
    return text, Source.UNSTATED
