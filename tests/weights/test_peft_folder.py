"""A GGUF adapter goes back to PEFT's form without losing a bit."""

from pathlib import Path

import numpy
import pytest

from modelwright.core.errors import Unsupported
from modelwright.weights.adapters import convert_adapter, read_base, read_config
from modelwright.weights.convert import convert_folder
from modelwright.weights.gguf import read_header
from modelwright.weights.gguf_writer import Outgoing, f32, text, write_gguf
from modelwright.weights.peft_folder import unpack_adapter
from modelwright.weights.safetensors import read_rows, read_tensors
from tests.weights.answers import GOLDEN

ADAPTED = sorted(folder.parent.name for folder in GOLDEN.glob("*/adapter"))


def numbers(folder: Path) -> dict[str, "numpy.ndarray[tuple[int, ...], numpy.dtype[numpy.float32]]"]:
    stored = read_tensors(folder / "adapter_model.safetensors")
    return {name: numpy.concatenate(list(read_rows(tensor))) for name, tensor in stored.items()}


@pytest.mark.parametrize("case", ADAPTED)
def test_there_and_back_is_the_same(tmp_path: Path, case: str) -> None:
    convert_folder(GOLDEN / case, tmp_path / "base.gguf", wanted="F32")
    convert_adapter(GOLDEN / case / "adapter", tmp_path / "base.gguf", tmp_path / "there.gguf")
    unpack_adapter(tmp_path / "there.gguf", read_base(tmp_path / "base.gguf"), tmp_path / "back")
    before, after = numbers(GOLDEN / case / "adapter"), numbers(tmp_path / "back")
    assert before.keys() == after.keys()
    assert all(numpy.array_equal(before[name], after[name]) for name in before)
    convert_adapter(tmp_path / "back", tmp_path / "base.gguf", tmp_path / "again.gguf")
    assert (tmp_path / "again.gguf").read_bytes() == (tmp_path / "there.gguf").read_bytes()
    assert read_config(tmp_path / "back") == read_config(GOLDEN / case / "adapter")


def test_ranks_that_differ_are_refused(tmp_path: Path) -> None:
    convert_folder(GOLDEN / "llama", tmp_path / "base.gguf", wanted="F32")
    base = read_base(tmp_path / "base.gguf")
    places = [name for name in base.shapes if ".attn_q." in name or ".attn_v." in name][:2]
    tensors = []
    for rank, place in enumerate(places, 2):
        inner, outer = base.shapes[place][:2]
        for ending, shape in ((".lora_a", (inner, rank)), (".lora_b", (rank, outer))):
            content = bytes(4 * shape[0] * shape[1])
            tensors.append(Outgoing(place + ending, shape, "F32", lambda content=content: iter([content])))
    said = {
        "general.type": text("adapter"),
        "general.architecture": text("llama"),
        "adapter.type": text("lora"),
    }
    write_gguf(tmp_path / "two.gguf", {**said, "adapter.lora.alpha": f32(1.0)}, tensors)
    assert read_header(tmp_path / "two.gguf").tensors
    with pytest.raises(Unsupported, match="several ranks"):
        unpack_adapter(tmp_path / "two.gguf", base, tmp_path / "back")
