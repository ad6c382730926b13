"""anatomy: everything that a GGUF's header lists, for those who want to see it.

The tensors, and the arrays of the metadata that the catalogue does not keep.
"""

import struct
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import BinaryIO, Final

from modelwright.core.weights import Anatomy, Scalar, TensorFact
from modelwright.weights.gguf import Array, Header, read_header

_HEAD: Final = struct.Struct("<IIQ")
_LENGTH: Final = struct.Struct("<Q")
_ARRAY, _STRING = 9, 8
_LETTERS: Final = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}


def read_anatomy(path: Path) -> Anatomy:
    """Read tensors and arrays; raises Invalid for an unsound file."""
    header = read_header(path)
    tensors = tuple(TensorFact(t.name, t.packing.name, t.shape) for t in header.tensors)
    with path.open("rb") as file:
        arrays = {key: tuple(_elements(file, header, key)) for key in _array_keys(header)}
    return Anatomy(tensors, arrays)


def _array_keys(header: Header) -> list[str]:
    return [key for key, value in header.metadata.items() if isinstance(value, Array)]


def _elements(file: BinaryIO, header: Header, key: str) -> Iterator[Scalar]:
    """The elements of one array; a text too long to be kept is no array and has none."""
    begin, end = header.spans[key]
    file.seek(begin)
    content = memoryview(file.read(end - begin))
    kind, element, count = _HEAD.unpack_from(content)
    if kind != _ARRAY:
        return
    if element != _STRING:
        yield from (value for (value,) in struct.iter_unpack(f"<{_LETTERS[element]}", content[_HEAD.size :]))
        return
    yield from islice(_strings(content[_HEAD.size :]), count)


def _strings(content: memoryview) -> Iterator[str]:
    position = 0
    while position < len(content):
        (length,) = _LENGTH.unpack_from(content, position)
        position += _LENGTH.size
        yield bytes(content[position : position + length]).decode("utf-8", errors="replace")
        position += length
