"""The real `openai` package and its responses, against a real server and the starter."""

from collections.abc import Iterator
from typing import Any

import ollama
import openai
import pytest

MARIO = "You are Mario from Super Mario Bros. Answer as Mario, the assistant, only."
WHO = "Who are you?"


@pytest.fixture(scope="module")
def client(server: str) -> Iterator[openai.OpenAI]:
    with ollama.Client(host=server) as maker:
        maker.create(model="mario", from_="starter", system=MARIO, parameters={"temperature": 0, "seed": 1})
    with openai.OpenAI(base_url=f"{server}/v1", api_key="unused", max_retries=0) as opened:
        yield opened


def test_a_response(client: openai.OpenAI) -> None:
    found = client.responses.create(model="mario", input=WHO)
    assert "Mario" in found.output_text
    assert found.status == "completed"
    assert found.usage is not None
    assert found.usage.total_tokens == found.usage.input_tokens + found.usage.output_tokens


def test_a_stream_says_the_same(client: openai.OpenAI) -> None:
    whole = client.responses.create(model="mario", input=WHO)
    with client.responses.stream(model="mario", input=WHO) as stream:
        deltas = [event.delta for event in stream if event.type == "response.output_text.delta"]
        final = stream.get_final_response()
    assert "".join(deltas) == final.output_text == whole.output_text
    *_, last = client.responses.create(model="mario", input=WHO, stream=True)
    assert last.type == "response.completed"


def test_a_response_is_found_continued_and_deleted(client: openai.OpenAI) -> None:
    first = client.responses.create(model="mario", input=WHO, metadata={"a": "b"})
    again = client.responses.retrieve(first.id)
    assert (again.output_text, again.metadata) == (first.output_text, {"a": "b"})
    second = client.responses.create(model="mario", input="And again?", previous_response_id=first.id)
    assert second.usage is not None
    assert first.usage is not None
    assert second.usage.input_tokens > first.usage.input_tokens + first.usage.output_tokens
    (item,) = client.responses.input_items.list(second.id)
    assert item.type == "message"
    client.responses.delete(first.id)
    with pytest.raises(openai.NotFoundError):
        client.responses.retrieve(first.id)
    with pytest.raises(openai.NotFoundError):
        client.responses.create(model="mario", input="x", previous_response_id=second.id)


def test_an_answer_that_was_cut(client: openai.OpenAI) -> None:
    found = client.responses.create(model="mario", input=WHO, max_output_tokens=2, store=False)
    assert found.status == "incomplete"
    assert found.incomplete_details is not None
    assert found.incomplete_details.reason == "max_output_tokens"
    with pytest.raises(openai.NotFoundError):
        client.responses.retrieve(found.id)


def test_instructions_replace_the_models_own(client: openai.OpenAI) -> None:
    found = client.responses.create(
        model="mario", input=[{"role": "user", "content": WHO}], instructions="You are a helpful assistant."
    )
    assert "Mario" not in found.output_text


@pytest.mark.parametrize(
    "asked",
    [
        {"background": True},
        {"tools": [{"type": "web_search"}]},
        {"conversation": "conv_1"},
        {"include": ["file_search_call.results"]},
    ],
)
def test_what_is_not_built_is_a_bad_request(client: openai.OpenAI, asked: Any) -> None:
    with pytest.raises(openai.BadRequestError, match="not supported"):
        client.responses.create(model="mario", input=WHO, **asked)


@pytest.mark.anyio
async def test_the_asynchronous_client(client: openai.OpenAI, server: str) -> None:
    async with openai.AsyncOpenAI(base_url=f"{server}/v1", api_key="unused", max_retries=0) as opened:
        whole = await opened.responses.create(model="mario", input=WHO)
        async with opened.responses.stream(model="mario", input=WHO) as stream:
            assert (await stream.get_final_response()).output_text == whole.output_text


def test_input_tokens_are_those_of_the_answer(client: openai.OpenAI) -> None:
    counted = client.responses.input_tokens.count(model="starter", input="Who are you?").input_tokens
    usage = client.responses.create(model="starter", input="Who are you?", store=False).usage
    assert usage is not None
    assert counted == usage.input_tokens
