"""A LoRA of PEFT does in the engine what it does merged; what could not is refused by name."""

import json
import shutil
import struct
from pathlib import Path
from typing import Any

import numpy
import pytest

from modelwright.core.errors import Invalid, ModelwrightError, Unsupported
from modelwright.weights.adapters import check_adapter, convert_adapter, read_base
from modelwright.weights.convert import convert_folder
from modelwright.weights.gguf import read_facts, read_header
from modelwright.weights.gguf_writer import Metadata, Outgoing, f32, text, write_gguf
from tests.weights.answers import GOLDEN, compare, expectations

ADAPTED = sorted(folder.parent.name for folder in GOLDEN.glob("*/adapter"))


@pytest.fixture(scope="session")
def bases(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Each golden model in F32."""
    folder = tmp_path_factory.mktemp("bases")
    for case in GOLDEN.iterdir():
        convert_folder(case, folder / case.name, wanted="F32")
    return {path.name: path for path in folder.iterdir()}


@pytest.fixture
def adapter(tmp_path: Path) -> Path:
    """A copy of the tiny llama's adapter that a test may spoil."""
    return Path(shutil.copytree(GOLDEN / "llama" / "adapter", tmp_path / "adapter"))


def edit(adapter: Path, **changes: Any) -> None:
    path = adapter / "adapter_config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


@pytest.mark.parametrize("case", ADAPTED)
def test_an_adapter_equals_the_merged_weights(bases: dict[str, Path], tmp_path: Path, case: str) -> None:
    convert_adapter(GOLDEN / case / "adapter", bases[case], tmp_path / "a.gguf")
    adapted = expectations(GOLDEN / case)["adapted"]
    share, worst, steps = compare(bases[case], adapted, adapter=str(tmp_path / "a.gguf"))
    assert share == 1
    assert worst < 1e-3
    assert steps >= 12


def test_the_base_alone_answers_otherwise(bases: dict[str, Path]) -> None:
    share, worst, _ = compare(bases["llama"], expectations(GOLDEN / "llama")["adapted"])
    assert share < 0.5
    assert worst > 0.1


def test_an_adapter_says_what_it_is(bases: dict[str, Path], adapter: Path, tmp_path: Path) -> None:
    edit(adapter, lora_alpha=16.0)
    convert_adapter(adapter, bases["llama"], tmp_path / "a.gguf")
    facts = read_facts(tmp_path / "a.gguf")
    assert (facts.kind, facts.architecture, facts.metadata["adapter.lora.alpha"]) == ("adapter", "llama", 16)
    check_adapter(tmp_path / "a.gguf", read_base(bases["llama"]))


def test_rslora_is_a_larger_alpha(bases: dict[str, Path], adapter: Path, tmp_path: Path) -> None:
    edit(adapter, lora_alpha=6, use_rslora=True)
    convert_adapter(adapter, bases["llama"], tmp_path / "a.gguf")
    assert read_facts(tmp_path / "a.gguf").metadata["adapter.lora.alpha"] == 12  # 6 * sqrt(4)


SPOILED: dict[str, tuple[dict[str, Any], str]] = {
    "DoRA": ({"use_dora": True}, '"use_dora" is "True", which a GGUF adapter cannot express'),
    "bias": ({"bias": "all"}, '"bias" is "all"'),
    "lora_bias": ({"lora_bias": True}, '"lora_bias" is "True"'),
    "modules": ({"modules_to_save": ["lm_head"]}, '"modules_to_save" is'),
    "ranks": ({"rank_pattern": {"q_proj": 8}}, '"rank_pattern" is'),
    "alphas": ({"alpha_pattern": {"q_proj": 8}}, '"alpha_pattern" is'),
    "transposed": ({"fan_in_fan_out": True}, '"fan_in_fan_out" is "True"'),
    "layers": ({"layer_replication": [[0, 1]]}, '"layer_replication" is'),
    "invocation": ({"alora_invocation_tokens": [1]}, '"alora_invocation_tokens" is'),
    "unknown": ({"something_new": 3}, '"something_new" is "3"'),
    "changed base": ({"init_lora_weights": "pissa_niter_4"}, "which changes the base's weights as well"),
    "type": ({"peft_type": "IA3"}, 'type "IA3", only LORA'),
    "rank": ({"r": 8}, "the base and rank 8 ask for [8, 64]"),
    "no rank": ({"r": 0}, '"r" is 0'),
    "alpha": ({"lora_alpha": "16"}, '"lora_alpha" is a JSON string'),
}


@pytest.mark.parametrize("case", SPOILED)
def test_a_setting_is_refused_by_name(
    bases: dict[str, Path], adapter: Path, tmp_path: Path, case: str
) -> None:
    changes, words = SPOILED[case]
    edit(adapter, **changes)
    with pytest.raises(ModelwrightError) as caught:
        convert_adapter(adapter, bases["llama"], tmp_path / "a.gguf")
    assert words in str(caught.value)
    assert not (tmp_path / "a.gguf").exists()


def rename(adapter: Path, old: bytes, new: bytes) -> None:
    """Change names in the header, whose length stays."""
    path = adapter / "adapter_model.safetensors"
    content = path.read_bytes()
    assert old in content
    assert len(old) == len(new)
    path.write_bytes(content.replace(old, new))


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        (b"lora_A.weight", b"lora_M.weight", "is neither lora_A nor lora_B"),
        (b"layers.1", b"layers.7", "no tensor for the adapter's"),
        (b"self_attn.q_proj", b"self_attn.z_proj", "no tensor for the adapter's"),
        (b"self_attn.o_proj.lora_B", b"self_attn.z_proj.lora_B", "only one of lora_A and lora_B"),
    ],
)
def test_a_tensor_is_refused_by_name(
    bases: dict[str, Path], adapter: Path, tmp_path: Path, old: bytes, new: bytes, words: str
) -> None:
    rename(adapter, old, new)
    with pytest.raises(ModelwrightError, match=words):
        convert_adapter(adapter, bases["llama"], tmp_path / "a.gguf")


def test_an_adapter_of_another_base_is_refused(bases: dict[str, Path], adapter: Path, tmp_path: Path) -> None:
    with pytest.raises(Invalid, match="It was trained on another base"):
        convert_adapter(adapter, bases["qwen3"], tmp_path / "a.gguf")


def test_values_that_are_no_numbers_are_refused(
    bases: dict[str, Path], adapter: Path, tmp_path: Path
) -> None:
    path = adapter / "adapter_model.safetensors"
    path.write_bytes(path.read_bytes()[:-4] + numpy.float32(numpy.nan).tobytes())
    with pytest.raises(Invalid, match="NaN or infinite"):
        convert_adapter(adapter, bases["llama"], tmp_path / "a.gguf")


def test_pickles_are_refused(bases: dict[str, Path], adapter: Path, tmp_path: Path) -> None:
    (adapter / "adapter_model.safetensors").rename(adapter / "adapter_model.bin")
    with pytest.raises(Unsupported, match=r"adapter_model\.bin\" is a pickle"):
        convert_adapter(adapter, bases["llama"], tmp_path / "a.gguf")


@pytest.mark.parametrize("magic", [b"algg", b"ggla"])
def test_adapters_from_before_gguf_are_refused_with_the_way_on(
    bases: dict[str, Path], tmp_path: Path, magic: bytes
) -> None:
    (tmp_path / "old.bin").write_bytes(magic + bytes(100))
    with pytest.raises(Unsupported, match="Convert the PEFT folder"):
        check_adapter(tmp_path / "old.bin", read_base(bases["llama"]))


LORA: Metadata = {
    "general.architecture": text("llama"), "general.type": text("adapter"), "adapter.type": text("lora"),
    "adapter.lora.alpha": f32(8),
}  # fmt: skip
Q = "blk.0.attn_q.weight"
FIT = {f"{Q}.lora_a": (32, 4), f"{Q}.lora_b": (4, 32)}
UNFIT: dict[str, tuple[Metadata, dict[str, tuple[int, ...]], str]] = {
    "architecture": (
        {"general.architecture": text("qwen2")},
        FIT,
        'is an adapter for "qwen2", the base is "llama"',
    ),
    "kind": ({"general.type": text("model")}, FIT, "is not a LoRA adapter"),
    "alpha": ({"adapter.lora.alpha": text("8")}, FIT, "must be a number"),
    "tensor": (
        {},
        {"blk.9.attn_q.weight.lora_a": (32, 4), "blk.9.attn_q.weight.lora_b": (4, 32)},
        "no tensor",
    ),
    "half": ({}, {f"{Q}.lora_a": (32, 4)}, "only one of"),
    "width": ({}, FIT | {f"{Q}.lora_a": (16, 4)}, "It was trained on another base"),
    "height": ({}, FIT | {f"{Q}.lora_b": (4, 16)}, "It was trained on another base"),
    "rank": ({}, FIT | {f"{Q}.lora_b": (8, 32)}, "the adapter has shapes [32, 4] and [8, 32]"),
    "three dimensions": ({}, FIT | {f"{Q}.lora_a": (32, 4, 2)}, "the base has [32, 32]"),
    "other tensor": ({}, FIT | {"scale": (1,)}, "is not part of a LoRA"),
    "nothing": ({}, {}, "has no tensors"),
}


def write_lora(path: Path, metadata: Metadata, shapes: dict[str, tuple[int, ...]]) -> None:
    def zeros(shape: tuple[int, ...]) -> bytes:
        return struct.pack(f"<{numpy.prod(shape)}f", *[0.0] * int(numpy.prod(shape)))

    tensors = [
        Outgoing(name, shape, "F32", lambda shape=shape: [zeros(shape)]) for name, shape in shapes.items()
    ]
    write_gguf(path, LORA | metadata, tensors)


@pytest.mark.parametrize("case", UNFIT)
def test_an_adapter_that_does_not_fit_is_refused(bases: dict[str, Path], tmp_path: Path, case: str) -> None:
    metadata, shapes, words = UNFIT[case]
    write_lora(tmp_path / "a.gguf", metadata, shapes)
    with pytest.raises(Invalid) as caught:
        check_adapter(tmp_path / "a.gguf", read_base(bases["llama"]))
    assert words in str(caught.value)


def test_a_gguf_adapter_of_no_numbers_is_refused(bases: dict[str, Path], tmp_path: Path) -> None:
    write_lora(tmp_path / "a.gguf", {}, FIT)
    content = (tmp_path / "a.gguf").read_bytes()
    (tmp_path / "a.gguf").write_bytes(content[:-4] + numpy.float32(numpy.inf).tobytes())
    with pytest.raises(Invalid, match="NaN or infinite"):
        check_adapter(tmp_path / "a.gguf", read_base(bases["llama"]))


def test_an_adapter_that_fits_is_accepted(bases: dict[str, Path], tmp_path: Path) -> None:
    write_lora(tmp_path / "a.gguf", {}, FIT)
    check_adapter(tmp_path / "a.gguf", read_base(bases["llama"]))
    assert len(read_header(tmp_path / "a.gguf").tensors) == 2


def test_an_adapter_is_no_base(tmp_path: Path) -> None:
    write_lora(tmp_path / "a.gguf", {}, FIT)
    with pytest.raises(Unsupported, match="is not a base model"):
        read_base(tmp_path / "a.gguf")
