"""What safetensors files say is read; what they may not say is refused by name."""

import json
import os
import random
import struct
import time
import tracemalloc
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy
import pytest

from modelwright.core.errors import Invalid, ModelwrightError, Unsupported
from modelwright.weights.adapters import read_config
from modelwright.weights.convert import convert_folder
from modelwright.weights.safetensors import read_folder, read_rows, read_tensors
from modelwright.weights.sentencepiece import read_pieces
from tests.weights.answers import GOLDEN

PROVE = bool(os.environ.get("PROVE"))
MEGABYTE = 1024 * 1024
A = {"dtype": "F32", "shape": [2, 2], "data_offsets": [0, 16]}
B = {"dtype": "F16", "shape": [4], "data_offsets": [16, 24]}


def file(header: Any, room: int = 24, length: int | None = None) -> bytes:
    head = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(head) if length is None else length) + head + bytes(room)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "model.safetensors"


def test_tensors_are_where_the_header_says(path: Path) -> None:
    content = file({"__metadata__": {"format": "pt"}, "b": B, "a": A})
    path.write_bytes(content)
    found = read_tensors(path)
    assert {(t.name, t.dtype, t.shape, t.offset, t.size) for t in found.values()} == {
        ("a", "F32", (2, 2), len(content) - 24, 16),
        ("b", "F16", (4,), len(content) - 8, 8),
    }


@pytest.mark.parametrize("dtype", ["F32", "F16", "BF16"])
def test_rows_are_read_as_they_were_written(path: Path, dtype: str) -> None:
    wanted = numpy.arange(60, dtype=numpy.float32).reshape(6, 10)
    words = {"F32": wanted, "F16": wanted.astype("<f2"), "BF16": (wanted.view("<u4") >> 16).astype("<u2")}[
        dtype
    ]
    size = words.nbytes
    path.write_bytes(
        file({"w": {"dtype": dtype, "shape": [6, 10], "data_offsets": [0, size]}}, 0) + words.tobytes()
    )
    chunks = list(read_rows(read_tensors(path)["w"], group=2, chunk=100))
    assert [len(chunk) for chunk in chunks] == [2, 2, 2]
    assert (numpy.concatenate(chunks) == wanted).all()


def test_rows_of_other_types_are_refused(path: Path) -> None:
    path.write_bytes(file({"w": {"dtype": "F8_E4M3", "shape": [8], "data_offsets": [0, 8]}}, 8))
    with pytest.raises(Unsupported, match='tensor "w" has type F8_E4M3, only F32, F16, BF16'):
        list(read_rows(read_tensors(path)["w"]))


def changed(**changes: Any) -> bytes:
    return file({"a": A | changes, "b": B})


UNSOUND: dict[str, tuple[bytes, str]] = {
    "empty": (b"", "length of the header: needs 8 bytes"),
    "length": (file({}, length=2**60), "header: needs 1152921504606846976 bytes"),
    "too long": (file(b"{" + b" " * (17 * MEGABYTE) + b"}"), "the header has more than"),
    "no object": (file([]), "not in safetensors format"),
    "no json": (file(b"{oops}"), "not valid JSON"),
    "deep": (file(b'{"a":' + b"[" * 100_000), "not valid JSON"),
    "many": (file(b'{"a":[' + b"1," * 700_000 + b"1]}"), "more than 655360 values"),
    "same name": (file(b'{"a":1,"a":2}'), 'key "a" appears twice'),
    "no number": (file(b'{"a":NaN}'), "NaN is not a number"),
    "notes": (file({"__metadata__": {"a": 1}}), '"__metadata__" must be an object of strings'),
    "no name": (file({"": A}), "a name has 1 to 512 printable characters"),
    "line in name": (file({"a\n": A}), "printable"),
    "surrogate": (file(b'{"\\ud800":1}'), "printable"),
    "field": (file({"a": A | {"more": 1}}), "nothing else"),
    "fields": (file({"a": {"dtype": "F32"}}), 'it must have "dtype", "shape" and "data_offsets"'),
    "number": (file({"a": 1}), "it must have"),
    "type": (changed(dtype="F77"), 'type "F77" is unknown'),
    "shape": (changed(shape=[2, 3]), "shape [2, 3] does not fit the bytes [0, 16]"),
    "negative": (changed(shape=[-2, -2]), "integers of 0 or more"),
    "bool": (changed(shape=[True, 4]), "must be a list of integers"),
    "text shape": (changed(shape="4"), "must be a list of integers"),
    "overflow": (changed(shape=[2**62, 2**62]), "does not fit"),
    "dimensions": (changed(shape=[1] * 9), "9 dimensions"),
    "one offset": (changed(data_offsets=[0]), "does not fit"),
    "backwards": (changed(data_offsets=[16, 0]), "does not fit"),
    "overlap": (file({"a": A, "b": A}), "overlaps another one"),
    "gap": (file({"a": A, "b": B | {"data_offsets": [17, 25]}}, 25), "leaves a gap before it"),
    "cut off": (file({"a": A, "b": B}, 23), "the tensors need 24 bytes, the file has 23 (cut off"),
    "more": (file({"a": A, "b": B}, 25), "the rest belongs to nothing"),
}
"""What is wrong -> a file with that, and words of the message that say so."""


@pytest.mark.parametrize("case", UNSOUND)
def test_an_unsound_file_is_refused_by_name(path: Path, case: str) -> None:
    content, words = UNSOUND[case]
    path.write_bytes(content)
    with pytest.raises(Invalid) as caught:
        read_tensors(path)
    assert words in str(caught.value)


INDEXES: dict[str, tuple[Any, str]] = {
    "none": ({}, '"weight_map" must be an object'),
    "outside": ({"a": "../x.safetensors"}, "is not the name of a safetensors file beside it"),
    "absolute": ({"a": "/etc/x.safetensors"}, "is not the name of"),
    "pickle": ({"a": "x.bin"}, "is not the name of"),
    "missing": ({"a": "y.safetensors"}, 'the file "y.safetensors" is missing'),
    "elsewhere": ({"a": "x.safetensors", "c": "x.safetensors"}, 'tensor "c" is not in'),
    "forgotten": ({"a": "x.safetensors"}, 'tensor "b" of x.safetensors is missing there'),
    "many": ({f"t{n}": f"{n}.safetensors" for n in range(1025)}, "at most 1024 are allowed"),
}


@pytest.mark.parametrize("case", INDEXES)
def test_an_index_is_refused_by_name(tmp_path: Path, case: str) -> None:
    places, words = INDEXES[case]
    (tmp_path / "x.safetensors").write_bytes(file({"a": A, "b": B}))
    (tmp_path / "model.safetensors.index.json").write_text(
        json.dumps({"weight_map": places} if places else {})
    )
    with pytest.raises(Invalid) as caught:
        read_folder(tmp_path)
    assert words in str(caught.value)


def test_a_folder_without_weights_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Invalid, match=r"has neither model\.safetensors nor"):
        read_folder(tmp_path)


@pytest.mark.parametrize("kind", ["folder", "pipe", "link"])
@pytest.mark.limit(10)
def test_only_regular_files_are_opened(path: Path, kind: str) -> None:
    if kind == "folder":
        path.mkdir()
    elif kind == "pipe":
        os.mkfifo(path)
    else:
        path.symlink_to("/dev/zero")
    with pytest.raises(Invalid):
        read_folder(path.parent)


def test_every_prefix_is_refused(path: Path) -> None:
    content = (GOLDEN / "llama" / "adapter" / "adapter_model.safetensors").read_bytes()
    start = 8 + int.from_bytes(content[:8], "little")
    lengths = [*range(0, start, 1 if PROVE else 17), *range(start, len(content), 997)]
    path.write_bytes(content)
    for length in sorted(lengths, reverse=True):
        os.truncate(path, length)
        with pytest.raises(Invalid):
            read_tensors(path)


def mutate(content: bytes, chance: random.Random, room: int) -> bytes:
    """Damage the first `room` bytes in one to four places."""
    found = bytearray(content)
    for _ in range(chance.randint(1, 4)):
        at = chance.randrange(min(len(found), room))
        match chance.randrange(4):
            case 0:
                found[at] ^= 1 << chance.randrange(8)
            case 1:
                found[at : at + 1] = chance.choice(
                    [b"9" * 30, b'"', b"{", b"[", b"-", b"}", b"\\", b"NaN", b"1e999"]
                )
            case 2:
                found[at:at] = found[chance.randrange(len(found)) :][: chance.randint(1, 64)]
            case _:
                del found[at : at + chance.randint(1, 64)]
    return bytes(found)


@pytest.mark.limit(900)
def test_a_mutation_is_read_or_refused(path: Path) -> None:
    content = (GOLDEN / "llama" / "adapter" / "adapter_model.safetensors").read_bytes()
    chance = random.Random(11)
    slowest = 0.0
    tracemalloc.start()
    try:
        for _ in range(20_000 if PROVE else 600):
            path.write_bytes(mutate(content, chance, 8 + int.from_bytes(content[:8], "little")))
            begin = time.process_time()
            with suppress(Invalid):
                read_tensors(path)
            slowest = max(slowest, time.process_time() - begin)
        assert tracemalloc.get_traced_memory()[1] < 64 * MEGABYTE
    finally:
        tracemalloc.stop()
    assert slowest < 2


PARTS = (
    "config.json",
    "tokenizer.json",
    "tokenizer_config.json",
    "generation_config.json",
    "tokenizer.model",
)


@pytest.mark.limit(1800)
@pytest.mark.parametrize("part", PARTS)
def test_a_mutated_folder_is_converted_or_refused(tmp_path: Path, part: str) -> None:
    """Whatever is damaged beside the weights, only errors of ours come out."""
    source = GOLDEN / "phi3"
    for name in (*PARTS, "model.safetensors"):
        (tmp_path / name).write_bytes((source / name).read_bytes())
    content, chance = (source / part).read_bytes(), random.Random(part)
    if part == "tokenizer.json":
        (tmp_path / "tokenizer.model").unlink()
    for _ in range(4_000 if PROVE else 40):
        (tmp_path / part).write_bytes(mutate(content, chance, len(content)))
        (tmp_path / "m.gguf").unlink(missing_ok=True)
        with suppress(ModelwrightError):
            convert_folder(tmp_path, tmp_path / "m.gguf")


@pytest.mark.limit(900)
def test_a_mutated_adapter_config_is_read_or_refused(tmp_path: Path) -> None:
    content, chance = (GOLDEN / "llama" / "adapter" / "adapter_config.json").read_bytes(), random.Random(13)
    for _ in range(20_000 if PROVE else 500):
        (tmp_path / "adapter_config.json").write_bytes(mutate(content, chance, len(content)))
        with suppress(ModelwrightError):
            read_config(tmp_path)


def test_a_sentencepiece_model_that_does_not_merge_is_refused(tmp_path: Path) -> None:
    piece = b"\x0a\x03\x0a\x01a"
    (tmp_path / "tokenizer.model").write_bytes(piece + b"\x12\x02\x18\x01")
    with pytest.raises(Unsupported, match="of type UNIGRAM, only BPE"):
        read_pieces(tmp_path / "tokenizer.model")
