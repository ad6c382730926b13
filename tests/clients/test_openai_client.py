"""The real `openai` package against a real server and the starter model."""

import json
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


def test_several_answers(client: openai.OpenAI) -> None:
    """Each has a seed of its own, and the same ones say the same again."""
    asked: Any = {"model": "mario", "prompt": [[40, 41, 42]], "n": 3, "temperature": 2, "max_tokens": 12}
    texts = [choice.text for choice in client.completions.create(**asked, seed=5).choices]
    assert texts == [choice.text for choice in client.completions.create(**asked, seed=5).choices]
    assert len(set(texts)) > 1
    streamed = {0: "", 1: "", 2: ""}
    for chunk in client.completions.create(**asked, seed=5, stream=True):
        for choice in chunk.choices:
            streamed[choice.index] += choice.text
    assert list(streamed.values()) == texts


def test_probabilities(client: openai.OpenAI) -> None:
    asked: Any = {"model": "mario", "max_tokens": 4}
    chat = client.chat.completions.create(**asked, messages=WHO, logprobs=True, top_logprobs=2).choices[0]
    assert chat.logprobs is not None
    tokens = chat.logprobs.content or []
    assert "".join(token.token for token in tokens) == chat.message.content
    assert all(len(token.top_logprobs) == 2 and token.logprob <= 0 for token in tokens)
    text = client.completions.create(**asked, prompt="Who are you?", logprobs=2).choices[0]
    assert text.logprobs is not None
    assert "".join(text.logprobs.tokens or []) == text.text
    assert (text.logprobs.text_offset or [])[:2] == [0, len((text.logprobs.tokens or [""])[0])]


def test_prompts_may_be_many_and_tokens(client: openai.OpenAI) -> None:
    both = client.completions.create(model="mario", prompt=["Who are you?", "Hello"], max_tokens=8)
    alone = client.completions.create(model="mario", prompt="Hello", max_tokens=8)
    assert [choice.index for choice in both.choices] == [0, 1]
    assert both.choices[1].text == alone.choices[0].text
    tokens = client.completions.create(model="mario", prompt=[[40, 41, 42]], max_tokens=3)
    assert tokens.usage is not None
    assert tokens.usage.prompt_tokens == 3
    best = client.completions.create(model="mario", prompt="Hello", best_of=3, n=1, max_tokens=8)
    assert len(best.choices) == 1


def test_a_bias_keeps_a_token_out(client: openai.OpenAI) -> None:
    asked: Any = {"model": "mario", "messages": WHO, "max_tokens": 1}
    first = client.chat.completions.create(**asked, logprobs=True).choices[0]
    body = {"content": first.message.content, "add_special": False}
    assert body
    biased = client.chat.completions.create(
        **asked, logit_bias={str(token): -100 for token in range(300, 2000)}
    )
    assert biased.choices[0].message.content != first.message.content


def test_json_is_what_the_schema_says(client: openai.OpenAI) -> None:
    schema = {
        "type": "object",
        "properties": {"name": {"type": "string", "maxLength": 8}, "age": {"type": "integer", "maximum": 99}},
        "required": ["name", "age"],
        "additionalProperties": False,
    }
    form: Any = {"type": "json_schema", "json_schema": {"name": "person", "schema": schema, "strict": True}}
    answer = client.chat.completions.create(model="mario", messages=WHO, response_format=form, max_tokens=60)
    assert set(json.loads(answer.choices[0].message.content or "")) == {"name", "age"}


def test_what_is_not_built_is_a_bad_request(client: openai.OpenAI) -> None:
    with pytest.raises(openai.BadRequestError, match='"store" is not supported yet') as caught:
        client.chat.completions.create(model="mario", messages=WHO, store=True)
    assert caught.value.param == "store"


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


def test_a_prompt_is_scored_as_harnesses_for_evaluation_ask_it(client: openai.OpenAI) -> None:
    """As lm-eval does: an echo with chances and no answer, of a text or of its tokens."""
    text = "You are Mario. You are a plumber."
    (told,) = client.completions.create(
        model="starter", prompt=text, echo=True, max_tokens=0, logprobs=1
    ).choices
    assert told.text == text
    assert told.logprobs is not None
    first, *chances = told.logprobs.token_logprobs or []
    assert first is None
    assert chances
    assert all(chance is not None and chance <= 0 for chance in chances)
    assert "".join(told.logprobs.tokens or []).strip() == text
    assert len(told.logprobs.text_offset or []) == len(chances) + 1
    tokens = [300, 301, 302, 303]
    (told,) = client.completions.create(
        model="starter", prompt=tokens, echo=True, max_tokens=1, logprobs=1
    ).choices
    assert told.logprobs is not None
    assert len(told.logprobs.token_logprobs or []) == len(tokens) + 1
