"""The real `openai` package against a real server and the starter model."""

import math
from collections.abc import Iterator
from typing import Any

import ollama
import openai
import pytest

MARIO = "You are Mario from Super Mario Bros. Answer as Mario, the assistant, only."
WHO: Any = [{"role": "user", "content": "Who are you?"}]


@pytest.fixture(scope="module")
def client(server: str) -> Iterator[openai.OpenAI]:
    """A client; mario was made by a client of another dialect."""
    with ollama.Client(host=server) as maker:
        maker.create(model="mario", from_="starter", system=MARIO, parameters={"temperature": 0, "seed": 1})
    with openai.OpenAI(base_url=f"{server}/v1", api_key="unused", max_retries=0) as opened:
        yield opened


def test_a_chat(client: openai.OpenAI) -> None:
    answer = client.chat.completions.create(model="mario", messages=WHO)
    assert "Mario" in (answer.choices[0].message.content or "")
    assert answer.choices[0].finish_reason == "stop"
    assert answer.usage is not None
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + answer.usage.completion_tokens


def test_a_streamed_chat_says_the_same_and_ends_with_its_usage(client: openai.OpenAI) -> None:
    whole = client.chat.completions.create(model="mario", messages=WHO)
    stream = client.chat.completions.create(
        model="mario", messages=WHO, stream=True, stream_options={"include_usage": True}
    )
    *chunks, last = list(stream)
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks)
    assert text == whole.choices[0].message.content
    assert (last.choices, last.usage) == ([], whole.usage) or last.usage is not None
    assert chunks[-1].choices[0].finish_reason == "stop"


def test_a_completion_with_and_without_stream(client: openai.OpenAI) -> None:
    whole = client.completions.create(model="mario", prompt="Who are you?")
    stream = client.completions.create(model="mario", prompt="Who are you?", stream=True)
    assert "".join(chunk.choices[0].text for chunk in stream) == whole.choices[0].text
    assert "Mario" in whole.choices[0].text


def test_parameters_of_the_request_hold(client: openai.OpenAI) -> None:
    short = client.chat.completions.create(
        model="mario", messages=WHO, max_completion_tokens=2, temperature=0.1, top_p=0.9, seed=3, stop=["\n"]
    )
    assert short.choices[0].finish_reason == "length"
    assert short.usage is not None
    assert short.usage.completion_tokens == 2


def test_embeddings_in_the_encoding_that_the_client_prefers(client: openai.OpenAI) -> None:
    """The package asks for base64 unless it is told otherwise."""
    packed = client.embeddings.create(model="mario", input=["a dog", "a cat"])
    plain = client.embeddings.create(model="mario", input=["a dog", "a cat"], encoding_format="float")
    for one, other in zip(packed.data, plain.data, strict=True):
        assert one.embedding == pytest.approx(other.embedding, abs=1e-6)
        assert math.isclose(math.hypot(*one.embedding), 1, rel_tol=1e-5)
    assert len(client.embeddings.create(model="mario", input="x", dimensions=16).data[0].embedding) == 16


def test_models_are_listed_and_found(client: openai.OpenAI) -> None:
    assert {"mario:latest", "starter:latest"} <= {model.id for model in client.models.list()}
    found = client.models.retrieve("mario")
    assert (found.id, found.owned_by) == ("mario:latest", "library")


def test_an_unknown_model_is_not_found(client: openai.OpenAI) -> None:
    with pytest.raises(openai.NotFoundError, match="model 'nope' not found"):
        client.chat.completions.create(model="nope", messages=WHO)
    with pytest.raises(openai.NotFoundError):
        client.chat.completions.create(model="nope", messages=WHO, stream=True)
    with pytest.raises(openai.NotFoundError):
        client.models.retrieve("nope/nope")


def test_what_is_not_built_yet_is_a_bad_request(client: openai.OpenAI) -> None:
    with pytest.raises(openai.BadRequestError, match='"n" over 1 is not supported yet') as caught:
        client.chat.completions.create(model="mario", messages=WHO, n=2)
    assert caught.value.param == "n"


@pytest.mark.anyio
async def test_the_asynchronous_client(client: openai.OpenAI, server: str) -> None:
    async with openai.AsyncOpenAI(base_url=f"{server}/v1", api_key="unused", max_retries=0) as opened:
        whole = await opened.chat.completions.create(model="mario", messages=WHO)
        stream = await opened.chat.completions.create(model="mario", messages=WHO, stream=True)
        text = "".join([chunk.choices[0].delta.content or "" async for chunk in stream])
        assert text == whole.choices[0].message.content
        assert (await opened.completions.create(model="mario", prompt="Hello")).choices
        assert (await opened.embeddings.create(model="mario", input="x")).data
        assert "mario:latest" in [model.id async for model in opened.models.list()]
