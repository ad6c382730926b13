"""A good body for each of the platform's routes that takes one, by route."""

from typing import Any

OWNED: dict[str, Any] = {"account_id": "acme-labs", "name": "new"}
BUNDLE: dict[str, Any] = {"registry": "modelwright", "image": "llm", "tag": "1"}
TURNS: list[dict[str, Any]] = [{"role": "user", "content": "x"}]

SGP: dict[str, dict[str, Any]] = {
    "POST /v4/chat-completions": {"model": "test", "messages": TURNS},
    "POST /v4/completions": {"model": "test", "prompt": "x"},
    "POST /v4/models/{model}/completions": {"prompt": "x"},
    "POST /v4/models/{model}/chat-completions": {"prompt": "x", "chat_history": []},
    "POST /v4/models/{model}/embeddings": {"texts": ["x"]},
    "POST /v4/models/{model}/rerankings": {"query": "x", "chunks": ["x"]},
    "POST /v4/models/{model}/deployments": {"name": "x"},
    "PATCH /v4/models/{model}/deployments/{deployment}": {"name": "x"},
    "POST /v4/model-templates": {
        **OWNED,
        "endpoint_type": "SYNC",
        "model_type": "CHAT_COMPLETION",
        "vendor_configuration": {"bundle_config": BUNDLE},
    },
    "POST /v4/model-groups": OWNED,
    "PATCH /v4/model-groups/{group}": {"name": "x"},
    "POST /v4/serving": {"name": "x", "model_deployment_id": "{deployment}"},
    "PUT /v4/serving/{server}/backend": {"new_model_deployment_id": "{deployment}"},
    "POST /v4/fine-tuning-jobs": {
        "account_id": "acme-labs",
        "training_dataset_id": "file-x",
        "base_model_id": "test",
    },
    "POST /v4/models": {**OWNED, "model_type": "CHAT_COMPLETION", "base_model_id": "test"},
    "PATCH /v4/models/{model}": {"description": "x"},
}
