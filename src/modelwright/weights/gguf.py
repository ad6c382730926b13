"""GGUF: what a weight file says about itself, read as if it came from an enemy.

Layout (ggml, docs/gguf.md), little endian:

    "GGUF"  version u32  tensors u64  metadata u64
    metadata  x n:  key string, type u32, value
    tensor    x n:  name string, dimensions u32, each u64, type u32, offset u64
    padding to general.alignment, then the tensors' data at their offsets

    string = length u64 + bytes;  array = type u32, count u64, elements

A flipped bit in such a header aborts the engine, so whatever the engine would
trip over is refused here, by name, before anything is allocated for it. Tensor
data is located and never read.
"""

import math
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Final, TypeAlias

from modelwright.core.errors import Invalid
from modelwright.core.weights import Scalar, WeightFacts
from modelwright.core.wording import excerpt
from modelwright.weights.bounded import BoundedFile, open_bounded
from modelwright.weights.ggml import FILE_TYPES, TENSOR_TYPES, TensorType
from modelwright.weights.naming import PHI3_TOKENS, check_name

HEADER: Final = 64 * 1024 * 1024
"""Bytes that a header may have; the largest known ones have 30 MiB."""
ENTRIES: Final = 65_536
"""Metadata entries, and tensors, that a file may have."""
KEY: Final = 65_535
"""Bytes of a metadata key (ggml, docs/gguf.md)."""
TEXT: Final = 8 * 1024 * 1024
"""Bytes of all metadata strings that are kept."""
LONG_TEXT: Final = 1024 * 1024
"""Bytes above which a string is not kept: a whole tokenizer.json may stand there."""
TOKENS: Final = 524_288
"""Tokens of a vocabulary; the largest known ones have 262 144."""
TOKEN: Final = 4_096
"""Bytes of one token."""
TENSOR_NAME: Final = 63
"""Bytes of a tensor's name (GGML_MAX_NAME without its end)."""
DIMENSIONS: Final = 4
LAYERS: Final = 512
"""Blocks that the engine has room for (LLAMA_MAX_LAYERS)."""

ALIGNMENT: Final = 32
"""Of tensor data, unless the file says otherwise."""
MAGIC: Final = b"GGUF"
VERSIONS: Final = (2, 3)
NOT_GGUF: Final = "supplied file was not in GGUF format"

_U32: Final = struct.Struct("<I")
_U64: Final = struct.Struct("<Q")
_ARRAY_HEAD: Final = struct.Struct("<IQ")
_PLACE: Final = struct.Struct("<IQ")
_BYTE, _BOOL, _STRING, _ARRAY = 0, 7, 8, 9
_NUMBERS: Final = {
    _BYTE: struct.Struct("<B"),
    1: struct.Struct("<b"),
    2: struct.Struct("<H"),
    3: struct.Struct("<h"),
    4: _U32,
    5: struct.Struct("<i"),
    6: struct.Struct("<f"),
    _BOOL: struct.Struct("<B"),
    10: _U64,
    11: struct.Struct("<q"),
    12: struct.Struct("<d"),
}

TOKENS_KEY: Final = "tokenizer.ggml.tokens"
TEXT_KEYS: Final = ("general.architecture", "general.name", "general.type", "tokenizer.chat_template")
GENERAL_RANGES: Final = {
    "general.alignment": (1, 2**31),
    "general.file_type": (0, 2**31),
    "general.parameter_count": (0, 2**63 - 1),
}
ARCHITECTURE_RANGES: Final = {
    "block_count": (1, LAYERS),
    "context_length": (0, 2**31 - 1),
    "embedding_length": (1, 2**31 - 1),
    "pooling_type": (0, 2**31 - 1),
}
VOCABULARY_ARRAYS: Final = {
    TOKENS_KEY: (_STRING,),
    "tokenizer.ggml.merges": (_STRING,),
    "tokenizer.ggml.scores": (6,),
    "tokenizer.ggml.token_type": (5, 4),
}
"""Arrays that the engine reads without looking at the type of their elements."""
PER_TOKEN: Final = ("tokenizer.ggml.scores", "tokenizer.ggml.token_type")


@dataclass(frozen=True, slots=True)
class Array:
    """An array of the metadata, or a long string as bytes; the elements are not kept."""

    element: int
    count: int


Value: TypeAlias = str | int | float | bool | Array


@dataclass(frozen=True, slots=True)
class Tensor:
    """Where a tensor stands: `offset` and `size` in bytes from the data's start."""

    name: str
    shape: tuple[int, ...]
    packing: TensorType
    offset: int
    size: int

    @property
    def elements(self) -> int:
        return math.prod(self.shape)


@dataclass(frozen=True, slots=True)
class Header:
    """All of a file but its tensor data, which begins at `start`.

    `spans`: first and last + 1 byte of each metadata value, its type included.
    """

    version: int
    metadata: Mapping[str, Value]
    tensors: tuple[Tensor, ...]
    alignment: int
    start: int
    spans: Mapping[str, tuple[int, int]]


def read_header(path: Path, *, part: bool = False) -> Header:
    """Read and check a header; raises Invalid that names what is wrong.

    A `part` of a split file, but for the first, need not name its architecture.
    """
    with open_bounded(path, HEADER) as file:
        version = _read_version(file)
        tensor_count = _read_count(file, "tensors")
        found = _read_metadata(file, _read_count(file, "metadata entries"))
        metadata = found.values
        _check_metadata(metadata, part)
        check_name(_text(metadata, "general.name"), found.lacking)
        alignment = _alignment(metadata)
        tensors = _read_tensors(file, tensor_count, alignment)
        start = -(-file.position // alignment) * alignment
        _check_places(tensors, file.size - start, start)
        return Header(version, metadata, tensors, alignment, start, found.spans)


def read_facts(path: Path) -> WeightFacts:
    """Read what the catalogue keeps of a GGUF; raises Invalid for an unsound one."""
    header = read_header(path)
    metadata = header.metadata
    architecture = _text(metadata, "general.architecture")
    counted = sum(tensor.elements for tensor in header.tensors)
    return WeightFacts(
        kind=_kind(metadata, architecture),
        format="gguf",
        architecture=architecture,
        parameter_count=_integer(metadata, "general.parameter_count", counted),
        file_type=FILE_TYPES.get(_integer(metadata, "general.file_type", -1), "unknown"),
        context_length=_integer(metadata, f"{architecture}.context_length", 0),
        embedding_length=_integer(metadata, f"{architecture}.embedding_length", 0),
        chat_template=_text(metadata, "tokenizer.chat_template"),
        pooled=f"{architecture}.pooling_type" in metadata,
        metadata={key: _shown(value) for key, value in metadata.items()},
    )


def _kind(metadata: Mapping[str, Value], architecture: str) -> str:
    said = _text(metadata, "general.type")
    if said == "adapter":
        return "adapter"
    return "projector" if said == "mmproj" or architecture == "clip" else "model"


def _text(metadata: Mapping[str, Value], key: str) -> str:
    value = metadata.get(key)
    return value if isinstance(value, str) else ""


def _integer(metadata: Mapping[str, Value], key: str, otherwise: int) -> int:
    value = metadata.get(key)
    return value if isinstance(value, int) else otherwise


def _shown(value: Value) -> Scalar:
    return None if isinstance(value, Array) else value


def _read_version(file: BoundedFile) -> int:
    if file.size < len(MAGIC) or (begin := file.take(len(MAGIC), "magic")) != MAGIC:
        found = repr(begin) if file.size >= len(MAGIC) else f"only {file.size} bytes"
        raise Invalid(f"{NOT_GGUF}: it begins with {found} instead of {MAGIC!r}")
    (version,) = _U32.unpack(file.take(_U32.size, "version"))
    if version in VERSIONS:
        return int(version)
    if int.from_bytes(version.to_bytes(4, "little"), "big") in VERSIONS:
        raise Invalid("the GGUF file is big-endian, only little-endian ones are supported")
    raise Invalid(f"GGUF version {version} is not supported, only 2 and 3 are")


def _read_count(file: BoundedFile, what: str) -> int:
    (count,) = _U64.unpack(file.take(_U64.size, f"number of {what}"))
    if count > ENTRIES:
        raise Invalid(f"the file claims {count} {what}, at most {ENTRIES} are allowed")
    return int(count)


class _MetadataReader:
    """Reads metadata entries and remembers how much text it has kept."""

    def __init__(self, file: BoundedFile) -> None:
        self._file = file
        self._text = 0
        self.values: dict[str, Value] = {}
        self.spans: dict[str, tuple[int, int]] = {}
        self.lacking: frozenset[bytes] = frozenset()
        """Those of PHI3_TOKENS that a vocabulary does not have."""

    def read_entry(self, number: int) -> None:
        what = f"metadata entry {number}"
        key = _read_name(self._file, KEY, what)
        if key in self.values:
            raise Invalid(f"metadata {excerpt(key)} appears twice")
        begin = self._file.position
        what = f"metadata {excerpt(key)}"
        (kind,) = _U32.unpack(self._file.take(_U32.size, what))
        if kind == _STRING:
            self.values[key] = self._read_text(what)
        elif kind == _ARRAY:
            self.values[key] = self._read_array(key, what)
        elif kind in _NUMBERS:
            self.values[key] = self._read_number(kind, what)
        else:
            raise Invalid(f"{what}: type {kind} is unknown")
        self.spans[key] = (begin, self._file.position)

    def _read_text(self, what: str) -> str | Array:
        (length,) = _U64.unpack(self._file.take(_U64.size, what))
        self._file.require(length, what)
        if length > LONG_TEXT:
            self._file.skip(length, what)
            return Array(_BYTE, length)
        self._text += length
        if self._text > TEXT:
            raise Invalid(f"{what}: the metadata has more than {TEXT} bytes of text, which is the limit")
        return self._file.take(length, what).decode("utf-8", errors="replace")

    def _read_number(self, kind: int, what: str) -> int | float | bool:
        form = _NUMBERS[kind]
        value: int | float = form.unpack(self._file.take(form.size, what))[0]
        if isinstance(value, float) and not math.isfinite(value):
            raise Invalid(f"{what}: {value} is not a finite number")
        return bool(value) if kind == _BOOL else value

    def _read_array(self, key: str, what: str) -> Array:
        element, count = _ARRAY_HEAD.unpack(self._file.take(_ARRAY_HEAD.size, what))
        if key == TOKENS_KEY and element == _STRING:
            self.lacking = PHI3_TOKENS - _read_tokens(self._file, count, what)
        elif element == _STRING:
            self._file.skip_strings(count, what)
        elif element in _NUMBERS:
            self._file.skip(count * _NUMBERS[element].size, what)
        else:
            raise Invalid(f"{what}: arrays of type {element} are not supported")
        return Array(element, count)


def _read_name(file: BoundedFile, longest: int, what: str) -> str:
    (length,) = _U64.unpack(file.take(_U64.size, what))
    file.require(length, what)
    if length > longest:
        raise Invalid(f"{what}: its name has {length} bytes, at most {longest} are allowed")
    try:
        return file.take(length, what).decode("utf-8")
    except UnicodeDecodeError as error:
        raise Invalid(f"{what}: its name is not UTF-8") from error


def _read_tokens(file: BoundedFile, count: int, what: str) -> set[bytes]:
    """Walk over a vocabulary; the engine aborts when two tokens are equal."""
    if count > TOKENS:
        raise Invalid(f"{what}: the vocabulary has {count} tokens, at most {TOKENS} are allowed")
    seen: set[bytes] = set()
    for index, token in enumerate(file.strings(count, TOKEN, what)):
        word = token or b"[EMPTY_%d]" % index  # what the engine calls it (llama-vocab.cpp)
        if word in seen:
            raise Invalid(f"{what}: token {index}, {word[:80]!r}, appears twice")
        seen.add(word)
    return seen


def _read_metadata(file: BoundedFile, count: int) -> _MetadataReader:
    reader = _MetadataReader(file)
    for number in range(count):
        reader.read_entry(number)
    return reader


def _check_metadata(metadata: Mapping[str, Value], part: bool) -> None:
    """Check the type and range of what the engine, or we, rely on."""
    for key in TEXT_KEYS:
        if not isinstance(metadata.get(key, ""), str):
            raise Invalid(f"metadata {excerpt(key)} must be a string")
    architecture = metadata.get("general.architecture")
    if not architecture and not part:
        raise Invalid('metadata "general.architecture" is missing')
    ranges = {f"{architecture}.{key}": limits for key, limits in ARCHITECTURE_RANGES.items()}
    for key, (low, high) in (GENERAL_RANGES | ranges).items():
        value = metadata.get(key, low)
        if isinstance(value, bool) or not isinstance(value, int):
            raise Invalid(f"metadata {excerpt(key)} must be an integer")
        if not low <= value <= high:
            raise Invalid(f"metadata {excerpt(key)} is {value}, allowed are {low} to {high}")
    _check_vocabulary(metadata)


def _check_vocabulary(metadata: Mapping[str, Value]) -> None:
    tokens = metadata.get(TOKENS_KEY)
    count = tokens.count if isinstance(tokens, Array) else 0
    for key, elements in VOCABULARY_ARRAYS.items():
        value = metadata.get(key)
        if value is None:
            continue
        if not isinstance(value, Array) or value.element not in elements:
            raise Invalid(
                f"metadata {excerpt(key)} must be an array of type {' or '.join(map(str, elements))}"
            )
        if key in PER_TOKEN and value.count != count:
            raise Invalid(f"metadata {excerpt(key)} has {value.count} elements for {count} tokens")


def _alignment(metadata: Mapping[str, Value]) -> int:
    alignment = _integer(metadata, "general.alignment", ALIGNMENT)
    if alignment & (alignment - 1):
        raise Invalid(f'metadata "general.alignment" is {alignment}, it must be a power of two')
    return alignment


def _read_tensors(file: BoundedFile, count: int, alignment: int) -> tuple[Tensor, ...]:
    found: dict[str, Tensor] = {}
    for number in range(count):
        name = _read_name(file, TENSOR_NAME, f"tensor {number}")
        if name in found:
            raise Invalid(f"tensor {excerpt(name)} appears twice")
        found[name] = _read_tensor(file, name, alignment)
    return tuple(found.values())


def _read_tensor(file: BoundedFile, name: str, alignment: int) -> Tensor:
    what = f"tensor {excerpt(name)}"
    (dimensions,) = _U32.unpack(file.take(_U32.size, what))
    if not 1 <= dimensions <= DIMENSIONS:
        raise Invalid(f"{what} has {dimensions} dimensions, allowed are 1 to {DIMENSIONS}")
    shape = struct.unpack(f"<{dimensions}Q", file.take(dimensions * _U64.size, what))
    kind, offset = _PLACE.unpack(file.take(_PLACE.size, what))
    packing = TENSOR_TYPES.get(kind)
    if packing is None:
        raise Invalid(f"{what}: type {kind} is unknown")
    elements = math.prod(shape)
    if not 0 < elements < 2**63:
        raise Invalid(f"{what}: shape {list(shape)} is empty or too large")
    if shape[0] % packing.block:
        raise Invalid(f"{what}: rows of {shape[0]} elements are not whole blocks of {packing.name}")
    if offset % alignment:
        raise Invalid(f"{what}: offset {offset} is not a multiple of the alignment {alignment}")
    return Tensor(name, shape, packing, offset, elements // packing.block * packing.size)


def _check_places(tensors: tuple[Tensor, ...], room: int, start: int) -> None:
    """See that every tensor lies inside the file and on no other one."""
    for tensor in tensors:
        left = room - tensor.offset
        if tensor.size > left:
            raise Invalid(
                f"tensor {excerpt(tensor.name)}: needs {tensor.size} bytes at offset "
                f"{start + tensor.offset}, the file has {max(left, 0)} left (cut off or not fully uploaded)"
            )
    for one, next_one in pairwise(sorted(tensors, key=lambda tensor: tensor.offset)):
        if one.offset + one.size > next_one.offset:
            raise Invalid(f"tensors {excerpt(one.name)} and {excerpt(next_one.name)} overlap")
