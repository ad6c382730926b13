"""A server that has too much to do says so at once, in every dialect."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import httpx2
import pytest

AT_ONCE = 6
ANYTHING = {"num_predict": 1500, "temperature": 100, "top_k": 0, "top_p": 1, "min_p": 0}
"""Any token is as likely as any other, so the one that ends an answer hardly comes."""
QUESTION = [{"role": "user", "content": "Tell me a story."}]


@pytest.fixture(scope="module")
def talkative(small_server: str) -> str:
    """The name of a model whose answers take long."""
    body = {"model": "talkative", "from": "starter", "parameters": ANYTHING, "stream": False}
    assert httpx2.post(f"{small_server}/api/create", json=body).status_code == 200
    httpx2.post(f"{small_server}/api/generate", json={"model": "talkative"}, timeout=100)
    return "talkative"


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/api/chat", {"messages": QUESTION}),
        ("/api/chat", {"messages": QUESTION, "stream": False}),
        ("/api/generate", {"prompt": "Tell me a story."}),
        ("/v1/chat/completions", {"messages": QUESTION}),
        ("/v1/completions", {"prompt": "Tell me a story.", "stream": True}),
    ],
)
def test_a_full_queue_is_503_with_a_time_to_come_back(
    small_server: str, talkative: str, path: str, body: dict[str, object]
) -> None:
    start = Barrier(AT_ONCE)

    def ask(_: int) -> httpx2.Response:
        start.wait()
        return httpx2.post(f"{small_server}{path}", json={"model": talkative, **body}, timeout=100)

    with ThreadPoolExecutor(AT_ONCE) as pool:
        answers = list(pool.map(ask, range(AT_ONCE)))
    refused = [answer for answer in answers if answer.status_code == 503]
    assert {answer.status_code for answer in answers} == {200, 503}
    for answer in refused:
        assert int(answer.headers["retry-after"]) >= 1
        assert "the limit is 1" in answer.text
