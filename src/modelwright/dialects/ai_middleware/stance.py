"""Stance: how closely this dialect keeps to the original.

Facts: fernanclok/AI-middleware, commit 727f26c. "corrected" mends its faults: values
in range and names with a colon are accepted, statuses say whose fault it is, and a
create that failed is not called a success. "exact" keeps its checks, codes and texts.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

FIXED_NAMES: Final = ("mistral", "llama2", "codellama", "dolphin-mixtral")
"""The only models that the original makes others of."""


@dataclass(frozen=True, slots=True)
class Stance:
    """`stand_ins`: the models that fixed names stand for; `speech_model`: what hears."""

    compat: Literal["corrected", "exact"] = "corrected"
    stand_ins: Mapping[str, str] = field(default_factory=dict)
    speech_model: str = ""

    @property
    def is_exact(self) -> bool:
        return self.compat == "exact"

    def meant(self, name: str) -> str:
        """The model that a client means, by a name that may be one of the four."""
        return self.stand_ins.get(name.strip(), name)
