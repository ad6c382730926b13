"""The real `ollama` package uploads weights and an adapter; a real engine answers."""

import sys
from collections.abc import Iterator
from pathlib import Path

import httpx2
import ollama
import pytest

BENCH = str(Path(__file__).parents[2] / "bench")
if BENCH not in sys.path:
    sys.path.append(BENCH)

from measuring.random_model import Shape, write_random_lora, write_random_model  # noqa: E402 - after the path

SHAPE = Shape(hidden=64, layers=2, heads=2, feed_forward=128, vocabulary=512, context=2048)


@pytest.fixture(scope="module")
def client(server: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ollama.Client]:
    """With the models "plain", "tuned" (an adapter over it) and "half", "none" (at a scale)."""
    folder = tmp_path_factory.mktemp("weights")
    write_random_model(folder / "model.gguf", SHAPE)
    write_random_lora(folder / "lora.gguf", SHAPE)
    with ollama.Client(host=server) as opened:
        model, lora = (opened.create_blob(folder / name) for name in ("model.gguf", "lora.gguf"))
        assert opened.create_blob(folder / "lora.gguf") == lora, "a second upload is fine"
        parameters = {"temperature": 0, "num_predict": 16, "num_ctx": 512}
        opened.create(model="plain", files={"model.gguf": model}, parameters=parameters)
        opened.create(model="tuned", from_="plain", adapters={"lora.gguf": lora})
        for name, scale in (("half", 0.5), ("none", 0)):
            text = f"FROM plain\nADAPTER @{lora} SCALE {scale}\n"
            created = httpx2.post(f"{server}/api/create", json={"model": name, "modelfile": text})
            assert created.text.endswith('{"status":"success"}\n')
        yield opened


def answer(client: ollama.Client, model: str) -> str:
    found = client.chat(model=model, messages=[{"role": "user", "content": "Tell me something."}])
    return str(found.message.content)


def test_each_model_answers_with_its_own_adapters(client: ollama.Client) -> None:
    first = {model: answer(client, model) for model in ("plain", "tuned", "half", "none")}
    assert first["none"] == first["plain"]
    assert len({first["plain"], first["tuned"], first["half"]}) == 3
    for _ in range(3):
        for model, text in first.items():
            assert answer(client, model) == text


def test_an_adapter_is_shown(client: ollama.Client) -> None:
    shown = client.show("half")
    assert "SCALE 0.5" in (shown.modelfile or "")
    assert shown.details is not None
    assert shown.details.parent_model == "plain:latest"


def test_an_adapter_that_does_not_fit_is_refused(client: ollama.Client, tmp_path: Path) -> None:
    write_random_lora(tmp_path / "misfit.gguf", Shape(hidden=32, layers=2, heads=2, feed_forward=64))
    digest = client.create_blob(tmp_path / "misfit.gguf")
    with pytest.raises(ollama.ResponseError, match="It was trained on another base"):
        client.create(model="wrong", from_="plain", adapters={"misfit.gguf": digest})
