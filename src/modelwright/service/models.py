"""Models: create, show, list, copy, delete; history, rollback, diff.

Every model there is was made by `Models.create`, whatever the dialect. Knows
no wire, no SQL and no file: the catalogue is a port.
"""

from collections.abc import AsyncIterator, Collection, Iterator, Mapping

from modelwright.core.digest import Digest
from modelwright.core.draft import SpecDraft
from modelwright.core.errors import Corrupt, Invalid, NotFound
from modelwright.core.grants import Principal
from modelwright.core.lineage import ResolvedSpec, own_fields
from modelwright.core.manifest import Manifest
from modelwright.core.names import ModelRef, Name
from modelwright.core.parameters import Parameters
from modelwright.core.ports import SMALL_BLOB, Blobs, Catalogue, Clock, WeightFiles
from modelwright.core.recipe import EMPTIED, Origin, origin_of_weights
from modelwright.core.revision import BlobRecord, NewRevision, Revision, StoredModel
from modelwright.core.spec import CLEARED, FIELDS, ModelSpec, PinnedParent
from modelwright.core.weights import WeightFacts
from modelwright.service.arrivals import Arrival, Layout, lay_out
from modelwright.service.composer import Composition, Workshop
from modelwright.service.difference import changes
from modelwright.service.resolver import Resolver
from modelwright.service.views import (
    Created,
    CreateEvent,
    FieldChange,
    History,
    LayerReady,
    ManifestReady,
    ModelSummary,
    ModelView,
    Notice,
)


class Models:
    """What can be done with models; each call names the principal who acts."""

    def __init__(
        self, catalogue: Catalogue, blobs: Blobs, files: WeightFiles, resolver: Resolver, clock: Clock
    ) -> None:
        self._catalogue = catalogue
        self._blobs = blobs
        self._files = files
        self._resolver = resolver
        self._clock = clock

    async def create(
        self,
        principal: Principal,
        name: str,
        draft: SpecDraft,
        *,
        message: str = "",
        kind: str = "create",
        arrival: Arrival | None = None,
    ) -> AsyncIterator[CreateEvent]:
        """Make a model, or a new revision of one; events end with Created.

        `arrival`: what the draft was read from, whose manifest is kept as it is.

        Nothing is written unless all of it is. Raises Invalid for the draft,
        NotFound for a base that is not here. But for long work on weights the first
        event comes after the commit, so a failure is never reported as progress.
        """
        target = _target(name)
        composition = Composition(Workshop(self._catalogue, self._resolver, self._files), target.model, draft)
        async for step in composition.steps():
            yield step
        facts = await self._facts(composition.resolved)
        layout = lay_out(composition.spec, composition.resolved, facts, arrival)
        small, files = await self._split({**layout.contents, layout.digest: layout.content})
        stored, changed, added = await self._catalogue.commit(
            self._revision(principal, target, layout, small, message=message, kind=kind)
        )
        for event in _account(draft, composition, layout.manifest, added | files):
            yield event
        yield Created(stored.name, stored.revision.number, changed)

    def _revision(
        self,
        principal: Principal,
        name: Name,
        layout: Layout,
        small: Mapping[Digest, bytes],
        *,
        message: str,
        kind: str,
    ) -> NewRevision:
        return NewRevision(
            name=name,
            spec=layout.spec,
            base=layout.resolved.base,
            parent=layout.resolved.parent,
            manifest=layout.digest,
            size=layout.manifest.size,
            author=principal.name,
            kind=kind,
            created_at=self._clock.now(),
            message=message,
            template=_template_digest(layout.resolved),
            small_blobs=small,
            ancestors=layout.ancestors,
        )

    async def show(self, principal: Principal, ref: str, *, verbose: bool = False) -> ModelView:
        """Everything about a model or one of its revisions.

        `verbose`: with its tensors and vocabulary, read from the weight file.
        """
        stored, revision = await self._resolver.find(ref)
        lineage = await self._catalogue.lineage(revision.spec)
        resolved = await self._resolver.resolve(revision.spec)
        projector = next((layer.digest for layer in resolved.weights if layer.role == "projector"), None)
        anatomy = verbose and resolved.base is not None
        return ModelView(
            summary=await self._summary(stored, revision),
            resolved=resolved,
            own=own_fields(lineage[0]),
            origin=await self._origin(lineage[0], resolved),
            projector=await self._resolver.facts(projector),
            anatomy=await self._files.anatomy(resolved.base) if anatomy and resolved.base else None,
        )

    async def list_models(self, principal: Principal) -> tuple[ModelSummary, ...]:
        """All models, the last changed first."""
        stored = await self._catalogue.list_models()
        return tuple([await self._summary(model, model.revision) for model in stored])

    async def count(self, principal: Principal) -> int:
        """How many models there are, without reading them."""
        return await self._catalogue.count_models()

    async def copy(self, principal: Principal, source: str, destination: str) -> None:
        """Give a model's content a second name; the two then go their own ways."""
        target = _target(destination, field="destination")
        _, revision = await self._resolver.find(source, field="source")
        lineage = await self._catalogue.lineage(revision.spec)
        await self._catalogue.commit(
            NewRevision(
                name=target,
                spec=lineage[0],
                base=revision.base,
                parent=revision.parent,
                manifest=revision.manifest,
                size=revision.size,
                author=principal.name,
                kind="copy",
                created_at=self._clock.now(),
                message=f"copied from {source}",
                template=revision.template,
            )
        )

    async def delete(self, principal: Principal, name: str) -> None:
        """Free a name; models derived from it go on working."""
        target = _target(name)
        if not await self._catalogue.delete(target.key):
            raise NotFound("model", name, field="model")

    async def history(self, principal: Principal, name: str) -> History:
        stored, _ = await self._resolver.find(_target(name).full)
        key = stored.name.key
        revisions, moves = await self._catalogue.history(key), await self._catalogue.moves(key)
        return History(stored.name, stored.revision.number, revisions, moves)

    async def rollback(self, principal: Principal, name: str, number: int) -> ModelSummary:
        """Point a name to one of its revisions; none is lost."""
        target = _target(name)
        await self._resolver.find(f"{name}@{number}")
        stored = await self._catalogue.move(target.key, number, principal.name, self._clock.now())
        return await self._summary(stored, stored.revision)

    async def diff(self, principal: Principal, before: str, after: str) -> tuple[FieldChange, ...]:
        """What differs between two models or revisions, inheritance included."""
        _, old = await self._resolver.find(before, field="before")
        _, new = await self._resolver.find(after, field="after")
        return changes(await self._resolver.resolve(old.spec), await self._resolver.resolve(new.spec))

    async def summary(self, principal: Principal, ref: str) -> ModelSummary:
        """A model's line in a list, alone."""
        return await self._summary(*await self._resolver.find(ref))

    async def _origin(self, spec: ModelSpec, resolved: ResolvedSpec) -> Origin:
        """What a Modelfile stands on that makes this very model again.

        The parent by name where it still says the same, else by revision; the
        weights where the parent is gone, or where a Modelfile cannot say what is
        taken away from it.
        """
        taken_away = {name for name in FIELDS if getattr(spec, name) is CLEARED}
        name = await self._parent_name(spec) if taken_away <= EMPTIED else ""
        return Origin((name,), frozenset(taken_away)) if name else origin_of_weights(resolved)

    async def _parent_name(self, spec: ModelSpec) -> str:
        """How to call the parent as it was; empty when it cannot be called any more."""
        if not isinstance(spec.parent, PinnedParent):
            return "" if spec.parent is None else spec.parent.name
        name = Name.parse(spec.parent.name)
        stored = await self._catalogue.find(name.key)
        if stored is None or str(stored.name) != spec.parent.name:
            return ""
        if stored.revision.spec == spec.parent.spec:
            return spec.parent.name
        for revision in reversed(await self._catalogue.history(name.key)):
            if revision.spec == spec.parent.spec:
                return f"{spec.parent.name}@{revision.number}"
        return ""

    async def _facts(self, resolved: ResolvedSpec) -> WeightFacts:
        facts = await self._resolver.facts(resolved.base)
        if facts is None:
            raise Corrupt("the base's weight file is not described in the store", field="from")
        return facts

    async def _split(
        self, contents: Mapping[Digest, bytes]
    ) -> tuple[Mapping[Digest, bytes], frozenset[Digest]]:
        """Those that the catalogue holds, and which of the others became files."""
        small = {digest: content for digest, content in contents.items() if len(content) <= SMALL_BLOB}
        files = set()
        for digest in contents.keys() - small.keys():
            if await self._catalogue.blob(digest) is None:
                files.add(digest)
            await self._blobs.put(_stream(contents[digest]), expected=digest)
            await self._catalogue.add_blob(BlobRecord(digest, len(contents[digest]), None))
        return small, frozenset(files)

    async def _summary(self, stored: StoredModel, revision: Revision) -> ModelSummary:
        facts = await self._resolver.facts(revision.base)
        return ModelSummary(
            name=stored.name,
            revision=revision.number,
            latest=stored.latest,
            digest=revision.manifest or revision.spec,
            size=revision.size,
            modified_at=revision.created_at,
            facts=facts,
            parent=revision.parent,
            capabilities=await self._resolver.abilities(revision),
        )


def _target(name: str, *, field: str = "model") -> Name:
    """The name of a model as a whole; a revision cannot be meant here."""
    ref = ModelRef.parse(name, field=field)
    if ref.revision is not None:
        raise Invalid(
            f'"{name}" names a revision; revisions do not change', field=field, hint=f'Use "{ref.name.short}"'
        )
    return ref.name


def _template_digest(resolved: ResolvedSpec) -> Digest | None:
    return Digest.of(resolved.prompt_template.encode()) if resolved.prompt_template else None


def _account(
    draft: SpecDraft, composition: Composition, manifest: Manifest, added: Collection[Digest]
) -> Iterator[CreateEvent]:
    """What is to be told of a create that is done, but for its end."""
    yield from composition.told
    for layer in manifest.layers:
        yield LayerReady(layer.digest, layer.digest not in added)
    for text in _notices(draft):
        yield Notice(text)
    yield ManifestReady()


async def _stream(content: bytes) -> AsyncIterator[bytes]:
    yield content


def _notices(draft: SpecDraft) -> tuple[str, ...]:
    """What is kept and has no effect here."""
    parameters = draft.parameters.without_effect if isinstance(draft.parameters, Parameters) else ()
    kept = [f'parameter "{name}"' for name in parameters]
    if isinstance(draft.renderer, str):
        kept.append(f'renderer "{draft.renderer}"')
    if isinstance(draft.parser, str):
        kept.append(f'parser "{draft.parser}"')
    return tuple(f"{what} is kept but has no effect" for what in kept)
