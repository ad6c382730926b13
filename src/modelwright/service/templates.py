"""Templates: the prompt templates of models, read once, and what they enable."""

from typing import Final

from modelwright.core.digest import Digest
from modelwright.core.lineage import ResolvedSpec
from modelwright.core.prompt_template.faults import TemplateError
from modelwright.core.prompt_template.prompt import PromptTemplate
from modelwright.core.renderers import PARSERS, Parser, check_formats
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

    def chosen(self, resolved: ResolvedSpec, facts: WeightFacts) -> str:
        """The prompt template that a model answers through; "" is that of its weights.

        A renderer stands for the latter, also beside a template (Ollama, server/prompt.go).
        Raises Unsupported for a renderer or parser that cannot be honoured.
        """
        check_formats(resolved.renderer, resolved.parser, facts.chat_template)
        return "" if resolved.renderer else resolved.prompt_template

    def abilities(
        self, resolved: ResolvedSpec, facts: WeightFacts, projector: WeightFacts | None = None
    ) -> tuple[str, ...]:
        """What a model can do, by its template, parser and projector's facts.

        Source: Ollama, server/images.go (Capabilities).
        """
        if facts.pooled:
            return facts.capabilities
        found = [*facts.capabilities]
        if resolved.prompt_template and not resolved.renderer:
            found = ["completion", *self._allowed(resolved.prompt_template)]
        parser = PARSERS.get(resolved.parser, Parser())
        found += ["tools"] * parser.tools + ["thinking"] * parser.thinking
        if resolved.projector is not None:
            found += ["vision"] if projector is None else projector.senses
        return tuple(dict.fromkeys(found))

    def _allowed(self, text: str) -> tuple[str, ...]:
        try:
            return self.read(text).capabilities
        except TemplateError:
            return ()  # stored by something that reads more than this does


def abilities_digest(resolved: ResolvedSpec) -> Digest | None:
    """What abilities follow from, beside the weights; None when nothing does.

    A renderer is used in a template's place.
    """
    own = "" if resolved.renderer else resolved.prompt_template
    seen = "" if resolved.projector is None else str(resolved.projector)
    said = "\0".join((own, resolved.parser, seen)).rstrip("\0")
    return Digest.of(said.encode()) if said else None
