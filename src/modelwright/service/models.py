"""Models: create, show, list, copy, delete; history, rollback, diff.

Every model there is was made by `Models.create`, whatever the dialect. Knows
no wire, no SQL and no file: the catalogue is a port.
"""

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from copy import copy
from dataclasses import replace

from modelwright.core.access import level_of, viewer_of
from modelwright.core.card import Card
from modelwright.core.digest import Digest
from modelwright.core.draft import SpecDraft
from modelwright.core.errors import Conflict, Corrupt, NotFound
from modelwright.core.grants import Level, Principal, Verb
from modelwright.core.lineage import ResolvedSpec, own_fields, resolve
from modelwright.core.names import Name
from modelwright.core.ports import SMALL_BLOB, Blobs, Catalogue, Clock, WeightFiles
from modelwright.core.recipe import PRIVATE
from modelwright.core.revision import Alias, BlobRecord, NewRevision, Revision, StoredModel, Window
from modelwright.core.runs import Hold
from modelwright.core.spec import ModelSpec
from modelwright.core.weights import WeightFacts
from modelwright.service.access import key_of, named_by
from modelwright.service.aliases import Aliases
from modelwright.service.arrivals import Arrival, lay_out
from modelwright.service.composer import Composition, Workshop
from modelwright.service.difference import changes
from modelwright.service.origins import Origins
from modelwright.service.pace import paced
from modelwright.service.quotas import Quotas
from modelwright.service.resolver import Resolver
from modelwright.service.telling import told_of_create
from modelwright.service.templates import abilities_digest
from modelwright.service.views import (
    Created,
    CreateEvent,
    FieldChange,
    History,
    ModelSummary,
    ModelView,
    opaque_digest,
)


class Models:
    """What can be done with models; each call names the principal who acts."""

    def __init__(
        self,
        catalogue: Catalogue,
        blobs: Blobs,
        files: WeightFiles,
        resolver: Resolver,
        clock: Clock,
        quotas: Quotas | None = None,
    ) -> None:
        self._catalogue = catalogue
        self._blobs = blobs
        self._files = files
        self._resolver = resolver
        self._origins = Origins(catalogue, resolver)
        self._access = resolver.access
        self._clock = clock
        self._quotas = quotas
        self.aliases = Aliases(catalogue, resolver)

    async def create(
        self,
        principal: Principal,
        name: str,
        draft: SpecDraft,
        *,
        message: str = "",
        kind: str = "create",
        card: Card | None = None,
        aliases: Sequence[Alias] = (),
        fresh: bool = False,
        onto: int | None = None,
        arrival: Arrival | None = None,
        hold: Hold | None = None,
    ) -> AsyncIterator[CreateEvent]:
        """Make a model, or a new revision of one; events end with Created.

        `card` None keeps the one there is; the manifest of an `arrival` is kept. Raises Conflict when the
        name is not `fresh`, an alias another model's, `onto` not the current revision or the run of `hold`
        in another hand; Invalid, NotFound. But for long work on weights, events come once all is written.
        """
        target = await self._access.target(principal, name)
        await self._access.may_refer(principal, draft.blobs, field="files")
        workshop = Workshop(principal, self._catalogue, self._resolver, self._files)
        composition = Composition(workshop, target.name, draft)
        async for step in composition.steps():
            yield step
        new = replace(
            self._bare(principal, target.name, composition.spec, kind, hold),
            owner=target.owner,
            most_models=await self._most_models(principal),
            parent=composition.resolved.parent,
            message=message,
            card=card,
            aliases=tuple(aliases),
            fresh=fresh,
            onto=onto,
        )
        async for event in self._commit(principal, draft, composition, new, arrival):
            yield event

    def _bare(
        self, principal: Principal, name: Name, spec: ModelSpec, kind: str, hold: Hold | None = None
    ) -> NewRevision:
        """A revision by somebody, now; nothing is known of its base yet."""
        return NewRevision(
            name=name,
            spec=spec,
            base=None,
            parent="",
            manifest=None,
            size=0,
            author=principal.name,
            actor=principal.id,
            kind=kind,
            created_at=self._clock.now(),
            hold=hold,
        )

    async def _commit(
        self,
        principal: Principal,
        draft: SpecDraft,
        composition: Composition,
        new: NewRevision,
        arrival: Arrival | None,
    ) -> AsyncIterator[CreateEvent]:
        """Write a composed revision; what follows a name has no manifest."""
        facts, manifest, files = None, None, frozenset[Digest]()
        if composition.pinned:
            facts = await self._facts(composition.resolved)
            layout = lay_out(composition.spec, composition.resolved, facts, arrival)
            manifest = layout.manifest
            small, files = await self._split({**layout.contents, layout.digest: layout.content})
            new = replace(
                new,
                spec=layout.spec,
                base=layout.resolved.base,
                parent=layout.resolved.parent,
                manifest=layout.digest,
                size=manifest.size,
                template=abilities_digest(layout.resolved),
                small_blobs=small,
                layers=layout.resolved.layers,
                ancestors=layout.ancestors,
                arrived=arrival is not None,
            )
        stored, changed, added = await self._catalogue.commit(new)
        for event in told_of_create(draft, composition, facts, manifest, added | files):
            yield event
        name_of_it = self._access.shown_name(principal, stored.name)
        yield Created(name_of_it, stored.revision.number, changed)

    async def show(self, principal: Principal, ref: str, *, verbose: bool = False) -> ModelView:
        """Everything about a model or one of its revisions.

        `verbose`: with its tensors and vocabulary, read from the weight file.
        """
        stored, revision = await self._resolver.find(principal, ref, Verb.SHOW)
        summary = await self._summary(principal, stored, revision)
        if level_of(principal, stored) is Level.USE:
            return ModelView(summary, ResolvedSpec(), frozenset(), PRIVATE)
        resolved = await self._resolver.resolve(principal, revision, stored, lenient=True)
        lineage = await self._resolver.lineage(principal, revision.spec, stored, lenient=True)
        legible = await self._access.legible(principal, lineage)
        anatomy = verbose and legible is None and resolved.base is not None
        return ModelView(
            summary=summary,
            resolved=resolved if legible is None else legible,
            own=own_fields(lineage[0]),
            origin=PRIVATE if legible else await self._origins.origin(lineage[0], resolved),
            spec=lineage[0],
            projector=await self._resolver.facts(resolved.projector),
            anatomy=await self._files.anatomy(resolved.base) if anatomy and resolved.base else None,
        )

    async def list_models(
        self, principal: Principal, window: Window | None = None
    ) -> tuple[ModelSummary, ...]:
        """The models that the principal may know, the last changed first.

        Of a `window` only that part; raises NotFound when a model is not there that it names.
        """
        part = window and await self._resolver.place(principal, window)
        surveyed = self._over(await self._catalogue.survey(viewer_of(principal), window=part))
        return tuple([summary async for _, summary in surveyed._lines(principal)])

    async def survey(self, principal: Principal) -> "Models":
        """The same models as they are now, read at once: for a list, and for no changes."""
        return self._over(await self._catalogue.survey(viewer_of(principal), whole=True))

    async def list_views(self, principal: Principal) -> tuple[ModelView, ...]:
        """As `list_models`, each with what it says itself, where that may be read."""
        views = []
        async for model, summary in self._lines(principal):
            legible = level_of(principal, model) is not Level.USE
            spec = (await self._catalogue.lineage(model.revision.spec))[0] if legible else ModelSpec()
            views.append(ModelView(summary, ResolvedSpec(), frozenset(), PRIVATE, spec=spec))
        return tuple(views)

    async def _lines(self, principal: Principal) -> AsyncIterator[tuple[StoredModel, ModelSummary]]:
        viewer = viewer_of(principal)
        stored = await self._catalogue.list_models(viewer)
        among = None if viewer is None else await self._catalogue.known(viewer, named_by(principal, stored))
        async for model in paced(stored):
            yield model, await self._summary(principal, model, model.revision, among)

    def _over(self, catalogue: Catalogue) -> "Models":
        other = copy(self)
        other._catalogue, other._resolver = catalogue, self._resolver.over(catalogue)
        other._access = other._resolver.access
        other.aliases = Aliases(catalogue, other._resolver)
        return other

    async def count(self, principal: Principal) -> int:
        """How many models the principal may know, without reading them."""
        return await self._catalogue.count_models(viewer_of(principal))

    async def copy(self, principal: Principal, source: str, destination: str) -> None:
        """Give a model's content a second name; the two then go their own ways."""
        _, revision = await self._resolver.find(principal, source, Verb.DERIVE, field="source")
        target = await self._access.target(principal, destination, field="destination")
        lineage = await self._catalogue.lineage(revision.spec)
        await self._catalogue.commit(
            NewRevision(
                name=target.name,
                owner=target.owner,
                actor=principal.id,
                most_models=await self._most_models(principal),
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
                card=await self._resolver.card(revision),
            )
        )

    async def change_card(
        self, principal: Principal, name: str, card: Card, *, message: str = ""
    ) -> ModelSummary:
        """Give a model another card; what it does stays the same, to the byte."""
        name = await self._access.whole(principal, name)
        stored, revision = await self._resolver.find(principal, name, Verb.UPDATE)
        lineage = await self._catalogue.lineage(revision.spec)
        committed = await self._catalogue.commit(
            replace(
                self._bare(principal, stored.name, lineage[0], "card"),
                base=revision.base,
                parent=revision.parent,
                manifest=revision.manifest,
                size=revision.size,
                message=message,
                template=revision.template,
                card=card,
            )
        )
        model = replace(stored, revision=committed.model.revision, latest=committed.model.latest)
        return await self._summary(principal, model, model.revision)

    async def in_use(self, principal: Principal, ref: str) -> tuple[ModelSpec, ResolvedSpec]:
        """What a model says itself, and in all, as far as its base is here.

        For who uses it, not to be shown.
        """
        stored, revision = await self._resolver.find(principal, ref, Verb.USE)
        lineage = await self._resolver.lineage(principal, revision.spec, stored, lenient=True)
        return lineage[0], resolve(lineage)

    async def hide_revision(self, principal: Principal, name: str, number: int) -> None:
        """Leave a revision out of the history; raises Conflict for the current one."""
        name = await self._access.whole(principal, name)
        stored, revision = await self._resolver.find(principal, f"{name}@{number}", Verb.UPDATE)
        if revision.number == stored.revision.number:
            raise Conflict(f"{stored.name.short}@{number} is the current revision", hint="Roll back first")
        await self._catalogue.hide(stored.name.key, number, principal)

    async def delete(self, principal: Principal, name: str, *, right: Verb = Verb.DELETE) -> None:
        """Free a name; models derived from it go on working.

        `right`: whose level is enough, where a dialect asks for less than ours.
        """
        name = await self._access.whole(principal, name)
        stored = await self._access.find(principal, name, right)
        if not await self._catalogue.delete(stored.name.key, principal):
            raise NotFound("model", name, field="model")

    async def history(self, principal: Principal, name: str) -> History:
        name = await self._access.whole(principal, name)
        stored = await self._access.find(principal, name, Verb.READ)
        key = stored.name.key
        revisions, moves = await self._catalogue.history(key), await self._catalogue.moves(key)
        shown = self._access.shown_name(principal, stored.name)
        hidden = await self._catalogue.hidden(key)
        kept = [revision for revision in revisions if revision.number not in hidden]
        return History(shown, stored.revision.number, kept, moves)

    async def rollback(self, principal: Principal, name: str, number: int) -> ModelSummary:
        """Point a name to one of its revisions; none is lost."""
        name = await self._access.whole(principal, name)
        found, _ = await self._resolver.find(principal, f"{name}@{number}", Verb.UPDATE)
        key, now = found.name.key, self._clock.now()
        revision = (await self._catalogue.move(key, number, principal.name, now, principal.id)).revision
        return await self._summary(principal, replace(found, revision=revision), revision)

    async def diff(self, principal: Principal, before: str, after: str) -> tuple[FieldChange, ...]:
        """What differs between two models or revisions, inheritance included."""
        old = await self._legible(principal, before, "before")
        return changes(old, await self._legible(principal, after, "after"))

    async def summary(self, principal: Principal, ref: str, *, right: Verb = Verb.SHOW) -> ModelSummary:
        """A model's line in a list, alone; `right` is what it is asked for."""
        return await self._summary(principal, *await self._resolver.find(principal, ref, right))

    async def usable(self, principal: Principal, ref: str) -> ModelSummary:
        """The same of a model to be used; raises what any use of it would."""
        stored, revision = await self._resolver.find(principal, ref, Verb.USE)
        await self._resolver.resolve(principal, revision, stored)
        return await self._summary(principal, stored, revision)

    async def _legible(self, principal: Principal, ref: str, field: str) -> ResolvedSpec:
        """What a reader may see of a model or revision, inheritance included."""
        stored, revision = await self._resolver.find(principal, ref, Verb.READ, field=field)
        lineage = await self._resolver.lineage(principal, revision.spec, stored)
        legible = await self._access.legible(principal, lineage)
        return await self._resolver.resolve(principal, revision, stored) if legible is None else legible

    async def _most_models(self, principal: Principal) -> int | None:
        return None if self._quotas is None else (await self._quotas.limits(principal)).get("models")

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

    async def _summary(
        self,
        principal: Principal,
        stored: StoredModel,
        revision: Revision,
        among: Collection[str] | None = None,
    ) -> ModelSummary:
        """A line of a list; `among` are the keys that the principal may know."""
        level = level_of(principal, stored) or Level.USE
        hidden = level is Level.USE
        standing = await self._resolver.standing(principal, revision, stored)
        return ModelSummary(
            name=self._access.shown_name(principal, stored.name, among),
            revision=revision.number,
            latest=stored.latest,
            digest=opaque_digest(stored, revision) if hidden else revision.manifest or revision.spec,
            size=standing.size if standing is not None else revision.size,
            modified_at=revision.created_at,
            facts=None if standing is None else await self._resolver.facts(standing.base),
            parent="" if hidden else await self._known_parent(principal, revision.parent, among),
            capabilities=await self._resolver.abilities(principal, revision),
            card=await self._resolver.card(revision),
            follows=revision.manifest is None and bool(revision.parent),
            key=stored.name.key,
            owner=stored.owner,
            level=level,
            created_at=stored.created_at,
        )

    async def _known_parent(self, principal: Principal, parent: str, among: Collection[str] | None) -> str:
        if not parent or (among is not None and key_of(parent) in among):
            return parent
        return parent if among is None and await self._access.knows(principal, parent) else ""


async def _stream(content: bytes) -> AsyncIterator[bytes]:
    yield content
