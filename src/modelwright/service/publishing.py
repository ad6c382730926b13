"""Publishing: what a run has learned becomes a revision, once it has answered.

The adapter is made a GGUF, loaded by an engine and asked something; only then is
it part of a model, through Models.create as everything is.
"""

from collections.abc import Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import Final

from modelwright.core.card import Card
from modelwright.core.chat import Done
from modelwright.core.digest import Digest
from modelwright.core.draft import SpecDraft
from modelwright.core.engine_ports import EngineNeeds, Engines
from modelwright.core.errors import Corrupt, Denied, NotFound
from modelwright.core.grants import Principal, Verb
from modelwright.core.lineage import to_go_on_with
from modelwright.core.parameters import Parameters
from modelwright.core.ports import Catalogue, Made, WeightFiles
from modelwright.core.revision import Alias, BlobRecord
from modelwright.core.runs import Run
from modelwright.core.spec import AdapterLayer
from modelwright.core.weight_files import NamedAdapter, NamedBlob
from modelwright.service.models import Models
from modelwright.service.resolver import Resolver
from modelwright.service.views import Created

TRIED_TOKENS: Final = 4
"""Tokens of the answer that an adapter must give before it is published."""


@dataclass(frozen=True, slots=True)
class Ancestry:
    """What a run starts from: the base, the adapters that stay, the one that goes on."""

    base: Digest
    frozen: tuple[AdapterLayer, ...]
    last: AdapterLayer | None


class Publishing:
    """Makes revisions of what was trained."""

    def __init__(
        self, models: Models, resolver: Resolver, catalogue: Catalogue, files: WeightFiles, engines: Engines
    ) -> None:
        self._models = models
        self._resolver = resolver
        self._catalogue = catalogue
        self._files = files
        self._engines = engines

    async def ancestry(self, principal: Principal, run: Run) -> Ancestry:
        """What the plan's parent is made of; a rank of its own begins another adapter."""
        stored, revision = await self._resolver.find(principal, run.plan.model, Verb.DERIVE)
        resolved = await self._resolver.resolve(principal, revision, stored)
        if resolved.base is None:
            raise NotFound("base of model", run.plan.model, hint="Create or restore the base first")
        adapters = tuple(resolved.adapters)
        lineage = await self._resolver.lineage(principal, revision.spec, stored)
        last = to_go_on_with(lineage[0], resolved) if run.plan.target == stored.name.full else None
        if last is None or run.plan.hyperparameters.get("rank") is not None:
            return Ancestry(resolved.base, adapters, None)
        return Ancestry(resolved.base, adapters[:-1], last)

    async def published(self, principal: Principal, run: Run) -> tuple[str, int] | None:
        """The revision that a run has made already, before the server could say so."""
        try:
            history = await self._models.history(principal, run.plan.target)
        except (NotFound, Denied):
            return None
        made = [each.number for each in history.revisions if each.message == _message(run)]
        return (str(history.name), made[-1]) if made else None

    async def publish(
        self, principal: Principal, run: Run, ancestry: Ancestry, files: Sequence[NamedBlob]
    ) -> tuple[str, int]:
        """Make the revision; gives the model's name and its number."""
        digest, size = await self._made(principal, files, ancestry.base)
        scale = ancestry.last.scale if ancestry.last else 1.0
        adapters = (*ancestry.frozen, AdapterLayer(digest, size, scale))
        await self._try(run, ancestry.base, adapters)
        named = tuple(NamedAdapter((NamedBlob("", each.digest),), each.scale) for each in adapters)
        revises = await self._exists(principal, run.plan.target)
        draft = SpecDraft(parent=None if revises else run.plan.model, adapters=named, revises=revises)
        events = self._models.create(
            principal,
            run.plan.target,
            draft,
            message=_message(run),
            kind="train",
            card=_card(run),
            aliases=tuple(
                Alias(each["dialect"], each["alias"].format(step=run.step), each["scope"])
                for each in run.extras.get("aliases", ())
            ),
        )
        created = [event async for event in events if isinstance(event, Created)]
        return str(created[-1].name), created[-1].revision

    async def _exists(self, principal: Principal, name: str) -> bool:
        try:
            await self._resolver.find(principal, name, Verb.UPDATE)
        except NotFound:
            return False
        return True

    async def _made(
        self, principal: Principal, files: Sequence[NamedBlob], base: Digest
    ) -> tuple[Digest, int]:
        """The adapter as one blob, which is whose the run is, as if they had brought it."""
        made = [step async for step in self._files.convert_adapter(files, base) if isinstance(step, Made)]
        record = BlobRecord(made[-1].digest, made[-1].size, None)
        if principal.is_admin:
            await self._catalogue.add_blob(record)
        else:
            await self._catalogue.add_upload(record, principal.id)
        return made[-1].digest, made[-1].size

    async def _try(self, run: Run, base: Digest, adapters: Sequence[AdapterLayer]) -> None:
        """Load it and let it answer; raises what the engine says."""
        ordered = sorted(adapters, key=lambda adapter: adapter.digest)
        needs = EngineNeeds(
            user=f"run:{run.id}",
            base=base,
            context=256,
            adapters=tuple(adapter.digest for adapter in ordered),
            scales=tuple(adapter.scale for adapter in ordered),
            keep_alive=0.0,
        )
        short = Parameters.of({"num_predict": TRIED_TOKENS, "temperature": 0.0})
        async with aclosing(self._engines.complete(needs, "Hello", short)) as events:
            ended = [event async for event in events if isinstance(event, Done)]
        if not ended:
            raise Corrupt("the trained adapter gave no answer", hint="Nothing was published")


def _message(run: Run) -> str:
    """Names the run, which keeps its plan, its figures and the libraries' versions."""
    return f"trained by {run.id}"


def _card(run: Run) -> Card | None:
    """The card of a new model, where the run brings one; else it keeps what it has."""
    card = run.extras.get("card")
    return Card(**card) if card else None
