"""Recipe: a model said as the Modelfile that makes it again.

The inverse of draft.py: read with it, a recipe gives the model that it was
made of. A text that a Modelfile cannot hold becomes a comment that says so.
"""

from dataclasses import dataclass
from typing import Final

from modelwright.core.errors import Unsupported
from modelwright.core.lineage import ResolvedSpec
from modelwright.core.manifest import go_float
from modelwright.core.modelfile import Command, print_commands
from modelwright.core.renderers import LIKELY

EMPTIED: Final = frozenset({"system", "prompt_template", "licences", "renderer", "parser"})
"""Fields that an empty command takes away from what is inherited."""


@dataclass(frozen=True, slots=True)
class Origin:
    """What FROM names: `texts`, and the fields of `EMPTIED` that are to be taken away."""

    texts: tuple[str, ...]
    emptied: frozenset[str] = frozenset()


PRIVATE: Final = Origin(())
"""An origin of which nothing may be said."""


def origin_of_weights(resolved: ResolvedSpec, architecture: str) -> Origin:
    """The weights themselves, and the name of what they came from.

    Nothing else is inherited. What such weights would be given, and the model has not, is taken away.
    """
    former = f" AS {resolved.parent}" if resolved.parent else ""
    given = ("renderer", "parser") if architecture in LIKELY else ()
    lacking = frozenset(name for name in given if not getattr(resolved, name))
    return Origin(tuple(f"@{layer.digest}{former}" for layer in resolved.weights), lacking)


def commands_of(resolved: ResolvedSpec, origin: Origin) -> tuple[Command, ...]:
    """Say a resolved spec as a Modelfile's commands, FROM first.

    The order is Ollama's (server/images.go).
    """
    pairs = [("model", text) for text in origin.texts]
    pairs += [("adapter", _adapter_text(str(a.digest), a.scale)) for a in resolved.adapters]
    pairs += _texts("template", resolved.prompt_template, "prompt_template" in origin.emptied)
    pairs += _texts("system", resolved.system, "system" in origin.emptied)
    pairs += _texts("renderer", resolved.renderer, "renderer" in origin.emptied)
    pairs += _texts("parser", resolved.parser, "parser" in origin.emptied)
    pairs += _texts("requires", resolved.requires)
    pairs += resolved.parameters.to_texts()
    pairs += [("license", licence) for licence in resolved.licences]
    pairs += _texts("license", "", "licences" in origin.emptied and not resolved.licences)
    pairs += _texts("info", resolved.description.as_text() if resolved.description else "")
    pairs += [("message", f"{m.role}: {m.content}") for m in resolved.messages]
    return tuple(Command(name, args, line, 1) for line, (name, args) in enumerate(pairs, start=1))


def print_recipe(resolved: ResolvedSpec, origin: Origin) -> str:
    """The Modelfile's text; a command that has no spelling is a comment."""
    return "".join(_printed(command) for command in commands_of(resolved, origin))


def _printed(command: Command) -> str:
    try:
        return print_commands([command])
    except Unsupported as error:
        return f"# {command.name.upper()}: {error.message}\n"


def _texts(name: str, text: str, emptied: bool = False) -> list[tuple[str, str]]:
    return [(name, text)] if text or emptied else []


def _adapter_text(digest: str, scale: float) -> str:
    return f"@{digest}" if scale == 1 else f"@{digest} SCALE {go_float(scale)}"
