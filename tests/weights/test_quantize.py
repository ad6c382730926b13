"""Quantizing keeps what it can, as ggml does, in little memory."""

import importlib.util
import os
import random
import tracemalloc
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import gguf
import numpy
import pytest
from gguf import GGMLQuantizationType, quants

from modelwright.core.errors import Invalid, ModelwrightError, Unavailable, Unsupported
from modelwright.weights.convert import convert_folder
from modelwright.weights.gguf import read_facts, read_header
from modelwright.weights.gguf_writer import Outgoing, text, write_gguf
from modelwright.weights.kquants import is_installed
from modelwright.weights.packing import BLOCKS, MIXTURES, PLAIN, packing_of, wanted_type
from modelwright.weights.quantize import quantize
from tests.weights.answers import GOLDEN
from tests.weights.engine import ask_engine

PROVE = bool(os.environ.get("PROVE"))
MEGABYTE = 1024 * 1024
WORST = {
    "F32": 0,
    "F16": 1e-3,
    "BF16": 8e-3,
    "Q8_0": 1e-2,
    "Q5_1": 0.06,
    "Q5_0": 0.08,
    "Q4_1": 0.12,
    "Q4_0": 0.16,
}
"""Type -> largest error of a weight, as a share of the largest weight of its block."""
MIXTURE = importlib.util.find_spec("llama_cpp") is not None


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny qwen3 in F32: its logits have a tensor of their own."""
    path = tmp_path_factory.mktemp("source") / "f32.gguf"
    convert_folder(GOLDEN / "qwen3", path, wanted="F32")
    return path


def values(path: Path) -> dict[str, "numpy.typing.NDArray[numpy.float32]"]:
    return {one.name: quants.dequantize(one.data, one.tensor_type) for one in gguf.GGUFReader(path).tensors}


@pytest.mark.parametrize("wanted", [*PLAIN, *BLOCKS])
def test_values_stay_near(source: Path, tmp_path: Path, wanted: str) -> None:
    quantize(source, tmp_path / "q.gguf", wanted)
    before, after = values(source), values(tmp_path / "q.gguf")
    assert before.keys() == after.keys()
    for name, weights in before.items():
        assert numpy.abs(after[name] - weights).max() <= WORST[wanted] * numpy.abs(weights).max(), name
    assert read_facts(tmp_path / "q.gguf").file_type == wanted


@pytest.mark.parametrize("wanted", [*PLAIN, *BLOCKS])
def test_the_engine_runs_it(source: Path, tmp_path: Path, wanted: str) -> None:
    quantize(source, tmp_path / "q.gguf", wanted)
    assert len(ask_engine(tmp_path / "q.gguf", [[9, 10, 11]], steps=2)["answers"][0]["tokens"]) == 2


@pytest.mark.parametrize("wanted", BLOCKS)
def test_bytes_are_those_of_ggml(source: Path, tmp_path: Path, wanted: str) -> None:
    quantize(source, tmp_path / "q.gguf", wanted)
    found = {one.name: one for one in gguf.GGUFReader(tmp_path / "q.gguf").tensors}["blk.1.ffn_down.weight"]
    weights = values(source)["blk.1.ffn_down.weight"]
    assert found.data.tobytes() == quants.quantize(weights, GGMLQuantizationType[wanted]).tobytes()


def test_small_and_touchy_tensors_stay_as_they_are(source: Path, tmp_path: Path) -> None:
    quantize(source, tmp_path / "q.gguf", "Q4_0")
    found = {tensor.name: tensor.packing.name for tensor in read_header(tmp_path / "q.gguf").tensors}
    assert found["output_norm.weight"] == found["blk.0.attn_q_norm.weight"] == "F32"
    assert found["output.weight"] == "Q8_0"
    assert found["token_embd.weight"] == found["blk.0.attn_q.weight"] == "Q4_0"


def test_what_makes_the_logits_gets_more_bits_when_tied() -> None:
    tied = packing_of("token_embd.weight", (64, 9), "Q4_0", head="token_embd.weight")
    assert (tied, packing_of("token_embd.weight", (64, 9), "Q4_0")) == ("Q8_0", "Q4_0")
    assert packing_of("blk.0.ffn_up.weight", (40, 9), "Q4_0") == "F16"


def matrices(path: Path, **types: str) -> None:
    """A GGUF of matrices with these names and types."""
    rows = numpy.ones((4, 32), numpy.float32)
    tensors = []
    for name, kind in types.items():
        content = (
            rows.tobytes() if kind == "F32" else quants.quantize(rows, GGMLQuantizationType[kind]).tobytes()
        )
        found = f"blk.0.{name}.weight"
        tensors.append(Outgoing(found, rows.shape[::-1], kind, lambda content=content: [content]))
    write_gguf(path, {"general.architecture": text("llama")}, tensors)


def test_a_router_of_experts_keeps_its_type(tmp_path: Path) -> None:
    matrices(tmp_path / "s.gguf", ffn_gate_inp="F32", attn_q="F32")
    quantize(tmp_path / "s.gguf", tmp_path / "q.gguf", "Q4_0")
    found = {tensor.name: tensor.packing.name for tensor in read_header(tmp_path / "q.gguf").tensors}
    assert found == {"blk.0.ffn_gate_inp.weight": "F32", "blk.0.attn_q.weight": "Q4_0"}


def test_one_quantized_matrix_is_enough_to_refuse_a_source(tmp_path: Path) -> None:
    matrices(tmp_path / "s.gguf", attn_q="F32", attn_k="Q8_0")
    with pytest.raises(Unsupported, match="quantization is only supported for F16, BF16 and F32 models"):
        quantize(tmp_path / "s.gguf", tmp_path / "q.gguf", "Q4_0")


def test_metadata_passes_through(source: Path, tmp_path: Path) -> None:
    quantize(source, tmp_path / "q.gguf", "Q8_0")
    before, after = gguf.GGUFReader(source).fields, gguf.GGUFReader(tmp_path / "q.gguf").fields
    added = {"general.quantization_version"}
    assert after.keys() - before.keys() == added
    changed = {"general.file_type", "GGUF.kv_count"}
    assert {key for key in before if before[key].contents() != after[key].contents()} == changed


def test_progress_ends_at_the_whole(source: Path, tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []
    quantize(source, tmp_path / "q.gguf", "Q8_0", lambda done, total: seen.append((done, total)))
    totals = {total for _, total in seen}
    assert totals == {sum(tensor.size for tensor in read_header(tmp_path / "q.gguf").tensors)}
    assert seen[0][0] == 0
    assert seen[-1][0] == totals.pop()
    assert seen == sorted(seen)


@pytest.mark.parametrize(
    ("word", "name"),
    [
        ("q8_0", "Q8_0"),
        ("Q4_k_m", "Q4_K_M"),
        ("q4_K", "Q4_K_M"),
        ("int8", "Q8_0"),
        ("int4", "Q4_0"),
        ("fp16", "F16"),
    ],
)
def test_a_type_has_several_words(word: str, name: str) -> None:
    assert wanted_type(word) == name


@pytest.mark.parametrize("word", ["Q9_9", "", "IQ1_S", "mxfp8", "nvfp4", "x" * 500])
def test_an_unknown_type_is_refused_in_the_words_of_ollama(word: str) -> None:
    with pytest.raises(
        Unsupported, match=r"unsupported quantization type .* - supported types are F32, F16, BF16, Q8_0"
    ):
        wanted_type(word)


def test_a_quantized_source_is_refused(source: Path, tmp_path: Path) -> None:
    quantize(source, tmp_path / "q.gguf", "Q8_0")
    with pytest.raises(Unsupported) as caught:
        quantize(tmp_path / "q.gguf", tmp_path / "again.gguf", "Q4_0")
    assert str(caught.value) == "quantization is only supported for F16, BF16 and F32 models"


@pytest.mark.parametrize("spoiled", [b"", b"PK", b"GGUF"])
def test_a_source_that_is_no_gguf_is_refused(tmp_path: Path, spoiled: bytes) -> None:
    (tmp_path / "s.gguf").write_bytes(spoiled)
    with pytest.raises(Invalid):
        quantize(tmp_path / "s.gguf", tmp_path / "q.gguf", "Q8_0")


def one_tensor(path: Path, weights: "numpy.typing.NDArray[numpy.float32]") -> None:
    content = weights.astype("<f4").tobytes()
    tensor = Outgoing("blk.0.attn_q.weight", weights.shape[::-1], "F32", lambda: [content])
    write_gguf(path, {"general.architecture": text("llama")}, [tensor])


@pytest.mark.parametrize("wanted", ["F16", *BLOCKS])
@pytest.mark.parametrize(("value", "words"), [(numpy.nan, "NaN or infinite"), (-1e6, "F16 has no room")])
def test_a_failure_leaves_nothing(tmp_path: Path, value: float, words: str, wanted: str) -> None:
    one_tensor(tmp_path / "s.gguf", numpy.full((4, 32), value, numpy.float32))
    with pytest.raises(Invalid, match=words):
        quantize(tmp_path / "s.gguf", tmp_path / "q.gguf", wanted)
    assert not (tmp_path / "q.gguf").exists()


def test_an_existing_file_is_never_overwritten(source: Path, tmp_path: Path) -> None:
    (tmp_path / "q.gguf").write_bytes(b"mine")
    with pytest.raises(Invalid, match="exists already"):
        quantize(source, tmp_path / "q.gguf", "F16")
    assert (tmp_path / "q.gguf").read_bytes() == b"mine"


def damaged(content: bytes, chance: random.Random) -> bytes:
    """Change one to three bytes, half of them near the start."""
    found = bytearray(content)
    for _ in range(chance.randint(1, 3)):
        found[chance.randrange(chance.choice([400, 20_000]))] = chance.randrange(256)
    return bytes(found)


@pytest.mark.limit(1800)
def test_a_damaged_source_is_quantized_or_refused(source: Path, tmp_path: Path) -> None:
    content, chance = source.read_bytes(), random.Random(17)
    for _ in range(20_000 if PROVE else 100):
        (tmp_path / "s.gguf").write_bytes(damaged(content, chance))
        (tmp_path / "q.gguf").unlink(missing_ok=True)
        with suppress(ModelwrightError):
            quantize(tmp_path / "s.gguf", tmp_path / "q.gguf", "Q8_0")
            read_facts(tmp_path / "q.gguf")


def peak(action: Callable[[], None]) -> int:
    tracemalloc.start()
    try:
        action()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("wanted", ["F16", "BF16", "Q8_0", "Q4_0", "Q5_1"])
def test_memory_does_not_grow_with_the_tensor(tmp_path: Path, wanted: str) -> None:
    one_tensor(tmp_path / "s.gguf", numpy.ones((16_384, 1024), numpy.float32))  # 64 MiB
    used = peak(lambda: quantize(tmp_path / "s.gguf", tmp_path / "q.gguf", wanted))
    assert used < 48 * MEGABYTE


@pytest.mark.skipif(MIXTURE, reason="the extra [quantize] is installed")
def test_a_k_type_without_the_extra_names_it(source: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelwrightError, match=r"needs the extra \[quantize\]"):
        quantize(source, tmp_path / "q.gguf", "Q4_K_M")
    assert not (tmp_path / "q.gguf").exists()


@pytest.mark.skipif(not is_installed(), reason="K-quants need the extra [quantize]")
@pytest.mark.parametrize("wanted", MIXTURES)
def test_k_types_run(source: Path, tmp_path: Path, wanted: str) -> None:
    seen: list[int] = []
    quantize(source, tmp_path / "q.gguf", wanted, lambda done, _: seen.append(done))
    assert read_facts(tmp_path / "q.gguf").file_type in (wanted, wanted.replace("_M", ""))
    assert seen
    assert ask_engine(tmp_path / "q.gguf", [[9, 10, 11]], steps=1)["answers"]


LIBRARY = """
import os, shutil
def llama_model_quantize_default_params():
    import ctypes
    class Parameters(ctypes.Structure):
        _fields_ = [("nthread", ctypes.c_int32), ("ftype", ctypes.c_int)]
    return Parameters()
def llama_model_quantize(source, target, parameters):
    print("[   1/   2]  token_embd.weight", flush=True)
    shutil.copy(source, target)
    if END == "abort":
        os.write(2, b"GGML_ASSERT failed")
        os.abort()
    print("[   2/   2]  output.weight", flush=True)
    return END
"""
"""What the child needs of llama-cpp-python, and how that may end."""


def install(folder: Path, monkeypatch: pytest.MonkeyPatch, end: str) -> None:
    package = Path(__file__).parents[2] / "src"
    (folder / "llama_cpp.py").write_text(f"END = {end}\n{LIBRARY}")
    monkeypatch.syspath_prepend(folder)
    monkeypatch.setenv("PYTHONPATH", f"{folder}:{package}")


@pytest.mark.skipif(MIXTURE, reason="the extra [quantize] is installed and tested itself")
def test_the_child_tells_how_far_it_is(source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install(tmp_path, monkeypatch, "0")
    seen: list[float] = []
    quantize(source, tmp_path / "q.gguf", "q4_K", lambda done, total: seen.append(done / total))
    assert [round(share, 2) for share in seen] == [0.5, 1.0]
    assert (tmp_path / "q.gguf").exists()


@pytest.mark.skipif(MIXTURE, reason="the extra [quantize] is installed and tested itself")
@pytest.mark.parametrize("end", ["1", "'abort'"])
def test_a_child_that_fails_leaves_nothing(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, end: str
) -> None:
    install(tmp_path, monkeypatch, end)
    with pytest.raises(Unavailable, match="quantizing to Q4_K_M failed: "):
        quantize(source, tmp_path / "q.gguf", "Q4_K_M")
    assert not (tmp_path / "q.gguf").exists()
