"""Rerank models, from the file to /v1/rerank, on a real server with the real engine."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import ollama
import openai
import pytest

from tools.weights.tiny_ranker import write_ranker

DOCUMENTS = ["paris is the capital of france", "the dog", "the sea is blue", "paris is the capital of france"]
QUERY = "what is the capital of france"


@pytest.fixture(scope="module")
def client(server: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx2.Client]:
    path: Path = tmp_path_factory.mktemp("weights") / "ranker.gguf"
    write_ranker(path)
    with ollama.Client(host=server) as maker:
        maker.create(model="ranker", files={"ranker.gguf": maker.create_blob(path)})
        assert maker.show("ranker").capabilities == ["rerank"]
    with httpx2.Client(base_url=server) as opened:
        yield opened


def rerank(client: httpx2.Client, **asked: Any) -> httpx2.Response:
    return client.post(
        "/v1/rerank", json={"model": "ranker", "query": QUERY, "documents": DOCUMENTS, **asked}
    )


def test_documents_are_ordered_by_their_scores(client: httpx2.Client) -> None:
    found = rerank(client).json()
    scores = [result["relevance_score"] for result in found["results"]]
    assert scores == sorted(scores, reverse=True)
    assert len(set(scores)) == 3
    by_document = {result["index"]: result["relevance_score"] for result in found["results"]}
    assert by_document[0] == by_document[3]
    alone = rerank(client, documents=DOCUMENTS[2:3]).json()["results"][0]["relevance_score"]
    assert alone == pytest.approx(by_document[2], abs=1e-4)
    assert found["usage"]["total_tokens"] > 30


def test_the_best_are_given_with_their_texts(client: httpx2.Client) -> None:
    (result,) = rerank(client, top_n=1, return_documents=True).json()["results"]
    assert result["document"]["text"] == DOCUMENTS[result["index"]]


def test_what_is_too_long_is_said(client: httpx2.Client) -> None:
    answer = rerank(client, documents=["the dog", "a " * 100])
    assert answer.status_code == 400
    assert "exceeds the context length" in answer.json()["error"]["message"]
    assert rerank(client).status_code == 200


def test_who_does_not_rank_is_refused_and_a_ranker_does_not_embed(client: httpx2.Client, server: str) -> None:
    assert "does not support reranking" in rerank(client, model="starter").json()["error"]["message"]
    with openai.OpenAI(base_url=f"{server}/v1", api_key="unused", max_retries=0) as theirs:
        with pytest.raises(openai.BadRequestError, match="does not support embeddings"):
            theirs.embeddings.create(model="ranker", input="x")
        with pytest.raises(openai.BadRequestError, match="does not support chat"):
            theirs.completions.create(model="ranker", prompt="x")


def test_embeddings_of_tokens_are_those_of_the_text(server: str) -> None:
    with openai.OpenAI(base_url=f"{server}/v1", api_key="unused", max_retries=0) as theirs:
        one, other = theirs.embeddings.create(model="starter", input=[[40, 41, 42], [40, 41, 43]]).data
        again = theirs.embeddings.create(model="starter", input=[40, 41, 42]).data[0]
    assert one.embedding == pytest.approx(again.embedding, abs=1e-5)
    assert one.embedding != pytest.approx(other.embedding, abs=1e-5)
