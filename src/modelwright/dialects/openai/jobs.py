"""Fine-tuning jobs: from OpenAI's wire to runs, and runs as jobs.

A job is a run, its id the run's in another spelling. What only this dialect knows
of it (suffix, metadata, integrations, hyperparameters as they were asked for) is
kept in the run's extras and given back unchanged.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Final

from pydantic import Field, Strict

from modelwright.core.errors import Invalid, NotFound, Unsupported
from modelwright.core.hyperparameters import RULES, Hyperparameters, Method, default_rate
from modelwright.core.names import Name, slug
from modelwright.core.rewards import check_rewards
from modelwright.core.runs import Run, RunEvent
from modelwright.core.wording import excerpt
from modelwright.dialects.base import Json
from modelwright.dialects.fields import Table, Text, Wire

DIALECT: Final = "openai"
CHECKPOINTS: Final = 3
"""Epochs whose checkpoints can be called: the last ones (OpenAI's guide, "Fine-tuning")."""
METHODS: Final[Mapping[str, Method]] = {"supervised": "sft", "dpo": "dpo", "reinforcement": "reward"}
LONGEST_SUFFIX: Final = 64
MOST_METADATA: Final = 16
RESULTS: Final = "result_files"
"""Where a run says that it is to leave a file of its figures, and which it was."""
_NAMES: Final = {"batch_size": "batch_size", "n_epochs": "epochs", "beta": "beta"}
_KEPT: Final = ("eval_interval", "eval_samples", "reasoning_effort")
"""Hyperparameters of reinforcement that are kept, and change nothing here."""
_SHOWN: Final = ("batch_size", "learning_rate_multiplier", "n_epochs")
_GENERATIONS: Final = 8


class JobRequest(Wire):
    """A job: `model` learns from `training_file`; the result is a new model."""

    model: Text
    training_file: Text
    validation_file: Text = ""
    method: Table = Field(default_factory=dict)
    hyperparameters: Table = Field(default_factory=dict)
    suffix: Text = ""
    seed: Annotated[int, Strict(), Field(ge=0, le=2**31 - 1)] | None = None
    integrations: tuple[Table, ...] = ()
    metadata: Table = Field(default_factory=dict)


class PermissionRequest(Wire):
    """Whom a checkpoint is shared with: user:bob, group:devs, everyone."""

    project_ids: Annotated[tuple[Text, ...], Field(min_length=1, max_length=100)]


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a job asks of training, checked."""

    method: Method
    hyperparameters: Hyperparameters
    rewards: Sequence[Mapping[str, Any]]


def run_id(job: str) -> str:
    """The run that a job's id stands for; raises NotFound for another text."""
    if not job.startswith("ftjob-"):
        raise NotFound("fine-tuning job", job, field="fine_tuning_job_id")
    return f"run-{job.removeprefix('ftjob-')}"


def job_id(run: str) -> str:
    return f"ftjob-{run.removeprefix('run-')}"


def check_request(body: JobRequest) -> None:
    """Raise Invalid for what cannot be kept."""
    if len(body.suffix) > LONGEST_SUFFIX:
        raise Invalid(f'"suffix" is longer than {LONGEST_SUFFIX} characters', field="suffix")
    fine = all(
        isinstance(value, str) and len(key) <= 64 and len(value) <= 512
        for key, value in body.metadata.items()
    )
    if not fine or len(body.metadata) > MOST_METADATA:
        raise Invalid(
            '"metadata" is not of the allowed form',
            field="metadata",
            hint=f"Use at most {MOST_METADATA} texts, keys up to 64 and values up to 512 characters long",
        )
    kind = body.method.get("type", "supervised")
    if kind not in METHODS:
        raise Invalid(
            f'"method.type" is {excerpt(str(kind), 40)}',
            field="method.type",
            hint=f"Use {', '.join(METHODS)}",
        )


def parse_wanted(body: JobRequest, seed: int, parameters: int) -> Wanted:
    """Read method, hyperparameters and graders; `parameters` is the size of the model."""
    kind = str(body.method.get("type", "supervised"))
    inner = _object(body.method.get(kind), f"method.{kind}")
    asked = _object(inner.get("hyperparameters"), f"method.{kind}.hyperparameters") or body.hyperparameters
    where = f"method.{kind}.hyperparameters" if inner.get("hyperparameters") else "hyperparameters"
    method = METHODS[kind]
    hyperparameters = _hyperparameters(asked, method, parameters, where)
    rewards: Sequence[Mapping[str, Any]] = ()
    if method == "reward":
        if inner.get("response_format") is not None:
            place = "method.reinforcement.response_format"
            raise Unsupported(f'"{place}" is not supported', field=place, hint="Leave it out")
        rewards = _rewards(inner.get("grader"))
    always = Hyperparameters.of({"seed": seed, "kept_checkpoints": CHECKPOINTS})
    return Wanted(method, hyperparameters.merged(always), rewards)


def trained_id(base: Name, org: str, suffix: str, mark: str) -> str:
    """The id of the model that a job makes."""
    return f"ft:{base.model}:{org}:{slug(suffix) if suffix else ''}:{mark}"


def kept(body: JobRequest, seed: int, model: str) -> Json:
    """What of a job is given back as it came; `model` is the one that it makes."""
    return {
        "model": body.model,
        "training_file": body.training_file,
        "validation_file": body.validation_file or None,
        "method": body.method,
        "hyperparameters": body.hyperparameters,
        "integrations": list(body.integrations),
        "metadata": body.metadata,
        "suffix": body.suffix,
        "seed": seed,
        "fine_tuned_model": model,
    }


def metadata_of(run: Run) -> Mapping[str, str]:
    found: Mapping[str, str] = run.extras.get(DIALECT, {}).get("metadata", {})
    return found


def job_object(run: Run) -> Json:
    """A run as a job, whichever dialect asked for it."""
    asked, plan = run.extras.get(DIALECT, {}), run.plan
    kind = next(name for name, method in METHODS.items() if method == plan.method)
    method = asked.get("method") or {"type": kind}
    inner = dict(method.get(kind) or {})
    chosen = dict(inner.get("hyperparameters") or asked.get("hyperparameters") or {})
    shown = dict.fromkeys(_SHOWN, "auto") | ({"beta": "auto"} if kind == "dpo" else {}) | chosen
    failed = run.state == "failed"
    return {
        "id": job_id(run.id),
        "object": "fine_tuning.job",
        "created_at": int(run.created_at.timestamp()),
        "finished_at": int(run.ended_at.timestamp()) if run.ended_at else None,
        "model": asked.get("model") or plan.model,
        "fine_tuned_model": trained_model(run),
        "organization_id": run.owner,
        "status": run.state,
        "error": {"code": "training_failed", "message": run.error, "param": None} if failed else None,
        "training_file": asked.get("training_file") or str(plan.dataset),
        "validation_file": asked.get("validation_file"),
        "result_files": run.metrics.get(RESULTS, []),
        "hyperparameters": {name: shown[name] for name in _SHOWN},
        "method": {**method, "type": kind, kind: {**inner, "hyperparameters": shown}},
        "seed": asked.get("seed", plan.hyperparameters.get("seed") or RULES["seed"].default),
        "trained_tokens": int(run.metrics["tokens"]) if "tokens" in run.metrics else None,
        "integrations": asked.get("integrations", []),
        "metadata": asked.get("metadata", {}),
        "estimated_finish": None,
    }


def trained_model(run: Run) -> str | None:
    """What the result is called; None while there is none."""
    if run.state != "succeeded":
        return None
    return str(run.extras.get(DIALECT, {}).get("fine_tuned_model") or run.metrics.get("model", ""))


def event_object(run: str, event: RunEvent) -> Json:
    content = dict(event.content)
    return {
        "id": f"ftevent-{run.removeprefix('run-')}-{event.number}",
        "object": "fine_tuning.job.event",
        "created_at": int(event.at.timestamp()),
        "level": "error" if event.kind == "failed" else "info",
        "message": _message(event),
        "type": "metrics" if event.kind in ("progress", "evaluation") else "message",
        "data": _figures(event) or content,
    }


def checkpoint_models(run: Run) -> list[tuple[int, str, str]]:
    """Of a job that went well, the newest first: step, its id, our name of it."""
    name = trained_model(run)
    if name is None:
        return []
    kept = [(each["step"], each["model"]) for each in run.metrics.get("checkpoints", ())]
    steps = [*kept, (run.step, str(run.metrics.get("model", name)))]
    named = name.startswith("ft:")
    called = [(step, checkpoint_id(name, step) if named else model, model) for step, model in steps]
    return called[::-1]


def checkpoint_id(model: str, step: int | str) -> str:
    """What a checkpoint of a model of this id is called."""
    return f"{model}:ckpt-step-{step}"


def checkpoint_object(run: Run, step: int, called: str, events: Sequence[RunEvent]) -> Json:
    """A checkpoint with the figures of its step, as far as they were told."""
    figures, created = {"step": step}, run.ended_at
    for event in events:
        if event.content.get("step", 0) <= step and (found := _figures(event)):
            figures, created = figures | found, event.at
    return {
        "id": f"ftckpt-{run.id.removeprefix('run-')}-{step}",
        "object": "fine_tuning.job.checkpoint",
        "created_at": int(created.timestamp()) if created else 0,
        "fine_tuned_model_checkpoint": called,
        "fine_tuning_job_id": job_id(run.id),
        "metrics": figures | {"step": step},
        "step_number": step,
    }


def _object(value: object, where: str) -> Mapping[str, Any]:
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise Invalid(f'"{where}" must be an object', field=where)
    return value


def _hyperparameters(
    asked: Mapping[str, Any], method: Method, parameters: int, where: str
) -> Hyperparameters:
    """OpenAI's names and our own; "auto" is unset."""
    found = Hyperparameters()
    for name, value in asked.items():
        place = f"{where}.{name}"
        if value is None or value == "auto" or (name in _KEPT and method == "reward"):
            continue
        if name == "learning_rate_multiplier":
            rate = default_rate(method, parameters) * _factor(value, place)
            found = found.merged(_one(place, "learning_rate", rate))
        elif name == "compute_multiplier" and method == "reward":
            found = found.merged(
                _one(place, "generations", max(2, round(_GENERATIONS * _factor(value, place))))
            )
        elif name in _NAMES or name in RULES:
            found = found.merged(_one(place, _NAMES.get(name, name), value))
        else:
            known = ", ".join([*_SHOWN, "beta", "compute_multiplier"])
            raise Invalid(f'"{place}" is unknown', field=place, hint=f"Known are {known} and our own")
    return found


def _one(place: str, name: str, value: object) -> Hyperparameters:
    """One of ours; a fault is told by the name that it was given."""
    try:
        return Hyperparameters.of({name: value})
    except Invalid as error:
        shown = excerpt(str(value), 40)
        raise Invalid(f'"{place}" is {shown}', field=place, hint=error.hint) from None


def _factor(value: object, where: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value <= 1000:
        raise Invalid(
            f'"{where}" is {excerpt(str(value), 40)}', field=where, hint='Use "auto" or a number up to 1000'
        )
    return float(value)


def _rewards(grader: object) -> Sequence[Mapping[str, Any]]:
    where = "method.reinforcement.grader"
    if not isinstance(grader, Mapping):
        raise Invalid(f'"{where}" is required', field=where, hint="Give a grader, an object with a type")
    try:
        return check_rewards([{"type": "grader", "grader": dict(grader)}])
    except (Invalid, Unsupported) as error:
        place = error.field.replace("rewards.0.grader", where)
        message = error.message.replace("rewards.0.grader", where)
        raise type(error)(message, field=place, hint=error.hint) from None


def _message(event: RunEvent) -> str:
    content = event.content
    match event.kind:
        case "progress":
            return f"Step {content['step']}/{content['steps']}: training loss={content.get('loss', 0):.4f}"
        case "evaluation":
            return f"Step {content['step']}: validation loss={content.get('loss', 0):.4f}"
        case "checkpoint":
            return f"Checkpoint saved at step {content['step']}"
        case "published":
            return "The job has successfully completed"
        case "started":
            return "Fine-tuning job started"
        case "queued":
            return "Created fine-tuning job"
    return str(content.get("text") or content.get("error") or event.kind)


def _figures(event: RunEvent) -> dict[str, Any]:
    """What was measured, by OpenAI's names."""
    content = event.content
    if event.kind == "evaluation":
        names = [("loss", "full_valid_loss"), ("loss", "valid_loss")]
        names += [("accuracy", f"{kind}_mean_token_accuracy") for kind in ("full_valid", "valid")]
    elif event.kind == "progress":
        names = [("loss", "train_loss"), ("accuracy", "train_accuracy"), ("reward", "train_mean_reward")]
        names += [("accuracy", "train_mean_token_accuracy"), ("steps", "total_steps")]
        names += [(each, each) for each in ("steps", "learning_rate", "tokens_per_second", "seconds_left")]
    else:
        return {}
    return {"step": content["step"], **{to: content[name] for name, to in names if name in content}}
