"""Every failure is rendered in the dialect of its path, and hides what is not for clients."""

import asyncio
from typing import Any

import httpx2
import pytest

from modelwright.core.errors import Unavailable
from modelwright.dialects.native import Native
from modelwright.dialects.ollama import Ollama
from modelwright.dialects.openai import OpenAI
from modelwright.web.boundary import Boundary, dialect_of

pytestmark = pytest.mark.anyio

DIALECTS = (Ollama(), OpenAI(), Native(None))  # type: ignore[arg-type]  # its identity is not asked for here


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/", "ollama"),
        ("/api/chat", "ollama"),
        ("/v10/x", "ollama"),
        ("/v1/models", "openai"),
        ("/v1", "openai"),
        ("/openai/v1/nope", "openai"),
        ("/ollama/v1/nope", "ollama"),
        ("/api/modelwright/diff", "modelwright"),
        ("*", "ollama"),
        ("http://localhost/v1/models", "ollama"),
    ],
)
def test_a_path_belongs_to_the_dialect_with_the_longest_prefix(path: str, name: str) -> None:
    assert dialect_of(path, DIALECTS).name == name


def failing(error: BaseException) -> httpx2.AsyncClient:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        raise error

    transport = httpx2.ASGITransport(app=Boundary(app, DIALECTS))
    return httpx2.AsyncClient(transport=transport, base_url="http://localhost")


async def test_a_foreseen_error_keeps_its_message_and_brings_its_headers() -> None:
    answer = await failing(Unavailable("busy", retry_after=9)).get("/v1/models")
    assert answer.status_code == 503
    assert answer.headers["retry-after"] == "9"
    assert answer.json()["error"]["message"] == "busy"


@pytest.mark.parametrize("path", ["/api/chat", "/v1/models", "/api/modelwright/diff"])
async def test_what_the_end_of_the_server_cuts_off_before_it_began_may_come_again(path: str) -> None:
    answer = await failing(asyncio.CancelledError()).get(path)
    assert answer.status_code == 503
    assert answer.headers["retry-after"] == "30"
    assert "the server is stopping" in answer.text


@pytest.mark.parametrize("path", ["/api/chat", "/v1/models", "/api/modelwright/diff"])
async def test_an_unforeseen_error_is_logged_and_hidden(path: str, caplog: pytest.LogCaptureFixture) -> None:
    answer = await failing(KeyError("/etc/secret")).get(path)
    assert answer.status_code == 500
    assert "secret" not in answer.text
    number = answer.text.partition("internal error ")[2][:12]
    assert f"internal error {number}" in caplog.text
    assert "/etc/secret" in caplog.text


@pytest.mark.parametrize("path", ["/api/nope", "/v1/nope", "/openai/nope", "/api/modelwright/nope"])
async def test_an_unknown_path_is_said_in_its_dialect(client: httpx2.AsyncClient, path: str) -> None:
    answer = await client.get(path)
    assert answer.status_code == 404
    error = answer.json()["error"]
    assert path in (error if isinstance(error, str) else error["message"])


@pytest.mark.parametrize("path", ["/api/chat", "/v1/chat/completions", "/api/modelwright/rollback"])
async def test_a_wrong_method_is_told_the_right_one(client: httpx2.AsyncClient, path: str) -> None:
    answer = await client.get(path)
    assert answer.status_code == 405
    assert answer.headers["allow"] == "POST"
    assert "error" in answer.json()


async def test_a_page_of_a_known_origin_can_read_an_error(client: httpx2.AsyncClient) -> None:
    answer = await client.get("/api/nope", headers={"origin": "http://localhost:3000"})
    assert answer.status_code == 404
    assert answer.headers["access-control-allow-origin"] == "http://localhost:3000"
