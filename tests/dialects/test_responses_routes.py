"""OpenAI's responses, over HTTP."""

import json
from typing import Any

import httpx2
import pytest

pytestmark = pytest.mark.anyio

HELLO = {"model": "test", "input": "hello there"}


async def create(client: httpx2.AsyncClient, **body: Any) -> dict[str, Any]:
    answer = await client.post("/v1/responses", json={**HELLO, **body})
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def events(client: httpx2.AsyncClient, **body: Any) -> list[dict[str, Any]]:
    answer = await client.post("/v1/responses", json={**HELLO, "stream": True, **body})
    assert answer.headers["content-type"].startswith("text/event-stream")
    found = []
    for block in answer.text.split("\n\n")[:-1]:
        name, data = block.split("\n")
        found.append(json.loads(data.removeprefix("data: ")))
        assert name == f"event: {found[-1]['type']}"
    return found


def text(response: dict[str, Any]) -> str:
    return "".join(part["text"] for item in response["output"] for part in item["content"])


async def test_a_response_is_an_object_with_a_message(client: httpx2.AsyncClient) -> None:
    found = await create(client, metadata={"a": "b"})
    assert (found["object"], found["status"], found["store"]) == ("response", "completed", True)
    assert text(found) == "hello there"
    assert found["metadata"] == {"a": "b"}
    assert found["usage"]["total_tokens"] == found["usage"]["input_tokens"] + found["usage"]["output_tokens"]


async def test_a_stream_tells_every_step_in_order(client: httpx2.AsyncClient) -> None:
    found = await events(client)
    kinds = [event["type"].removeprefix("response.") for event in found]
    assert kinds == [
        "created",
        "in_progress",
        "output_item.added",
        "content_part.added",
        "output_text.delta",
        "output_text.delta",
        "output_text.done",
        "content_part.done",
        "output_item.done",
        "completed",
    ]
    assert [event["sequence_number"] for event in found] == list(range(len(found)))


async def test_what_was_streamed_is_what_is_kept(client: httpx2.AsyncClient) -> None:
    *_, last = await events(client)
    kept = (await client.get(f"/v1/responses/{last['response']['id']}")).json()
    assert kept == last["response"]


async def test_an_answer_that_was_cut_is_incomplete(client: httpx2.AsyncClient) -> None:
    *_, item, last = await events(client, max_output_tokens=1)
    assert last["type"] == "response.incomplete"
    assert last["response"]["incomplete_details"] == {"reason": "max_output_tokens"}
    assert item["item"]["status"] == "incomplete"


async def test_a_response_is_continued(client: httpx2.AsyncClient) -> None:
    """The echo counts the words of the whole conversation."""
    first = await create(client)
    second = await create(client, previous_response_id=first["id"], input="and you")
    third = await create(client, previous_response_id=second["id"], input="bye")
    assert [each["usage"]["input_tokens"] for each in (first, second, third)] == [2, 6, 9]
    assert third["previous_response_id"] == second["id"]


async def test_a_response_can_be_deleted(client: httpx2.AsyncClient) -> None:
    first = await create(client)
    place = f"/v1/responses/{first['id']}"
    assert (await client.delete(place)).json() == {"id": first["id"], "object": "response", "deleted": True}
    assert (await client.get(place)).status_code == 404
    assert (await client.delete(place)).status_code == 404
    answer = await client.post("/v1/responses", json={**HELLO, "previous_response_id": first["id"]})
    assert answer.status_code == 404
    assert first["id"] in answer.json()["error"]["message"]


async def test_a_response_that_is_not_stored_is_gone(client: httpx2.AsyncClient) -> None:
    found = await create(client, store=False)
    assert found["store"] is False
    assert (await client.get(f"/v1/responses/{found['id']}")).status_code == 404


async def test_what_a_response_answers_is_listed_in_pages(client: httpx2.AsyncClient) -> None:
    said = [{"role": "user", "content": word} for word in ("one", "two", "three")]
    found = await create(client, input=said)
    place = f"/v1/responses/{found['id']}/input_items"
    page = (await client.get(place, params={"order": "asc", "limit": 2})).json()
    assert [item["content"][0]["text"] for item in page["data"]] == ["one", "two"]
    assert page["has_more"] is True
    rest = (await client.get(place, params={"order": "asc", "after": page["last_id"]})).json()
    assert [item["content"][0]["text"] for item in rest["data"]] == ["three"]
    newest = (await client.get(place, params={"limit": 1})).json()["data"]
    assert newest[0]["content"] == [{"type": "input_text", "text": "three"}]


@pytest.mark.parametrize("query", [{"limit": "0"}, {"limit": "x"}, {"limit": "101"}, {"after": "nobody"}])
async def test_a_page_that_is_none_is_refused(client: httpx2.AsyncClient, query: dict[str, str]) -> None:
    found = await create(client)
    answer = await client.get(f"/v1/responses/{found['id']}/input_items", params=query)
    assert answer.status_code == 400
    assert answer.json()["error"]["param"] in query


async def test_instructions_come_first_and_are_not_handed_on(client: httpx2.AsyncClient) -> None:
    first = await create(client, instructions="be very brief")
    assert first["usage"]["input_tokens"] == 5
    second = await create(client, previous_response_id=first["id"], input="x")
    assert second["usage"]["input_tokens"] == 5  # hello there, twice, and x
    assert second["instructions"] is None


async def test_nothing_runs_in_the_background(client: httpx2.AsyncClient) -> None:
    found = await create(client)
    assert (await client.post(f"/v1/responses/{found['id']}/cancel")).status_code == 400
    assert (await client.get(f"/v1/responses/{found['id']}", params={"stream": "true"})).status_code == 400


async def test_input_is_counted_with_what_it_continues(client: httpx2.AsyncClient) -> None:
    async def counted(**more: Any) -> int:
        answer = await client.post("/v1/responses/input_tokens", json={"model": "test", **more})
        assert answer.json()["object"] == "response.input_tokens"
        return int(answer.json()["input_tokens"])

    first = await client.post("/v1/responses", json={"model": "test", "input": "one two"})
    alone = await counted(input="three")
    assert await counted(input="three", previous_response_id=first.json()["id"]) > alone
    assert await counted(input="three", instructions="be brief") > alone
    absent = await client.post("/v1/responses/input_tokens", json={"model": "absent", "input": "x"})
    assert absent.status_code == 404
