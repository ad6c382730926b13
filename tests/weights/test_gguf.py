"""What a GGUF says is read; what it may not say is refused by name."""

import json
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gguf
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from modelwright.core.errors import Invalid
from modelwright.weights.ggml import FILE_TYPES, TENSOR_TYPES
from modelwright.weights.gguf import Array, read_facts, read_header

Write = Callable[[bytes], Path]
CONFORMANCE = Path(__file__).resolve().parents[2] / "../shared/conformance/ollama/gguf_file_types.json"


U8, U32, F32, BOOL, STRING, ARRAY, U64 = 0, 4, 6, 7, 8, 9, 10
FORMS = {U8: "<B", U32: "<I", F32: "<f", BOOL: "<B", U64: "<Q"}
TOKENS = "tokenizer.ggml.tokens"


def string(text: bytes | str) -> bytes:
    content = text.encode() if isinstance(text, str) else text
    return struct.pack("<Q", len(content)) + content


def value(kind: int, content: Any) -> bytes:
    if kind == STRING:
        return string(content)
    if kind == ARRAY:
        element, items = content
        return struct.pack("<IQ", element, len(items)) + b"".join(value(element, item) for item in items)
    return struct.pack(FORMS[kind], content)


def entry(key: bytes | str, kind: int, content: Any) -> bytes:
    return string(key) + struct.pack("<I", kind) + value(kind, content)


def claim(kind: int, *claimed: int) -> bytes:
    """An entry that says how much follows, and then nothing does."""
    form = "<IQ" if kind == STRING else "<IIQ"
    return string("k") + struct.pack(form, kind, *claimed)


def strings(key: str, *values: bytes | str) -> bytes:
    return entry(key, ARRAY, (STRING, values))


def tensor(name: str, shape: tuple[int, ...] = (8,), kind: int = 0, offset: int = 0) -> bytes:
    dims = struct.pack(f"<I{len(shape)}Q", len(shape), *shape)
    return string(name) + dims + struct.pack("<IQ", kind, offset)


LLAMA = entry("general.architecture", STRING, "llama")


def file(*entries: bytes, tensors: tuple[bytes, ...] = (), first: bytes = LLAMA, version: int = 3) -> bytes:
    """Assemble a file whose tensor data has 32 bytes."""
    said = (first, *entries) if first else entries
    head = b"GGUF" + struct.pack("<IQQ", version, len(tensors), len(said))
    head += b"".join(said) + b"".join(tensors)
    return head + bytes(-len(head) % 32) + bytes(32)


def test_facts_are_what_the_file_says(sound: bytes, write: Write) -> None:
    facts = read_facts(write(sound))
    assert (facts.kind, facts.format, facts.architecture) == ("model", "gguf", "llama")
    assert (facts.parameter_count, facts.file_type) == (40 * 32 + 32, "F16")
    assert (facts.context_length, facts.embedding_length, facts.pooled) == (2048, 32, False)
    assert facts.chat_template == "{{ messages }} tools"
    assert facts.metadata["general.name"] == "sound"
    assert facts.metadata["tokenizer.ggml.tokens"] is None
    assert facts.capabilities == ("completion", "tools")


def test_tensors_are_where_ggml_finds_them(sound: bytes, write: Write) -> None:
    path = write(sound)
    header, theirs = read_header(path), gguf.GGUFReader(path)
    ours = [(t.name, t.shape, t.packing.name, header.start + t.offset, t.size) for t in header.tensors]
    assert ours == [
        (t.name, tuple(map(int, t.shape)), t.tensor_type.name, t.data_offset, t.n_bytes)
        for t in theirs.tensors
    ]


@pytest.mark.parametrize(
    ("said", "kind"), [("adapter", "adapter"), ("mmproj", "projector"), ("model", "model")]
)
def test_the_kind_follows_general_type(write: Write, said: str, kind: str) -> None:
    assert read_facts(write(file(entry("general.type", STRING, said)))).kind == kind


def test_a_file_that_pools_embeds(write: Write) -> None:
    facts = read_facts(write(file(entry("llama.pooling_type", U32, 1))))
    assert facts.pooled
    assert facts.capabilities == ("embedding",)


def test_a_stated_parameter_count_goes_before_the_tensors(write: Write) -> None:
    stated = entry("general.parameter_count", U64, 7_000_000_000)
    facts = read_facts(write(file(stated, tensors=(tensor("a"),))))
    assert facts.parameter_size == "7B"


def test_an_unknown_mixture_is_called_unknown(write: Write) -> None:
    assert read_facts(write(file())).file_type == "unknown"
    assert read_facts(write(file(entry("general.file_type", U32, 999)))).file_type == "unknown"


def test_mixtures_are_named_as_ollama_names_them() -> None:
    if not CONFORMANCE.exists():
        pytest.skip("the conformance tables are not beside this checkout")
    cases = json.loads(CONFORMANCE.read_text())["cases"]
    assert dict(FILE_TYPES) == {case["general.file_type"]: case["name"] for case in cases}


def test_packings_are_those_of_ggml() -> None:
    theirs = {int(kind): (kind.name, *sizes) for kind, sizes in gguf.GGML_QUANT_SIZES.items()}
    assert {number: (t.name, t.block, t.size) for number, t in TENSOR_TYPES.items()} == theirs


KEYS = st.text(st.characters(codec="utf-8"), max_size=20).map("x.".__add__)
ENTRIES = (
    st.tuples(st.just(U8), st.integers(0, 255))
    | st.tuples(st.just(U64), st.integers(0, 2**64 - 1))
    | st.tuples(st.just(F32), st.floats(width=32, allow_nan=False, allow_infinity=False))
    | st.tuples(st.just(BOOL), st.booleans())
    | st.tuples(st.just(STRING), st.text(st.characters(codec="utf-8"), max_size=30))
    | st.tuples(st.just(ARRAY), st.tuples(st.just(U32), st.lists(st.integers(0, 9), max_size=9)))
    | st.tuples(st.just(ARRAY), st.tuples(st.just(STRING), st.lists(st.text("ab", max_size=9), max_size=9)))
)


@given(st.dictionaries(KEYS, ENTRIES, max_size=12))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_what_is_written_is_read(write: Write, said: dict[str, tuple[int, Any]]) -> None:
    header = read_header(write(file(*(entry(key, *content) for key, content in said.items()))))
    found = {
        key: (ARRAY, (value.element, value.count)) if isinstance(value, Array) else value
        for key, value in header.metadata.items()
    }
    assert found.pop("general.architecture") == "llama"
    assert found == {
        key: (ARRAY, (content[0], len(content[1]))) if kind == ARRAY else content
        for key, (kind, content) in said.items()
    }


def test_long_text_is_not_kept(write: Write) -> None:
    facts = read_facts(write(file(entry("tokenizer.huggingface.json", STRING, "x" * 2_000_000))))
    assert facts.metadata["tokenizer.huggingface.json"] is None
    with pytest.raises(Invalid, match="more than 8388608 bytes of text"):
        read_facts(write(file(*(entry(f"k{i}", STRING, "x" * 1_000_000) for i in range(9)))))


def test_empty_tokens_are_not_equal_tokens(write: Write) -> None:
    read_facts(write(file(strings("tokenizer.ggml.tokens", "", "", "a"))))


UNSOUND = {
    "not gguf": (b"PK\x03\x04" + bytes(100), "supplied file was not in GGUF format"),
    "empty": (b"", "supplied file was not in GGUF format"),
    "big endian": (file(version=3 << 24), "big-endian"),
    "version 1": (file(version=1), "version 1 is not supported"),
    "tensor count": (b"GGUF" + struct.pack("<IQQ", 3, 2**60, 1), "claims 1152921504606846976 tensors"),
    "entry count": (b"GGUF" + struct.pack("<IQQ", 3, 1, 2**60), "claims 1152921504606846976 metadata"),
    "string length": (file(claim(STRING, 2**60)), 'metadata "k": needs 1152921504606846976 bytes at offset'),
    "array length": (
        file(claim(ARRAY, U64, 2**60)),
        'metadata "k": needs 9223372036854775808 bytes at offset',
    ),
    "string array": (
        file(claim(ARRAY, STRING, 2**60)),
        'metadata "k": needs 9223372036854775808 bytes at offset',
    ),
    "unknown type": (file(string("k") + struct.pack("<I", 99)), 'metadata "k": type 99 is unknown'),
    "nested": (file(entry("k", ARRAY, (ARRAY, [(U8, [1])]))), "arrays of type 9"),
    "same key": (file(entry("k", U8, 1), entry("k", U8, 2)), 'metadata "k" appears twice'),
    "key not utf-8": (file(entry(b"\xff", U8, 1)), "metadata entry 1: its name is not UTF-8"),
    "no number": (file(entry("k", F32, float("nan"))), "nan is not a finite number"),
    "alignment 0": (file(entry("general.alignment", U32, 0)), '"general.alignment" is 0'),
    "alignment 24": (file(entry("general.alignment", U32, 24)), "must be a power of two"),
    "alignment text": (file(entry("general.alignment", STRING, "x")), "must be an integer"),
    "width 0": (file(entry("llama.embedding_length", U32, 0)), '"llama.embedding_length" is 0'),
    "many layers": (file(entry("llama.block_count", U32, 513)), "allowed are 1 to 512"),
    "layers bool": (file(entry("llama.block_count", BOOL, 1)), "must be an integer"),
    "template type": (file(entry("tokenizer.chat_template", U8, 1)), "must be a string"),
    "same token": (file(strings(TOKENS, "a", "b", "a")), "token 2, b'a', appears twice"),
    "token like an empty one": (file(strings(TOKENS, "", "[EMPTY_0]")), "token 1, b'[EMPTY_0]', appears"),
    "many tokens": (
        file(string(TOKENS) + struct.pack("<IIQ", ARRAY, STRING, 524_289)),
        "has 524289 tokens, at most 524288 are allowed",
    ),
    "long token": (file(strings(TOKENS, "a" * 4097)), "at most 4096 are allowed"),
    "token numbers": (file(entry(TOKENS, ARRAY, (U8, [1]))), f'"{TOKENS}" must be an array of type 8'),
    "scores": (
        file(strings(TOKENS, "a"), entry("tokenizer.ggml.scores", ARRAY, (F32, [1.0, 2.0]))),
        '"tokenizer.ggml.scores" has 2 elements for 1 tokens',
    ),
    "narrow scores": (
        file(strings(TOKENS, "a"), entry("tokenizer.ggml.scores", ARRAY, (U8, [1]))),
        '"tokenizer.ggml.scores" must be an array of type 6',
    ),
    "merges": (
        file(entry("tokenizer.ggml.merges", U32, 1)),
        '"tokenizer.ggml.merges" must be an array of type 8',
    ),
    "tensor cut off": (
        file(tensors=(tensor("blk.0.attn_q.weight", (1024, 8192)),)),
        'tensor "blk.0.attn_q.weight": needs 33554432 bytes at offset 128, the file has 32 left (cut off',
    ),
    "tensor outside": (file(tensors=(tensor("a", offset=2**62),)), "the file has 0 left"),
    "tensor unaligned": (file(tensors=(tensor("a", offset=8),)), "offset 8 is not a multiple of"),
    "tensors overlap": (file(tensors=(tensor("a"), tensor("b"))), 'tensors "a" and "b" overlap'),
    "same tensor": (file(tensors=(tensor("a"), tensor("a", offset=32))), 'tensor "a" appears twice'),
    "tensor type": (file(tensors=(tensor("a", kind=4),)), 'tensor "a": type 4 is unknown'),
    "no dimension": (file(tensors=(tensor("a", ()),)), "has 0 dimensions, allowed are 1 to 4"),
    "five dimensions": (file(tensors=(tensor("a", (1, 1, 1, 1, 1)),)), "has 5 dimensions"),
    "dimension 0": (file(tensors=(tensor("a", (8, 0)),)), "shape [8, 0] is empty or too large"),
    "overflow": (file(tensors=(tensor("a", (2**32, 2**32)),)), "is empty or too large"),
    "part of a block": (file(tensors=(tensor("a", (33,), kind=2),)), "not whole blocks of Q4_0"),
    "long tensor name": (file(tensors=(tensor("a" * 64),)), "at most 63 are allowed"),
    "no architecture": (file(first=b""), '"general.architecture" is missing'),
}
"""What is wrong -> a file with that, and words of the message that say so."""


@pytest.mark.parametrize("case", UNSOUND)
def test_an_unsound_file_is_refused_by_name(write: Write, case: str) -> None:
    content, words = UNSOUND[case]
    with pytest.raises(Invalid) as caught:
        read_facts(write(content))
    assert words in str(caught.value)


@pytest.mark.parametrize("name", ["phi3", "my-Phi-3-mini"])
def test_a_name_that_no_engine_loads_is_refused(write: Write, name: str) -> None:
    named, needed = entry("general.name", STRING, name), ["<unk>", "<s>", "</s>", "<|endoftext|>"]
    assert read_facts(write(file(named, strings(TOKENS, *needed)))).kind == "model"
    assert read_facts(write(file(named))).kind == "model"
    for lacking in needed:
        others = [token for token in needed if token != lacking]
        with pytest.raises(Invalid, match="the engine loads no model of such a name") as refused:
            read_facts(write(file(named, strings(TOKENS, *others))))
        assert f"lacks {lacking}" in refused.value.message
