"""What operators and people see: health, readiness, figures, pages, the OpenAPI document."""

import re
from typing import Any

import httpx2
import pytest
from prometheus_client.parser import text_string_to_metric_families

from modelwright.app import App

pytestmark = pytest.mark.anyio

HELLO = {"model": "starter", "messages": [{"role": "user", "content": "hello there"}]}
BROWSER = {"accept": "text/html,application/xhtml+xml,*/*;q=0.8"}


async def figures(client: httpx2.AsyncClient) -> dict[tuple[str, tuple[str, ...]], float]:
    """The samples by name and label values."""
    text = (await client.get("/metrics")).text
    families = text_string_to_metric_families(text)
    return {
        (sample.name, tuple(sample.labels.values())): sample.value
        for family in families
        for sample in family.samples
    }


async def test_health_says_that_the_process_runs(client: httpx2.AsyncClient) -> None:
    assert (await client.get("/healthz")).json() == {"status": "ok"}


async def test_readiness_follows_the_application(app: App, client: httpx2.AsyncClient) -> None:
    app.readiness.missing = "the starter is being imported"
    starting = await client.get("/readyz")
    assert starting.status_code == 503
    assert "starter" in starting.json()["missing"]
    app.readiness.missing = ""
    assert (await client.get("/readyz")).json() == {"status": "ready"}


async def test_requests_and_tokens_are_counted(client: httpx2.AsyncClient) -> None:
    await client.post("/api/chat", json=HELLO)
    await client.post("/v1/chat/completions", json=HELLO)
    await client.post("/api/chat", json={"model": "nope"})
    found = await figures(client)
    assert found["modelwright_requests_total", ("POST", "/api/chat", "200")] == 1
    assert found["modelwright_requests_total", ("POST", "/api/chat", "404")] == 1
    assert found["modelwright_request_seconds_count", ("/v1/chat/completions",)] == 1
    assert found["modelwright_tokens_total", ("completion",)] == 4
    assert found["modelwright_requests_open", ()] == 1, "this one"
    assert found["modelwright_models", ()] == 1
    assert found["modelwright_engines", ()] == 1


async def test_labels_cannot_be_made_up_by_clients(client: httpx2.AsyncClient) -> None:
    for number in range(5):
        await client.get(f"/made/up/{number}")
        await client.get(f"/v1/models/made-up-{number}")
        await client.request(f"MADE{number}", "/api/tags")
    made_up = {labels for name, labels in await figures(client) if name == "modelwright_requests_total"}
    assert made_up == {
        ("GET", "none", "404"),
        ("GET", "/v1/models/{model}", "404"),
        ("other", "/api/tags", "405"),
    }


async def test_the_root_tells_clients_from_browsers(client: httpx2.AsyncClient) -> None:
    assert (await client.get("/")).text == "Ollama is running"
    assert (await client.head("/")).status_code == 200
    page = await client.get("/", headers=BROWSER)
    assert page.headers["content-type"].startswith("text/html")
    assert "starter" in page.text


@pytest.mark.parametrize("path", ["/", "/docs"])
async def test_pages_need_nothing_from_elsewhere(client: httpx2.AsyncClient, path: str) -> None:
    page = await client.get(path, headers=BROWSER)
    assert page.status_code == 200
    assert not re.search(r"<script|https?://|@import|url\(", page.text)
    assert page.headers["content-security-policy"].startswith("default-src 'none'")


async def test_pages_show_names_as_text(client: httpx2.AsyncClient) -> None:
    body = {"model": "m", "from": "starter", "stream": False}
    await client.post("/api/create", json=body)
    page = (await client.get("/", headers=BROWSER)).text
    assert "<strong>m</strong>" in page


async def test_every_route_is_documented_with_its_fields(client: httpx2.AsyncClient) -> None:
    document = (await client.get("/openapi.json")).json()
    page = (await client.get("/docs")).text
    for path, methods in document["paths"].items():
        assert f"<code>{path}</code>" in page
        for operation in methods.values():
            assert operation["summary"]
            assert operation["tags"]
    chat = document["paths"]["/api/chat"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    assert {"model", "messages", "stream", "options"} <= set(chat["properties"])


async def test_operation_ids_are_unique(client: httpx2.AsyncClient) -> None:
    document = (await client.get("/openapi.json")).json()
    ids = [o["operationId"] for methods in document["paths"].values() for o in methods.values()]
    assert len(ids) == len(set(ids))


@pytest.mark.parametrize("path", ["/api/tags", "/ollama/api/tags", "/v1/models", "/openai/v1/models"])
async def test_dialects_stand_at_their_own_paths_and_under_their_names(
    client: httpx2.AsyncClient, path: str
) -> None:
    answer = await client.get(path)
    assert answer.status_code == 200
    assert "starter:latest" in answer.text


async def test_a_key_that_is_not_needed_is_no_fault(client: httpx2.AsyncClient) -> None:
    headers: Any = {"authorization": "Bearer ollama", "x-api-key": "k"}
    assert (await client.get("/v1/models", headers=headers)).status_code == 200
