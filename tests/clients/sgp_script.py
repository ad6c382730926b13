"""What is asked of the platform's package, step by step: each method, with each argument.

"$name" in an argument is the id that an earlier step kept under that name, or the script's own
"title" of a model and "alias" of a server.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

RESOURCES: Final = (
    "models",
    "model_templates",
    "model_groups",
    "model_servers",
    "alias",
    "chat_completions",
    "completions",
    "fine_tuning_jobs",
    "training_datasets",
)
"""Those that have to do with models; the package's others are of its applications and evaluations."""


@dataclass(frozen=True, slots=True)
class Step:
    """A call; `keeps` names what the answer's `key` is kept as."""

    method: str
    arguments: Mapping[str, Any] = field(default_factory=dict)
    keeps: str = ""
    status: int = 200
    key: str = "id"


ADDED: Final = {
    "ModelDeployment": {"status_reason"},
    "CompletionResponse": {"chat_completion", "completion", "token_usage"},
}
"""Fields that answers have beyond the package's types: the account's streams are of both their shapes."""
ABSENT: Final = {
    ("Completion", "response_metadata"): "there is nothing that it could say",
    ("GenericModelResponse", "status"): "it is what the model says, and that says it alone on an error",
    ("GenericModelResponse", "status_code"): "as above",
    ("GenericModelResponse", "error_message"): "as above",
    **{
        (
            f"VendorConfiguration{vendor}FineTuningJobConfiguration",
            name,
        ): "refused where it asks for something"
        for vendor in ("Launch", "LlmEngine")
        for name in ("wandb_config", "output")
    },
}
"""Fields that no answer has, and why."""

ACCOUNT: Final = "methods"
SPAN: Final = {"start_date": "2026-01-01T00:00:00Z", "end_date": "2126-01-01T00:00:00Z", "chunks": 2}
PAGES: Final = {"account_id": ACCOUNT, "limit": 1, "page": 1}
MACHINE: Final = {"cpus": 2, "memory": "1Gi", "storage": "2Gi", "gpus": 0, "gpu_type": "nvidia-tesla-t4"}
WORKERS: Final = {"min_workers": 0, "max_workers": 1, "per_worker": 4}
LLMENGINE: Final = {
    "vendor": "LLMENGINE",
    "model_name": "a",
    "base_model_name": "b",
    "checkpoint_path": "s3://c",
    "inference_framework_image_tag": "d",
    "num_shards": 4,
    "high_priority": False,
    **MACHINE,
    **WORKERS,
}
IMAGE: Final = {"registry": "modelwright", "image": "llm", "tag": "1", "command": ["x"], "env": {}}
TEMPLATE: Final = {
    "account_id": ACCOUNT,
    "name": "methods-template",
    "endpoint_type": "STREAMING",
    "endpoint_protocol": "VLLM",
    "model_type": "CHAT_COMPLETION",
    "vendor_configuration": {
        "vendor": "LAUNCH",
        "bundle_config": {
            **IMAGE,
            "readiness_initial_delay_seconds": 7,
            "healthcheck_route": "/healthy",
            "predict_route": "/guess",
            "streaming_command": ["y"],
            "streaming_predict_route": "/stream",
        },
        "endpoint_config": {**MACHINE, **WORKERS, "endpoint_type": "SYNC", "high_priority": True},
        "fine_tuning_job_bundle_config": {
            **IMAGE,
            "mount_location": "/here",
            "training_dataset_schema_type": "GENERATION",
            "resources": MACHINE,
        },
    },
    "model_creation_parameters_schema": {
        "parameters": [
            {"name": "BASE_MODEL", "type": "str", "description": "Its base", "required": True},
            {"name": "SYSTEM", "type": "str", "description": "Who it is", "required": False},
        ]
    },
    "model_request_parameters_schema": {
        "parameters": [{"name": "SEED", "type": "int", "description": "Repeats", "required": False}]
    },
}
MODEL: Final = {
    "name": "$title",
    "model_type": "CHAT_COMPLETION",
    "base_model_id": "starter",
    "base_model_metadata": {
        "delivery_date": "2026-01-01",
        "model_developer": "acme",
        "model_license_url": "https://example.com",
        "ui_model_section_type": "CUSTOM",
        "model_details": {
            "alignments": 1,
            "languages": 2,
            "number_of_parameters": 4_000_000_000_000,
            "token_context_window": 2048,
        },
    },
    "description": "d",
    "display_name": "Methods",
    "model_card": "m",
    "model_creation_parameters": {"BASE_MODEL": "starter", "SYSTEM": "You are Mario."},
    "model_group_id": "$group",
    "model_template_id": "$template",
    "model_vendor": "OTHER",
    "training_data_card": "t",
}
OWN: Final = {"model_instance_id": "$model"}
BOUND: Final = {"model_request_parameters": {"bindings": {"SEED": 3}}}
SAMPLING: Final = {
    "temperature": 0.5,
    "max_tokens": 3,
    "top_p": 0.9,
    "top_k": 20.0,
    "frequency_penalty": 0.1,
    "presence_penalty": 0.1,
    "stop_sequences": ["\n\n"],
    "logprobs": True,
    "top_logprobs": 2,
}
DEPLOYED: Final = {"prompt": "Hi", **SAMPLING, **BOUND}
CHAT: Final = {
    "chat_history": [
        {"content": "Hello"},
        {"role": "assistant", "content": "Hi"},
        {"role": "user", "content": [{"text": "A"}, {"type": "text", "text": "B"}]},
    ],
}
TURN: Final = {"role": "user", "content": "Hi"}
ASKED: Final = {
    "model": "$title",
    "account_id": ACCOUNT,
    "model_parameters": {
        "temperature": 0.5,
        "max_tokens": 3,
        "top_k": 20,
        "top_p": 0.9,
        "stop_sequences": ["\n\n"],
        "frequency_penalty": 0.1,
        "presence_penalty": 0.1,
    },
}
TALK: Final = {
    **ASKED,
    "messages": [{"role": "system", "content": "Be brief"}, TURN],
    "instructions": "Be kind",
    "memory_strategy": {"name": "last_k", "params": {"k": 2}},
}
ROWS: Final = '{"prompt": "Question?", "response": "Answer."}\n' * 4
JOB: Final = {
    "account_id": ACCOUNT,
    "training_dataset_id": "$dataset",
    "base_model_id": "$model",
    "fine_tuned_model_id": "$model",
    "validation_dataset_id": "$dataset",
}
HYPER: Final = {"hyperparameters": {"max_steps": 5000}, "suffix": "tuned"}
BODY: Final = {"messages": [TURN], "max_tokens": 3}
JINJA: Final = {"chat_template": "{{ x }}"}

MAKING: Final = (
    Step("model_templates.create", TEMPLATE, "template"),
    Step("model_templates.create", TEMPLATE, "passing"),
    Step("model_templates.retrieve", {"model_template_id": "$template"}),
    Step("model_templates.list", PAGES),
    Step("model_groups.create", {"account_id": ACCOUNT, "name": "g", "description": "d"}, "group"),
    Step("model_groups.create", {"account_id": ACCOUNT, "name": "h"}, "second"),
    Step("model_groups.update", {"model_group_id": "$group", "name": "f", "description": "e"}),
    Step("model_groups.retrieve", {"model_group_id": "$group"}),
    Step("model_groups.list", PAGES),
    Step("models.create", {"account_id": ACCOUNT, **MODEL}, "model"),
    Step("models.retrieve", {"model_id": "$model", "view": ["Deployments", "ModelGroup"]}),
    Step("models.update", {"model_id": "$model", **MODEL, "description": "other", "model_card": "n"}),
    Step("model_groups.models.create", {**OWN, "model_group_id": "$second"}),
    Step(
        "models.list",
        {
            **PAGES,
            "model_group_id": "$second",
            "model_type": "CHAT_COMPLETION",
            "sort_by": ["name:asc", "created_at:desc"],
            "view": ["Deployments", "ModelGroup"],
        },
    ),
)
DEPLOYING: Final = (
    Step(
        "models.deployments.create",
        {
            **OWN,
            "name": "one",
            "account_id": ACCOUNT,
            "deployment_metadata": {"why": ["test"]},
            "model_creation_parameters": {"SYSTEM": "You are Mario."},
            "vendor_configuration": LLMENGINE,
            "wait_for_ready": True,
        },
        "deployment",
    ),
    Step(
        "models.deployments.update",
        {
            **OWN,
            "deployment_id": "$deployment",
            "name": "two",
            "deployment_metadata": {"why": "changed"},
            "model_creation_parameters": {"SYSTEM": "You are Mario."},
            "vendor_configuration": {**LLMENGINE, "per_worker": 3},
            "wait_for_ready": True,
        },
    ),
    Step("models.deployments.create", {**OWN, "name": "other"}, "other"),
    Step("models.deployments.retrieve", {**OWN, "deployment_id": "$deployment"}),
    Step("models.deployments.list", {**OWN, **PAGES, "sort_by": ["status:asc", "name:desc"]}),
    Step("models.deployments.list_all", {**PAGES, "sort_by": ["name:asc"]}),
    Step(
        "models.deployments.execute",
        {**OWN, "model_deployment_id": "$deployment", "stream": False, "extra_body": BODY},
    ),
    Step("models.deployments.usage_statistics.retrieve", {"model_deployment_id": "$deployment", **SPAN}),
)
ANSWERING: Final = (
    *(
        Step(
            "models.completions.create", {"model_deployment_id": "$deployment", **DEPLOYED, "stream": stream}
        )
        for stream in (False, True)
    ),
    *(
        Step(
            "models.chat_completions.create",
            {"model_deployment_id": "$deployment", **DEPLOYED, **CHAT, "stream": stream},
        )
        for stream in (False, True)
    ),
    *(
        Step(
            f"models.{kind}.create",
            {"model_deployment_id": "$model", "prompt": "x", **more, **refused},
            status=400,
        )
        for kind, more in (("completions", {}), ("chat_completions", CHAT))
        for refused in (JINJA, {"chat_template_kwargs": {"x": 1}}, {"reasoning_effort": "low"})
    ),
    Step("models.embeddings.create", {"model_deployment_id": "$model", "texts": ["a", "b"], **BOUND}),
    Step(
        "models.rerankings.create",
        {
            "model_deployment_id": "methods-ranker",
            "query": "a",
            "chunks": ["b", "c"],
            "model_request_parameters": {"bindings": {}},
        },
    ),
    Step(
        "models.rerankings.create",
        {"model_deployment_id": "methods-ranker", "query": "a", "chunks": ["b"], "instruction": "x"},
        status=400,
    ),
    *(Step("chat_completions.create", {**TALK, "stream": stream}) for stream in (False, True)),
    Step("chat_completions.create", {**TALK, **JINJA}, status=400),
    *(Step("completions.create", {**ASKED, "prompt": "Hi", "stream": stream}) for stream in (False, True)),
    Step(
        "completions.create",
        {**ASKED, "prompt": "Hi", "images": [{"image_url": "https://example.com/x.png", "detail": "auto"}]},
        status=400,
    ),
    Step("models.usage_statistics.retrieve", {"model_name": "$title", **SPAN}),
    Step("model_groups.usage_statistics.retrieve", {"model_group_id": "$second", **SPAN}),
)
SERVER: Final = {"model_server_id": "$server"}
SERVING: Final = (
    Step(
        "model_servers.create",
        {"name": "front", "model_deployment_id": "$deployment", "alias": "$alias"},
        "server",
        key="model_server_id",
    ),
    Step("model_servers.retrieve", SERVER),
    Step("model_servers.list"),
    Step("model_servers.update_backend", {**SERVER, "new_model_deployment_id": "$other"}),
    Step("model_servers.rollback", SERVER),
    Step("model_servers.deployment.retrieve", SERVER),
    Step("model_servers.execute", {**SERVER, "stream": False, "extra_body": BODY}),
    Step("alias.retrieve", {"alias": "$alias"}),
    Step("alias.execute", {"alias": "$alias", "stream": False, "extra_body": BODY}),
)
TRAINING: Final = (
    Step(
        "training_datasets.create",
        {"account_id": ACCOUNT, "name": "rows", "schema_type": "GENERATION", "file": ROWS},
        "dataset",
    ),
    Step("training_datasets.retrieve", {"training_dataset_id": "$dataset"}),
    Step("training_datasets.list", PAGES),
    Step("training_datasets.contents.list", {"training_dataset_id": "$dataset"}),
    *(
        Step("fine_tuning_jobs.create", {**JOB, "vendor_configuration": {"vendor": vendor, **HYPER}}, "job")
        for vendor in ("LAUNCH", "LLMENGINE", "OPENAI")
    ),
    Step("fine_tuning_jobs.retrieve", {"fine_tuning_job_id": "$job"}),
    Step("fine_tuning_jobs.list", PAGES),
    Step("fine_tuning_jobs.events.list", {"fine_tuning_job_id": "$job"}),
)
ENDING: Final = (
    Step("fine_tuning_jobs.delete", {"fine_tuning_job_id": "$job"}),
    Step("training_datasets.delete", {"training_dataset_id": "$dataset"}),
    Step("models.deployments.delete", {**OWN, "deployment_id": "$other"}),
    Step("models.delete", {"model_id": "$model"}),
    Step("model_groups.delete", {"model_group_id": "$group"}),
    Step("model_templates.delete", {"model_template_id": "$template"}),
)
SCRIPT: Final = (*MAKING, *DEPLOYING, *ANSWERING, *SERVING, *TRAINING, *ENDING)
