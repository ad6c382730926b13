"""Starter: the files of the model that comes with the package.

Where they are and what their digest must be; not how a model is made of them
(bundle.py).
"""

from pathlib import Path
from typing import Final

from modelwright.core.digest import Digest

NAME: Final = "starter"
WEIGHTS: Final = Path(__file__).parent / "starter-f16.gguf"

_DIGEST: Final = WEIGHTS.with_name(f"{WEIGHTS.name}.sha256")


def published_digest() -> Digest | None:
    """The digest that the weights must have; None when they are not installed."""
    if not (WEIGHTS.is_file() and _DIGEST.is_file()):
        return None
    return Digest(_DIGEST.read_text().split()[0])
