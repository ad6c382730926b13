"""The real `ollama` package against a real server and the starter model."""

import math
from collections.abc import Iterator

import ollama
import pytest

MARIO = "You are Mario from Super Mario Bros. Answer as Mario, the assistant, only."
WHO = [{"role": "user", "content": "Who are you?"}]


@pytest.fixture(scope="module")
def client(server: str) -> Iterator[ollama.Client]:
    with ollama.Client(host=server) as opened:
        opened.create(model="mario", from_="starter", system=MARIO, parameters={"temperature": 0, "seed": 1})
        yield opened


def test_a_create_streams_its_progress(client: ollama.Client) -> None:
    stream = client.create(
        model="one",
        from_="starter",
        system="s",
        license=["MIT"],
        messages=WHO,
        parameters={"top_k": 3},
        stream=True,
    )
    statuses = [progress.status for progress in stream]
    assert statuses[-2:] == ["writing manifest", "success"]


def test_a_create_can_be_one_call(client: ollama.Client) -> None:
    assert client.create(model="two", from_="starter").status == "success"


def test_models_are_listed(client: ollama.Client) -> None:
    models = {model.model: model for model in client.list().models}
    assert models["mario:latest"].details is not None
    assert models["mario:latest"].details.parent_model == "starter:latest"
    assert models["mario:latest"].digest != models["starter:latest"].digest


def test_a_model_is_shown(client: ollama.Client) -> None:
    shown = client.show("mario")
    assert shown.modelfile is not None
    assert "FROM starter" in shown.modelfile
    assert MARIO in shown.modelfile
    assert shown.parameters is not None
    assert "temperature" in shown.parameters
    assert shown.capabilities == ["completion"]
    assert shown.modelinfo is not None
    assert shown.modelinfo["general.architecture"] == "llama"
    assert shown.modified_at is not None


def test_a_chat(client: ollama.Client) -> None:
    answer = client.chat(model="mario", messages=WHO)
    assert answer.message.content is not None
    assert "Mario" in answer.message.content
    assert (answer.done, answer.done_reason) == (True, "stop")
    assert answer.eval_count is not None
    assert answer.eval_count > 0


def test_a_streamed_chat_says_the_same(client: ollama.Client) -> None:
    pieces = list(client.chat(model="mario", messages=WHO, stream=True))
    whole = client.chat(model="mario", messages=WHO)
    assert "".join(piece.message.content or "" for piece in pieces) == whole.message.content
    assert [piece.done for piece in pieces] == [False] * (len(pieces) - 1) + [True]


def test_generate_with_and_without_stream(client: ollama.Client) -> None:
    whole = client.generate(model="mario", prompt="Who are you?")
    pieces = list(client.generate(model="mario", prompt="Who are you?", stream=True))
    assert "Mario" in whole.response
    assert "".join(piece.response for piece in pieces) == whole.response


def test_options_and_a_system_prompt_of_the_request_hold(client: ollama.Client) -> None:
    short = client.generate(model="mario", prompt="Who are you?", options={"num_predict": 2})
    assert (short.eval_count, short.done_reason) == (2, "length")
    other = client.generate(model="mario", prompt="Who are you?", system="You are Luigi, the plumber.")
    assert "Luigi" in other.response


def test_raw_text_is_continued(client: ollama.Client) -> None:
    assert client.generate(model="mario", prompt="The", raw=True, options={"num_predict": 4}).eval_count == 4


def test_a_model_is_loaded_listed_and_unloaded(client: ollama.Client) -> None:
    assert client.generate(model="mario", keep_alive=-1).done_reason == "load"
    running = {model.model: model for model in client.ps().models}
    assert running["mario:latest"].context_length
    assert client.generate(model="mario", keep_alive=0).done_reason == "unload"
    assert "mario:latest" not in {model.model for model in client.ps().models}


def test_embeddings(client: ollama.Client) -> None:
    found = client.embed(model="mario", input=["a dog", "a cat", "a dog"])
    one, other, again = found.embeddings
    assert math.isclose(math.hypot(*one), 1, rel_tol=1e-6)
    assert one == pytest.approx(again, abs=1e-5)
    assert one != pytest.approx(other, abs=1e-3)
    assert len(client.embeddings(model="mario", prompt="a dog").embedding) == len(one)


def test_a_copy_and_a_delete(client: ollama.Client) -> None:
    assert client.copy("mario", "luigi").status == "success"
    assert client.delete("luigi").status == "success"
    with pytest.raises(ollama.ResponseError) as caught:
        client.show("luigi")
    assert caught.value.status_code == 404


@pytest.mark.parametrize("stream", [True, False])
def test_an_unknown_model_is_a_response_error(client: ollama.Client, stream: bool) -> None:
    with pytest.raises(ollama.ResponseError, match="model 'nope' not found") as caught:
        list(client.chat(model="nope", messages=WHO, stream=stream))
    assert caught.value.status_code == 404


def test_what_is_not_built_yet_is_a_response_error(client: ollama.Client) -> None:
    for call in (
        lambda: client.pull("llama3"),
        lambda: client.push("a/b"),
        lambda: client.create("x", template="y"),
    ):
        with pytest.raises(ollama.ResponseError):
            call()


@pytest.mark.anyio
async def test_the_asynchronous_client(client: ollama.Client, server: str) -> None:
    async with ollama.AsyncClient(host=server) as opened:
        await opened.create(model="async", from_="starter", system=MARIO)
        stream = await opened.chat(model="async", messages=WHO, stream=True)
        text = "".join([piece.message.content or "" async for piece in stream])
        assert text == (await opened.chat(model="async", messages=WHO)).message.content
        assert (await opened.generate(model="async", prompt="Hello")).response
        assert len((await opened.embed(model="async", input="x")).embeddings) == 1
        assert "async:latest" in {model.model for model in (await opened.list()).models}
        assert (await opened.show("async")).modelfile
        assert (await opened.ps()).models
        assert (await opened.delete("async")).status == "success"
