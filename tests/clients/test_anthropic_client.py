"""The real `anthropic` package against a real server and the starter model."""

from collections.abc import Iterator
from typing import Any

import anthropic
import ollama
import pytest

MARIO = "You are Mario from Super Mario Bros. Answer as Mario, the assistant, only."
WHO: Any = [{"role": "user", "content": "Who are you?"}]
PARAMETERS = {"temperature": 0, "seed": 1}


@pytest.fixture(scope="module")
def client(server: str) -> Iterator[anthropic.Anthropic]:
    """A client; its models were made by a client of another dialect."""
    with ollama.Client(host=server) as maker:
        maker.create(model="mario", from_="starter", system=MARIO, parameters=PARAMETERS)
    with anthropic.Anthropic(base_url=server, api_key="unused", max_retries=0) as opened:
        yield opened


def text_of(message: Any) -> str:
    return "".join(block.text for block in message.content if block.type == "text")


def test_a_message(client: anthropic.Anthropic) -> None:
    message = client.messages.create(model="mario", max_tokens=40, messages=WHO)
    assert "Mario" in text_of(message)
    assert (message.role, message.stop_reason) == ("assistant", "end_turn")
    assert message.usage.output_tokens > 0
    assert message._request_id is not None


def test_a_stream_says_the_same(client: anthropic.Anthropic) -> None:
    whole = client.messages.create(model="mario", max_tokens=40, messages=WHO)
    with client.messages.stream(model="mario", max_tokens=40, messages=WHO) as stream:
        text = "".join(stream.text_stream)
        final = stream.get_final_message()
    assert text == text_of(whole) == text_of(final)
    assert final.stop_reason == whole.stop_reason
    assert final.usage.output_tokens == whole.usage.output_tokens
    kinds = [
        event.type for event in client.messages.create(model="mario", max_tokens=9, messages=WHO, stream=True)
    ]
    assert (kinds[0], kinds[-1]) == ("message_start", "message_stop")


def test_limits_and_stop_sequences(client: anthropic.Anthropic) -> None:
    short = client.messages.create(model="mario", max_tokens=2, messages=WHO)
    assert (short.stop_reason, short.usage.output_tokens) == ("max_tokens", 2)
    stopped = client.messages.create(model="mario", max_tokens=40, messages=WHO, stop_sequences=["Mario"])
    assert (stopped.stop_reason, stopped.stop_sequence) == ("stop_sequence", "Mario")
    assert "Mario" not in text_of(stopped)


def test_a_request_may_bring_its_own_system_and_parameters(client: anthropic.Anthropic) -> None:
    asked: Any = {"model": "mario", "max_tokens": 30, "messages": WHO}
    blocks: Any = [{"type": "text", "text": "You are a helpful assistant."}]
    other = client.messages.create(**asked, system=blocks, extra_body={"temperature": 0, "top_k": 1})
    assert "Mario" not in text_of(other)


def test_tokens_are_counted_nearly_as_they_are_used(client: anthropic.Anthropic) -> None:
    counted = client.messages.count_tokens(model="mario", messages=WHO).input_tokens
    usage = client.messages.create(model="mario", max_tokens=2, messages=WHO).usage
    assert abs(counted - usage.input_tokens - (usage.cache_read_input_tokens or 0)) <= 1


def test_models_are_listed_and_found(client: anthropic.Anthropic) -> None:
    listed = list(client.models.list(limit=1))
    assert {"mario:latest", "starter:latest"} <= {model.id for model in listed}
    found = client.models.retrieve("mario")
    assert (found.id, found.display_name, found.type) == ("mario:latest", "mario", "model")
    assert found.lifecycle == "active"
    assert found in listed


def test_a_model_says_what_it_takes(client: anthropic.Anthropic, server: str) -> None:
    with ollama.Client(host=server) as maker:
        maker.create(model="brief", from_="starter", parameters={"num_ctx": 512})
    whole, brief = client.models.retrieve("starter"), client.models.retrieve("brief")
    assert (brief.max_input_tokens, brief.max_tokens) == (512, 512)
    assert whole.max_input_tokens
    assert whole.max_input_tokens > 512
    able = brief.capabilities
    assert able
    assert (able.structured_outputs.supported, able.batch.supported) == (True, False)
    assert (able.thinking.supported, able.thinking.types.enabled.supported) == (False, False)
    assert able.thinking.types.adaptive.supported
    assert able.effort.max.supported is False


def test_faults_are_the_exceptions_that_clients_catch(client: anthropic.Anthropic) -> None:
    with pytest.raises(anthropic.NotFoundError, match="model 'nope' not found") as caught:
        client.messages.create(model="nope", max_tokens=9, messages=WHO)
    assert caught.value.request_id
    with pytest.raises(anthropic.NotFoundError):
        client.models.retrieve("nope")
    with pytest.raises(anthropic.BadRequestError, match="max_tokens is required"):
        client.messages.create(model="mario", max_tokens=0, messages=WHO)
    hosted: Any = [{"type": "web_search_20250305", "name": "web_search"}]
    with pytest.raises(anthropic.BadRequestError, match="web_search"):
        client.messages.create(model="mario", max_tokens=9, messages=WHO, tools=hosted)


def test_thinking_is_for_models_that_think(client: anthropic.Anthropic) -> None:
    asked: Any = {"model": "mario", "max_tokens": 2000, "messages": WHO}
    with pytest.raises(anthropic.BadRequestError, match="does not support thinking"):
        client.messages.create(**asked, thinking={"type": "enabled", "budget_tokens": 1024})
    assert client.messages.create(**asked, thinking={"type": "adaptive"}).content
    assert client.messages.create(**asked, thinking={"type": "disabled"}).content


@pytest.mark.anyio
async def test_the_asynchronous_client(client: anthropic.Anthropic, server: str) -> None:
    async with anthropic.AsyncAnthropic(base_url=server, api_key="unused", max_retries=0) as opened:
        whole = await opened.messages.create(model="mario", max_tokens=40, messages=WHO)
        async with opened.messages.stream(model="mario", max_tokens=40, messages=WHO) as stream:
            assert text_of(await stream.get_final_message()) == text_of(whole)
        assert "mario:latest" in [model.id async for model in opened.models.list()]
