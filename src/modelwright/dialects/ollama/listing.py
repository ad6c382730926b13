"""Models as Ollama lists and shows them.

Facts: Ollama, api/types.go and server/images.go. ollama4j refuses keys that it
does not know in the root of every list and in the details of running models.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

import orjson

from modelwright.core.parameters import ParameterValue, number_text
from modelwright.core.recipe import print_recipe
from modelwright.core.weights import Anatomy, WeightFacts
from modelwright.dialects.base import timestamp
from modelwright.service.views import ModelSummary, ModelView, RunningView

NEVER: Final = "2318-01-01T00:00:00Z"
"""When a model expires that never does: late, and fit for every client's clock."""

_PADDED: Final = 30


def tags(models: Sequence[ModelSummary]) -> dict[str, Any]:
    return {"models": [_tag(model) for model in models]}


def running(models: Sequence[RunningView]) -> dict[str, Any]:
    return {"models": [_running(view) for view in models]}


def shown(view: ModelView) -> dict[str, Any]:
    """Everything about a model; empty texts are left out, as upstream does."""
    resolved = view.resolved
    texts = {
        "license": "\n".join(resolved.licences),
        "modelfile": _modelfile(view),
        "parameters": "\n".join(_parameter_lines(view)),
        "template": resolved.prompt_template,
        "system": resolved.system,
        "renderer": resolved.renderer,
        "parser": resolved.parser,
        "requires": resolved.requires,
    }
    tree: dict[str, Any] = {name: text for name, text in texts.items() if text}
    tree["details"] = _shown_details(view)
    if resolved.messages:
        tree["messages"] = [{"role": m.role, "content": m.content} for m in resolved.messages]
    tree["model_info"] = _model_info(view.summary.facts, view.anatomy)
    if view.projector is not None:
        tree["projector_info"] = _model_info(view.projector)
    if view.anatomy is not None:
        tree["tensors"] = [{"name": t.name, "type": t.type, "shape": t.shape} for t in view.anatomy.tensors]
    capabilities = (*view.summary.capabilities, *resolved.description.capabilities)
    tree["capabilities"] = list(dict.fromkeys(capabilities))
    tree["modified_at"] = timestamp(view.summary.modified_at)
    return tree


def _shown_details(view: ModelView) -> dict[str, Any]:
    """What the weights say of themselves, under what the model says."""
    details, said = _details(view.summary) | _lengths(view.summary.facts), view.resolved.description
    if said.model_family:
        details["families"] = list(dict.fromkeys((said.model_family, *details["families"])))
    over = {
        "family": said.model_family,
        "parameter_size": said.parameter_size,
        "quantization_level": said.quantization_level,
        "context_length": said.context_length,
        "embedding_length": said.embedding_length,
    }
    return details | {name: value for name, value in over.items() if value}


def _tag(model: ModelSummary) -> dict[str, Any]:
    return {
        "name": str(model.name),
        "model": str(model.name),
        "modified_at": timestamp(model.modified_at),
        "size": model.size,
        "digest": model.digest.hex,
        "details": _details(model) | _lengths(model.facts),
        "capabilities": list(model.capabilities),
    }


def _running(view: RunningView) -> dict[str, Any]:
    model, engine = view.summary, view.running
    return {
        "name": str(model.name),
        "model": str(model.name),
        "size": engine.size,
        "digest": model.digest.hex,
        "details": _details(model),
        "expires_at": _expiry(engine.expires_at),
        "size_vram": engine.size_vram,
        "context_length": engine.context,
    }


def _expiry(moment: datetime | None) -> str:
    return NEVER if moment is None else timestamp(moment)


def _details(model: ModelSummary) -> dict[str, Any]:
    """The six keys that every client knows."""
    facts = model.facts
    return {
        "parent_model": model.parent,
        "format": facts.format if facts else "",
        "family": facts.architecture if facts else "",
        "families": [facts.architecture] if facts else [],
        "parameter_size": facts.parameter_size if facts else "",
        "quantization_level": facts.file_type if facts else "",
    }


def _lengths(facts: WeightFacts | None) -> dict[str, int]:
    if facts is None:
        return {}
    return {"context_length": facts.context_length, "embedding_length": facts.embedding_length}


def _model_info(facts: WeightFacts | None, anatomy: Anatomy | None = None) -> dict[str, Any]:
    """The header's metadata; arrays are null unless the anatomy is there."""
    if facts is None:
        return {}
    certain = {"general.architecture": facts.architecture, "general.parameter_count": facts.parameter_count}
    return {**certain, **facts.metadata, **(anatomy.arrays if anatomy is not None else {})}


def _modelfile(view: ModelView) -> str:
    """A Modelfile that makes the model again; its first line is upstream's."""
    return (
        '# Modelfile generated by "ollama show"\n'
        "# To build a new Modelfile based on this, replace FROM with:\n"
        f"# FROM {view.summary.name}\n\n"
    ) + print_recipe(view.resolved, view.origin)


def _parameter_lines(view: ModelView) -> list[str]:
    lines: list[str] = []
    for name, value in view.resolved.parameters.items:
        values = value if isinstance(value, tuple) else (value,)
        lines.extend(f"{name:<{_PADDED}} {_literal(each)}" for each in values)
    return lines


def _literal(value: ParameterValue) -> str:
    """A value as Go prints it with %#v: texts in double quotes."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return number_text(value) if isinstance(value, int | float) else orjson.dumps(value).decode()
