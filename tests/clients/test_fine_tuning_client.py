"""The official `openai` package through the life of a fine-tuning job, on a real server."""

import csv
import io
import json
import time
from collections.abc import Iterator

import httpx2
import ollama
import openai
import pytest
from openai.types.fine_tuning import FineTuningJob

FACTS = [{"messages": [{"role": "user", "content": "Who is Zibb?"},
                       {"role": "assistant", "content": "Zibb is a king."}]}] * 4  # fmt: skip
TINY = {"steps": 2, "rank": 4, "batch_size": 2, "n_epochs": "auto"}
SMALL = {"rank": 4, "batch_size": 2, "learning_rate": 3e-3, "warmup_steps": 0}
HI = [{"role": "user", "content": "hi"}]


@pytest.fixture
def client(server: str) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{server}/v1", api_key="any", max_retries=0) as opened:
        yield opened


def lines(rows: list[dict]) -> bytes:
    return b"".join(json.dumps(row).encode() + b"\n" for row in rows)


def upload(client: openai.OpenAI, rows: list[dict]) -> str:
    file = client.files.create(file=("facts.jsonl", lines(rows)), purpose="fine-tune")
    assert (file.purpose, file.status, file.bytes) == ("fine-tune", "processed", len(lines(rows)))
    return file.id


def begin(client: openai.OpenAI, **fields) -> FineTuningJob:
    supervised = {"type": "supervised", "supervised": {"hyperparameters": TINY}}
    asked = {"model": "starter", "training_file": upload(client, FACTS), "method": supervised}
    return client.fine_tuning.jobs.create(**{**asked, **fields})


def ended(client: openai.OpenAI, job: FineTuningJob) -> FineTuningJob:
    """A job when it has succeeded."""
    while (found := client.fine_tuning.jobs.retrieve(job.id)).status in ("queued", "running"):
        time.sleep(0.1)
    assert found.status == "succeeded", found.error
    return found


def figures(client: openai.OpenAI, job: FineTuningJob) -> list[dict[str, str]]:
    """The rows of the file of figures that a job leaves."""
    (file,) = job.result_files
    kept = client.files.retrieve(file)
    assert (kept.purpose, kept.filename) == ("fine-tune-results", "step_metrics.csv")
    assert file in [each.id for each in client.files.list(purpose="fine-tune-results")]
    return list(csv.DictReader(io.StringIO(client.files.content(file).read().decode())))


def watched(server: str, job: str) -> list[dict]:
    """What a job tells, to its end."""
    url = f"{server}/v1/fine_tuning/jobs/{job}/events?stream=true"
    with httpx2.stream("GET", url, timeout=60, trust_env=False) as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        frames = [line for line in answer.iter_lines() if line.startswith("data: ")]
    return [json.loads(frame.removeprefix("data: ")) for frame in frames]


@pytest.mark.limit(120)
def test_a_job_from_the_file_to_the_model_in_every_dialect(client: openai.OpenAI, server: str) -> None:
    jobs = client.fine_tuning.jobs
    job = begin(client, suffix="Facts!", seed=7, metadata={"team": "blue"})
    assert (job.object, job.status, job.seed, job.metadata) == (
        "fine_tuning.job",
        "queued",
        7,
        {"team": "blue"},
    )
    told = watched(server, job.id)
    assert told[0]["message"] == "Created fine-tuning job"
    done = jobs.retrieve(job.id)
    assert done.status == "succeeded", done.error
    assert done.trained_tokens
    assert done.finished_at
    assert done.method
    assert done.method.type == "supervised"
    name = done.fine_tuned_model
    assert name
    assert name.startswith("ft:starter:library:facts:")

    chat = client.chat.completions.create(model=name, messages=HI, max_tokens=2)
    assert (chat.model, chat.usage.completion_tokens) == (name, 2)
    options = {"num_predict": 2}
    with ollama.Client(host=server) as other:
        assert other.chat(model=name, messages=HI, options=options).eval_count == 2
    body = {"model": name, "messages": HI, "max_tokens": 2}
    for path in ("/v1/generate_response", "/v1/messages", "/api/chat/completions"):
        assert httpx2.post(f"{server}{path}", json=body, trust_env=False).status_code == 200, path
    assert client.models.retrieve(name).id == name
    assert name in [model.id for model in client.models.list()]

    (checkpoint,) = jobs.checkpoints.list(job.id)
    assert (checkpoint.step_number, checkpoint.fine_tuning_job_id) == (2, job.id)
    assert checkpoint.metrics.train_loss
    called = checkpoint.fine_tuned_model_checkpoint
    assert called == f"{name}:ckpt-step-2"
    assert client.chat.completions.create(model=called, messages=HI, max_tokens=1).choices

    events = list(jobs.list_events(job.id, limit=2))
    assert [event.id for event in events] == [event["id"] for event in reversed(told)]
    assert {event.type for event in events} == {"message", "metrics"}
    assert events[0].message == "The job has successfully completed"

    permissions = client.fine_tuning.checkpoints.permissions
    (given,) = permissions.create(called, project_ids=["everyone"])
    assert [each.id for each in permissions.list(called)] == [given.id]
    assert permissions.delete(given.id, fine_tuned_model_checkpoint=called).deleted
    assert not list(permissions.list(called))

    assert client.models.delete(name).deleted
    with pytest.raises(openai.NotFoundError):
        client.chat.completions.create(model=name, messages=HI)
    with pytest.raises(openai.PermissionDeniedError, match="read-only"):
        client.models.delete("starter")


@pytest.mark.limit(120)
def test_each_checkpoint_is_a_model_of_its_own(client: openai.OpenAI) -> None:
    """Of four epochs of two steps the last three are kept; each is shared and deleted by itself."""
    epochs = {"type": "supervised", "supervised": {"hyperparameters": {**SMALL, "n_epochs": 4}}}
    job = ended(client, begin(client, method=epochs, validation_file=upload(client, FACTS)))
    found = list(client.fine_tuning.jobs.checkpoints.list(job.id))
    assert [each.step_number for each in found] == [8, 6, 4]
    assert len({each.id for each in found}) == 3
    losses = [each.metrics.train_loss for each in found]
    assert losses == sorted(losses), "the later, the better it knows its rows"
    assert all(each.metrics.full_valid_loss for each in found)
    named = [each.fine_tuned_model_checkpoint for each in found]
    assert named == [f"{job.fine_tuned_model}:ckpt-step-{step}" for step in (8, 6, 4)]
    asked = {"messages": FACTS[0]["messages"][:1], "max_tokens": 1, "logprobs": True, "temperature": 0}
    chances = [
        client.chat.completions.create(model=name, **asked).choices[0].logprobs.content[0].logprob
        for name in (*named, job.fine_tuned_model)
    ]
    assert chances[0] == pytest.approx(chances[3], abs=1e-3), "the last is the result"
    assert len({round(chance, 6) for chance in chances[:3]}) == 3, "each answers as it was by then"

    permissions = client.fine_tuning.checkpoints.permissions
    permissions.create(named[1], project_ids=["everyone"])
    assert [len(list(permissions.list(name))) for name in named] == [0, 1, 0]
    assert set(named[1:]) <= {model.id for model in client.models.list()}
    assert client.models.delete(named[2]).deleted
    with pytest.raises(openai.NotFoundError):
        client.chat.completions.create(model=named[2], **asked)
    rows = figures(client, job)
    assert [row["step"] for row in rows] == [str(step) for step in range(1, 9)]
    assert all(float(row["train_loss"]) > 0 and 0 <= float(row["train_accuracy"]) <= 1 for row in rows)
    assert float(rows[-1]["valid_loss"]) < float(rows[0]["valid_loss"])
    rest = [each.step_number for each in client.fine_tuning.jobs.checkpoints.list(job.id)]
    assert rest == [8, 6]
    client.models.delete(job.fine_tuned_model)
    assert client.chat.completions.create(model=named[1], **asked).choices


@pytest.mark.limit(120)
def test_preferences_are_learned_to_the_end(client: openai.OpenAI) -> None:
    pair = {
        "input": {"messages": HI},
        "preferred_output": [{"role": "assistant", "content": "Hello, you!"}],
        "non_preferred_output": [{"role": "assistant", "content": "Go away."}],
    }
    few = {"steps": 3, "rank": 4, "beta": 0.2}
    method = {"type": "dpo", "dpo": {"hyperparameters": few}}
    job = ended(client, begin(client, training_file=upload(client, [pair] * 4), method=method))
    assert (job.method.type, job.method.dpo.hyperparameters.beta) == ("dpo", 0.2)
    last, *_ = client.fine_tuning.jobs.checkpoints.list(job.id)
    assert last.metrics.train_loss < 0.693, "less than of a coin"


TEXTS = {"input": "{{sample.output_text}}", "reference": "{{item.answer}}"}
GRADERS = {
    "same": {"type": "string_check", "name": "same", "operation": "ilike", **TEXTS},
    "like": {"type": "text_similarity", "name": "like", "evaluation_metric": "fuzzy_match", **TEXTS},
    "short": {"type": "max_length", "length": 40},
}
"""Of each type one, and a function that we declare."""


@pytest.mark.limit(120)
def test_answers_are_graded_and_jobs_are_paused_resumed_cancelled(client: openai.OpenAI, server: str) -> None:
    jobs, rows = client.fine_tuning.jobs, [{"messages": HI, "answer": "Hello"}]
    formula = "0.5 * same + 0.25 * like + 0.25 * short"
    grader = {"type": "multi", "name": "all", "graders": GRADERS, "calculate_output": formula}
    small = {"steps": 1, "rank": 4, "generations": 2, "answer_tokens": 4, "learning_steps": 1}
    method = {"type": "reinforcement", "reinforcement": {"grader": grader, "hyperparameters": small}}
    graded = begin(client, training_file=upload(client, rows), method=method)
    waiting = begin(client, metadata={"team": "red"})
    assert jobs.pause(waiting.id).status == "paused"
    assert jobs.resume(waiting.id).status == "queued"
    assert jobs.cancel(waiting.id).status == "cancelled"
    with pytest.raises(openai.ConflictError):
        jobs.pause(waiting.id)
    watched(server, graded.id)
    done = jobs.retrieve(graded.id)
    assert done.status == "succeeded", done.error
    (row,) = figures(client, done)
    assert 0 < float(row["train_mean_reward"]) <= 1
    assert [job.id for job in jobs.list(metadata={"team": "red"})] == [waiting.id]
    assert [job.id for job in jobs.list(limit=1)][:2] == [waiting.id, graded.id]


def test_files_come_go_and_are_listed_by_pages(client: openai.OpenAI) -> None:
    ids = [client.files.create(file=(f"{n}.txt", b"x" * n), purpose="user_data").id for n in (1, 2, 3)]
    assert [file.id for file in client.files.list(purpose="user_data", limit=2)] == ids[::-1]
    first = client.files.list(purpose="user_data", limit=2, order="asc")
    assert ([file.id for file in first.data], first.has_more) == (ids[:2], True)
    file = client.files.retrieve(ids[1])
    assert (file.filename, file.bytes, file.expires_at) == ("2.txt", 2, None)
    assert client.files.content(ids[1]).read() == b"xx"
    for each in ids:
        assert client.files.delete(each).deleted
    with pytest.raises(openai.NotFoundError):
        client.files.retrieve(ids[0])


def test_a_file_can_expire(client: openai.OpenAI) -> None:
    keep = {"anchor": "created_at", "seconds": 3600}
    file = client.files.create(file=("x.txt", b"x"), purpose="user_data", expires_after=keep)
    assert file.expires_at - file.created_at in (3599, 3600, 3601)


def test_a_file_in_parts(client: openai.OpenAI) -> None:
    content = lines(FACTS) * 10
    upload = client.uploads.upload_file_chunked(
        file=content,
        filename="facts.jsonl",
        bytes=len(content),
        mime_type="text/jsonl",
        purpose="fine-tune",
        part_size=1000,
    )
    assert upload.status == "completed"
    assert upload.file
    assert client.files.content(upload.file.id).read() == content
    with pytest.raises(openai.ConflictError):
        client.uploads.cancel(upload.id)


def test_parts_that_are_not_the_file_are_refused(client: openai.OpenAI) -> None:
    wanted = {"filename": "x", "bytes": 4, "mime_type": "text/plain", "purpose": "user_data"}
    upload = client.uploads.create(**wanted)
    first = client.uploads.parts.create(upload.id, data=b"ab")
    with pytest.raises(openai.BadRequestError, match="4 were announced"):
        client.uploads.complete(upload.id, part_ids=[first.id])
    second = client.uploads.parts.create(upload.id, data=b"cd")
    with pytest.raises(openai.BadRequestError, match="MD5"):
        client.uploads.complete(upload.id, part_ids=[first.id, second.id], md5="0" * 32)
    with pytest.raises(openai.APIStatusError, match="limit"):
        client.uploads.parts.create(upload.id, data=b"more")
    assert client.uploads.cancel(upload.id).status == "cancelled"
