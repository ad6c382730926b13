"""Abilities: what a model can do, by its weights and its own prompt template."""

from typing import Final

from modelwright.core.lineage import ResolvedSpec
from modelwright.core.prompt_template.faults import TemplateError
from modelwright.core.prompt_template.prompt import PromptTemplate
from modelwright.core.weights import WeightFacts
from modelwright.service.bounded import Bounded

_KEPT: Final = 256


class Templates:
    """Reads the prompt templates of models, each text once."""

    def __init__(self) -> None:
        self._read: Bounded[str, PromptTemplate] = Bounded(_KEPT)

    def read(self, text: str) -> PromptTemplate:
        """Raises TemplateError."""
        return self._read.get(text) or self._read.put(text, PromptTemplate.parse(text))

    def abilities(self, resolved: ResolvedSpec, facts: WeightFacts) -> tuple[str, ...]:
        """A template of its own decides instead of the one in the weights."""
        if not resolved.prompt_template or "completion" not in facts.capabilities:
            return facts.capabilities
        try:
            return ("completion", *self.read(resolved.prompt_template).capabilities)
        except TemplateError:
            return ("completion",)  # stored by something that reads more than this does
