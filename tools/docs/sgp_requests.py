"""What the walk sends to the Scale GenAI Platform's routes."""

from collections.abc import Mapping
from typing import Any, Final

_MADE: Final = {"name": "made-{n}", "account_id": "acme-labs"}
_SPAN: Final = {"start_date": "2026-11-01", "end_date": "2027-11-01", "chunks": "1"}
_TURNS: Final = {"messages": [{"role": "user", "content": "hello"}]}
_SGP: Final = "/v4/models/{model:path}"
SGP_REQUESTS: Final[Mapping[tuple[str, str], Mapping[str, Any]]] = {
    ("POST", "/v4/models"): {**_MADE, "model_type": "CHAT_COMPLETION", "base_model_id": "{model}"},
    ("PATCH", _SGP): {"description": "x"},
    ("GET", f"{_SGP}/usage-statistics"): _SPAN,
    ("GET", "/v4/model-deployments/{deployment}/usage-statistics"): _SPAN,
    ("POST", f"{_SGP}/chat-completions"): {"prompt": "hello", "chat_history": []},
    ("POST", f"{_SGP}/embeddings"): {"texts": ["hello"]},
    ("POST", f"{_SGP}/rerankings"): {"query": "hello", "chunks": ["hello"]},
    ("POST", f"{_SGP}/deployments"): {"name": "made-{n}", "wait_for_ready": False},
    ("PATCH", f"{_SGP}/deployments/{{deployment}}"): {"name": "x", "wait_for_ready": False},
    ("POST", f"{_SGP}/deployments/{{deployment}}/execute"): _TURNS,
    ("POST", "/v4/fine-tuning-jobs"): {
        "account_id": "acme-labs",
        "training_dataset_id": "{dataset}",
        "base_model_id": "{model}",
    },
}
