"""Training: runs are asked for, watched, cancelled and resumed.

A run is checked as far as can be before it is queued: its model, its data line by
line, its hyperparameters. What then happens to it is the runner's affair.
"""

import asyncio
import secrets
from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from modelwright.core.audit import Entry
from modelwright.core.dataset_file import is_plain, survey
from modelwright.core.errors import Invalid, NotFound, Unavailable
from modelwright.core.grants import Principal, Verb
from modelwright.core.hyperparameters import Hyperparameters, Method
from modelwright.core.lineage import to_go_on_with
from modelwright.core.names import Name
from modelwright.core.ports import Clock
from modelwright.core.revision import Revision, StoredModel
from modelwright.core.rewards import check_rewards
from modelwright.core.runs import ENDED, DatasetRecord, Run, RunEvent, TrainingPlan, check_move
from modelwright.core.training_ports import Lines, Runs
from modelwright.service.access import Access
from modelwright.service.datasets import Datasets
from modelwright.service.preparation import Preparation
from modelwright.service.quotas import Quotas
from modelwright.service.resolver import Resolver
from modelwright.service.runner import Runner

PAGE: Final = 200
"""Events that are read at once."""
_SHAPE: Final = frozenset({"rank", "alpha", "target_modules"})
"""What a new adapter alone can be given."""
WAIT_SECONDS: Final = 1.0
"""How long a follower waits at most before it looks again."""


@dataclass(frozen=True, slots=True)
class RunRequest:
    """What somebody wants trained.

    `datasets` are ids; `target` is the model that gets the revision, the trained one
    itself when empty. `higher` priorities come first.
    """

    model: str
    dataset: str
    method: Method = "sft"
    target: str = ""
    validation: str = ""
    replay: str = ""
    hyperparameters: Hyperparameters = field(default_factory=Hyperparameters)
    rewards: Sequence[Mapping[str, Any]] = ()
    priority: int = 0
    extras: Mapping[str, Any] = field(default_factory=dict)


class Training:
    """Runs and who may do what with them."""

    def __init__(
        self,
        runs: Runs,
        datasets: Datasets,
        lines: Lines,
        resolver: Resolver,
        access: Access,
        runner: Runner,
        preparation: Preparation,
        clock: Clock,
        quotas: Quotas,
    ) -> None:
        self._runs = runs
        self._datasets = datasets
        self._lines = lines
        self._resolver = resolver
        self._access = access
        self._runner = runner
        self._preparation = preparation
        self._clock = clock
        self._quotas = quotas

    async def start(self, principal: Principal, request: RunRequest) -> Run:
        """Queue a run.

        Raises Invalid for its data with the lines, and for its settings; Unsupported
        where nothing can be trained.
        """
        stored, revision = await self._resolver.find(principal, request.model, Verb.DERIVE)
        plan = await self._planned(principal, request, stored, revision)
        await self._check_rewards(plan)
        self._runner.check()
        run = Run(
            id=f"run-{secrets.token_hex(12)}",
            plan=plan,
            state="queued",
            owner=principal.id,
            created_at=self._clock.now(),
            priority=request.priority,
            extras=request.extras,
        )
        told = {"model": plan.model, "method": plan.method}
        line = replace(self._line(principal, run, "ask"), model=stored.id)
        await self._runs.add(run, ("queued", told), most=await self._most(principal), line=line)
        self._runner.wake()
        return run

    async def _planned(
        self, principal: Principal, request: RunRequest, stored: StoredModel, revision: Revision
    ) -> TrainingPlan:
        """What is asked for, with all that it leaves to its model settled."""
        target = await self._access.target(principal, request.target or stored.name.full)
        if revision.base is None:
            raise NotFound("base of model", request.model, hint="Create or restore the base first")
        resolved = await self._resolver.resolve(principal, revision, stored)
        lineage = await self._resolver.lineage(principal, revision.spec, stored)
        goes_on = to_go_on_with(lineage[0], resolved) if target.name == stored.name else None
        digests = await self._datasets_of(principal, request)
        return TrainingPlan(
            model=f"{stored.name.full}@{revision.number}",
            spec=revision.spec,
            target=target.name.full,
            method=request.method,
            dataset=digests["dataset"].digest,
            hyperparameters=_settled(resolved.profile, request.hyperparameters, new=goes_on is None),
            validation=digests["validation"].digest if "validation" in digests else None,
            replay=digests["replay"].digest if "replay" in digests else None,
            rewards=check_rewards(request.rewards) if request.rewards else (),
            plain=tuple(name for name, record in digests.items() if is_plain(record.name)),
        )

    async def tokens(self, principal: Principal, model: str, dataset: str, method: Method) -> int:
        """How many tokens a dataset has for a model; raises Invalid with a bad line."""
        record = await self._datasets.find(principal, dataset)
        plain = is_plain(record.name)
        return await self._preparation.count(principal, model, record.digest, method, plain=plain)

    async def find(self, principal: Principal, run: str) -> Run:
        """One's own run; raises NotFound for another's, too."""
        found = await self._runs.find(run)
        if found is None or (found.owner != principal.id and not principal.is_admin):
            raise NotFound("run", run, field="run")
        return found

    async def list_runs(self, principal: Principal, *, after: str = "", limit: int = 100) -> Sequence[Run]:
        """One's own, the newest first; an admin's are all."""
        owner = None if principal.is_admin else principal.id
        return await self._runs.list_runs(owner=owner, after=after, limit=limit)

    async def cancel(self, principal: Principal, run: str) -> Run:
        """End a run for good; its checkpoint stays until it is resumed or forgotten."""
        found = await self.find(principal, run)
        return await self._runner.stop(found, "cancelled", self._line(principal, found, "cancel"))

    async def pause(self, principal: Principal, run: str) -> Run:
        """Let a run rest; it goes on from there when it is resumed."""
        found = await self.find(principal, run)
        return await self._runner.stop(found, "paused", self._line(principal, found, "pause"))

    async def resume(self, principal: Principal, run: str) -> Run:
        """Queue a run again that was paused, cancelled or failed."""
        found = await self.find(principal, run)
        check_move(found, "queued")
        self._runner.check()
        most, line = await self._most(principal), self._line(principal, found, "resume")
        return await self._runner.queue(found, most=most, line=line)

    async def events(
        self, principal: Principal, run: str, *, after: int = 0, limit: int = PAGE
    ) -> Sequence[RunEvent]:
        """What a run has told, after that number."""
        await self.find(principal, run)
        return await self._runs.events(run, after=after, limit=limit)

    async def follow(
        self, principal: Principal, run: str, *, after: int = 0
    ) -> AsyncGenerator[RunEvent, None]:
        """What a run tells, until it has ended or rests."""
        while True:
            news = self._runner.news
            found = await self.find(principal, run)
            page = await self._runs.events(run, after=after, limit=PAGE)
            for event in page:
                after = event.number
                yield event
            if not page and (found.state in ENDED or found.state == "paused"):
                return
            if not page:
                await _wait(news)

    async def wait(self, principal: Principal, run: str) -> Run:
        """Wait for the end of a run; raises Unavailable when it was paused."""
        async for _ in self.follow(principal, run):
            pass
        found = await self.find(principal, run)
        if found.state not in ENDED:
            raise Unavailable(f"run {run} is {found.state}", hint="Resume it")
        return found

    async def _datasets_of(self, principal: Principal, request: RunRequest) -> Mapping[str, DatasetRecord]:
        """The datasets of a request by their field, every line looked at."""
        asked = {"dataset": request.dataset, "validation": request.validation, "replay": request.replay}
        return {
            field: await self._checked(principal, dataset, request.method, field)
            for field, dataset in asked.items()
            if dataset or field == "dataset"
        }

    async def _checked(
        self,
        principal: Principal,
        dataset: str,
        method: Method,
        field: str,
    ) -> DatasetRecord:
        record = await self._datasets.find(principal, dataset, field=field)
        plain = is_plain(record.name)
        found = await self._lines.over_lines(
            record.digest, lambda lines: survey(lines, method, preview=0, plain=plain)
        )
        found.raise_faults()
        if method == "reward" and len(found.kinds) > 1:
            raise Invalid(
                "some rows bring answers with rewards and some only ask: a run learns from one kind",
                field=field,
            )
        return record

    async def _check_rewards(self, plan: TrainingPlan) -> None:
        """See that answers that the model is to make are judged by something."""
        if plan.method == "reward" and plan.validation is not None:
            raise Invalid(
                "rewards are measured while training: no validation data is needed", field="validation"
            )
        if plan.method != "reward":
            if plan.rewards:
                raise Invalid("rewards are for the method reward alone", field="rewards")
            return
        found = await self._lines.over_lines(plan.dataset, lambda lines: survey(lines, preview=0))
        asks = "question" in found.kinds
        if asks != bool(plan.rewards):
            text = (
                "the rows only ask, and no rewards are declared" if asks else "the rows bring their rewards"
            )
            raise Invalid(
                text, field="rewards", hint="Declare rewards for rows without answers, and only for them"
            )

    def _line(self, principal: Principal, run: Run, did: str) -> Entry:
        """What the log says of it; the model by its name, as it may be gone by now."""
        plan, (name, _, revision) = run.plan, run.plan.model.rpartition("@")
        return Entry(
            *(self._clock.now(), principal.id, principal.name, "train", str(Name.parse(name))),
            revision=int(revision),
            detail={"did": did, "run": run.id, "method": plan.method, "target": plan.target},
        )

    async def _most(self, principal: Principal) -> int | None:
        """How many runs of somebody may wait or run."""
        return (await self._quotas.limits(principal)).get("jobs")


def _settled(profile: Hyperparameters, asked: Hyperparameters, *, new: bool) -> Hyperparameters:
    """What was asked for over the profile; an adapter that goes on has its shape."""
    kept = tuple((name, value) for name, value in profile.items if new or name not in _SHAPE)
    return Hyperparameters(kept).merged(asked)


async def _wait(news: asyncio.Event) -> None:
    try:
        async with asyncio.timeout(WAIT_SECONDS):
            await news.wait()
    except TimeoutError:
        pass
