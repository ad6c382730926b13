"""Templates: the prompt templates of models, read once, and what they enable."""

from typing import Final

from modelwright.core.prompt_template.faults import TemplateError
from modelwright.core.prompt_template.prompt import PromptTemplate
from modelwright.service.bounded import Bounded

_KEPT: Final = 256


class Templates:
    """Reads the prompt templates of models, each text once."""

    def __init__(self) -> None:
        self._read: Bounded[str, PromptTemplate] = Bounded(_KEPT)

    def read(self, text: str) -> PromptTemplate:
        """Raises TemplateError."""
        return self._read.get(text) or self._read.put(text, PromptTemplate.parse(text))

    def abilities(self, text: str) -> tuple[str, ...]:
        """What a model can do that answers through this template."""
        try:
            return ("completion", *self.read(text).capabilities)
        except TemplateError:
            return ("completion",)  # stored by something that reads more than this does
