"""GGUF, written: metadata as encoded values, tensors as streams of bytes.

Metadata that only passes through is copied as the bytes it was, so a
vocabulary is never built in memory; no tensor is held whole.
"""

import struct
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final, TypeAlias

from modelwright.core.errors import Invalid, Unavailable
from modelwright.weights.ggml import TENSOR_TYPES, TYPE_NUMBERS
from modelwright.weights.gguf import ALIGNMENT, MAGIC, TENSOR_NAME, Header, Tensor

VERSION: Final = 3
COPY: Final = 4 * 1024 * 1024
_U16, _U32, _I32, _F32, _BOOL, _STRING, _ARRAY = 2, 4, 5, 6, 7, 8, 9

Metadata: TypeAlias = dict[str, bytes]
"""Key -> its value as the file holds it, the type's number first."""
Progress: TypeAlias = Callable[[int, int], None]
"""Called with the bytes of tensor data done and those there are."""


def silent(_done: int, _total: int) -> None:
    """Take progress and tell nobody."""


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A tensor to write: `shape` fastest dimension first, `chunks` its bytes in order."""

    name: str
    shape: tuple[int, ...]
    packing: str
    chunks: Callable[[], Iterable[bytes]]

    @property
    def size(self) -> int:
        packing = TENSOR_TYPES[TYPE_NUMBERS[self.packing]]
        elements = 1
        for dimension in self.shape:
            elements *= dimension
        return elements // packing.block * packing.size


def u16(value: int) -> bytes:
    return struct.pack("<IH", _U16, value)


def u32(value: int) -> bytes:
    return struct.pack("<II", _U32, value)


def i32(value: int) -> bytes:
    return struct.pack("<Ii", _I32, value)


def f32(value: float) -> bytes:
    return struct.pack("<If", _F32, value)


def flag(value: bool) -> bytes:
    return struct.pack("<I?", _BOOL, value)


def text(value: str) -> bytes:
    return struct.pack("<I", _STRING) + _string(value.encode())


def texts(values: Sequence[bytes]) -> bytes:
    return struct.pack("<IIQ", _ARRAY, _STRING, len(values)) + b"".join(map(_string, values))


def f32s(values: Sequence[float]) -> bytes:
    return struct.pack(f"<IIQ{len(values)}f", _ARRAY, _F32, len(values), *values)


def i32s(values: Sequence[int]) -> bytes:
    return struct.pack(f"<IIQ{len(values)}i", _ARRAY, _I32, len(values), *values)


def flags(values: Sequence[bool]) -> bytes:
    return struct.pack(f"<IIQ{len(values)}?", _ARRAY, _BOOL, len(values), *values)


def _string(content: bytes) -> bytes:
    return struct.pack("<Q", len(content)) + content


def copied_metadata(path: Path, header: Header) -> Metadata:
    """Return a file's metadata as the bytes it has, but for where its data stands."""
    found: Metadata = {}
    with path.open("rb") as file:
        for key, (begin, end) in header.spans.items():
            if key == "general.alignment":
                continue
            file.seek(begin)
            found[key] = file.read(end - begin)
    return found


def copied_tensor(path: Path, header: Header, tensor: Tensor) -> Outgoing:
    """Return a tensor that is copied from another file as it is."""

    def chunks() -> Iterator[bytes]:
        return read_span(path, header.start + tensor.offset, tensor.size)

    return Outgoing(tensor.name, tensor.shape, tensor.packing.name, chunks)


def read_span(path: Path, offset: int, size: int, chunk: int = COPY) -> Iterator[bytes]:
    """Yield a part of a file; raises Invalid when the file has shrunk meanwhile."""
    with path.open("rb") as file:
        file.seek(offset)
        while size:
            content = file.read(min(chunk, size))
            if not content:
                raise Invalid(f"{path.name} shrank while it was read")
            size -= len(content)
            yield content


def write_gguf(
    path: Path, metadata: Mapping[str, bytes], tensors: Sequence[Outgoing], progress: Progress = silent
) -> None:
    """Write a new file; what a failure leaves of it is removed.

    Raises Unavailable when the disk is full, and what a tensor's stream raises.
    """
    try:
        with path.open("xb") as file:
            _write_header(file, metadata, tensors)
            _write_tensors(file, tensors, progress)
    except FileExistsError as error:
        raise Invalid(f"{path.name} exists already") from error
    except OSError as error:
        _remove(path)
        raise Unavailable(f"{path.name} cannot be written: {error.strerror}") from error
    except BaseException:
        _remove(path)
        raise


def _remove(path: Path) -> None:
    with suppress(OSError):
        path.unlink()


def _write_header(file: BinaryIO, metadata: Mapping[str, bytes], tensors: Sequence[Outgoing]) -> None:
    file.write(MAGIC + struct.pack("<IQQ", VERSION, len(tensors), len(metadata)))
    for key, value in metadata.items():
        file.write(_string(key.encode()) + value)
    offset = 0
    for tensor in tensors:
        name = tensor.name.encode()
        if len(name) > TENSOR_NAME:
            raise Invalid(f"tensor {name!r}: a name has at most {TENSOR_NAME} bytes")
        shape = struct.pack(f"<I{len(tensor.shape)}Q", len(tensor.shape), *tensor.shape)
        file.write(_string(name) + shape + struct.pack("<IQ", TYPE_NUMBERS[tensor.packing], offset))
        offset += tensor.size + -tensor.size % ALIGNMENT
    file.write(bytes(-file.tell() % ALIGNMENT))


def _write_tensors(file: BinaryIO, tensors: Sequence[Outgoing], progress: Progress) -> None:
    total = sum(tensor.size for tensor in tensors)
    done = 0
    progress(0, total)
    for tensor in tensors:
        written = 0
        for chunk in tensor.chunks():
            file.write(chunk)
            written += len(chunk)
            progress(done + written, total)
        if written != tensor.size:
            raise Invalid(f"tensor {tensor.name}: {written} bytes came, {tensor.size} were announced")
        done += written
        file.write(bytes(-written % ALIGNMENT))
