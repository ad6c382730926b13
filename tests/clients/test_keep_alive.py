"""keep_alive and ps, as Ollama's own client sees them, with a real engine."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import httpx2
import ollama
import openai
import pytest

HELLO = [{"role": "user", "content": "hello"}]
SHORT = {"num_predict": 2}

Ask = Callable[[ollama.Client, object], object]

WAYS: dict[str, Ask] = {
    "chat": lambda client, keep: client.chat("kept", HELLO, options=SHORT, keep_alive=keep),
    "generate": lambda client, keep: client.generate("kept", "hello", options=SHORT, keep_alive=keep),
    "embed": lambda client, keep: client.embed("kept", "hello", keep_alive=keep),
    "load": lambda client, keep: client.generate("kept", keep_alive=keep),
}


@pytest.fixture(scope="module")
def opened(server: str) -> Iterator[ollama.Client]:
    """A client; another model holds both engines meanwhile, so that no test has to load one."""
    with ollama.Client(host=server) as client:
        for name in ("kept", "other"):
            client.create(model=name, from_="starter")
        client.generate("other", keep_alive=-1)
        client.embed("other", "hello", keep_alive=-1)
        yield client
        client.generate("other", keep_alive=0)


@pytest.fixture
def client(opened: ollama.Client) -> Iterator[ollama.Client]:
    yield opened
    opened.generate("kept", keep_alive=0)


def seconds_left(client: ollama.Client) -> float | None:
    """How long the model is kept from now on; None when it is not loaded."""
    models = {model.model: model for model in client.ps().models}
    if "kept:latest" not in models:
        return None
    return (models["kept:latest"].expires_at - datetime.now(UTC)).total_seconds()


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    ("keep_alive", "seconds"),
    [("10m", 600), ("1h30m", 5400), (90, 90), (90.5, 90), ("120", 120), (None, 300)],
)
def test_a_model_is_kept_as_long_as_was_asked(
    client: ollama.Client, way: str, keep_alive: object, seconds: float
) -> None:
    WAYS[way](client, keep_alive)
    assert seconds_left(client) == pytest.approx(seconds, abs=10)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("keep_alive", [-1, "-1m", -0.5])
def test_a_negative_one_is_for_ever(client: ollama.Client, way: str, keep_alive: object) -> None:
    WAYS[way](client, keep_alive)
    left = seconds_left(client)
    assert left is not None
    assert left > 100 * 365 * 86400


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("keep_alive", [0, "0", "0s"])
def test_zero_unloads_when_the_answer_is_there(client: ollama.Client, way: str, keep_alive: object) -> None:
    client.generate("kept", keep_alive="1h")
    WAYS[way](client, keep_alive)
    if way == "embed":
        assert seconds_left(client) is not None, "chat still holds an engine of its own"
    else:
        assert seconds_left(client) is None


def test_who_cannot_say_it_does_not_change_it(client: ollama.Client, server: str) -> None:
    client.generate("kept", keep_alive="1h")
    with openai.OpenAI(base_url=f"{server}/v1", api_key="none") as stranger:
        stranger.chat.completions.create(model="kept", messages=HELLO, max_tokens=2)  # type: ignore[arg-type] - a list of dicts
    assert seconds_left(client) == pytest.approx(3600, abs=10)


def test_the_size_is_that_of_weights_context_and_work(client: ollama.Client) -> None:
    client.generate("kept", keep_alive="1h")
    (kept,) = [model for model in client.ps().models if model.model == "kept:latest"]
    weights = client.list().models[0].size
    assert weights < kept.size < weights + 500_000_000
    assert kept.size_vram == 0
    assert kept.context_length >= 256


@pytest.mark.parametrize("keep_alive", ["soon", "5 minutes", True, [5], "1h-5m"])
def test_what_is_no_duration_is_refused(server: str, keep_alive: object) -> None:
    body = {"model": "starter", "prompt": "hello", "keep_alive": keep_alive}
    answer = httpx2.post(f"{server}/api/generate", json=body)
    assert answer.status_code == 400
    assert "duration" in answer.text or "keep_alive" in answer.text
