"""A converted model answers as transformers does; what would not is refused by name."""

import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gguf
import numpy
import pytest

from modelwright.core.errors import Invalid, ModelwrightError, Unsupported
from modelwright.weights.convert import convert_folder
from modelwright.weights.families import FAMILIES
from modelwright.weights.gguf import read_facts
from tests.weights.answers import GOLDEN, compare, compare_vectors, expectations
from tests.weights.engine import ask_engine

CASES = sorted(folder.name for folder in GOLDEN.iterdir())
EMBEDS = "gemma3-embedding"


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A copy of the tiny llama that a test may spoil."""
    return Path(shutil.copytree(GOLDEN / "llama", tmp_path / "llama"))


def edit(path: Path, **changes: Any) -> None:
    found = json.loads(path.read_text()) | changes
    path.write_text(json.dumps({key: value for key, value in found.items() if value is not ...}))


@pytest.mark.parametrize("case", [case for case in CASES if case != EMBEDS])
def test_the_engine_answers_as_transformers(tmp_path: Path, case: str) -> None:
    converted = convert_folder(GOLDEN / case, tmp_path / "m.gguf", wanted="F32")
    expected = expectations(GOLDEN / case)
    share, worst, steps = compare(tmp_path / "m.gguf", expected["contexts"])
    assert share == 1
    assert worst < 1e-3
    assert steps >= 12
    assert converted.notes == ()


def test_the_engine_embeds_as_transformers(tmp_path: Path) -> None:
    converted = convert_folder(GOLDEN / EMBEDS, tmp_path / "m.gguf", wanted="F32")
    assert compare_vectors(tmp_path / "m.gguf", expectations(GOLDEN / EMBEDS)["vectors"]) < 1e-3
    assert read_facts(tmp_path / "m.gguf").capabilities == ("embedding",)
    assert converted.notes == ()


MODULES: dict[str, tuple[str, dict[str, Any], str]] = {
    "pooling": ("1_Pooling", {"pooling_mode_mean_tokens": False}, "exactly one of mean, cls, lasttoken"),
    "two poolings": ("1_Pooling", {"pooling_mode_cls_token": True}, "exactly one of"),
    "bias": ("2_Dense", {"bias": True}, "a bias or an activation function"),
    "activation": ("3_Dense", {"activation_function": "torch.nn.Tanh"}, "a bias or an activation function"),
}


@pytest.mark.parametrize("case", MODULES)
def test_a_module_that_the_engine_has_not_is_refused(tmp_path: Path, case: str) -> None:
    place, changes, words = MODULES[case]
    model = Path(shutil.copytree(GOLDEN / EMBEDS, tmp_path / "model"))
    edit(model / place / "config.json", **changes)
    with pytest.raises(Unsupported, match=words):
        convert_folder(model, tmp_path / "m.gguf")


def test_modules_are_named_and_stay_inside(tmp_path: Path) -> None:
    model = Path(shutil.copytree(GOLDEN / EMBEDS, tmp_path / "model"))
    for entry, words in (
        (("x", "LSTM"), '"LSTM" cannot be converted'),
        (("../x", "Dense"), "not a folder beside"),
    ):
        (model / "modules.json").write_text(json.dumps([{"path": entry[0], "type": f"s.{entry[1]}"}]))
        with pytest.raises(ModelwrightError, match=words):
            convert_folder(model, tmp_path / "m.gguf")
    (model / "modules.json").unlink()
    assert "the mean of all tokens" in convert_folder(model, tmp_path / "m.gguf").notes[0]


@pytest.mark.parametrize("case", CASES)
def test_the_engine_cuts_texts_as_the_tokenizer(tmp_path: Path, case: str) -> None:
    convert_folder(GOLDEN / case, tmp_path / "m.gguf")
    expected = expectations(GOLDEN / case)
    found = ask_engine(tmp_path / "m.gguf", [], texts=list(expected["texts"]), embeds=case == EMBEDS)
    assert found["texts"] == expected["texts"]
    assert read_facts(tmp_path / "m.gguf").chat_template == expected["template"]


def test_each_class_has_a_golden_case() -> None:
    classes = {json.loads((GOLDEN / case / "config.json").read_text())["architectures"][0] for case in CASES}
    assert classes == set(FAMILIES)


def test_a_conversion_is_a_function_of_its_source(tmp_path: Path) -> None:
    for name in ("one", "two"):
        convert_folder(GOLDEN / "qwen2", tmp_path / name, name="m")
    digests = {hashlib.sha256((tmp_path / name).read_bytes()).hexdigest() for name in ("one", "two")}
    assert len(digests) == 1


@pytest.mark.parametrize(
    ("case", "wanted", "found"),
    [
        ("llama", "", "F16"),
        ("mistral", "", "BF16"),
        ("llama", "f32", "F32"),
        ("llama", "int8", "Q8_0"),
        ("qwen3", "q4_0", "Q4_0"),
    ],
)
def test_the_type_is_that_of_the_source_unless_asked(
    tmp_path: Path, case: str, wanted: str, found: str
) -> None:
    converted = convert_folder(GOLDEN / case, tmp_path / "m.gguf", wanted=wanted)
    assert converted.file_type == read_facts(tmp_path / "m.gguf").file_type == found
    assert ask_engine(tmp_path / "m.gguf", [[9, 10, 11]], steps=1)["answers"][0]["tokens"]


def test_rows_without_a_token_get_one(tmp_path: Path) -> None:
    convert_folder(GOLDEN / "llama", tmp_path / "m.gguf")
    fields = gguf.GGUFReader(tmp_path / "m.gguf").fields
    assert [fields["tokenizer.ggml.tokens"].contents(index) for index in (-2, -1)] == ["[PAD302]", "[PAD303]"]
    assert fields["tokenizer.ggml.token_type"].contents(-1) == gguf.TokenType.UNUSED


def test_tokens_without_a_row_are_left_out_and_said(model: Path, tmp_path: Path) -> None:
    added = json.loads((model / "tokenizer.json").read_text())["added_tokens"]
    added.append({"id": 304, "content": "<image>", "special": True})
    edit(model / "tokenizer.json", added_tokens=added)
    assert "<image>" in convert_folder(model, tmp_path / "m.gguf").notes[0]


def test_a_window_that_the_engine_ignores_is_said(tmp_path: Path) -> None:
    model = Path(shutil.copytree(GOLDEN / "mistral", tmp_path / "mistral"))
    edit(model / "config.json", sliding_window=64)
    assert convert_folder(model, tmp_path / "m.gguf").notes == (
        "the engine looks at all tokens of this class, the model at the last 64",
    )


def test_several_ends_of_a_turn_are_all_kept(model: Path, tmp_path: Path) -> None:
    edit(model / "generation_config.json", eos_token_id=[2, 4])
    convert_folder(model, tmp_path / "m.gguf")
    facts = read_facts(tmp_path / "m.gguf").metadata
    assert (facts["tokenizer.ggml.eos_token_id"], facts["tokenizer.ggml.eot_token_id"]) == (2, 4)


@pytest.mark.parametrize(("said", "begins"), [(True, True), (False, False), (None, True)])
def test_the_configuration_says_whether_a_text_begins_with_bos(
    model: Path, tmp_path: Path, said: bool | None, begins: bool
) -> None:
    edit(model / "tokenizer_config.json", add_bos_token=said)
    convert_folder(model, tmp_path / "m.gguf")
    assert read_facts(tmp_path / "m.gguf").metadata["tokenizer.ggml.add_bos_token"] is begins


def test_added_tokens_of_spaces_are_found_in_texts(tmp_path: Path) -> None:
    model = Path(shutil.copytree(GOLDEN / "phi3", tmp_path / "phi3"))
    (model / "added_tokens.json").write_text(json.dumps({"\u2581\u2581\u2581": 363}))
    convert_folder(model, tmp_path / "m.gguf")
    found = ask_engine(tmp_path / "m.gguf", [], texts=["a   b"])["texts"]["a   b"]
    assert 363 in found


def test_a_sharded_model_converts_to_the_same_file(model: Path, tmp_path: Path) -> None:
    convert_folder(model, tmp_path / "whole.gguf", name="m")
    shard(model)
    convert_folder(model, tmp_path / "sharded.gguf", name="m")
    assert tensors(tmp_path / "whole.gguf") == tensors(tmp_path / "sharded.gguf")


def shard(model: Path) -> None:
    """Cut model.safetensors in two, with an index."""
    content = (model / "model.safetensors").read_bytes()
    length = int.from_bytes(content[:8], "little")
    header = json.loads(content[8 : 8 + length])
    header.pop("__metadata__", None)
    places = {}
    for number in (0, 1):
        name, body, fields = f"part-{number}.safetensors", b"", {}
        for key in sorted(header)[number::2]:
            begin, end = header[key]["data_offsets"]
            fields[key] = {**header[key], "data_offsets": [len(body), len(body) + end - begin]}
            body += content[8 + length + begin : 8 + length + end]
            places[key] = name
        head = json.dumps(fields).encode()
        (model / name).write_bytes(len(head).to_bytes(8, "little") + head + body)
    (model / "model.safetensors").unlink()
    (model / "model.safetensors.index.json").write_text(json.dumps({"weight_map": places}))


def tensors(path: Path) -> dict[str, bytes]:
    return {tensor.name: tensor.data.tobytes() for tensor in gguf.GGUFReader(path).tensors}


SPOILED: dict[str, tuple[dict[str, Any], type[ModelwrightError], str]] = {
    "class": ({"architectures": ["FalconForCausalLM"]}, Unsupported, 'unsupported architecture "FalconForCausalLM"; supported are LlamaForCausalLM, '),
    "near class": ({"architectures": ["LLamaForCausalLM"]}, Unsupported, "Did you mean LlamaForCausalLM?"),
    "no class": ({"architectures": ...}, Invalid, '"architectures" must name'),
    "code": ({"auto_map": {"AutoModel": "x.Model"}}, Unsupported, '"auto_map" asks to run code'),
    "quantized": ({"quantization_config": {"bits": 4}}, Unsupported, "quantized already"),
    "activation": ({"hidden_act": "gelu"}, Unsupported, 'activation "gelu"'),
    "rope": ({"rope_parameters": {"rope_type": "dynamic", "factor": 2.0}}, Unsupported, 'rope type "dynamic"'),
    "layers": ({"num_hidden_layers": 513}, Invalid, "1 to 512 layers"),
    "fewer layers": ({"num_hidden_layers": 1}, Invalid, "does not belong"),
    "more layers": ({"num_hidden_layers": 3}, Invalid, "tensor blk.2.attn_norm.weight of this class is missing"),
    "heads": ({"num_attention_heads": 3}, Invalid, "do not fit"),
    "width": ({"intermediate_size": 65}, Invalid, "config.json asks for [65, 32]"),
    "text as number": ({"hidden_size": "32"}, Invalid, '"hidden_size" is a JSON string, an integer is expected'),
    "untied": ({"tie_word_embeddings": False}, Invalid, "tensor output.weight of this class is missing"),
}  # fmt: skip


@pytest.mark.parametrize("case", SPOILED)
def test_a_configuration_is_refused_by_name(model: Path, tmp_path: Path, case: str) -> None:
    changes, kind, words = SPOILED[case]
    edit(model / "config.json", **changes)
    with pytest.raises(kind) as caught:
        convert_folder(model, tmp_path / "m.gguf")
    assert words in str(caught.value)
    assert not (tmp_path / "m.gguf").exists()


def test_a_scale_of_attention_that_the_engine_has_not_is_refused(tmp_path: Path) -> None:
    model = Path(shutil.copytree(GOLDEN / "gemma2", tmp_path / "gemma2"))
    edit(model / "config.json", query_pre_attn_scalar=8)
    with pytest.raises(Unsupported, match="query_pre_attn_scalar is 8, the engine computes with 16"):
        convert_folder(model, tmp_path / "m.gguf")


def test_layers_with_windows_must_repeat(tmp_path: Path) -> None:
    model = Path(shutil.copytree(GOLDEN / "gemma3", tmp_path / "gemma3"))
    edit(model / "config.json", layer_types=["full_attention", "sliding_attention", "sliding_attention"])
    with pytest.raises(Unsupported, match="layer_types do not repeat"):
        convert_folder(model, tmp_path / "m.gguf")


def test_a_folder_that_is_none_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Invalid, match="absent is not a folder"):
        convert_folder(tmp_path / "absent", tmp_path / "m.gguf")


def test_pickles_are_refused(model: Path, tmp_path: Path) -> None:
    (model / "model.safetensors").rename(model / "pytorch_model.bin")
    with pytest.raises(Unsupported, match=r'"pytorch_model.bin" is a pickle'):
        convert_folder(model, tmp_path / "m.gguf")


@pytest.mark.parametrize("value", [numpy.nan, numpy.inf])
def test_weights_that_are_no_numbers_are_refused(model: Path, tmp_path: Path, value: float) -> None:
    path = model / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-2] + numpy.float16(value).tobytes())
    with pytest.raises(Invalid, match="NaN or infinite"):
        convert_folder(model, tmp_path / "m.gguf")
    assert not (tmp_path / "m.gguf").exists()


TOKENIZERS: dict[str, tuple[Callable[[Any], Any], str]] = {
    "kind": (lambda found: found["model"].update(type="WordPiece"), "a tokenizer of type"),
    "cut": (lambda found: found["pre_tokenizer"]["pretokenizers"][0]["pattern"].update(Regex="."), "cuts texts as the engine"),
    "number": (lambda found: found["model"]["vocab"].update(zebra=7), "are both number 7"),
    "far": (lambda found: found["model"]["vocab"].update(zebra=10**9), "has the number 1000000000"),
    "merge": (lambda found: found["model"]["merges"].append("a b c"), "is not a merge"),
    "twice": (lambda found: found["added_tokens"].append({"id": 299, "content": "<s>"}), "the same token twice"),
}  # fmt: skip


@pytest.mark.parametrize("case", TOKENIZERS)
def test_a_tokenizer_is_refused_by_name(model: Path, tmp_path: Path, case: str) -> None:
    spoil, words = TOKENIZERS[case]
    found = json.loads((model / "tokenizer.json").read_text())
    spoil(found)
    (model / "tokenizer.json").write_text(json.dumps(found))
    with pytest.raises(ModelwrightError) as caught:
        convert_folder(model, tmp_path / "m.gguf")
    assert words in str(caught.value)


def test_a_model_called_phi3_without_its_tokens_still_loads(tmp_path: Path) -> None:
    convert_folder(GOLDEN / "phi3", tmp_path / "m.gguf", name="my-Phi-3")
    assert "general.name" not in read_facts(tmp_path / "m.gguf").metadata
    assert ask_engine(tmp_path / "m.gguf", [[9]], steps=1)["answers"]
