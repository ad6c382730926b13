"""Shipped: the model templates that come with the package, by name."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from modelwright.core.model_template import ModelTemplate

FOLDER: Final = Path(__file__).parent / "templates"


def shipped_templates() -> Mapping[str, ModelTemplate]:
    """All of them; raises Corrupt for one that is damaged."""
    return {
        path.stem: ModelTemplate.from_canonical(path.read_bytes()) for path in sorted(FOLDER.glob("*.json"))
    }
