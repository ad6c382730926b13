"""Ollama's own table of requests and refusals, case by case."""

import hashlib
import json
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tools.docs.conformance import exceptions

TABLE = Path(__file__).parents[2] / "../shared/conformance/ollama/http_errors.json"
CASES: list[dict[str, Any]] = json.loads(TABLE.read_text())["cases"] if TABLE.is_file() else []

EXCEPTIONS = exceptions("http_errors")
"""Cases answered otherwise, and why."""

ACCEPTED = {"generate stop option as string", "create modelfile field is ignored"}
"""Exceptions that succeed where upstream refuses; all others refuse too."""


TEXT = b"hello"
BLOB = f"sha256:{hashlib.sha256(TEXT).hexdigest()}"
STANDS_FOR = {
    "<longer than context>": "word " * 100,
    "<digest of a text blob>": BLOB,
    "<digest>": BLOB,
    "<d1>": BLOB,
    "<d2>": BLOB,
    "<F16 model>": "test",
    "<Q4 model>": "bert",
}


@pytest.fixture
def answer(house: Any) -> Any:
    async def send(case: dict[str, Any]) -> httpx2.Response:
        body, headers = case["body"], {"content-type": "application/json"}
        if "blob" in case.get("needs", ""):
            await house.client.post(f"/api/blobs/{BLOB}", content=TEXT)
        path = case["path"].replace("<digest>", BLOB)
        if body is None:
            return await house.client.request(case["method"], path)
        text = body if case.get("raw_body") else json.dumps(body)
        for placeholder, value in STANDS_FOR.items():
            text = text.replace(placeholder, value)
        return await house.client.request(case["method"], path, content=text, headers=headers)

    return send


@pytest.mark.skipif(not CASES, reason="the conformance tables are not here")
@pytest.mark.parametrize(
    "case", [case for case in CASES if case["name"] != "queue full"], ids=lambda case: case["name"]
)
@pytest.mark.anyio
async def test_refusals_are_those_of_ollama(case: dict[str, Any], answer: Any, house: Any) -> None:
    if case["name"] in ("tags empty", "v1 models empty"):
        for name in ("test", "bert"):
            await house.client.request("DELETE", "/api/delete", json={"model": name})
    response = await answer(case)
    if case["name"] in EXCEPTIONS:
        _check_exception(case, response)
    else:
        _check(case, response)


# "queue full" needs an engine that is busy: tests/clients/test_overload.py, which has the
# status and Retry-After; the text says how many requests wait and what the limit is.


def _check(case: dict[str, Any], response: httpx2.Response) -> None:
    assert response.status_code == case["status"], response.text
    if "response" in case:
        assert response.json() == case["response"]
    if "error_contains" in case:
        assert case["error_contains"] in response.json()["error"]
    if "response_contains" in case:
        assert case["response_contains"].items() <= response.json().items()
    if "body_text" in case:
        assert response.text == case["body_text"]
    if "empty_body" in case:
        assert response.content == b""
    if "response_shape" in case:
        assert list(response.json()) == list(case["response_shape"])
    if "content_type" in case:
        assert response.headers["content-type"] == case["content_type"]


def _check_exception(case: dict[str, Any], response: httpx2.Response) -> None:
    if case["name"] in ACCEPTED:
        assert response.status_code == 200, response.text
        return
    assert response.status_code in (400, 404)
    if case["method"] != "HEAD":
        assert response.json()["error"]
