"""Composer: a draft's references become pinned specs and described blobs.

Long work (converting, quantizing) is told while it goes on. Nothing is written
but blobs and what is known of them; the name comes later, in one transaction.
"""

from collections.abc import AsyncGenerator, AsyncIterator, Collection, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Final

from modelwright.core.compatibility import check_requires
from modelwright.core.digest import Digest
from modelwright.core.draft import SpecDraft
from modelwright.core.errors import Corrupt, Invalid, NotFound
from modelwright.core.grants import Principal, Verb
from modelwright.core.lineage import ResolvedSpec, overlaid, resolve
from modelwright.core.names import ModelRef, Name
from modelwright.core.parameters import Parameters
from modelwright.core.ports import Catalogue, Made, Progress, WeightFiles
from modelwright.core.renderers import LIKELY
from modelwright.core.revision import BlobRecord, StoredModel
from modelwright.core.spec import (
    CLEARED,
    FIELDS,
    UNSET,
    Absence,
    AdapterLayer,
    FollowedParent,
    FormerParent,
    ModelSpec,
    PinnedParent,
    WeightLayer,
)
from modelwright.core.weight_files import MIXED, UNKNOWN_TYPE, NamedAdapter, NamedBlob, format_of, split_parts
from modelwright.core.weights import WeightFacts
from modelwright.core.wording import excerpt
from modelwright.service.resolver import Resolver
from modelwright.service.views import Notice, Working

PARSING: Final = "parsing GGUF"

STOPS: Final = MappingProxyType({"gemma4": Parameters.of({"stop": ["<turn|>"]})})
"""Architecture -> parameters of a new base, under those that are asked for."""


@dataclass(frozen=True, slots=True)
class Workshop:
    """What a composition needs from the world, and for whom it is made."""

    principal: Principal
    catalogue: Catalogue
    resolver: Resolver
    files: WeightFiles


class Composition:
    """A draft that is being made into a spec.

    `spec`, `ancestors`, `resolved` and `told` are whole once `steps` has ended. What takes no
    time is in `told` and not among the steps, so that a create that fails at it
    fails before it has said anything.
    """

    def __init__(self, workshop: Workshop, target: Name, draft: SpecDraft) -> None:
        self.spec = _plain(draft)
        self.ancestors: Sequence[ModelSpec] = ()
        self.resolved = ResolvedSpec()
        self.told: list[Working | Notice] = []
        self._workshop = workshop
        self._target = target
        self._name = target.model
        self._draft = draft
        self._files = draft.files

    async def steps(self) -> AsyncIterator[Working | Notice]:
        """Do the work; raises Invalid, Unsupported or NotFound that names the reference."""
        draft = self._draft
        if isinstance(draft.prompt_template, str):
            self._workshop.resolver.templates.read(draft.prompt_template)
        await self._found(draft)
        async for step in self._lay_weights():
            yield step
        for adapter in draft.adapters if isinstance(draft.adapters, tuple) else ():
            async for step in self._add_adapter(adapter):
                yield step
        self.resolved = resolve([self.spec, *self.ancestors])
        if self.resolved.requires:
            check_requires(self.resolved.requires)

    @property
    def pinned(self) -> bool:
        """Whether all it stands on is fixed, so that there is a manifest of it."""
        specs = (self.spec, *self.ancestors)
        return bool(specs[-1].weights) and not any(isinstance(each.parent, FollowedParent) for each in specs)

    @property
    def base(self) -> Digest:
        """The digest of the base's weights; raises NotFound while they are missing."""
        base = resolve([self.spec, *self.ancestors]).base
        if base is None:
            raise NotFound("base", self._draft.parent or self._name, field="from")
        return base

    async def _found(self, draft: SpecDraft) -> None:
        """Put the spec on what it is to stand on."""
        if draft.revises:
            await self._revise(draft)
        if draft.parent is not None:
            if draft.files:
                raise Invalid("'from' and 'files' are both given", field="files", hint="Give one of the two")
            await self._derive(draft.parent)
            if not self.pinned and resolve([self.spec, *self.ancestors]).base is None:
                raise NotFound("base", draft.parent, field="from", hint="What it follows is not here")
        elif draft.follows is not None:
            await self._follow(draft.follows)
        elif not (draft.files or draft.bare or draft.revises):
            raise Invalid("no base is named", field="from", hint="Name one, for example: FROM starter")

    async def _revise(self, draft: SpecDraft) -> None:
        stored, revision = await self._workshop.resolver.find(
            self._workshop.principal, self._target.full, Verb.UPDATE
        )
        current, *ancestors = await self._lineage(revision.spec, stored)
        said = {name: getattr(self.spec, name) for name in FIELDS if getattr(self.spec, name) is not UNSET}
        gone: dict[str, object] = {name: UNSET for name in draft.unset if name in FIELDS}
        if isinstance(draft.adapters, tuple):
            gone["adapters"] = UNSET  # these come one by one, in their place
        if "parent" in draft.unset:
            gone["parent"] = None
            ancestors = []
        self.spec = replace(current, **{**gone, **said})
        self.ancestors = ancestors

    async def _follow(self, base: str) -> None:
        """Stand on whatever has that name, if anything has.

        Raises Invalid for a circle, and for a revision, which cannot change.
        """
        self.spec = replace(self.spec, parent=FollowedParent(base), weights=())
        found = await self._workshop.resolver.base_to_follow(self._workshop.principal, base)
        if found is None:
            self.ancestors = ()
            return
        if ModelRef.parse(base).revision is not None:
            whole = base.rpartition("@")[0]
            raise Invalid(f'a revision does not change: "{base}" cannot be followed', hint=f'Use "{whole}"')
        if found.name.key == self._target.key:
            raise Invalid("a model cannot follow itself", field="from", hint="Name another base")
        self.spec = replace(self.spec, parent=FollowedParent(str(found.name)))
        self.ancestors = await self._lineage(found.revision.spec, found)

    async def _lineage(self, spec: Digest, model: StoredModel) -> Sequence[ModelSpec]:
        """What a spec stands on as far as it is here; raises Invalid for a circle."""
        workshop = self._workshop
        return await workshop.resolver.lineage(
            workshop.principal, spec, model, lenient=True, below=self._target.key
        )

    async def _derive(self, parent: str) -> None:
        """Stand on a model; on itself, say more than before on what it stands on."""
        principal, resolver = self._workshop.principal, self._workshop.resolver
        stored, revision = await resolver.find(principal, parent, Verb.DERIVE, field="from")
        if stored.name.key == self._target.key:
            below, *ancestors = await resolver.lineage(principal, revision.spec, stored)
            if (joined := overlaid(self.spec, below)) is not None:
                self.spec, self.ancestors = joined, ancestors
                return
        self.spec = replace(self.spec, parent=PinnedParent(revision.spec, str(stored.name)), weights=())
        self.ancestors = await resolver.lineage(principal, revision.spec, stored)

    async def _lay_weights(self) -> AsyncIterator[Working | Notice]:
        """Put the spec on its weights: as given, or what is made of them."""
        async for step in self._prepare():
            yield step
        if wanted := self._draft.quantize:
            source = self.base if self._draft.parent else (await self._sorted(self._files)).model.digest
            piece = self._piece(self._workshop.files.quantize(source, wanted))
            async for step in piece.steps():
                yield step
            self._replace({source}, piece.digest)
        if self._files:
            found = await self._sorted(self._files)
            self.told += [Working(PARSING)] * len(self._files)
            self.spec = _on_weights(self.spec, found)

    async def _prepare(self) -> AsyncIterator[Working | Notice]:
        """Make GGUF of what is not, and one file of several."""
        tools, parts = self._workshop.files, split_parts(self._files)
        if format_of(self._files) == "safetensors":
            piece, used = self._piece(tools.convert(self._files, name=self._name)), self._files
        elif parts:
            for part in parts:
                await self._recorded(part)
            piece, used = self._piece(tools.merge(parts)), parts
        else:
            return
        async for step in piece.steps():
            yield step
        self._replace({file.digest for file in used}, piece.digest)

    def _piece(self, work: AsyncGenerator[Progress | Made, None]) -> "_Workpiece":
        return _Workpiece(work, self._workshop.catalogue)

    def _replace(self, used: Collection[Digest], made: Digest) -> None:
        """Stand on what was made, and no longer on what it was made of."""
        kept = (file for file in self._files if file.digest not in used)
        self._files = (NamedBlob("", made), *kept)

    async def _add_adapter(self, adapter: NamedAdapter) -> AsyncIterator[Working | Notice]:
        blob, tools, base = adapter.files[0], self._workshop.files, self.base
        if format_of(adapter.files) == "safetensors":
            piece = self._piece(tools.convert_adapter(adapter.files, base))
            async for step in piece.steps():
                yield step
            blob = NamedBlob("", piece.digest)
        elif len(adapter.files) != 1:
            raise Invalid(MIXED, field="adapters")
        record, facts = await self._described(blob)
        if facts.kind != "adapter":
            raise Invalid(f"blob {record.digest} is not a LoRA adapter but a {facts.kind}", field="adapters")
        await tools.check_adapter(record.digest, base)
        self.told.append(Working(PARSING))
        before = self.spec.adapters if isinstance(self.spec.adapters, tuple) else ()
        layer = AdapterLayer(record.digest, record.size, adapter.scale)
        self.spec = replace(self.spec, adapters=(*before, layer))

    async def _sorted(self, files: Sequence[NamedBlob]) -> "_Files":
        """What GGUF files are; one must be a model, and one only."""
        found = [await self._described(file) for file in files]
        models = [(record, facts) for record, facts in found if facts.kind == "model"]
        if len(models) != 1:
            text = "more than one GGUF with a model is given" if models else "no GGUF with a model is given"
            raise Invalid(text, field="files", hint="Give the files of one model")
        [(model, facts)] = models
        projectors = (record for record, facts in found if facts.kind == "projector")
        adapters = (record for record, facts in found if facts.kind == "adapter")
        for_later = tuple(AdapterLayer(record.digest, record.size) for record in adapters)
        for layer in for_later:
            await self._workshop.files.check_adapter(layer.digest, model.digest)
        return _Files(model, facts, tuple(projectors), for_later)

    async def _described(self, file: NamedBlob) -> tuple[BlobRecord, WeightFacts]:
        """The record of a blob, and what its file says of itself."""
        record = await self._recorded(file)
        if record.facts is not None:
            return record, record.facts
        try:
            facts = await self._workshop.files.facts(file.digest)
        except Invalid as error:
            if not format_of((file,)) and error.message.startswith("supplied file was not in GGUF format"):
                hint = f"{excerpt(file.name or str(file.digest))} is neither GGUF nor safetensors"
                raise Invalid(UNKNOWN_TYPE, field="files", hint=hint) from error
            raise
        await self._workshop.catalogue.add_blob(replace(record, facts=facts))
        return record, facts

    async def _recorded(self, file: NamedBlob) -> BlobRecord:
        record = await self._workshop.catalogue.blob(file.digest)
        if record is None:
            raise NotFound("blob", str(file.digest), field="files", hint="Upload it first")
        return record


@dataclass(frozen=True, slots=True)
class _Files:
    """GGUF files, sorted by what they are."""

    model: BlobRecord
    facts: WeightFacts
    projectors: tuple[BlobRecord, ...]
    adapters: tuple[AdapterLayer, ...]

    @property
    def layers(self) -> tuple[WeightLayer, ...]:
        model = WeightLayer("model", self.model.digest, self.model.size)
        return (model, *(WeightLayer("projector", each.digest, each.size) for each in self.projectors))


class _Workpiece:
    """A blob that is being made; it has its `digest` once `steps` has ended."""

    def __init__(self, work: AsyncGenerator[Progress | Made, None], catalogue: Catalogue) -> None:
        self._work = work
        self._catalogue = catalogue
        self._made: Made | None = None

    async def steps(self) -> AsyncIterator[Working | Notice]:
        async with aclosing(self._work) as events:
            async for event in events:
                if isinstance(event, Progress):
                    yield Working(event.status, event.completed, event.total)
                else:
                    self._made = event
        if self._made is not None:
            for note in self._made.notes:
                yield Notice(note)
            await self._catalogue.add_blob(BlobRecord(self._made.digest, self._made.size, None))

    @property
    def digest(self) -> Digest:
        if self._made is None:
            raise Corrupt("the weights were worked on, and nothing came of it")
        return self._made.digest


def _plain(draft: SpecDraft) -> ModelSpec:
    """What needs no looking up."""
    return ModelSpec(
        parent=FormerParent(draft.origin) if draft.origin and draft.parent is None else None,
        system=draft.system,
        prompt_template=draft.prompt_template,
        parameters=draft.parameters,
        messages=draft.messages,
        licences=draft.licences,
        adapters=UNSET if isinstance(draft.adapters, tuple) else draft.adapters,
        renderer=draft.renderer,
        parser=draft.parser,
        requires=draft.requires,
        description=draft.description,
        profile=draft.profile,
    )


def _on_weights(spec: ModelSpec, files: _Files) -> ModelSpec:
    """The spec on new weights, with what their architecture is known to need."""
    architecture = files.facts.architecture
    known = LIKELY.get(architecture, UNSET)
    stops = STOPS.get(architecture)
    if stops is not None and not isinstance(spec.parameters, Absence):
        stops = stops.merged(spec.parameters)
    return replace(
        spec,
        weights=files.layers,
        adapters=files.adapters or spec.adapters,
        renderer=known if spec.renderer is UNSET else spec.renderer,
        parser=known if spec.parser is UNSET else spec.parser,
        parameters=spec.parameters if stops is None or spec.parameters is CLEARED else stops,
    )
