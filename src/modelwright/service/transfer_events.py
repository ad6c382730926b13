"""What pull, push and import tell while they work."""

from dataclasses import dataclass
from typing import TypeAlias

from modelwright.core.digest import Digest
from modelwright.core.names import Name
from modelwright.service.views import Notice


@dataclass(frozen=True, slots=True)
class Stated:
    """A step, in Ollama's words."""

    status: str


@dataclass(frozen=True, slots=True)
class LayerMoved:
    """How many bytes of a blob are there; `verb` is "pulling" or "pushing"."""

    verb: str
    digest: Digest
    total: int
    completed: int


@dataclass(frozen=True, slots=True)
class Transferred:
    """The end: the model, and the digest of its manifest."""

    name: Name
    digest: Digest


TransferEvent: TypeAlias = Stated | LayerMoved | Notice | Transferred
