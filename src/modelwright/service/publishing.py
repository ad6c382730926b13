"""Publishing: what a run has learned becomes a revision, once it has answered.

The adapter is made a GGUF, loaded by an engine and asked something; only then is
it part of a model, through Models.create as everything is.
"""

from collections.abc import Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import Any, Final, TypeAlias

from modelwright.core.card import Card
from modelwright.core.chat import Done
from modelwright.core.digest import Digest
from modelwright.core.draft import SpecDraft
from modelwright.core.engine_ports import EngineNeeds, Engines
from modelwright.core.errors import Corrupt, Denied, Lost, ModelwrightError, NotFound
from modelwright.core.grants import Principal, Verb
from modelwright.core.lineage import to_go_on_with
from modelwright.core.names import Name
from modelwright.core.parameters import Parameters
from modelwright.core.ports import Catalogue, Made, WeightFiles
from modelwright.core.revision import Alias, BlobRecord
from modelwright.core.runs import Hold, Run
from modelwright.core.spec import AdapterLayer
from modelwright.core.training_ports import Trained
from modelwright.core.weight_files import NamedAdapter, NamedBlob
from modelwright.service.models import Models
from modelwright.service.resolver import Resolver
from modelwright.service.views import Created

TRIED_TOKENS: Final = 4
"""Tokens of the answer that an adapter must give before it is published."""
KEPT_SECONDS: Final = 60.0
"""How long an engine waits for the next adapter to be tried on it."""

STEP: Final = "{step}"
"""In the names that a run's extras bring: the step that a result is of."""
CHECKPOINT_TAG: Final = "ckpt-step-{step}"
"""What the models of checkpoints are called; OpenAI's word."""


Adapters: TypeAlias = Sequence[AdapterLayer]


@dataclass(frozen=True, slots=True)
class Ancestry:
    """What a run starts from: the base, the adapters that stay, the one that goes on."""

    base: Digest
    frozen: tuple[AdapterLayer, ...]
    last: AdapterLayer | None


@dataclass(frozen=True, slots=True)
class Tried:
    """Adapters that answered, those of checkpoints by step; why others did not."""

    end: Adapters
    checkpoints: Mapping[int, Adapters]
    left_out: Mapping[int, ModelwrightError]


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

    async def tried(self, principal: Principal, run: Run, ancestry: Ancestry, trained: Trained) -> "Tried":
        """What a run has learned, loaded and answered with.

        Raises what keeps the end from it; a checkpoint that does not load is left out.
        """
        end = await self._adapters(principal, ancestry, trained.files)
        checkpoints: dict[int, Adapters] = {}
        left_out: dict[int, ModelwrightError] = {}
        for each in trained.checkpoints:
            try:
                checkpoints[each.step] = await self._adapters(principal, ancestry, each.files)
            except ModelwrightError as error:
                left_out[each.step] = error
        if not checkpoints or not await self._all_answer(run, ancestry.base, [end, *checkpoints.values()]):
            await self._try(run, ancestry.base, end)
            for step, adapters in checkpoints.items():
                try:
                    await self._try(run, ancestry.base, adapters)
                except ModelwrightError as error:
                    left_out[step] = error
        kept = {step: adapters for step, adapters in checkpoints.items() if step not in left_out}
        return Tried(end, kept, dict(sorted(left_out.items())))

    async def publish(self, principal: Principal, run: Run, tried: "Tried") -> tuple[str, int]:
        """Make the revision, and models of its checkpoints.

        Gives the revision's model and number. Raises what keeps the end from being a
        revision; then there are no new models of checkpoints, either.
        """
        made: list[str] = []
        try:
            for step, adapters in tried.checkpoints.items():
                name = checkpoint_name(run, step).full
                naming = _Naming(step, is_checkpoint=True)
                is_new = not await self._exists(principal, name)
                await self._create(principal, run, name, adapters, naming)
                if is_new:
                    made.append(name)
            created = await self._create(principal, run, run.plan.target, tried.end, _Naming(run.step))
        except Lost:
            raise  # what has these names may be another server's by now
        except ModelwrightError:
            for name in made:
                await self._models.delete(principal, name)
            raise
        return str(created.name), created.revision

    async def _adapters(
        self, principal: Principal, ancestry: Ancestry, files: Sequence[NamedBlob]
    ) -> "Adapters":
        """What was there before, and what was trained."""
        digest, size = await self._made(principal, files, ancestry.base)
        scale = ancestry.last.scale if ancestry.last else 1.0
        return (*ancestry.frozen, AdapterLayer(digest, size, scale))

    async def _create(
        self, principal: Principal, run: Run, name: str, adapters: "Adapters", naming: "_Naming"
    ) -> Created:
        named = tuple(NamedAdapter((NamedBlob("", each.digest),), each.scale) for each in adapters)
        revises = await self._exists(principal, name)
        draft = SpecDraft(parent=None if revises else run.plan.model, adapters=named, revises=revises)
        events = self._models.create(
            principal,
            name,
            draft,
            message=naming.message(run),
            kind="train",
            card=naming.card(run),
            aliases=naming.aliases(run),
            hold=Hold(run.id, run.holder),
        )
        return [event async for event in events if isinstance(event, Created)][-1]

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

    async def _all_answer(self, run: Run, base: Digest, every: Sequence["Adapters"]) -> bool:
        """Whether all of them answer, from an engine that is loaded once."""
        union = tuple(sorted({each.digest for adapters in every for each in adapters}))
        try:
            for place, adapters in enumerate(every, start=1):
                scales = {each.digest: each.scale for each in adapters}
                keep = 0.0 if place == len(every) else KEPT_SECONDS
                await self._answer(run, base, [(each, scales.get(each, 0.0)) for each in union], keep)
        except ModelwrightError:
            return False
        return True

    async def _try(self, run: Run, base: Digest, adapters: "Adapters") -> None:
        """Load it and let it answer; raises what the engine says."""
        ordered = sorted(adapters, key=lambda adapter: adapter.digest)
        await self._answer(run, base, [(each.digest, each.scale) for each in ordered], 0.0)

    async def _answer(
        self, run: Run, base: Digest, layers: Sequence[tuple[Digest, float]], keep_alive: float
    ) -> None:
        needs = EngineNeeds(
            user=f"run:{run.id}",
            base=base,
            context=256,
            adapters=tuple(digest for digest, _ in layers),
            scales=tuple(scale for _, scale in layers),
            keep_alive=keep_alive,
        )
        short = Parameters.of({"num_predict": TRIED_TOKENS, "temperature": 0.0})
        async with aclosing(self._engines.complete(needs, "Hello", short)) as events:
            ended = [event async for event in events if isinstance(event, Done)]
        if not ended:
            raise Corrupt("the trained adapter gave no answer", hint="Nothing was published")


def checkpoint_name(run: Run, step: int) -> Name:
    """What the model of a checkpoint is called: the target, with another tag."""
    return replace(Name.parse(run.plan.target), tag=CHECKPOINT_TAG.format(step=step))


def _message(run: Run) -> str:
    """Names the run, which keeps its plan, its figures and the libraries' versions."""
    return f"trained by {run.id}"


@dataclass(frozen=True, slots=True)
class _Naming:
    """What a result is called; a checkpoint has only the names that tell its step."""

    step: int
    is_checkpoint: bool = False

    def message(self, run: Run) -> str:
        return _message(run) + (f", step {self.step}" if self.is_checkpoint else "")

    def card(self, run: Run) -> Card | None:
        """The card of a new model, where the run brings one; else it keeps what it has."""
        card = run.extras.get("checkpoint_card" if self.is_checkpoint else "card")
        return Card(**_with_step(card, self.step)) if card else None

    def aliases(self, run: Run) -> tuple[Alias, ...]:
        return tuple(
            Alias(each["dialect"], _with_step(each["alias"], self.step), each["scope"])
            for each in run.extras.get("aliases", ())
            if STEP in each["alias"] or not self.is_checkpoint
        )


def _with_step(tree: Any, step: int) -> Any:
    """JSON with the step written where it is to stand."""
    if isinstance(tree, Mapping):
        return {name: _with_step(value, step) for name, value in tree.items()}
    return tree.replace(STEP, str(step)) if isinstance(tree, str) else tree
