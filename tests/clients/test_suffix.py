"""Filling in between two texts, with weights that name their tokens for it: the real packages."""

import sys
from collections.abc import Iterator
from pathlib import Path

import ollama
import openai
import pytest

BENCH = str(Path(__file__).parents[2] / "bench")
if BENCH not in sys.path:
    sys.path.append(BENCH)

from measuring.random_model import Shape, write_random_model  # noqa: E402 - after the path

SHAPE = Shape(hidden=64, layers=2, heads=2, feed_forward=128, vocabulary=512, context=2048)
PRE, SUF, MID = 300, 301, 302
BEFORE, AFTER = "def add(a, b):\n", "\n# done"


def tokens_of(text: str) -> list[int]:
    """The random models spell: three control tokens, then the 256 bytes."""
    return [3 + byte for byte in text.encode()]


@pytest.fixture(scope="module")
def client(server: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ollama.Client]:
    folder = tmp_path_factory.mktemp("coders")
    write_random_model(folder / "coder.gguf", SHAPE, infill=(PRE, SUF, MID))
    with ollama.Client(host=server) as opened:
        settled = {"temperature": 0, "num_predict": 12, "num_ctx": 512}
        digest = opened.create_blob(folder / "coder.gguf")
        opened.create(model="coder", files={"coder.gguf": digest}, parameters=settled)
        opened.create(model="talker", from_="coder", template="{{ .Prompt }}")
        yield opened


def test_the_engine_sees_the_two_texts_between_their_tokens(client: ollama.Client, server: str) -> None:
    found = client.generate(model="coder", prompt=BEFORE, suffix=AFTER)
    tokens = [PRE, *tokens_of(BEFORE), SUF, *tokens_of(AFTER), MID]
    with openai.OpenAI(base_url=f"{server}/v1", api_key="x") as asked:
        same = asked.completions.create(model="coder", prompt=tokens)
        also = asked.completions.create(model="coder", prompt=BEFORE, suffix=AFTER)
    assert {found.response} == {same.choices[0].text, also.choices[0].text}
    assert found.prompt_eval_count == len(tokens)
    assert found.response != client.generate(model="coder", prompt=BEFORE, suffix="\n# other").response


def test_what_can_fill_in_says_so(client: ollama.Client) -> None:
    assert client.show("coder").capabilities == ["completion", "insert"]
    assert client.show("talker").capabilities == ["completion"]


@pytest.mark.parametrize("model", ["talker", "starter"])
def test_a_template_or_weights_without_are_refused(client: ollama.Client, model: str) -> None:
    with pytest.raises(ollama.ResponseError, match="does not support insert") as refused:
        client.generate(model=model, prompt=BEFORE, suffix=AFTER)
    assert refused.value.status_code == 400
