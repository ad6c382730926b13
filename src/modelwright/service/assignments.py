"""Assignments: what a trainer is to do for a run, with its rows and files.

Knows no state of a run but the plan, and tells what it finds through `note`.
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

from modelwright.core.digest import Digest
from modelwright.core.grants import Principal
from modelwright.core.hyperparameters import Hyperparameters
from modelwright.core.ports import WeightFiles
from modelwright.core.runs import Run
from modelwright.core.training_memory import memory_needed
from modelwright.core.training_ports import Replay, Runs, TrainingJob
from modelwright.service.preparation import Preparation, Prepared
from modelwright.service.publishing import Ancestry
from modelwright.service.resolver import Resolver

MOST_REPLAY: Final = 4096
"""Rows of general knowledge that are made for a run."""
MOST_RUNS: Final = 1000
"""How far back an adapter's run is looked for."""


class Assignments:
    """Makes jobs of plans."""

    def __init__(
        self,
        runs: Runs,
        preparation: Preparation,
        resolver: Resolver,
        files: WeightFiles,
        replay: Replay,
        note: Callable[[Run, Mapping[str, Any]], Awaitable[None]],
    ) -> None:
        self._runs = runs
        self._preparation = preparation
        self._resolver = resolver
        self._files = files
        self._replay = replay
        self._note = note

    async def job(self, principal: Principal, run: Run, ancestry: Ancestry) -> tuple[TrainingJob, int]:
        """What the trainer is to do, and the bytes of memory that it will take."""
        plan, prepare = run.plan, self._preparation
        facts = await self._resolver.facts(ancestry.base)
        size = facts.parameter_count if facts is not None else 0
        settings = plan.hyperparameters.completed(plan.method, size)
        rows, held = await prepare.parted(
            principal, plan.model, plan.dataset, plan.method, settings, plain="dataset" in plan.plain
        )
        await self._note(run, {"text": f"{rows.rows} rows, {rows.tokens} tokens"})
        if plan.validation is not None:
            held = await self._further(principal, run, "validation", plan.validation, settings)
        replay = await self._general(principal, run, ancestry, rows, settings)
        base = ancestry.base
        job = TrainingJob(
            run=run.id,
            base=base,
            method=plan.method,
            hyperparameters=settings,
            rows=rows.digest,
            end=await prepare.ending(principal, plan.model),
            validation=held.digest if held else None,
            replay=replay.digest if replay else None,
            frozen=tuple(
                [(tuple(await self._files.unpack_adapter(a.digest, base)), a.scale) for a in ancestry.frozen]
            ),
            start=tuple(await self._files.unpack_adapter(ancestry.last.digest, base))
            if ancestry.last
            else (),
            momentum=await self._momentum(run, ancestry),
            rewards=plan.rewards,
        )
        return job, memory_needed(facts, settings)

    async def _further(
        self, principal: Principal, run: Run, name: str, dataset: Digest, settings: Hyperparameters
    ) -> Prepared:
        """Token rows of another dataset of the plan, the one of this name."""
        plan = run.plan
        return await self._preparation.dataset(
            principal, plan.model, dataset, plan.method, settings, plain=name in plan.plain
        )

    async def _general(
        self, principal: Principal, run: Run, ancestry: Ancestry, rows: Prepared, settings: Hyperparameters
    ) -> Prepared | None:
        """Token rows of general knowledge, if a share of it is to be repeated."""
        values = settings.as_dict()
        if not values["replay"] or run.plan.method != "sft":
            return None
        if run.plan.replay is not None:
            return await self._further(principal, run, "replay", run.plan.replay, settings)
        steps = values["steps"] or values["epochs"] * rows.rows / values["batch_size"]
        count = min(int(steps * values["batch_size"] * values["replay"]) + 1, MOST_REPLAY)
        made = list(self._replay.rows(ancestry.base, count, values["seed"]))
        if not made:
            await self._note(run, {"text": "no general knowledge comes with this base: nothing is repeated"})
            return None
        plain = settings.merged(Hyperparameters.of({"word_dropout": 0.0}))
        return await self._preparation.rows(principal, run.plan.model, made, plain)

    async def _momentum(self, run: Run, ancestry: Ancestry) -> Digest | None:
        """The optimizer's state that belongs to the adapter that training goes on from."""
        if run.plan.method != "reward" or ancestry.last is None:
            return None
        adapter = str(ancestry.last.digest)
        for other in await self._runs.list_runs(owner=run.owner, states=("succeeded",), limit=MOST_RUNS):
            if other.metrics.get("adapter") == adapter and (digest := other.metrics.get("momentum")):
                return Digest.parse(digest)
        return None
