"""What a model says of itself holds in every dialect that does not say otherwise: the real packages."""

from collections.abc import Iterator
from typing import Any

import anthropic
import ollama
import openai
import pytest

WHO: Any = [{"role": "user", "content": "Who are you?"}]


@pytest.fixture(scope="module")
def told(server: str) -> Iterator[str]:
    """What the model "curt" says: five tokens, always the same."""
    with ollama.Client(host=server) as client:
        own = {"temperature": 0, "num_predict": 5, "repeat_penalty": 1.3}
        client.create(model="curt", from_="starter", parameters=own)
        yield str(client.chat(model="curt", messages=WHO).message.content)


def test_openais_clients_hear_the_same(told: str, server: str) -> None:
    with openai.OpenAI(base_url=f"{server}/v1", api_key="x") as client:
        chat = client.chat.completions.create(model="curt", messages=WHO)
        text = client.completions.create(model="curt", prompt="Who are you?")
        response = client.responses.create(model="curt", input="Who are you?")
    assert [chat.choices[0].message.content, text.choices[0].text, response.output_text] == [told] * 3
    assert chat.choices[0].finish_reason == "length"


def test_anthropics_clients_hear_the_same_as_far_as_they_let_it(told: str, server: str) -> None:
    with anthropic.Anthropic(base_url=server, api_key="x") as client:
        found = client.messages.create(model="curt", messages=WHO, max_tokens=5)
    assert [block.text for block in found.content if block.type == "text"] == [told]
