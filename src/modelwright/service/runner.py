"""Runner: takes queued runs one after another and sees them through.

A run that was running when the server died is queued again: it goes on from its
checkpoint. So is one whose process was killed, unless it gets no further. Where there
are several servers each run is in one hand, and all that is written of it says whose.
"""

import asyncio
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine, Mapping
from contextlib import aclosing, asynccontextmanager, suppress
from dataclasses import dataclass, replace
from typing import Any, Final

from modelwright.core.audit import Entry
from modelwright.core.errors import Exhausted, Lost, ModelwrightError, NotFound, Unavailable
from modelwright.core.grants import Principal
from modelwright.core.ports import Clock, WeightFiles
from modelwright.core.runs import ENDED, EventKind, Run, RunState, check_move
from modelwright.core.step_metrics import FILE_NAME, step_metrics
from modelwright.core.training_ports import (
    DeviceMemory,
    Replay,
    Runs,
    Told,
    Trained,
    Trainers,
)
from modelwright.core.weight_files import NamedBlob
from modelwright.service.assignments import Assignments
from modelwright.service.datasets import Datasets, once
from modelwright.service.membership import Membership
from modelwright.service.preparation import Preparation
from modelwright.service.publishing import Ancestry, Publishing, Tried, checkpoint_name
from modelwright.service.resolver import Resolver

RESULTS: Final = "result_files"
"""Among a run's extras: it is to leave a file of its figures. Among its metrics: the file."""
RESULTS_PURPOSE: Final = "fine-tune-results"
MOST_EVENTS: Final = 100_000
ORPHANED: Final = "the server that had it in hand is gone"
LOOK_SECONDS: Final = 0.5
"""How often who waits for another server to stop a run looks whether it has."""
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
    stopping: bool = False

    def stop(self) -> None:
        """Let it end; once, for whoever is told again leaves its checkpoint unwritten."""
        if not self.stopping:
            self.stopping = True
            self.task.cancel()


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
        membership: Membership | None = None,
    ) -> None:
        self._runs = runs
        self._trainers = trainers
        self._assignments = Assignments(runs, preparation, resolver, files, replay, self._note)
        self._publishing = publishing
        self._clock = clock
        self._principal_of = principal_of
        self._memory = memory
        self._datasets = datasets
        self._membership = membership or Membership()
        self._work = asyncio.Event()
        self._moving = asyncio.Lock()  # one move of a run's state at a time
        self._current: _Current | None = None
        self.news = asyncio.Event()
        """Set, and replaced, whenever a run has told something."""

    def check(self) -> None:
        """Raise Unsupported where nothing can be trained."""
        self._trainers.check()

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
        await self.look()
        with self._membership.joined(self):
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
        about to be published may have succeeded instead. One that another server has
        in hand is waited for until that one has stopped it, or was found dead.
        """
        while True:
            with suppress(Lost):  # another server was first: look again what holds
                return await self._stop(run, state, line)

    async def _stop(self, run: Run, state: RunState, line: Entry | None) -> Run:
        async with self._moving:
            run = await self._fresh(run)
            check_move(run, state)
            if run.state == "running" and await self._membership.is_another(run.holder):
                await self._runs.ask(run, state, line)
                stopping: Awaitable[object] = self._until_let_go(run)
            elif (current := self._current) is not None and current.run.id == run.id:
                current.wanted, current.line = state, line
                current.stop()
                stopping = asyncio.wait([current.task])
            else:
                await self._rest(run, state, line, was=run.state)
                return await self._fresh(run)
        await stopping
        return await self._fresh(run)

    async def _until_let_go(self, run: Run) -> None:
        while (await self._fresh(run)).holder == run.holder:
            await asyncio.sleep(LOOK_SECONDS)

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
            await self._runs.save(again, resumed, at=self._clock.now(), was=run.state, most=most, line=line)
        self.wake()
        return again

    async def look(self) -> None:
        """Queue what ran when its server died; stop what another was asked to."""
        async with self._moving:
            current, lost = self._current, True
            for run in await self._runs.in_hand(self._membership.id):
                if current is None or (run.id, run.holder) != (current.run.id, current.run.holder):
                    with suppress(Lost):  # another server has seen it, too
                        await self._rest(run, run.wanted or "queued", was="running", text=ORPHANED)
                    continue
                lost = False
                if run.wanted:
                    current.wanted = run.wanted
                    current.stop()
            if current is not None and lost:
                current.stop()
        self._work.set()

    def lose(self) -> None:
        """Let go of what is in hand: it is another server's by now."""
        if self._current is not None:
            self._current.stop()

    async def _loop(self) -> None:
        while True:
            self._work.clear()
            try:
                current = await self._begin()
            except ModelwrightError:  # the database is away: the server says so elsewhere
                _LOG.exception("the queue of runs")
                current = None
            if current is None:
                await self._work.wait()
                continue
            try:
                await asyncio.wait([current.task])
            except asyncio.CancelledError:
                current.stop()
                await asyncio.wait([current.task])
                raise
            finally:
                self._current = None

    async def _begin(self) -> _Current | None:
        """Take the next run in hand."""
        async with self._moving:
            run = await self._runs.take(self._membership.id, self._clock.now())
            if run is None:
                return None
            self.tell()
            self._current = _Current(run, asyncio.create_task(self._see_through(run)))
            return self._current

    async def _see_through(self, run: Run) -> None:
        """Execute a run and write down how it ended, unless it is in hand no more."""
        try:
            await self._bring_to_end(run)
        except Lost:
            _LOG.warning("run %s was taken up by another server", run.id)
        except ModelwrightError:  # the database is away: once it is back, nobody has the run in hand
            _LOG.exception("run %s", run.id)

    async def _bring_to_end(self, run: Run) -> None:
        try:
            run = await self._execute(run)
        except asyncio.CancelledError:
            await self._stopped(await self._mine(run))
        except Lost:
            raise
        except ModelwrightError as error:
            await self._failed(await self._mine(run), error)
        except Exception as error:  # a bug of ours must not leave a run that seems to run
            _LOG.exception("run %s", run.id)
            await self._failed(await self._mine(run), Unavailable(f"the server failed: {error!r}"))
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
        job, need = await self._assignments.job(principal, run, ancestry)
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
        tried = await self._publishing.tried(principal, run, ancestry, trained)
        for step, error in tried.left_out.items():
            text = f"the checkpoint of step {step} does not answer and is left out: {error.message}"
            await self._note(run, {"text": text, "step": step})
        metrics = {**trained.metrics, **_kept(trained, tried)}
        if run.extras.get(RESULTS):
            metrics[RESULTS] = [await self._results(principal, run)]
        if tried.checkpoints:
            metrics["checkpoints"] = [
                {"step": step, "model": str(checkpoint_name(run, step))} for step in tried.checkpoints
            ]
        run = replace(run, metrics=metrics)
        await self._save(run)  # a server that dies now finds the revision and these
        name, number = await self._publishing.publish(principal, run, tried)
        return replace(run, revision=number, metrics={**metrics, "model": name})

    async def _results(self, principal: Principal, run: Run) -> str:
        """Store what was measured at each step; gives the dataset's id."""
        events = await self._runs.events(run.id, limit=MOST_EVENTS)
        content = step_metrics(events, run.plan.method)
        record = await self._datasets.add(principal, FILE_NAME, once(content), purpose=RESULTS_PURPOSE)
        return record.id

    async def _stopped(self, run: Run) -> None:
        """It was cancelled or paused, or the server ends and takes it up again."""
        current = self._current
        if current is None or current.wanted is None:
            await self._rest(run, "queued")
        else:
            await self._rest(run, current.wanted, current.line)

    async def _rest(
        self,
        run: Run,
        state: RunState,
        line: Entry | None = None,
        *,
        was: RunState | None = None,
        text: str = "",
    ) -> None:
        kind: EventKind = "cancelled" if state == "cancelled" else "note"
        ended = self._clock.now() if state in ENDED else None
        rested, told = replace(run, state=state, ended_at=ended), {"text": text or state, "step": run.step}
        await self._save(rested, (kind, told), was=was, line=line)

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
        """As it is now; whoever has it in hand asks with `_mine`."""
        return await self._runs.find(run.id) or run

    async def _mine(self, run: Run) -> Run:
        """As it is now, to be written by the hand that took it and by no other."""
        return replace(await self._fresh(run), holder=run.holder)

    async def _note(self, run: Run, content: Mapping[str, Any]) -> None:
        await self._save(run, ("note", content))

    async def _save(
        self,
        run: Run,
        *events: tuple[EventKind, Mapping[str, Any]],
        was: RunState | None = None,
        line: Entry | None = None,
    ) -> None:
        await self._runs.save(run, *events, at=self._clock.now(), was=was, line=line)
        self.tell()


async def _to_its_end(work: Coroutine[Any, Any, Run]) -> Run:
    """Do something whole: who cancels it meanwhile gets what it gives."""
    task = asyncio.ensure_future(work)
    while not task.done():
        with suppress(asyncio.CancelledError):
            await asyncio.wait([task])
    return task.result()


def _kept(trained: Trained, tried: Tried) -> Mapping[str, Any]:
    """What is needed to go on another time; `adapter` owns the momentum."""
    files: list[NamedBlob] = list(trained.files)
    return {
        "files": {file.name: str(file.digest) for file in files},
        "adapter": str(tried.end[-1].digest),
        "momentum": str(trained.momentum) if trained.momentum else None,
    }
