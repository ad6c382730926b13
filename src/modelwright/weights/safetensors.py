"""safetensors: what such a file holds and where, read as if it came from an enemy.

Layout (huggingface/safetensors, README): length u64 little endian, that many
bytes of JSON {name: {dtype, shape, data_offsets}}, then the data without gaps.

Tensors are read by rows with plain reads: a mapped file that somebody cuts off
meanwhile would kill the process, a read only comes back short.
"""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, TypeAlias

from modelwright.core.errors import Invalid, Unsupported
from modelwright.core.wording import excerpt
from modelwright.weights.bounded import open_bounded
from modelwright.weights.json_file import Json, parse_object, read_object

if TYPE_CHECKING:
    import numpy
    import numpy.typing

    Floats: TypeAlias = numpy.typing.NDArray[numpy.float32]

HEADER: Final = 16 * 1024 * 1024
"""Bytes of the JSON; the largest known ones have 1 MiB."""
TENSORS: Final = 65_536
NAME: Final = 512
"""Characters of a tensor's name."""
DIMENSIONS: Final = 8
PARTS: Final = 1_024
"""Files that an index may name."""
CHUNK: Final = 8 * 1024 * 1024
"""Bytes of F32 that are converted at once."""

DTYPES: Final[Mapping[str, int]] = MappingProxyType(
    {
        "F64": 8, "F32": 4, "F16": 2, "BF16": 2, "I64": 8, "I32": 4, "I16": 2, "I8": 1,
        "U64": 8, "U32": 4, "U16": 2, "U8": 1, "BOOL": 1, "F8_E4M3": 1, "F8_E5M2": 1,
    }
)  # fmt: skip
FLOATS: Final = ("F32", "F16", "BF16")
"""What can be converted."""
INDEX: Final = "model.safetensors.index.json"
SINGLE: Final = "model.safetensors"


@dataclass(frozen=True, slots=True)
class StoredTensor:
    """A tensor in a file: `offset` and `size` in bytes, `shape` slowest first."""

    name: str
    dtype: str
    shape: tuple[int, ...]
    path: Path
    offset: int
    size: int

    @property
    def row(self) -> int:
        """Elements of a row; a tensor of one dimension has one row."""
        return self.shape[-1] if self.shape else 1

    @property
    def rows(self) -> int:
        return math.prod(self.shape) // self.row


def read_tensors(path: Path) -> dict[str, StoredTensor]:
    """Read and check a file's header; raises Invalid that names what is wrong."""
    with open_bounded(path, 8 + HEADER) as file:
        length = int.from_bytes(file.take(8, f"{path.name}: length of the header"), "little")
        content = file.take(length, f"{path.name}: header")
        room = file.size - file.position
        start = file.position
    if not content.startswith(b"{"):
        raise Invalid(f"{path.name}: not in safetensors format: its header begins with {content[:4]!r}")
    fields = parse_object(content, f"{path.name}: header", values=10 * TENSORS)
    _check_notes(path, fields.pop("__metadata__", {}))
    if len(fields) > TENSORS:
        raise Invalid(f"{path.name}: {len(fields)} tensors, at most {TENSORS} are allowed")
    found = {name: _read_tensor(path, name, value, start) for name, value in fields.items()}
    _check_places(path, found, start, room)
    return found


def read_folder(folder: Path) -> dict[str, StoredTensor]:
    """Read the tensors of a model's folder, of one file or of those its index names."""
    if (folder / INDEX).exists():
        return _read_indexed(folder)
    if (folder / SINGLE).exists():
        return read_tensors(folder / SINGLE)
    raise Invalid(f"{folder.name} has neither {SINGLE} nor {INDEX}")


def read_rows(tensor: StoredTensor, group: int = 1, chunk: int = CHUNK) -> "Iterator[Floats]":
    """Yield a tensor as F32 rows, about `chunk` bytes at once.

    Each time a multiple of `group` rows, but for the last time. Raises Unsupported
    for a dtype that is not F32, F16 or BF16, and Invalid for NaN and infinite values:
    nothing that can be computed comes of them.
    """
    if tensor.dtype not in FLOATS:
        raise Unsupported(
            f"tensor {excerpt(tensor.name)} has type {tensor.dtype}, only {', '.join(FLOATS)} can be read"
        )
    width = DTYPES[tensor.dtype]
    step = max(group, chunk // (4 * tensor.row) // group * group)
    with open_bounded(tensor.path, tensor.offset + tensor.size) as file:
        file.skip(tensor.offset, "start of the data")
        for begin in range(0, tensor.rows, step):
            count = min(step, tensor.rows - begin)
            content = file.take(count * tensor.row * width, f"tensor {excerpt(tensor.name)}")
            yield _floats(content, tensor).reshape(count, tensor.row)


def _floats(content: bytes, tensor: StoredTensor) -> "Floats":
    import numpy

    if tensor.dtype == "BF16":
        words = numpy.frombuffer(content, dtype="<u2").astype(numpy.uint32)
        values: Floats = (words << 16).view(numpy.float32)
    else:
        kind = "<f4" if tensor.dtype == "F32" else "<f2"
        values = numpy.frombuffer(content, dtype=kind).astype(numpy.float32)
    if not numpy.isfinite(values).all():
        raise Invalid(f"tensor {excerpt(tensor.name)} has values that are NaN or infinite")
    return values


def _check_notes(path: Path, notes: Json) -> None:
    if not isinstance(notes, dict) or not all(isinstance(value, str) for value in notes.values()):
        raise Invalid(f'{path.name}: "__metadata__" must be an object of strings')


def _read_tensor(path: Path, name: str, value: Json, start: int) -> StoredTensor:
    what = f"{path.name}: tensor {excerpt(name)}"
    if not 0 < len(name) <= NAME or not name.isprintable():
        raise Invalid(f"{what}: a name has 1 to {NAME} printable characters")
    if not isinstance(value, dict) or set(value) != {"dtype", "shape", "data_offsets"}:
        raise Invalid(f'{what}: it must have "dtype", "shape" and "data_offsets", nothing else')
    width = DTYPES.get(str(value["dtype"]))
    if width is None:
        raise Invalid(f"{what}: type {excerpt(str(value['dtype']))} is unknown")
    shape = _integers(value["shape"], f"{what}: its shape")
    if len(shape) > DIMENSIONS:
        raise Invalid(f"{what} has {len(shape)} dimensions, at most {DIMENSIONS} are allowed")
    offsets = _integers(value["data_offsets"], f"{what}: its offsets")
    if len(offsets) != 2 or offsets[1] - offsets[0] != math.prod(shape) * width:
        raise Invalid(f"{what}: shape {list(shape)} does not fit the bytes {list(offsets)}")
    return StoredTensor(name, str(value["dtype"]), shape, path, start + offsets[0], offsets[1] - offsets[0])


def _integers(value: Json, what: str) -> tuple[int, ...]:
    if not isinstance(value, list):
        raise Invalid(f"{what} must be a list of integers")
    found = tuple(item for item in value if isinstance(item, int) and not isinstance(item, bool))
    if len(found) != len(value) or not all(0 <= item < 2**63 for item in found):
        raise Invalid(f"{what} must be a list of integers of 0 or more")
    return found


def _check_places(path: Path, tensors: Mapping[str, StoredTensor], start: int, room: int) -> None:
    """See that the tensors fill the data, without gaps and without overlaps."""
    end = start
    for tensor in sorted(tensors.values(), key=lambda tensor: (tensor.offset, tensor.size)):
        if tensor.offset != end:
            word = "overlaps another one" if tensor.offset < end else "leaves a gap before it"
            raise Invalid(f"{path.name}: tensor {excerpt(tensor.name)} {word}")
        end += tensor.size
    if end != start + room:
        raise Invalid(
            f"{path.name}: the tensors need {end - start} bytes, the file has {room} "
            f"({'cut off or not fully uploaded' if end > start + room else 'the rest belongs to nothing'})"
        )


def _read_indexed(folder: Path) -> dict[str, StoredTensor]:
    places = read_object(folder / INDEX, HEADER).get("weight_map")
    if not isinstance(places, dict) or not all(isinstance(name, str) for name in places.values()):
        raise Invalid(f'{INDEX}: "weight_map" must be an object of file names')
    names = sorted({str(name) for name in places.values()})
    if len(names) > PARTS:
        raise Invalid(f"{INDEX} names {len(names)} files, at most {PARTS} are allowed")
    found: dict[str, StoredTensor] = {}
    for name in names:
        found |= _read_part(folder, name, found)
    for tensor, place in places.items():
        if tensor not in found or found[tensor].path.name != place:
            raise Invalid(f"{INDEX}: tensor {excerpt(tensor)} is not in {excerpt(str(place))}")
    if extra := next((tensor for tensor in found if tensor not in places), ""):
        raise Invalid(f"{INDEX}: tensor {excerpt(extra)} of {found[extra].path.name} is missing there")
    return found


def _read_part(folder: Path, name: str, seen: Mapping[str, StoredTensor]) -> dict[str, StoredTensor]:
    if Path(name).name != name or not name.endswith(".safetensors"):
        raise Invalid(f"{INDEX}: {excerpt(name)} is not the name of a safetensors file beside it")
    if not (folder / name).exists():
        raise Invalid(f"{INDEX}: the file {excerpt(name)} is missing")
    found = read_tensors(folder / name)
    if twice := next((tensor for tensor in found if tensor in seen), ""):
        raise Invalid(f"tensor {excerpt(twice)} is in {seen[twice].path.name} and in {name}")
    return found
