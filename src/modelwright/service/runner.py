"""Runner: takes queued runs one after another and sees them through.

A run that was running when the server died is queued again: it goes on from its
checkpoint. So is one whose process was killed, unless it gets no further.
"""

import asyncio
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine, Mapping
from contextlib import aclosing, asynccontextmanager, suppress
from dataclasses import dataclass, replace
from typing import Any, Final

from modelwright.core.audit import Entry
from modelwright.core.digest import Digest
from modelwright.core.errors import Exhausted, ModelwrightError, NotFound, Unavailable
from modelwright.core.grants import Principal
from modelwright.core.hyperparameters import Hyperparameters
from modelwright.core.ports import Clock, WeightFiles
from modelwright.core.runs import ENDED, EventKind, Run, RunState, check_move
from modelwright.core.step_metrics import FILE_NAME, step_metrics
from modelwright.core.training_memory import memory_needed
from modelwright.core.training_ports import (
    DeviceMemory,
    Replay,
    Runs,
    Told,
    Trained,
    Trainers,
    TrainingJob,
)
from modelwright.core.weight_files import NamedBlob
from modelwright.service.datasets import Datasets, once
from modelwright.service.preparation import Preparation, Prepared
from modelwright.service.publishing import Ancestry, Publishing, checkpoint_name
from modelwright.service.resolver import Resolver

MOST_REPLAY: Final = 4096
"""Rows of general knowledge that are made for a run."""
RESULTS: Final = "result_files"
"""Among a run's extras: it is to leave a file of its figures. Among its metrics: the file."""
RESULTS_PURPOSE: Final = "fine-tune-results"
MOST_EVENTS: Final = 100_000
RESUMED: Final = "resumed_at"
"""The step that a run had reached when its process died last, among its extras."""
_STEPPED: Final = frozenset({"progress", "evaluation", "checkpoint"})
_LOG = logging.getLogger(__name__)


@dataclass(slots=True)
class _Current:
    """The run in hand; `wanted` is the state that somebody asked it to stop in.

    `line` is what the log then says of it.
    """

    run: Run
    task: "asyncio.Task[None]"
    wanted: RunState | None = None
    line: Entry | None = None


class Runner:
    """Executes runs; `principal_of` gives whoever a run belongs to, if they still may."""

    def __init__(
        self,
        runs: Runs,
        trainers: Trainers,
        preparation: Preparation,
        publishing: Publishing,
        resolver: Resolver,
        files: WeightFiles,
        replay: Replay,
        clock: Clock,
        principal_of: Callable[[str], Awaitable[Principal | None]],
        memory: DeviceMemory,
        datasets: Datasets,
    ) -> None:
        self._runs = runs
        self._trainers = trainers
        self._preparation = preparation
        self._publishing = publishing
        self._resolver = resolver
        self._files = files
        self._replay = replay
        self._clock = clock
        self._principal_of = principal_of
        self._memory = memory
        self._datasets = datasets
        self._work = asyncio.Event()
        self._moving = asyncio.Lock()  # one move of a run's state at a time
        self._current: _Current | None = None
        self.news = asyncio.Event()
        """Set, and replaced, whenever a run has told something."""

    def wake(self) -> None:
        """Say that there may be work."""
        self._work.set()
        self.tell()

    def tell(self) -> None:
        """Wake whoever follows a run."""
        self.news.set()
        self.news = asyncio.Event()

    @asynccontextmanager
    async def working(self) -> AsyncGenerator[None, None]:
        """Work for as long as it is entered; what runs then is left to the next start."""
        task = asyncio.create_task(self._loop())
        try:
            yield
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    async def stop(self, run: Run, state: RunState, line: Entry | None = None) -> Run:
        """Bring a run to rest or to its end; gives it as it then is, `line` in the log.

        Raises Conflict for one that is not in a state to be stopped. One that was
        about to be published may have succeeded instead.
        """
        async with self._moving:
            run = await self._fresh(run)
            check_move(run, state)
            current = self._current
            if current is None or current.run.id != run.id:
                await self._rest(run, state, line)
                return await self._fresh(run)
            current.wanted, current.line = state, line
            current.task.cancel()
        await asyncio.wait([current.task])
        return await self._fresh(run)

    async def queue(self, run: Run, *, most: int | None = None, line: Entry | None = None) -> Run:
        """Let a run go on that rests or has ended badly; raises Conflict for another.

        `most`: how many of its owner's may wait or run; Exhausted for one more.
        """
        async with self._moving:
            run = await self._fresh(run)
            check_move(run, "queued")
            extras = {name: value for name, value in run.extras.items() if name != RESUMED}
            again = replace(run, state="queued", ended_at=None, error="", extras=extras)
            resumed: tuple[EventKind, Mapping[str, Any]] = ("queued", {"resumed": True})
            await self._runs.save(again, resumed, at=self._clock.now(), most=most, line=line)
        self.wake()
        return again

    async def _loop(self) -> None:
        await self._recover()
        while True:
            self._work.clear()
            current = await self._begin()
            if current is None:
                await self._work.wait()
                continue
            try:
                await asyncio.wait([current.task])
            except asyncio.CancelledError:
                current.task.cancel()
                await asyncio.wait([current.task])
                raise
            finally:
                self._current = None

    async def _begin(self) -> _Current | None:
        """Take the next run in hand."""
        async with self._moving:
            run = await self._runs.next_queued()
            if run is None:
                return None
            run = replace(run, state="running", started_at=run.started_at or self._clock.now(), error="")
            await self._save(run)
            self._current = _Current(run, asyncio.create_task(self._see_through(run)))
            return self._current

    async def _recover(self) -> None:
        """Queue what was running when the server died."""
        for run in await self._runs.list_runs(states=("running",), limit=100_000):
            await self._save(replace(run, state="queued"), ("note", {"text": "the server was started anew"}))

    async def _see_through(self, run: Run) -> None:
        """Execute a run and write down how it ended, whatever happens."""
        try:
            run = await self._execute(run)
        except asyncio.CancelledError:
            await self._stopped(await self._fresh(run))
        except ModelwrightError as error:
            await self._failed(await self._fresh(run), error)
        except Exception as error:  # a bug of ours must not leave a run that seems to run
            _LOG.exception("run %s", run.id)
            await self._failed(await self._fresh(run), Unavailable(f"the server failed: {error!r}"))
        else:
            ended = replace(run, state="succeeded", ended_at=self._clock.now())
            await self._save(ended, ("published", {"model": run.plan.target, "revision": run.revision}))
            await self._trainers.forget(run.id)

    async def _execute(self, run: Run) -> Run:
        principal = await self._principal_of(run.owner)
        if principal is None:
            raise NotFound("user", run.owner, hint="Whoever asked for this run is not here any more")
        if run.step and (made := await self._publishing.published(principal, run)) is not None:
            return replace(run, revision=made[1], metrics={**run.metrics, "model": made[0]})
        ancestry = await self._publishing.ancestry(principal, run)
        job, need = await self._job(principal, run, ancestry)
        async with self._memory.lent(need), aclosing(self._trainers.train(job)) as events:
            async for event in events:
                if isinstance(event, Trained):
                    trained = event
                    break
                run = self._advanced(run, event)
                await self._save(run, (event.kind, event.content))
            else:
                raise Unavailable("the training ended without a result")
        return await _to_its_end(self._published(principal, run, ancestry, trained))

    async def _published(self, principal: Principal, run: Run, ancestry: Ancestry, trained: Trained) -> Run:
        """Make the revision, and the file of figures where the run is to have one."""
        metrics = {**trained.metrics, **_kept(trained)}
        if run.extras.get(RESULTS):
            metrics[RESULTS] = [await self._results(principal, run)]
        if trained.checkpoints:
            steps = [each.step for each in trained.checkpoints]
            metrics["checkpoints"] = [{"step": s, "model": str(checkpoint_name(run, s))} for s in steps]
        run = replace(run, metrics=metrics)
        await self._save(run)  # a server that dies now finds the revision and these
        name, number = await self._publishing.publish(principal, run, ancestry, trained)
        return replace(run, revision=number, metrics={**metrics, "model": name})

    async def _results(self, principal: Principal, run: Run) -> str:
        """Store what was measured at each step; gives the dataset's id."""
        events = await self._runs.events(run.id, limit=MOST_EVENTS)
        content = step_metrics(events, run.plan.method)
        record = await self._datasets.add(principal, FILE_NAME, once(content), purpose=RESULTS_PURPOSE)
        return record.id

    async def _job(self, principal: Principal, run: Run, ancestry: Ancestry) -> tuple[TrainingJob, int]:
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
        for other in await self._runs.list_runs(owner=run.owner, states=("succeeded",), limit=50):
            if other.plan.target == run.plan.target:
                digest = other.metrics.get("momentum")
                return Digest.parse(digest) if digest else None
        return None

    async def _stopped(self, run: Run) -> None:
        """It was cancelled or paused, or the server ends and takes it up again."""
        current = self._current
        if current is None or current.wanted is None:
            await self._rest(run, "queued")
        else:
            await self._rest(run, current.wanted, current.line)

    async def _rest(self, run: Run, state: RunState, line: Entry | None = None) -> None:
        kind: EventKind = "cancelled" if state == "cancelled" else "note"
        ended = self._clock.now() if state in ENDED else None
        rested, told = replace(run, state=state, ended_at=ended), {"text": state, "step": run.step}
        await self._save(rested, (kind, told), line=line)

    async def _failed(self, run: Run, error: ModelwrightError) -> None:
        """Queue it again if its process died and it had got further; else it has failed."""
        resumed = run.extras.get(RESUMED, -1)
        died = isinstance(error, Unavailable) and not isinstance(error, Exhausted)
        if died and run.step > resumed:
            again = replace(run, state="queued", extras={**run.extras, RESUMED: run.step})
            await self._save(again, ("note", {"text": f"{error}; it goes on from its checkpoint"}))
            self.wake()
            return
        failed = replace(run, state="failed", error=str(error), ended_at=self._clock.now())
        await self._save(failed, ("failed", {"error": error.message, "hint": error.hint, "step": run.step}))

    def _advanced(self, run: Run, event: Told) -> Run:
        if event.kind == "started":
            return replace(run, steps=int(event.content["steps"]))
        if event.kind in _STEPPED:
            return replace(run, step=int(event.content["step"]))
        return run

    async def _fresh(self, run: Run) -> Run:
        return await self._runs.find(run.id) or run

    async def _note(self, run: Run, content: Mapping[str, Any]) -> None:
        await self._save(run, ("note", content))

    async def _save(
        self, run: Run, *events: tuple[EventKind, Mapping[str, Any]], line: Entry | None = None
    ) -> None:
        await self._runs.save(run, *events, at=self._clock.now(), line=line)
        self.tell()


async def _to_its_end(work: Coroutine[Any, Any, Run]) -> Run:
    """Do something whole: who cancels it meanwhile gets what it gives."""
    task = asyncio.ensure_future(work)
    while not task.done():
        with suppress(asyncio.CancelledError):
            await asyncio.wait([task])
    return task.result()


def _kept(trained: Trained) -> Mapping[str, Any]:
    """What is needed to go on from here another time."""
    files: list[NamedBlob] = list(trained.files)
    adapter = {file.name: str(file.digest) for file in files}
    return {"files": adapter, "momentum": str(trained.momentum) if trained.momentum else None}
