"""GGUF files for the tests."""

from collections.abc import Callable
from pathlib import Path

import gguf
import numpy
import pytest

STARTER = Path(__file__).parents[2] / "src" / "modelwright" / "starter" / "starter-f16.gguf"


@pytest.fixture
def write(tmp_path: Path) -> Callable[[bytes], Path]:
    """Put bytes into a file."""

    def put(content: bytes) -> Path:
        path = tmp_path / "some.gguf"
        path.write_bytes(content)
        return path

    return put


@pytest.fixture(scope="session")
def sound(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A small GGUF as ggml's own package writes it."""
    path = tmp_path_factory.mktemp("gguf") / "sound.gguf"
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_name("sound")
    writer.add_file_type(gguf.LlamaFileType.MOSTLY_F16)
    writer.add_context_length(2048)
    writer.add_embedding_length(32)
    writer.add_block_count(1)
    writer.add_tokenizer_model("gpt2")
    writer.add_token_list([f"token{i}" for i in range(40)])
    writer.add_token_types([1] * 40)
    writer.add_token_merges(["a b", "c d"])
    writer.add_chat_template("{{ messages }} tools")
    writer.add_tensor("token_embd.weight", numpy.ones((40, 32), dtype=numpy.float16))
    writer.add_tensor("output_norm.weight", numpy.ones(32, dtype=numpy.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path.read_bytes()


@pytest.fixture(scope="session")
def starter() -> bytes:
    """The model that ships with the package."""
    if not STARTER.exists():
        pytest.skip("the starter model is not built yet")
    return STARTER.read_bytes()
