"""quantize: a GGUF of F32, F16 or BF16 -> one of fewer bits per weight.

Streams tensor by tensor in chunks of rows, so that memory stays small whatever
the model. Knows nothing of where files are kept.
"""

from functools import partial
from pathlib import Path
from typing import Final

from modelwright.core.errors import Unsupported
from modelwright.weights.ggml import FILE_TYPE_NUMBERS
from modelwright.weights.gguf import Header, Tensor, read_header
from modelwright.weights.gguf_writer import (
    Outgoing,
    Progress,
    copied_metadata,
    copied_tensor,
    silent,
    u32,
    write_gguf,
)
from modelwright.weights.kquants import quantize_mixture
from modelwright.weights.packing import (
    BLOCKS,
    MIXTURES,
    PLAIN,
    as_stored,
    is_kept,
    packed,
    packing_of,
    wanted_type,
)

REFUSED: Final = "quantization is only supported for F16, BF16 and F32 models"
"""Ollama's words (server/create.go)."""
QUANTIZATION_VERSION: Final = 2
"""Of ggml's block layouts (GGML_QNT_VERSION)."""


def quantize(source: Path, target: Path, wanted: str, progress: Progress = silent) -> None:
    """Write `target`, a new file of type `wanted` (any word for it), from a GGUF.

    `progress` gets bytes of the target done and in all. Raises Unsupported for an
    unknown type, a source that is quantized already, and a K type without the
    extra; Invalid for an unsound source. A failure leaves no file.
    """
    name = wanted_type(wanted)
    header = read_header(source)
    if header.metadata.get("general.type", "model") != "model" or not _is_plain(header):
        raise Unsupported(REFUSED, field="quantize")
    if name in MIXTURES:
        quantize_mixture(source, target, name, progress)
        return
    metadata = copied_metadata(source, header)
    metadata["general.file_type"] = u32(FILE_TYPE_NUMBERS[name])
    if name in BLOCKS:
        metadata["general.quantization_version"] = u32(QUANTIZATION_VERSION)
    names = {tensor.name for tensor in header.tensors}
    head = "output.weight" if "output.weight" in names else "token_embd.weight"
    tensors = [_outgoing(source, header, tensor, name, head) for tensor in header.tensors]
    write_gguf(target, metadata, tensors, progress)


def _is_plain(header: Header) -> bool:
    """Say whether every matrix is F32, F16 or BF16."""
    return all(tensor.packing.name in PLAIN for tensor in header.tensors if len(tensor.shape) > 1)


def _outgoing(source: Path, header: Header, tensor: Tensor, wanted: str, head: str) -> Outgoing:
    packing = packing_of(tensor.name, tensor.shape, wanted, head=head)
    found = tensor.packing.name
    if found == packing or found not in PLAIN or is_kept(tensor.name):
        return copied_tensor(source, header, tensor)
    stored = as_stored(source, header, tensor)
    return Outgoing(tensor.name, tensor.shape, packing, partial(packed, stored, packing))
