"""The shipped starter model: the right bytes, readable, and as able as its card says."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from pathlib import Path

import pytest
from gguf import GGUFReader

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "src/modelwright/starter"
FILE = FOLDER / "starter-f16.gguf"


@pytest.fixture(scope="module")
def reader() -> GGUFReader:
    return GGUFReader(FILE)


@pytest.fixture(scope="module")
def scores() -> dict[str, dict[str, object]]:
    """Measured in a child process: an engine that aborts must not end the tests."""
    command = [sys.executable, "-m", "tools.starter.evaluation", "--sample", "--json"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode in (0, 1), done.stderr[-2000:]
    return {score["name"]: score for score in json.loads(done.stdout)["scores"]}


def test_file_has_the_committed_digest() -> None:
    digest, name = FOLDER.joinpath(FILE.name + ".sha256").read_text().split()
    assert name == FILE.name
    assert hashlib.sha256(FILE.read_bytes()).hexdigest() == digest


def test_card_names_the_digest() -> None:
    digest = hashlib.sha256(FILE.read_bytes()).hexdigest()
    assert digest in FOLDER.joinpath("CARD.md").read_text(encoding="utf-8")


def test_file_is_a_llama_of_the_stated_size(reader: GGUFReader) -> None:
    stated = {
        "general.architecture": "llama",
        "llama.block_count": 4,
        "llama.context_length": 2048,
        "llama.embedding_length": 256,
        "llama.vocab_size": 2048,
        "general.file_type": 1,
    }
    assert {key: reader.fields[key].contents() for key in stated} == stated
    assert sum(int(tensor.n_elements) for tensor in reader.tensors) == 3_934_464


def test_matrices_are_f16_and_vectors_f32(reader: GGUFReader) -> None:
    kinds = {(len(tensor.shape), tensor.tensor_type.name) for tensor in reader.tensors}
    assert kinds == {(1, "F32"), (2, "F16")}


def test_vocabulary_has_no_duplicates_and_no_merged_digits(reader: GGUFReader) -> None:
    tokens = reader.fields["tokenizer.ggml.tokens"].contents()
    assert len(set(tokens)) == len(tokens) == 2048
    assert not [token for token in tokens if len(token) > 1 and any(letter.isdigit() for letter in token)]


def test_chat_template_is_chatml_without_a_default_system_text(reader: GGUFReader) -> None:
    template = reader.fields["tokenizer.chat_template"].contents()
    assert "<|im_start|>" in template
    assert "add_generation_prompt" in template
    assert "You are" not in template


@pytest.mark.parametrize(
    "ability",
    [
        "generated families",
        "personas copied",
        "greetings",
        "Mario, the demo line",
        "unknown topics, development",
        "unknown topics, final",
        "answers that end",
    ],
)
def test_sampled_ability_reaches_its_bound(scores: dict[str, dict[str, object]], ability: str) -> None:
    assert scores[ability]["holds"], scores[ability]
