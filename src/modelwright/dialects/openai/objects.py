"""OpenAI's other objects: models, vectors, rankings."""

import secrets
from array import array
from base64 import b64encode
from collections.abc import Container, Sequence
from sys import byteorder
from typing import Any

from modelwright.core.chat import Embeddings, Ranking
from modelwright.service.views import ModelSummary


def model(summary: ModelSummary, aliased: Container[str] = ()) -> dict[str, Any]:
    """One model; who owns it is its namespace (Ollama, openai.go).

    `aliased` are the keys of models that a job made, which go by the id it gave them.
    """
    given = summary.card.extra("openai").get("id") if summary.key in aliased else None
    return {
        "id": given or str(summary.name),
        "object": "model",
        "created": int(summary.modified_at.timestamp()),
        "owned_by": summary.name.namespace,
    }


def embeddings(model: str, found: Embeddings, encoding: str) -> dict[str, Any]:
    """Vectors as lists, or as base64 of little-endian 32-bit floats."""
    data = [
        {
            "object": "embedding",
            "index": index,
            "embedding": _base64(vector) if encoding == "base64" else vector,
        }
        for index, vector in enumerate(found.vectors)
    ]
    return {"object": "list", "data": data, "model": model, "usage": _usage(found.usage.prompt_tokens)}


def ranking(
    model: str, found: Ranking, documents: Sequence[str], *, most: int | None, with_text: bool
) -> dict[str, Any]:
    """Documents, the most relevant first (Jina, Cohere; llama.cpp, vLLM)."""
    order = sorted(range(len(found.scores)), key=lambda index: found.scores[index], reverse=True)[:most]
    results = [
        {
            "index": index,
            "relevance_score": found.scores[index],
            **({"document": {"text": documents[index]}} if with_text else {}),
        }
        for index in order
    ]
    return {
        "id": f"rerank-{secrets.token_hex(12)}",
        "object": "list",
        "model": model,
        "results": results,
        "usage": _usage(found.usage.prompt_tokens),
    }


def _usage(tokens: int) -> dict[str, int]:
    return {"prompt_tokens": tokens, "total_tokens": tokens}


def _base64(vector: Sequence[float]) -> str:
    numbers = array("f", vector)
    if byteorder == "big":
        numbers.byteswap()
    return b64encode(numbers.tobytes()).decode("ascii")
