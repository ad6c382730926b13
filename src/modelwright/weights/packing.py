"""Packings: which tensor becomes which type, and F32 rows as bytes of a type.

The arithmetic of the quantized types is the `gguf` package's, which is ggml's
own. K-quants need the engine's C code and live in `kquants`.
"""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from modelwright.core.errors import Invalid, Unsupported
from modelwright.core.wording import excerpt
from modelwright.weights.ggml import TENSOR_TYPES, TYPE_NUMBERS
from modelwright.weights.gguf import Header, Tensor
from modelwright.weights.safetensors import CHUNK, StoredTensor, read_rows

if TYPE_CHECKING:
    from modelwright.weights.safetensors import Floats

PLAIN: Final = ("F32", "F16", "BF16")
BLOCKS: Final = ("Q8_0", "Q4_0", "Q4_1", "Q5_0", "Q5_1")
MIXTURES: Final = ("Q4_K_M", "Q4_K_S", "Q5_K_M", "Q6_K", "Q3_K_M", "Q2_K")
"""Made of several K types by the extra `[quantize]`."""

ALIASES: Final = MappingProxyType(
    {"Q2_K_M": "Q2_K", "Q3_K": "Q3_K_M", "Q4_K": "Q4_K_M", "Q5_K": "Q5_K_M", "Q6_K_M": "Q6_K",
     "FP32": "F32", "FP16": "F16", "FLOAT32": "F32", "FLOAT16": "F16", "BFLOAT16": "BF16",
     "INT8": "Q8_0", "INT4": "Q4_0"}
)  # fmt: skip
"""Other words for a type; int4 and int8 are Ollama's since 0.34, for safetensors."""
LARGEST: Final = 65504
"""Number that F16 has."""
ELSEWHERE: Final = ("NVFP4", "MXFP4", "MXFP8")
"""Types of Ollama's runner for safetensors that no GGUF file is made of here."""

_KEPT: Final = re.compile(
    r"ffn_gate_inp|altup|laurel|per_layer_model_proj|position_embd|token_types|ssm_conv1d|shortconv\.conv"
    r"|time_mix_|attn_rel_b|^(v|mm|a)\."
)
"""Small or touchy tensors that llama.cpp leaves as they are (llama-quant.cpp)."""


def wanted_type(word: str) -> str:
    """Return the name of a file type from any of the words for it.

    Raises Unsupported with the message of Ollama (server/create.go) otherwise.
    """
    name = word.strip().upper()
    name = ALIASES.get(name, name)
    if name in (*PLAIN, *BLOCKS, *MIXTURES):
        return name
    hint = ""
    if name in ELSEWHERE:
        hint = "It is a type of Ollama's runner for safetensors; GGUF has Q4_0 or Q4_K_M of that size"
    supported = ", ".join((*PLAIN, *BLOCKS, *MIXTURES))
    raise Unsupported(
        f"unsupported quantization type {excerpt(word, 40)[1:-1]} - supported types are {supported}",
        field="quantize",
        hint=hint,
    )


def packing_of(name: str, shape: Sequence[int], wanted: str, *, head: str = "output.weight") -> str:
    """Return the type of a tensor in a file of type `wanted`, one of PLAIN and BLOCKS.

    As llama.cpp chooses (llama-quant.cpp): one dimension, norms and what is no
    weight stay F32; rows that are not whole blocks become F16. `head` is the
    tensor that makes the logits (`token_embd.weight` when it is tied): in files
    of four and five bits it gets more, there Q6_K, here Q8_0.
    """
    if len(shape) < 2 or not name.endswith(".weight") or name.endswith("_norm.weight"):
        return "F32"
    if wanted in PLAIN:
        return wanted
    if shape[0] % TENSOR_TYPES[TYPE_NUMBERS[wanted]].block:
        return "F16"
    return "Q8_0" if name == head else wanted


def is_kept(name: str) -> bool:
    """Say whether a tensor keeps its type whatever is wanted."""
    return _KEPT.search(name) is not None


def pack(rows: "Floats", packing: str, name: str) -> bytes:
    """Return rows as bytes; raises Invalid for a value that F16 has no room for.

    Blocks of quantized types have their scales in F16.
    """
    from gguf import GGMLQuantizationType, quants

    if packing == "F32":
        return rows.astype("<f4", copy=False).tobytes()
    if packing != "BF16" and max(float(rows.max()), -float(rows.min())) > LARGEST:
        raise Invalid(
            f"tensor {excerpt(name)} has values over {LARGEST}, for which F16 has no room",
            hint="Choose BF16 or F32",
        )
    if packing == "F16":
        return rows.astype("<f2").tobytes()
    return bytes(quants.quantize(rows, GGMLQuantizationType[packing]).tobytes())


def as_stored(path: Path, header: Header, tensor: Tensor) -> StoredTensor:
    """Return a GGUF's tensor as one of safetensors, so that its rows can be read."""
    place = header.start + tensor.offset
    return StoredTensor(tensor.name, tensor.packing.name, tensor.shape[::-1], path, place, tensor.size)


def packed(tensor: StoredTensor, packing: str) -> Iterator[bytes]:
    """Yield a stored tensor's bytes in another type."""
    # The temporary arrays of quantizing are several times as large as its input.
    for rows in read_rows(tensor, chunk=CHUNK if packing in PLAIN else CHUNK // 4):
        yield pack(rows, packing, tensor.name)
