"""merge_adapters: a base with LoRA adapters -> one GGUF that any llama.cpp runs.

A tensor W that adapters change becomes W + the sum of scale x alpha / rank x B A, as the
engine computes it (llama-adapter.cpp, llama-graph.cpp); all others are copied. What
changes is written in F16, or F32 where it was, so that nothing small is lost in
quantization.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

from modelwright.core.errors import Unsupported
from modelwright.core.wording import excerpt
from modelwright.weights.adapters import ALPHA, A, B, check_adapter, read_base
from modelwright.weights.ggml import FILE_TYPE_NUMBERS
from modelwright.weights.gguf import Header, Tensor, read_header
from modelwright.weights.gguf_writer import (
    Outgoing,
    Progress,
    copied_metadata,
    copied_tensor,
    read_span,
    silent,
    u32,
    write_gguf,
)
from modelwright.weights.packing import pack

if TYPE_CHECKING:
    import numpy

    Floats = numpy.ndarray[tuple[int, ...], numpy.dtype[numpy.float32]]

CHUNK: Final = 8 * 1024 * 1024
"""Weights that are worked on at a time."""
_EMBEDDINGS: Final = "token_embd.weight"


@dataclass(frozen=True, slots=True)
class _Change:
    """One adapter's part in a tensor: `a` is (rank, in), `b` (out, rank)."""

    a: "Floats"
    b: "Floats"
    factor: float


def merge_adapters(
    base: Path, adapters: Sequence[tuple[Path, float]], target: Path, progress: Progress = silent
) -> None:
    """Write `target` from a base and adapters with their scales.

    Raises Invalid for an adapter that does not fit, Unsupported for one that changes
    the embeddings, and for a base whose type cannot be read as numbers. A failure
    leaves no file.
    """
    header, fitted = read_header(base), read_base(base)
    changes: dict[str, list[_Change]] = {}
    for path, scale in adapters:
        check_adapter(path, fitted)
        for place, change in _changes(path, scale):
            changes.setdefault(place, []).append(change)
    metadata = copied_metadata(base, header)
    if any(t.name in changes and t.packing.name != "F32" for t in header.tensors):
        metadata["general.file_type"] = u32(FILE_TYPE_NUMBERS["F16"])
    tensors = [
        _changed(base, header, tensor, changes[tensor.name])
        if tensor.name in changes
        else copied_tensor(base, header, tensor)
        for tensor in header.tensors
    ]
    write_gguf(target, metadata, tensors, progress)


def _changes(path: Path, scale: float) -> Iterator[tuple[str, _Change]]:
    header = read_header(path)
    tensors = {tensor.name: tensor for tensor in header.tensors}
    alpha = header.metadata[ALPHA]
    assert isinstance(alpha, int | float)  # check_adapter has seen to it
    for name, one in tensors.items():
        if not name.endswith(A):
            continue
        place = name.removesuffix(A)
        if place == _EMBEDDINGS:
            raise Unsupported(f"{path.name} changes {excerpt(place)}, which cannot be merged", field="merge")
        other = tensors[place + B]
        factor = scale * alpha / one.shape[1] if alpha else scale
        yield place, _Change(_rows(path, header, one), _rows(path, header, other), factor)


def _changed(base: Path, header: Header, tensor: Tensor, changes: Sequence[_Change]) -> Outgoing:
    packing = "F32" if tensor.packing.name == "F32" else "F16"
    return Outgoing(
        tensor.name, tensor.shape, packing, partial(_packed, base, header, tensor, changes, packing)
    )


def _packed(
    base: Path, header: Header, tensor: Tensor, changes: Sequence[_Change], packing: str
) -> Iterator[bytes]:
    columns, rows = tensor.shape
    step = max(1, CHUNK // columns)
    for first in range(0, rows, step):
        last = min(first + step, rows)
        found = _rows(base, header, tensor, first, last)
        for change in changes:
            found = found + change.factor * (change.b[first:last] @ change.a)
        yield pack(found, packing, tensor.name)


def _rows(path: Path, header: Header, tensor: Tensor, first: int = 0, last: int | None = None) -> "Floats":
    """Some rows of a tensor as numbers, whatever they are packed in."""
    import numpy
    from gguf import GGMLQuantizationType, quants

    columns, rows = tensor.shape
    width = tensor.size // rows
    count = (rows if last is None else last) - first
    begin = header.start + tensor.offset + first * width
    content = b"".join(read_span(path, begin, count * width))
    packed = numpy.frombuffer(content, dtype=numpy.uint8).reshape(count, width)
    try:
        if tensor.packing.name == "F32":
            found = packed.view("<f4")
        elif tensor.packing.name == "F16":
            found = packed.view("<f2").astype(numpy.float32)
        else:
            found = quants.dequantize(packed, GGMLQuantizationType[tensor.packing.name])
    except (RuntimeError, KeyError) as error:
        text = f"tensor {excerpt(tensor.name)} is of type {tensor.packing.name}, which cannot be merged into"
        raise Unsupported(text, field="merge") from error
    return found.astype(numpy.float32, copy=False).reshape(count, columns)
