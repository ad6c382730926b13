"""Images: the real packages, a real server, the starter model and a projector of random weights.

What is seen means nothing to either; that something is seen, the count of tokens shows.
"""

import base64
import struct
import sys
import zlib
from collections.abc import Iterator
from pathlib import Path

import anthropic
import ollama
import openai
import pytest

from modelwright.starter import WEIGHTS

BENCH = str(Path(__file__).parents[2] / "bench")
if BENCH not in sys.path:
    sys.path.append(BENCH)

from measuring.random_projector import write_random_projector  # noqa: E402 - after the path

BASE_WIDTH = 256
SIDE = 28


def png(side: int) -> bytes:
    """A square picture in one colour."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return (
            struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))
        )

    header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    rows = (b"\0" + b"\xc0\x20\x20" * side) * side
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(rows)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(*each) for each in chunks)


PICTURE = png(SIDE)
ENCODED = base64.b64encode(PICTURE).decode()
LOOK = "What is this?"
TEMPLATE = (
    "{{ range .Messages }}<|im_start|>{{ .Role }}\n{{ .Content }}<|im_end|>\n{{ end }}<|im_start|>assistant\n"
)


@pytest.fixture(scope="module")
def client(server: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ollama.Client]:
    """`seeing` answers through the template in the weights, `templated` through its own."""
    projector = tmp_path_factory.mktemp("projector") / "mmproj.gguf"
    write_random_projector(projector, BASE_WIDTH)
    with ollama.Client(host=server) as opened:
        files = {path.name: opened.create_blob(path) for path in (WEIGHTS, projector)}
        settled = {"temperature": 0, "num_predict": 8}
        opened.create(model="seeing", files=files, parameters=settled)
        opened.create(model="templated", from_="seeing", template=TEMPLATE)
        opened.create(model="blind", from_="starter", parameters=settled)
        yield opened


def test_who_sees_says_so_wherever_models_are_told(client: ollama.Client) -> None:
    for name in ("seeing", "templated"):
        assert "vision" in (client.show(name).capabilities or ())
    tags = client._client.get("/api/tags").json()["models"]
    seeing = {each["model"].partition(":")[0] for each in tags if "vision" in each["capabilities"]}
    assert {"seeing", "templated"} <= seeing
    assert "blind" not in seeing


@pytest.mark.parametrize("model", ["seeing", "templated"])
def test_an_image_is_read_with_the_question(client: ollama.Client, model: str) -> None:
    counts = []
    for images in ([], [PICTURE]):
        answer = client.chat(model, [{"role": "user", "content": LOOK, "images": images}])
        assert answer.message.content is not None
        counts.append(answer.prompt_eval_count or 0)
    assert counts[1] > counts[0]
    assert client.generate(model, LOOK, images=[PICTURE]).done


def test_openais_and_anthropics_clients_send_images(client: ollama.Client, server: str) -> None:
    url = {"url": f"data:image/png;base64,{ENCODED}"}
    with openai.OpenAI(base_url=f"{server}/v1", api_key="none") as other:
        parts = [{"type": "text", "text": LOOK}, {"type": "image_url", "image_url": url}]
        answer = other.chat.completions.create(model="seeing", messages=[{"role": "user", "content": parts}])  # type: ignore[misc,list-item] - as dicts
        assert answer.usage is not None
        with_image = answer.usage.prompt_tokens
        plain = other.chat.completions.create(model="seeing", messages=[{"role": "user", "content": LOOK}])
        assert plain.usage is not None
        assert with_image > plain.usage.prompt_tokens
    with anthropic.Anthropic(base_url=server, api_key="none") as claude:
        source = {"type": "base64", "media_type": "image/png", "data": ENCODED}
        blocks = [{"type": "image", "source": source}, {"type": "text", "text": LOOK}]
        said = claude.messages.create(
            model="seeing",
            max_tokens=8,
            messages=[{"role": "user", "content": blocks}],  # type: ignore[typeddict-item] - as dicts
        )
        assert said.usage.input_tokens + (said.usage.cache_read_input_tokens or 0) == with_image
        with pytest.raises(anthropic.BadRequestError, match="does not support images"):
            claude.messages.create(
                model="blind",
                max_tokens=8,
                messages=[{"role": "user", "content": blocks}],  # type: ignore[typeddict-item] - as dicts
            )
