"""Telling: what is said of a create that is done."""

from collections.abc import Collection, Iterator

from modelwright.core.digest import Digest
from modelwright.core.draft import SpecDraft
from modelwright.core.manifest import Manifest
from modelwright.core.parameters import Parameters
from modelwright.service.composer import Composition
from modelwright.service.views import CreateEvent, LayerReady, ManifestReady, Notice


def told_of_create(
    draft: SpecDraft, composition: Composition, manifest: Manifest | None, added: Collection[Digest]
) -> Iterator[CreateEvent]:
    """What is to be told of a create that is done, but for its end."""
    yield from composition.told
    for layer in manifest.layers if manifest is not None else ():
        yield LayerReady(layer.digest, layer.digest not in added)
    for text in _notices(draft):
        yield Notice(text)
    if manifest is not None:
        yield ManifestReady()


def _notices(draft: SpecDraft) -> tuple[str, ...]:
    """What is kept and has no effect here."""
    parameters = draft.parameters.without_effect if isinstance(draft.parameters, Parameters) else ()
    kept = [f'parameter "{name}"' for name in parameters]
    if isinstance(draft.renderer, str):
        kept.append(f'renderer "{draft.renderer}"')
    if isinstance(draft.parser, str):
        kept.append(f'parser "{draft.parser}"')
    return tuple(f"{what} is kept but has no effect" for what in kept)
