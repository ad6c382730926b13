"""Our own routes about training: datasets, runs and what they tell.

A part of the native dialect, and what the command line speaks.
"""

from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from typing import Annotated, Any, Final, Literal, TypeAlias, cast

from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response

from modelwright.core.dataset import METHODS, as_tree
from modelwright.core.dataset_file import Survey
from modelwright.core.errors import Invalid, ModelwrightError
from modelwright.core.grants import Verb
from modelwright.core.hyperparameters import Hyperparameters, Method
from modelwright.core.runs import DatasetRecord, Run, RunEvent
from modelwright.core.wording import excerpt
from modelwright.dialects.answer import Answer, ndjson
from modelwright.dialects.base import Backing, Json, json_response, needs, timestamp
from modelwright.dialects.body import read_body
from modelwright.dialects.fields import Closed, Text, documented
from modelwright.dialects.query import in_query
from modelwright.service.training import RunRequest

MOST_REWARDS: Final = 16
Row: TypeAlias = tuple[str, str, Any, str, Json | None]


class TrainRequest(Closed):
    """A run: `model` learns from `dataset`; `target`, or else it, gets the revision."""

    model: Text
    dataset: Text
    method: Literal["sft", "dpo", "reward"] = "sft"
    target: Text = ""
    validation: Text = ""
    replay: Text = ""
    hyperparameters: dict[str, Any] = Field(default_factory=dict)
    rewards: Annotated[tuple[dict[str, Any], ...], Field(max_length=MOST_REWARDS)] = ()
    priority: Annotated[int, Field(ge=-100, le=100)] = 0


class RunName(Closed):
    """A run by its id."""

    run: Text


class TrainingRoutes:
    """The routes; `table` lists them."""

    def __init__(self, backing: Backing) -> None:
        self._datasets = backing.services.datasets
        self._training = backing.services.training
        self._principal_of = backing.principal_of
        self._limits = backing.limits

    def table(self) -> Iterator[Row]:
        yield "POST", "/datasets", self.add_dataset, "Upload a dataset; its bytes are the body", _NAMED
        yield "GET", "/datasets", self.datasets, "List your datasets", None
        yield "GET", "/datasets/look", self.look, "Look at a dataset: rows, faults, a preview", _LOOK
        yield "DELETE", "/datasets", self.delete_dataset, "Forget a dataset", _DATASET
        yield "POST", "/runs", self.start, "Train a model", documented(TrainRequest)
        yield "GET", "/runs", self.runs, "List runs", None
        yield "GET", "/runs/one", self.run, "Show a run", _RUN
        yield "GET", "/runs/events", self.events, "What a run tells, as it comes", _RUN
        yield "POST", "/runs/cancel", self.cancel, "End a run", documented(RunName)
        yield "POST", "/runs/pause", self.pause, "Let a run rest", documented(RunName)
        yield "POST", "/runs/resume", self.resume, "Let a run go on", documented(RunName)

    @needs(Verb.UPLOAD)
    async def add_dataset(self, request: Request) -> Response:
        name = request.query_params.get("name", "dataset.jsonl")
        record = await self._datasets.add(self._principal_of(request), name, _chunks(request))
        return json_response(_dataset(record), status=201)

    @needs(Verb.LIST)
    async def datasets(self, request: Request) -> Response:
        found = await self._datasets.list_datasets(self._principal_of(request), limit=1000)
        return json_response({"datasets": [_dataset(record) for record in found]})

    @needs(Verb.SELF)
    async def look(self, request: Request) -> Response:
        asked, principal = request.query_params, self._principal_of(request)
        dataset, method = asked.get("dataset", ""), _method(asked.get("method", "sft"))
        found = await self._datasets.look(principal, dataset, method)
        tokens = None
        if asked.get("model") and not found.faulty:
            tokens = await self._training.tokens(principal, asked["model"], dataset, method)
        return json_response({**_survey(found), "tokens": tokens})

    @needs(Verb.SELF)
    async def delete_dataset(self, request: Request) -> Response:
        asked = request.query_params.get("dataset", "")
        return json_response(_dataset(await self._datasets.delete(self._principal_of(request), asked)))

    @needs(Verb.DERIVE)
    async def start(self, request: Request) -> Response:
        body = await read_body(request, TrainRequest, self._limits)
        wanted = RunRequest(
            model=body.model,
            dataset=body.dataset,
            method=body.method,
            target=body.target,
            validation=body.validation,
            replay=body.replay,
            hyperparameters=Hyperparameters.of(body.hyperparameters),
            rewards=body.rewards,
            priority=body.priority,
        )
        return json_response(
            _run(await self._training.start(self._principal_of(request), wanted)), status=201
        )

    @needs(Verb.LIST)
    async def runs(self, request: Request) -> Response:
        found = await self._training.list_runs(self._principal_of(request), limit=1000)
        return json_response({"runs": [_run(run) for run in found]})

    @needs(Verb.SELF)
    async def run(self, request: Request) -> Response:
        asked = request.query_params.get("run", "")
        return json_response(_run(await self._training.find(self._principal_of(request), asked)))

    @needs(Verb.SELF)
    async def events(self, request: Request) -> Response:
        asked, principal = request.query_params, self._principal_of(request)
        run = asked.get("run", "")
        await self._training.find(principal, run)
        if asked.get("follow") == "true":
            return Answer(self._training.follow(principal, run), _Events(), stream=True)
        found = await self._training.events(principal, run, limit=100_000)
        return json_response({"events": [_event(event) for event in found]})

    @needs(Verb.SELF)
    async def cancel(self, request: Request) -> Response:
        body = await read_body(request, RunName, self._limits)
        return json_response(_run(await self._training.cancel(self._principal_of(request), body.run)))

    @needs(Verb.SELF)
    async def pause(self, request: Request) -> Response:
        body = await read_body(request, RunName, self._limits)
        return json_response(_run(await self._training.pause(self._principal_of(request), body.run)))

    @needs(Verb.SELF)
    async def resume(self, request: Request) -> Response:
        body = await read_body(request, RunName, self._limits)
        return json_response(_run(await self._training.resume(self._principal_of(request), body.run)))


class _Events:
    """What a run tells, as lines of JSON."""

    stream_type = "application/x-ndjson"
    whole_type = "application/json"

    def opening(self) -> bytes:
        return b""

    def frame(self, event: RunEvent) -> bytes:
        return ndjson(_event(event))

    def failure(self, error: ModelwrightError) -> bytes:
        return ndjson({"error": {"kind": error.kind, "message": error.message, "hint": error.hint}})

    def whole(self, events: Sequence[RunEvent]) -> Json:
        return {"events": [_event(event) for event in events]}


async def _chunks(request: Request) -> AsyncIterator[bytes]:
    async for chunk in request.stream():
        yield chunk


def _dataset(record: DatasetRecord) -> Json:
    return {
        "id": record.id,
        "name": record.name,
        "digest": str(record.digest),
        "size": record.size,
        "rows": record.rows,
        "kind": record.kind,
        "faults": record.faults,
        "created_at": timestamp(record.created_at),
    }


def _survey(found: Survey) -> Json:
    return {
        "rows": found.rows,
        "kinds": dict(found.kinds),
        "faulty": found.faulty,
        "faults": [
            {"line": each.line, "field": each.field, "problem": each.problem, "hint": each.hint}
            for each in found.faults
        ],
        "preview": [as_tree(row) for row in found.preview],
    }


def _method(name: str) -> Method:
    if name not in METHODS:
        raise Invalid(f"method {excerpt(name, 40)}", field="method", hint=f"Use {', '.join(METHODS)}")
    return cast(Method, name)


def _run(run: Run) -> Json:
    plan = run.plan
    return {
        "id": run.id,
        "state": run.state,
        "model": plan.model,
        "target": plan.target,
        "method": plan.method,
        "dataset": str(plan.dataset),
        "hyperparameters": plan.hyperparameters.as_dict(),
        "step": run.step,
        "steps": run.steps,
        "priority": run.priority,
        "revision": run.revision,
        "error": run.error,
        "metrics": _shown(run.metrics),
        "created_at": timestamp(run.created_at),
        "started_at": timestamp(run.started_at) if run.started_at else None,
        "ended_at": timestamp(run.ended_at) if run.ended_at else None,
    }


def _shown(metrics: Mapping[str, Any]) -> Mapping[str, Any]:
    """What was measured, without what is kept to go on from."""
    return {name: value for name, value in metrics.items() if name not in ("files", "adapter", "momentum")}


def _event(event: RunEvent) -> Json:
    return {"number": event.number, "at": timestamp(event.at), "kind": event.kind, **event.content}


_NAMED: Final = in_query(name=False)
_DATASET: Final = in_query(dataset=True)
_LOOK: Final = in_query(dataset=True, method=False, model=False)
_RUN: Final = in_query(run=True, follow=False)
