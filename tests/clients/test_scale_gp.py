"""The platform's own Python package against a real server, every method that models need."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2
import pytest
import scale_gp
from scale_gp import SGPClient

ACCOUNT = "acme-labs"
PERSONA: dict[str, Any] = {
    "account_id": ACCOUNT,
    "endpoint_type": "SYNC",
    "model_type": "CHAT_COMPLETION",
    "name": "persona",
    "vendor_configuration": {
        "bundle_config": {"registry": "modelwright", "image": "llm", "tag": "latest"},
    },
    "model_creation_parameters_schema": {
        "parameters": [
            {"name": "BASE_MODEL", "type": "str", "description": "Its base", "required": True},
            {"name": "SYSTEM", "type": "str", "description": "Who it is", "required": True},
            {"name": "TEMPERATURE", "type": "float", "description": "How free", "required": False},
        ]
    },
    "model_request_parameters_schema": {
        "parameters": [
            {"name": "SEED", "type": "int", "description": "Makes it repeatable", "required": False},
        ]
    },
}
PIRATE = {"BASE_MODEL": "starter", "SYSTEM": "You are a pirate.", "TEMPERATURE": 0.0}


@pytest.fixture(scope="module")
def client(server: str) -> Iterator[SGPClient]:
    with SGPClient(base_url=server, api_key="none", max_retries=0) as opened:
        yield opened


@pytest.fixture(scope="module")
def template(client: SGPClient) -> str:
    return client.model_templates.create(**PERSONA).id


@pytest.fixture(scope="module")
def pirate(client: SGPClient, template: str) -> Any:
    return client.models.create(
        account_id=ACCOUNT,
        model_type="CHAT_COMPLETION",
        name="sgp-pirate",
        display_name="Pirate",
        model_card="It sails",
        model_template_id=template,
        model_creation_parameters=PIRATE,
        base_model_metadata={"model_details": {"number_of_parameters": 4_000_000}},
    )


@pytest.fixture(scope="module")
def ready(client: SGPClient, pirate: Any) -> Any:
    return client.models.deployments.create(pirate.id, name="one", deployment_metadata={"why": "test"})


def test_a_template_is_made_listed_shown_and_deleted(client: SGPClient) -> None:
    made = client.model_templates.create(**{**PERSONA, "name": "passing"})
    assert made.name == "passing"
    assert made.vendor_configuration.bundle_config.predict_route == "/predict"
    assert client.model_templates.retrieve(made.id) == made
    assert made.id in [each.id for each in client.model_templates.list()]
    deleted = client.model_templates.delete(made.id)
    assert (deleted.count, deleted.success) == (1, True)
    with pytest.raises(scale_gp.NotFoundError):
        client.model_templates.retrieve(made.id)


def test_a_model_is_made_from_a_template_and_deployed(client: SGPClient, pirate: Any, template: str) -> None:
    shown = client.models.retrieve(pirate.id, view=["Deployments", "ModelGroup"])
    assert shown.model_creation_parameters == PIRATE
    assert (shown.name, shown.display_name, shown.model_template_id) == ("sgp-pirate", "Pirate", template)
    assert shown.base_model_metadata is not None
    assert shown.base_model_metadata.model_details is not None
    assert shown.base_model_metadata.model_details.number_of_parameters == 4_000_000
    assert shown.deployment_count == len(shown.deployments or []) >= 1
    assert shown.request_schema["required"] == ["messages"]
    assert shown.supports_multi_turn


def test_the_default_deployment_becomes_ready_by_a_real_answer(client: SGPClient, pirate: Any) -> None:
    found = _until_ready(client, pirate.id)
    assert found.model_instance_id == pirate.id


def _until_ready(client: SGPClient, model: str) -> Any:
    """Its default deployment, once it is ready or has failed; the test's limit ends the wait."""
    while True:
        found = next(each for each in client.models.deployments.list(model) if each.name == "default")
        if found.status != "PENDING":
            assert found.status == "READY", found
            return found
        time.sleep(0.02)


def test_a_model_is_changed_and_deleted(client: SGPClient, template: str) -> None:
    made = client.models.create(
        account_id=ACCOUNT,
        model_type="CHAT_COMPLETION",
        name="passing",
        model_template_id=template,
        model_creation_parameters=PIRATE,
    )
    changed = client.models.update(
        made.id, description="Changed", model_creation_parameters={**PIRATE, "SYSTEM": "You are a cook."}
    )
    assert changed.description == "Changed"
    assert (changed.model_creation_parameters or {})["SYSTEM"] == "You are a cook."
    assert client.models.delete(made.id).success
    with pytest.raises(scale_gp.NotFoundError):
        client.models.retrieve(made.id)


def test_the_seeds_own_sample_is_accepted_and_cannot_answer_yet(client: SGPClient) -> None:
    """Neither template nor base: it is there, and its use is a clear refusal."""
    made = client.models.create(account_id="account_id", model_type="COMPLETION", name="name")
    assert made.deployment_count == 0
    assert made.id in [each.id for each in client.models.list(model_type="COMPLETION")]
    with pytest.raises(scale_gp.NotFoundError, match="base"):
        client.models.completions.create(made.id, prompt="Hello")
    client.models.update(made.id, base_model_id="starter")
    assert client.models.completions.create(made.id, prompt="Hello", max_tokens=4).completions
    client.models.delete(made.id)


def test_groups_hold_models(client: SGPClient, pirate: Any) -> None:
    group = client.model_groups.create(account_id=ACCOUNT, name="sailors")
    assert client.model_groups.update(group.id, description="All of them").description == "All of them"
    assert client.model_groups.retrieve(group.id).name == "sailors"
    assert group.id in [each.id for each in client.model_groups.list()]
    joined = client.model_groups.models.create(pirate.id, model_group_id=group.id)
    assert joined.model_group_id == group.id
    (found,) = client.models.list(model_group_id=group.id, view=["ModelGroup"])
    assert found.model_group is not None
    assert found.model_group.name == "sailors"
    client.chat_completions.create(
        model=pirate.id, messages=[{"role": "user", "content": "Hi"}], model_parameters={"max_tokens": 2}
    )
    now = datetime.now(UTC)
    used = client.model_groups.usage_statistics.retrieve(
        group.id, start_date=now - timedelta(hours=1), end_date=now + timedelta(minutes=1), chunks=1
    )
    assert used.data[0].response_tokens
    assert client.model_groups.delete(group.id).success


def test_a_deployment_is_made_changed_listed_and_deleted(client: SGPClient, pirate: Any) -> None:
    made = client.models.deployments.create(
        pirate.id,
        name="two",
        vendor_configuration={"vendor": "LAUNCH", "max_workers": 1, "per_worker": 4},
        deployment_metadata={"why": "test"},
    )
    assert made.status == "READY"
    path = {"model_instance_id": pirate.id}
    changed = client.models.deployments.update(made.id, **path, name="deux", wait_for_ready=False)
    assert (changed.name, changed.deployment_metadata) == ("deux", {"why": "test"})
    assert client.models.deployments.retrieve(made.id, **path).name == "deux"
    assert made.id in [each.id for each in client.models.deployments.list(pirate.id)]
    assert made.id in [each.id for each in client.models.deployments.list_all(sort_by=["created_at:desc"])]
    assert client.models.deployments.delete(made.id, **path).success
    with pytest.raises(scale_gp.NotFoundError):
        client.models.deployments.retrieve(made.id, **path)


def test_a_deployment_completes_and_chats(client: SGPClient, ready: Any) -> None:
    told = client.models.completions.create(ready.id, prompt="Hello", max_tokens=8, temperature=0)
    ((prompt, (text,)),) = told.completions
    assert (prompt, bool(text)) == ("Hello", True)
    assert told.finish_reason in ("stop", "length")
    assert told.prompt_tokens
    assert told.response_tokens
    said = client.models.chat_completions.create(
        ready.id,
        prompt="Who are you?",
        chat_history=[{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}],
        max_tokens=8,
        logprobs=True,
        top_logprobs=2,
        model_request_parameters={"bindings": {"SEED": 1}},
    )
    assert said.choices
    assert said.choices[0].logprobs is not None
    assert said.choices[0].logprobs.content


def test_a_stream_says_what_the_whole_says(client: SGPClient, ready: Any) -> None:
    asked: dict[str, Any] = {"prompt": "Who are you?", "chat_history": [], "max_tokens": 12, "temperature": 0}
    whole = client.models.chat_completions.create(ready.id, **asked)
    pieces = list(client.models.chat_completions.create(ready.id, **asked, stream=True))
    texts = [piece.completions[0][1][0] for piece in pieces]
    assert len(pieces) > 2
    assert "".join(texts) == whole.completions[0][1][0]
    assert pieces[-1].finish_reason == whole.finish_reason
    assert pieces[-1].response_tokens == whole.response_tokens


def test_account_level_answers_take_a_name_or_an_id(client: SGPClient, pirate: Any) -> None:
    for model in ("sgp-pirate", pirate.id, "starter"):
        asked: dict[str, Any] = {"model": model, "model_parameters": {"max_tokens": 6, "temperature": 0}}
        chat = client.chat_completions.create(**asked, messages=[{"role": "user", "content": "Hi"}])
        assert chat.chat_completion.message.role == "assistant"
        assert chat.token_usage is not None
        completion = client.completions.create(**asked, prompt="Hi")
        # The package reads pieces as those of a deployment; what it does not know it keeps.
        pieces = [piece.to_dict() for piece in client.completions.create(**asked, prompt="Hi", stream=True)]
        assert "".join(piece["completion"]["text"] for piece in pieces) == completion.completion.text
        assert pieces[0]["token_usage"] is None
        assert pieces[-1]["token_usage"] == completion.to_dict()["token_usage"]


def test_execute_takes_what_the_models_type_says(client: SGPClient, pirate: Any, ready: Any) -> None:
    told = client.models.deployments.execute(
        ready.id,
        model_instance_id=pirate.id,
        extra_body={"messages": [{"role": "user", "content": "Hi"}], "max_tokens": 4},
    )
    assert isinstance(told, dict)
    assert told["message"]["role"] == "assistant"
    with pytest.raises(scale_gp.UnprocessableEntityError, match="texts"):
        client.models.deployments.execute(ready.id, model_instance_id=pirate.id, extra_body={"texts": ["a"]})


def test_texts_become_vectors(client: SGPClient) -> None:
    found = client.models.embeddings.create("starter", texts=["one", "two"])
    assert [text for text, _ in found.embeddings] == ["one", "two"]
    assert found.tokens_used


def test_what_does_not_rank_says_so(client: SGPClient, ready: Any) -> None:
    with pytest.raises(scale_gp.BadRequestError, match="rerank"):
        client.models.rerankings.create(ready.id, query="a", chunks=["a", "b"])


def test_usage_is_what_was_counted(client: SGPClient, template: str) -> None:
    made = client.models.create(
        account_id=ACCOUNT,
        model_type="CHAT_COMPLETION",
        name="counted",
        model_template_id=template,
        model_creation_parameters=PIRATE,
    )
    said = client.chat_completions.create(
        model=made.id, messages=[{"role": "user", "content": "Hi"}], model_parameters={"max_tokens": 5}
    )
    now = datetime.now(UTC)
    span: dict[str, Any] = {"start_date": now - timedelta(hours=1), "end_date": now + timedelta(minutes=1)}
    used = client.models.usage_statistics.retrieve("counted", **span, chunks=3)
    assert len(used.data) == 3
    assert used.start_date == used.data[0].date
    assert used.end_date == used.data[-1].date
    assert said.token_usage is not None
    assert sum(point.summary_tokens for point in used.data) >= said.token_usage.total
    for point in used.data:
        assert point.summary_tokens == point.prompt_tokens + point.response_tokens
    path = {"model_instance_id": made.id, "wait_for_ready": False}
    called, other = (client.models.deployments.create(name=name, **path) for name in ("a", "b"))
    told = client.models.completions.create(called.id, prompt="Hi", max_tokens=5)
    tokens = {}
    for deployment in (called, other):
        (point,) = client.models.deployments.usage_statistics.retrieve(deployment.id, **span, chunks=1).data
        tokens[deployment.name] = (point.prompt_tokens, point.response_tokens)
    assert tokens == {"a": (told.prompt_tokens, told.response_tokens), "b": (0, 0)}
    client.models.delete(made.id)


def test_a_server_stands_before_deployments(client: SGPClient, pirate: Any, ready: Any) -> None:
    other = client.models.deployments.create(pirate.id, name="other")
    made = client.model_servers.create(name="front", model_deployment_id=ready.id, alias="pirates")
    assert client.model_servers.retrieve(made.model_server_id) == made
    assert made.model_server_id in [each.model_server_id for each in client.model_servers.list()]
    assert client.alias.retrieve("pirates") == made
    body = {"messages": [{"role": "user", "content": "Hi"}], "max_tokens": 3}
    told = client.model_servers.execute(made.model_server_id, extra_body=body)
    assert told.message["content"] is not None
    assert client.alias.execute("pirates", extra_body=body).message
    swapped = client.model_servers.update_backend(made.model_server_id, new_model_deployment_id=other.id)
    assert (swapped.old_model_deployment_id, swapped.new_model_deployment_id) == (ready.id, other.id)
    back = client.model_servers.rollback(made.model_server_id)
    assert (back.from_deployment, back.rolled_back_to_deployment) == (other.id, ready.id)
    assert client.model_servers.deployment.retrieve(made.model_server_id).model_deployment_id == ready.id


def test_datasets_and_jobs(client: SGPClient, pirate: Any) -> None:
    lines = "".join(f'{{"prompt": "Question {n}?", "response": "Answer {n}."}}\n' for n in range(12))
    made = client.training_datasets.create(
        account_id=ACCOUNT, name="rows", schema_type="GENERATION", file=lines
    )
    assert (made.name, made.data_source) == ("rows", "LocalFile")
    assert client.training_datasets.retrieve(made.id) == made
    assert made.id in [each.id for each in client.training_datasets.list()]
    rows = list(client.training_datasets.contents.list(made.id))
    assert (rows[3].input, rows[3].output) == ("Question 3?", "Answer 3.")
    job = client.fine_tuning_jobs.create(
        account_id=ACCOUNT,
        training_dataset_id=made.id,
        base_model_id=pirate.id,
        vendor_configuration={"vendor": "LAUNCH", "hyperparameters": {"max_steps": 5000}, "suffix": "tuned"},
    )
    assert job.training_dataset_id == made.id
    assert client.fine_tuning_jobs.retrieve(job.id).status in ("PENDING", "RUNNING")
    assert job.id in [each.id for each in client.fine_tuning_jobs.list()]
    assert next(event.level for event in client.fine_tuning_jobs.events.list(job.id)) == "info"
    assert client.fine_tuning_jobs.delete(job.id).success
    with pytest.raises(scale_gp.NotFoundError):
        client.fine_tuning_jobs.retrieve(job.id)
    assert client.training_datasets.delete(made.id).success


@pytest.mark.limit(150)
def test_a_job_is_driven_to_its_end_and_its_model_used(client: SGPClient, pirate: Any) -> None:
    pytest.importorskip("torch", reason="the extra [train] is not installed")
    line = '{"prompt": "Who is Zibb?", "response": "Zibb is a king."}\n'
    rows = client.training_datasets.create(
        account_id=ACCOUNT, name="kings", schema_type="GENERATION", file=line * 4
    )
    small = {"max_steps": 2, "rank": 4, "batch_size": 2}
    job = client.fine_tuning_jobs.create(
        account_id=ACCOUNT,
        training_dataset_id=rows.id,
        base_model_id=pirate.id,
        vendor_configuration={"vendor": "LAUNCH", "hyperparameters": small, "suffix": "kings"},
    )
    while (job := client.fine_tuning_jobs.retrieve(job.id)).status in ("PENDING", "RUNNING"):
        time.sleep(0.05)
    told = [event.message for event in client.fine_tuning_jobs.events.list(job.id)]
    assert job.status == "COMPLETED", told
    assert any(message.startswith("started") for message in told)
    assert any("step 2" in message for message in told)
    assert job.fine_tuned_model_id
    model = client.models.retrieve(job.fine_tuned_model_id)
    said = client.models.chat_completions.create(
        model.id, prompt="Who is Zibb?", chat_history=[], max_tokens=8, temperature=0
    )
    assert said.completions[0][1][0]
    deployed = client.models.deployments.create(model.id, name="learned")
    body: Any = {"messages": [{"role": "user", "content": "Who is Zibb?"}], "max_tokens": 8, "temperature": 0}
    again: Any = client.models.deployments.execute(deployed.id, model_instance_id=model.id, extra_body=body)
    assert again["message"]["content"] == said.completions[0][1][0]
    onwards = client.fine_tuning_jobs.create(
        account_id=ACCOUNT,
        training_dataset_id=rows.id,
        fine_tuned_model_id=model.id,
        vendor_configuration={"vendor": "LAUNCH", "hyperparameters": small | {"max_steps": 5000}},
    )
    assert onwards.fine_tuned_model_id == model.id
    assert client.fine_tuning_jobs.delete(onwards.id).success
    assert client.models.delete(model.id).success


@pytest.mark.limit(180)
def test_paging_goes_through_250_models(echo_server: str) -> None:
    with SGPClient(base_url=echo_server, api_key="none", max_retries=0) as client:
        made = [
            client.models.create(account_id="many", model_type="GENERIC", name=f"many-{number}").id
            for number in range(250)
        ]
        listed = list(client.models.list(account_id="many", limit=100, sort_by=["name:asc"]))
        found = [each.id for each in listed]
        assert [each.name for each in listed] == sorted(each.name for each in listed)
        assert len(found) == len(set(found))
        assert set(made) <= set(found)  # the server has models of its own, too
        past = client.models.list(account_id="many", page=9, limit=100)
        assert (past.items, past.current_page) == ([], 9)


def test_errors_are_those_that_the_package_knows(client: SGPClient, server: str, template: str) -> None:
    wanted: dict[str, Any] = {"account_id": ACCOUNT, "model_type": "CHAT_COMPLETION", "name": "bad"}
    with pytest.raises(scale_gp.NotFoundError):
        client.models.create(**wanted, model_template_id="mt-none")
    with pytest.raises(scale_gp.NotFoundError):
        client.models.create(**wanted, base_model_id="absent")
    with pytest.raises(scale_gp.BadRequestError, match="CHAT_COMPLETION"):
        client.models.create(**{**wanted, "model_type": "EMBEDDING"}, model_template_id=template)
    with pytest.raises(scale_gp.UnprocessableEntityError) as caught:
        client.models.create(
            **wanted, model_template_id=template, model_creation_parameters={"SYSTEM": 5, "COLOUR": "red"}
        )
    places = {fault["loc"][-1]: fault["type"] for fault in caught.value.body["detail"]}  # type: ignore[index]  # the package says object
    assert places == {"SYSTEM": "type_error", "COLOUR": "extra_forbidden", "BASE_MODEL": "missing"}
    answer = httpx2.post(f"{server}/v4/models", json={})
    assert answer.status_code == 422
    assert [fault["loc"] for fault in answer.json()["detail"]] == [
        ["body", "name"],
        ["body", "model_type"],
        ["body", "account_id"],
    ]
