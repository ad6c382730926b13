"""The routes of fine-tuning: jobs, what they tell, who may use what they made."""

import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Coroutine, Iterator, Mapping, Sequence
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response

from modelwright.core.errors import Invalid, ModelwrightError, NotFound
from modelwright.core.grants import Principal, Verb
from modelwright.core.names import DEFAULT_NAMESPACE
from modelwright.core.runs import Run, RunEvent
from modelwright.dialects.answer import Answer, sse
from modelwright.dialects.base import Backing, Json, json_response, needs
from modelwright.dialects.body import read_body
from modelwright.dialects.fields import Wire
from modelwright.dialects.openai import jobs
from modelwright.dialects.openai.paging import is_oldest_first, limit_of, page
from modelwright.dialects.openai.writers import error_body
from modelwright.service.training import RunRequest

PURPOSE: Final = "fine-tune"
_EVENTS: Final = 100_000
_RUNS: Final = 100
"""Runs that are read at once while those with some metadata are looked for."""

Row = tuple[str, str, Callable[[Request], Coroutine[Any, Any, Response]], str, type[Wire] | None]


class JobRoutes:
    """What stands under /v1/fine_tuning/jobs."""

    def __init__(self, backing: Backing) -> None:
        self._models = backing.services.models
        self._datasets = backing.services.datasets
        self._training = backing.services.training
        self._principal_of = backing.principal_of
        self._limits = backing.limits

    def table(self) -> Iterator[Row]:
        every = "/v1/fine_tuning/jobs"
        one = f"{every}/{{job}}"
        yield "POST", every, self.create, "Begin a fine-tuning job", jobs.JobRequest
        yield "GET", every, self.list_jobs, "List your fine-tuning jobs", None
        yield "GET", one, self.find, "Show a job", None
        yield "POST", f"{one}/cancel", self.cancel, "End a job", None
        yield "POST", f"{one}/pause", self.pause, "Let a job rest", None
        yield "POST", f"{one}/resume", self.resume, "Let a job go on", None
        yield "GET", f"{one}/events", self.events, "What a job tells; with stream=true as it comes", None
        yield "GET", f"{one}/checkpoints", self.checkpoints, "The checkpoints that can be called", None

    @needs(Verb.DERIVE)
    async def create(self, request: Request) -> Response:
        body = await read_body(request, jobs.JobRequest, self._limits)
        jobs.check_request(body)
        principal = self._principal_of(request)
        run = await self._training.start(principal, await self._wanted(principal, body))
        return json_response(jobs.job_object(run))

    async def _wanted(self, principal: Principal, body: jobs.JobRequest) -> RunRequest:
        summary = await self._models.summary(principal, body.model, right=Verb.DERIVE)
        seed = secrets.randbelow(2**31) if body.seed is None else body.seed
        wanted = jobs.parse_wanted(body, seed, summary.facts.parameter_count if summary.facts else 0)
        for name in ("training_file", "validation_file"):
            if getattr(body, name):
                await self._check_file(principal, getattr(body, name), name)
        scope, mark = principal.namespace or DEFAULT_NAMESPACE, secrets.token_hex(4)
        identifier = jobs.trained_id(summary.name, scope, body.suffix, mark)
        target = await self._models.aliases.mint(
            principal, "-".join(part for part in (summary.name.model[:40], body.suffix[:24], mark) if part)
        )
        checkpoint = jobs.checkpoint_id(identifier, "{step}")
        aliases = [
            {"dialect": jobs.DIALECT, "alias": each, "scope": scope} for each in (identifier, checkpoint)
        ]
        return RunRequest(
            model=body.model,
            dataset=body.training_file,
            method=wanted.method,
            target=target.full,
            validation=body.validation_file,
            hyperparameters=wanted.hyperparameters,
            rewards=wanted.rewards,
            extras={
                jobs.DIALECT: jobs.kept(body, seed, identifier),
                "aliases": aliases,
                "card": {"extras": {jobs.DIALECT: {"id": identifier}}},
                "checkpoint_card": {"extras": {jobs.DIALECT: {"id": checkpoint}}},
                jobs.RESULTS: True,
            },
        )

    async def _check_file(self, principal: Principal, file: str, field: str) -> None:
        record = await self._datasets.find(principal, file, field=field)
        if record.purpose != PURPOSE:
            raise Invalid(
                f'file "{file}" has the purpose "{record.purpose}"',
                field=field,
                hint=f'Upload it with the purpose "{PURPOSE}"',
            )

    @needs(Verb.LIST)
    async def list_jobs(self, request: Request) -> Response:
        asked, limit = request.query_params, limit_of(request)
        after = jobs.run_id(asked["after"]) if asked.get("after") else ""
        wanted = _metadata(request)
        found = await self._matching(self._principal_of(request), after, limit + 1, wanted)
        return json_response(page([jobs.job_object(run) for run in found[:limit]], more=len(found) > limit))

    async def _matching(
        self, principal: Principal, after: str, most: int, wanted: Mapping[str, str] | None
    ) -> Sequence[Run]:
        """The newest runs behind `after` that carry this metadata; None = none at all."""
        found: list[Run] = []
        while len(found) < most:
            read = await self._training.list_runs(principal, after=after, limit=_RUNS)
            for run in read:
                own = jobs.metadata_of(run)
                if not own if wanted is None else wanted.items() <= own.items():
                    found.append(run)
            if len(read) < _RUNS:
                break
            after = read[-1].id
        return found[:most]

    @needs(Verb.SELF)
    async def find(self, request: Request) -> Response:
        return json_response(jobs.job_object(await self._asked(request)))

    @needs(Verb.SELF)
    async def cancel(self, request: Request) -> Response:
        run = await self._asked(request)
        return json_response(
            jobs.job_object(await self._training.cancel(self._principal_of(request), run.id))
        )

    @needs(Verb.SELF)
    async def pause(self, request: Request) -> Response:
        run = await self._asked(request)
        return json_response(jobs.job_object(await self._training.pause(self._principal_of(request), run.id)))

    @needs(Verb.SELF)
    async def resume(self, request: Request) -> Response:
        run = await self._asked(request)
        return json_response(
            jobs.job_object(await self._training.resume(self._principal_of(request), run.id))
        )

    @needs(Verb.SELF)
    async def events(self, request: Request) -> Response:
        run, principal = await self._asked(request), self._principal_of(request)
        if request.query_params.get("stream") == "true":
            return Answer(self._training.follow(principal, run.id), _Events(run.id), stream=True)
        found = await self._training.events(principal, run.id, limit=_EVENTS)
        trees = [jobs.event_object(run.id, event) for event in reversed(found)]
        return json_response(_after(trees, request))

    @needs(Verb.SELF)
    async def checkpoints(self, request: Request) -> Response:
        run = await self._asked(request)
        principal = self._principal_of(request)
        found = await self._training.events(principal, run.id, limit=_EVENTS)
        trees = [
            jobs.checkpoint_object(run, step, called, found)
            for step, called, model in jobs.checkpoint_models(run)
            if await self._is_there(principal, model)
        ]
        return json_response(_after(trees, request, usual=10))

    async def _is_there(self, principal: Principal, model: str) -> bool:
        """Whether it can be called: it may have been deleted."""
        try:
            await self._models.summary(principal, model)
        except NotFound:
            return False
        return True

    async def _asked(self, request: Request) -> Run:
        job = request.path_params["job"]
        try:
            return await self._training.find(self._principal_of(request), jobs.run_id(job))
        except NotFound:
            raise NotFound("fine-tuning job", job, field="fine_tuning_job_id") from None


class PermissionRoutes:
    """Who else may use a checkpoint; a project is a user, a group or everyone."""

    def __init__(self, backing: Backing) -> None:
        self._sharing = backing.services.rights.sharing
        self._models = backing.services.models
        self._principal_of = backing.principal_of
        self._limits = backing.limits

    def table(self) -> Iterator[Row]:
        every = "/v1/fine_tuning/checkpoints/{model:path}/permissions"
        yield "POST", every, self.create, "Let others use a checkpoint", jobs.PermissionRequest
        yield "GET", every, self.list_permissions, "Who may use a checkpoint", None
        yield "DELETE", f"{every}/{{permission}}", self.delete, "Let them use it no longer", None

    @needs(Verb.GRANT)
    async def create(self, request: Request) -> Response:
        principal, model = self._principal_of(request), request.path_params["model"]
        await self._sharing.shares(principal, model)
        body = await read_body(request, jobs.PermissionRequest, self._limits)
        given = [await self._sharing.grant(principal, model, each, "use") for each in body.project_ids]
        created = await self._created(principal, model)
        return json_response(page([_permission(str(each.subject), created) for each in given], more=False))

    @needs(Verb.GRANT)
    async def list_permissions(self, request: Request) -> Response:
        principal, model = self._principal_of(request), request.path_params["model"]
        found = await self._sharing.shares(principal, model)
        created, wanted = await self._created(principal, model), request.query_params.get("project_id")
        trees = [_permission(str(each.subject), created) for each in found.grants]
        if is_oldest_first(request, ascending="ascending", descending="descending"):
            trees.reverse()
        chosen = [tree for tree in trees if wanted in (None, tree["project_id"])]
        return json_response(_after(chosen, request, usual=10))

    @needs(Verb.GRANT)
    async def delete(self, request: Request) -> Response:
        principal, model = self._principal_of(request), request.path_params["model"]
        await self._sharing.shares(principal, model)
        permission = request.path_params["permission"]
        await self._sharing.revoke(principal, model, _subject(permission))
        return json_response({"id": permission, "object": "checkpoint.permission", "deleted": True})

    async def _created(self, principal: Principal, model: str) -> int:
        return int((await self._models.summary(principal, model)).created_at.timestamp())


class _Events:
    """What a job tells, as server-sent events."""

    stream_type = "text/event-stream"
    whole_type = "application/json"

    def __init__(self, run: str) -> None:
        self._run = run

    def opening(self) -> bytes:
        return b""

    def frame(self, event: RunEvent) -> bytes:
        return sse(jobs.event_object(self._run, event))

    def failure(self, error: ModelwrightError) -> bytes:
        return sse(error_body(error))

    def whole(self, events: Sequence[RunEvent]) -> Json:
        return {"data": [jobs.event_object(self._run, event) for event in events]}


def _metadata(request: Request) -> Mapping[str, str] | None:
    """The metadata that a list is filtered by; None for jobs without any."""
    if request.query_params.get("metadata") == "null":
        return None
    pairs = request.query_params.multi_items()
    return {name[len("metadata[") : -1]: value for name, value in pairs if name.startswith("metadata[")}


def _after(trees: Sequence[Json], request: Request, *, usual: int = 20) -> Json:
    """The page of a whole list that the query asks for."""
    limit, after = limit_of(request, usual=usual), request.query_params.get("after")
    ids = [tree["id"] for tree in trees]
    if after and after not in ids:
        raise Invalid(f'"after" names nothing in this list: {after[:60]!r}', field="after")
    rest = trees[ids.index(after) + 1 if after else 0 :]
    return page(rest[:limit], more=len(rest) > limit)


def _permission(subject: str, created: int) -> Json:
    identifier = "cp_" + urlsafe_b64encode(subject.encode()).decode().rstrip("=")
    return {
        "id": identifier,
        "object": "checkpoint.permission",
        "created_at": created,
        "project_id": subject,
    }


def _subject(permission: str) -> str:
    text = permission.removeprefix("cp_")
    try:
        return urlsafe_b64decode(text + "=" * (-len(text) % 4)).decode()
    except ValueError:
        raise NotFound("permission", permission, field="permission_id") from None
