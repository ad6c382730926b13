"""The routes of fine-tuning jobs and training datasets.

A job is a run of ours, a dataset the same file of rows that every dialect trains on.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response

from modelwright.core.errors import Invalid, NotFound
from modelwright.core.grants import Principal, Verb
from modelwright.core.hyperparameters import Hyperparameters
from modelwright.core.names import Name
from modelwright.core.runs import ENDED, DatasetRecord, Run, RunEvent
from modelwright.dialects.base import Json, json_response, needs
from modelwright.dialects.fields import refuse
from modelwright.dialects.sgp import wire
from modelwright.dialects.sgp.dataset_forms import chunks, items, normalised, read_form
from modelwright.dialects.sgp.desk import Account, Desk, Page, People, Route, deleted, page_of, path_of
from modelwright.dialects.sgp.entries import DIALECT, Entries
from modelwright.service.entities import home_of
from modelwright.service.training import RunRequest

PURPOSE: Final = "sgp"
FORGOTTEN: Final = "forgotten-job"
STATES: Final = {
    "queued": "PENDING",
    "paused": "PENDING",
    "running": "RUNNING",
    "succeeded": "COMPLETED",
    "failed": "FAILED",
    "cancelled": "CANCELED",
}
_SPELLINGS: Final = {
    "n_epochs": "epochs",
    "num_epochs": "epochs",
    "num_train_epochs": "epochs",
    "lr": "learning_rate",
    "lora_rank": "rank",
    "lora_alpha": "alpha",
    "lora_dropout": "dropout",
    "max_steps": "steps",
    "per_device_train_batch_size": "batch_size",
}
"""What vendors call hyperparameters -> what we do."""
_MOST: Final = 100_000


class TrainingRoutes:
    """Jobs and datasets; each is its owner's alone."""

    def __init__(self, desk: Desk, entries: Entries) -> None:
        services = desk.backing.services
        self._desk = desk
        self._entries = entries
        self._models = services.models
        self._datasets = services.datasets
        self._training = services.training
        self._entities = services.entities

    def table(self) -> Iterator[Route]:
        jobs, datasets = "/v4/fine-tuning-jobs", "/v4/training-datasets"
        yield "POST", datasets, self.add_dataset, "Upload a training dataset, as a form"
        yield "GET", datasets, self.list_datasets, "List your training datasets"
        yield "GET", f"{datasets}/{{dataset}}", self.show_dataset, "Show a training dataset"
        yield "DELETE", f"{datasets}/{{dataset}}", self.delete_dataset, "Forget a training dataset"
        yield "GET", f"{datasets}/{{dataset}}/contents", self.contents, "The rows of a training dataset"
        yield "POST", jobs, self.create_job, "Train a model"
        yield "GET", jobs, self.list_jobs, "List your fine-tuning jobs"
        yield "GET", f"{jobs}/{{job}}", self.show_job, "Show a fine-tuning job"
        yield "DELETE", f"{jobs}/{{job}}", self.delete_job, "End a fine-tuning job and forget it"
        yield "GET", f"{jobs}/{{job}}/events", self.events, "What a fine-tuning job told"

    @needs(Verb.UPLOAD)
    async def add_dataset(self, request: Request) -> Response:
        principal = self._desk.who(request)
        form, content = await read_form(request)
        account = await self._desk.account(request, form.account_id)
        extras = {DIALECT: {**_for(account), "schema_type": form.schema_type}}
        record = await self._datasets.add(
            principal, form.name, chunks(normalised(content)), purpose=PURPOSE, extras=extras
        )
        return json_response(_dataset(record, principal, await self._desk.people(principal)))

    @needs(Verb.LIST)
    async def list_datasets(self, request: Request) -> Response:
        principal, page = await self._desk.check(request), page_of(request)
        account = await self._desk.filter(request)
        found = [
            record
            for record in await self._datasets.list_datasets(principal, limit=_MOST)
            if account is None or _scope(record.extras, principal) == account.id
        ]
        people = await self._desk.people(principal)
        return json_response(page.answer(found, lambda each: _dataset(each, principal, people)))

    @needs(Verb.SELF)
    async def show_dataset(self, request: Request) -> Response:
        principal = await self._desk.check(request)
        record = await self._datasets.find(principal, path_of(request, "dataset"))
        return json_response(_dataset(record, principal, await self._desk.people(principal)))

    @needs(Verb.SELF)
    async def delete_dataset(self, request: Request) -> Response:
        await self._datasets.delete(await self._desk.check(request), path_of(request, "dataset"))
        return json_response(deleted())

    @needs(Verb.SELF)
    async def contents(self, request: Request) -> Response:
        principal = await self._desk.check(request)
        content = await self._datasets.content(principal, path_of(request, "dataset"))
        return json_response(list(items(content)))

    @needs(Verb.DERIVE)
    async def create_job(self, request: Request) -> Response:
        principal = self._desk.who(request)
        body = await self._desk.read(request, wire.JobRequest)
        vendor = body.vendor_configuration
        _refuse_vendor(vendor)
        account = await self._desk.account(request, body.account_id)
        base = body.base_model_id or body.fine_tuned_model_id
        if not base:
            raise Invalid("no model is named", field="base_model_id", hint="Say which model is to learn")
        entry = await self._entries.find(principal, base, field="base_model_id")
        kept = body.model_dump(mode="json", exclude_none=True) | _for(account)
        run = await self._training.start(
            principal,
            RunRequest(
                model=entry.name,
                dataset=body.training_dataset_id,
                validation=body.validation_dataset_id,
                target=await self._target(principal, body, entry.title),
                hyperparameters=_hyperparameters(vendor.hyperparameters),
                extras={DIALECT: kept},
            ),
        )
        return json_response(await self._tree(principal, run, await self._desk.people(principal)))

    async def _target(self, principal: Principal, body: wire.JobRequest, base: str) -> str:
        """The name of the model that gets what was learned: as it was named, or a new one."""
        if body.fine_tuned_model_id:
            return await self._entries.locate(principal, body.fine_tuned_model_id)
        suffix = body.vendor_configuration.suffix or "ft"
        return (await self._models.aliases.mint(principal, f"{base}-{suffix}")).full

    @needs(Verb.LIST)
    async def list_jobs(self, request: Request) -> Response:
        principal, page = await self._desk.check(request), page_of(request)
        account = await self._desk.filter(request)
        found = [
            run
            for run in await self._runs(principal)
            if account is None or _scope(run.extras, principal) == account.id
        ]
        people = await self._desk.people(principal)
        return json_response(await self._answer(principal, page, found, people))

    async def _answer(self, principal: Principal, page: Page, found: list[Run], people: People) -> Json:
        part = found[page.start : page.start + page.limit]
        shown = [await self._tree(principal, run, people) for run in part]
        return page.envelope(shown, len(found))

    @needs(Verb.SELF)
    async def show_job(self, request: Request) -> Response:
        principal = await self._desk.check(request)
        run = await self._find(principal, path_of(request, "job"))
        return json_response(await self._tree(principal, run, await self._desk.people(principal)))

    @needs(Verb.SELF)
    async def delete_job(self, request: Request) -> Response:
        """The run itself stays: it says what made a model."""
        principal = await self._desk.check(request)
        run = await self._find(principal, path_of(request, "job"))
        if run.state not in ENDED:
            await self._training.cancel(principal, run.id)
        await self._entities.add(principal, FORGOTTEN, {}, alias=run.id)
        return json_response(deleted())

    @needs(Verb.SELF)
    async def events(self, request: Request) -> Response:
        principal = await self._desk.check(request)
        run = await self._find(principal, path_of(request, "job"))
        return json_response(
            [_event(event) for event in await self._training.events(principal, run.id, limit=_MOST)]
        )

    async def _runs(self, principal: Principal) -> list[Run]:
        gone = {each.alias for each in await self._entities.list_entities(principal, FORGOTTEN)}
        found = await self._training.list_runs(principal, limit=_MOST)
        return [run for run in found if run.id not in gone]

    async def _find(self, principal: Principal, job: str) -> Run:
        run = await self._training.find(principal, job)
        if any(each.alias == job for each in await self._entities.list_entities(principal, FORGOTTEN)):
            raise NotFound("run", job)
        return run

    async def _tree(self, principal: Principal, run: Run, people: People) -> Json:
        kept = run.extras.get(DIALECT, {})
        tree = people.made(run.id, _account(run.extras, principal), run.owner, run.created_at)
        names = ("base_model_id", "validation_dataset_id", "vendor_configuration")
        return {
            **tree,
            "status": STATES[run.state],
            "training_dataset_id": kept.get("training_dataset_id") or str(run.plan.dataset),
            "base_model_id": run.plan.model,
            **{name: kept[name] for name in names if kept.get(name)},
            "fine_tuned_model_id": await self._made(principal, run),
        }

    async def _made(self, principal: Principal, run: Run) -> str | None:
        """The id of the model with what was learned, once there is one."""
        given = run.extras.get(DIALECT, {}).get("fine_tuned_model_id")
        if given or run.state != "succeeded":
            return given or None
        try:
            return (await self._entries.find(principal, run.plan.target)).id
        except NotFound:
            return str(Name.parse(run.plan.target))


def _refuse_vendor(vendor: wire.JobVendor) -> None:
    refuse(vendor, "wandb_config", "output", within="vendor_configuration")


def _hyperparameters(given: Mapping[str, Any]) -> Hyperparameters:
    """Raises Invalid for one that is unknown or out of range."""
    named = {_SPELLINGS.get(name, name): value for name, value in given.items() if value is not None}
    return Hyperparameters.of(named)


def _for(account: Account) -> Json:
    """What is kept of an account: as it was named, and our id."""
    return {"account_id": account.label, "account": account.id}


def _scope(extras: Mapping[str, Any], principal: Principal) -> str:
    """The account that something was made for, by our id."""
    return str(extras.get(DIALECT, {}).get("account") or home_of(principal))


def _account(extras: Mapping[str, Any], principal: Principal) -> str:
    label = extras.get(DIALECT, {}).get("account_id")
    return label if isinstance(label, str) else principal.account or principal.id


def _dataset(record: DatasetRecord, principal: Principal, people: People) -> Json:
    kept = record.extras.get(DIALECT, {})
    return {
        **people.made(record.id, _account(record.extras, principal), record.owner, record.created_at),
        "name": record.name,
        "schema_type": kept.get("schema_type", "GENERATION"),
        "data_source": "LocalFile",
    }


def _event(event: RunEvent) -> Json:
    content = event.content
    said = content.get("text") or content.get("message")
    figures = ", ".join(
        f"{name} {value:.6g}" if isinstance(value, float) else f"{name} {value}"
        for name, value in content.items()
        if isinstance(value, int | float | str) and name not in ("text", "message")
    )
    message = ": ".join(str(part) for part in (event.kind, said or figures) if part)
    level = "error" if event.kind == "failed" else "info"
    return {"timestamp": event.at.timestamp(), "message": message, "level": level}
