"""Telling: what is said of a create that is done. Writes nothing, and asks nobody."""

from collections.abc import Collection, Iterator

from modelwright.core.digest import Digest
from modelwright.core.draft import SpecDraft
from modelwright.core.errors import Unsupported
from modelwright.core.lineage import ResolvedSpec
from modelwright.core.manifest import Manifest
from modelwright.core.parameters import Parameters
from modelwright.core.renderers import check_formats
from modelwright.core.weights import WeightFacts
from modelwright.service.composer import Composition
from modelwright.service.views import CreateEvent, LayerReady, ManifestReady, Notice


def told_of_create(
    draft: SpecDraft,
    composition: Composition,
    facts: WeightFacts | None,
    manifest: Manifest | None,
    added: Collection[Digest],
) -> Iterator[CreateEvent]:
    """What is to be told of a create that is done, but for its end."""
    yield from composition.told
    for layer in manifest.layers if manifest is not None else ():
        yield LayerReady(layer.digest, layer.digest not in added)
    for text in _notices(draft, composition.resolved, facts):
        yield Notice(text)
    if manifest is not None:
        yield ManifestReady()


def _notices(draft: SpecDraft, resolved: ResolvedSpec, facts: WeightFacts | None) -> tuple[str, ...]:
    """What is kept and has no effect here, or keeps the model from answering."""
    parameters = draft.parameters.without_effect if isinstance(draft.parameters, Parameters) else ()
    kept = [f'parameter "{name}" is kept but has no effect' for name in parameters]
    try:
        if facts is not None:
            check_formats(resolved.renderer, resolved.parser, facts.chat_template)
    except Unsupported as error:
        kept.append(f"the model is kept but cannot answer: {error}")
    return tuple(kept)
