"""JSON Schemas of what a model of each type takes and gives, made of the types."""

from functools import cache
from typing import Any, Final

from modelwright.dialects.fields import Wire, documented
from modelwright.dialects.sgp import answer_wire as wire

REQUESTS: Final[dict[str, type[Wire]]] = {
    "COMPLETION": wire.ExecuteCompletion,
    "CHAT_COMPLETION": wire.ExecuteChat,
    "AGENT": wire.ExecuteAgent,
    "EMBEDDING": wire.ExecuteEmbedding,
    "RERANKING": wire.ExecuteReranking,
    "GENERIC": wire.ExecuteGeneric,
    "BUNDLE": wire.ExecuteGeneric,
}
_ANSWERS: Final[dict[str, type[Wire]]] = {
    "COMPLETION": wire.CompletionAnswer,
    "CHAT_COMPLETION": wire.ChatAnswer,
    "AGENT": wire.AgentAnswer,
    "EMBEDDING": wire.EmbeddingAnswer,
    "RERANKING": wire.RerankingAnswer,
    "GENERIC": wire.GenericAnswer,
    "BUNDLE": wire.GenericAnswer,
}


@cache
def request_schema(model_type: str) -> dict[str, Any]:
    """What `execute` takes for a model of this type."""
    return _schema(REQUESTS[model_type])


@cache
def response_schema(model_type: str) -> dict[str, Any]:
    """What `execute` gives for a model of this type."""
    return _schema(_ANSWERS[model_type])


def _schema(model: type[Wire]) -> dict[str, Any]:
    schema: dict[str, Any] = documented(model)["requestBody"]["content"]["application/json"]["schema"]
    return schema
