"""A base with adapters merged in answers as the two apart do, and as transformers merges them."""

from pathlib import Path

import gguf
import numpy
import pytest

from modelwright.core.errors import Invalid, Unsupported
from modelwright.weights.adapters import convert_adapter
from modelwright.weights.convert import convert_folder
from modelwright.weights.gguf import read_facts, read_header
from modelwright.weights.merge_adapters import merge_adapters
from modelwright.weights.quantize import quantize
from tests.weights.answers import GOLDEN, compare, expectations

ADAPTED = sorted(folder.parent.name for folder in GOLDEN.glob("*/adapter"))


def prepared(case: str, folder: Path) -> tuple[Path, Path]:
    """A golden base in F32, and its adapter."""
    base, adapter = folder / "base.gguf", folder / "adapter.gguf"
    convert_folder(GOLDEN / case, base, wanted="F32")
    convert_adapter(GOLDEN / case / "adapter", base, adapter)
    return base, adapter


@pytest.mark.parametrize("case", ADAPTED)
def test_merged_and_apart_are_equal(tmp_path: Path, case: str) -> None:
    base, adapter = prepared(case, tmp_path)
    merge_adapters(base, [(adapter, 1.0)], tmp_path / "merged.gguf")
    adapted = expectations(GOLDEN / case)["adapted"]
    for model, more in ((tmp_path / "merged.gguf", {}), (base, {"adapter": str(adapter)})):
        share, worst, steps = compare(model, adapted, **more)
        assert share == 1
        assert worst < 1e-3
        assert steps >= 12


def test_scales_add_up(tmp_path: Path) -> None:
    base, adapter = prepared("llama", tmp_path)
    merge_adapters(base, [(adapter, 0.25), (adapter, 0.75)], tmp_path / "merged.gguf")
    share, worst, _ = compare(tmp_path / "merged.gguf", expectations(GOLDEN / "llama")["adapted"])
    assert share == 1
    assert worst < 1e-3


def test_what_no_adapter_changes_is_copied(tmp_path: Path) -> None:
    base, adapter = prepared("llama", tmp_path)
    merge_adapters(base, [(adapter, 1.0)], tmp_path / "merged.gguf")
    changed = {tensor.name.removesuffix(".lora_a") for tensor in read_header(adapter).tensors}
    before = {tensor.name: tensor.data for tensor in gguf.GGUFReader(base).tensors}
    for tensor in gguf.GGUFReader(tmp_path / "merged.gguf").tensors:
        assert numpy.array_equal(tensor.data, before[tensor.name]) == (tensor.name not in changed)


def test_a_quantized_base_gets_f16_where_it_changes(tmp_path: Path) -> None:
    base, adapter = prepared("llama", tmp_path)
    quantize(base, tmp_path / "q8.gguf", "Q8_0")
    merge_adapters(tmp_path / "q8.gguf", [(adapter, 1.0)], tmp_path / "merged.gguf")
    facts = read_facts(tmp_path / "merged.gguf")
    assert facts.file_type == "F16"
    share, worst, _ = compare(tmp_path / "merged.gguf", expectations(GOLDEN / "llama")["adapted"])
    assert share > 0.9
    assert worst < 0.5


def test_what_does_not_fit_is_refused(tmp_path: Path) -> None:
    base, _ = prepared("llama", tmp_path)
    with pytest.raises((Invalid, Unsupported)):
        merge_adapters(base, [(base, 1.0)], tmp_path / "merged.gguf")
    assert not (tmp_path / "merged.gguf").exists()
