"""PEFT folder: a GGUF adapter as a LoRA of PEFT, to be trained further.

The way back of adapters.py, to the bit for F32: the same numbers under PEFT's
names, with the rows of q and k where transformers has them.
"""

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final

from modelwright.core.errors import Invalid, Unsupported
from modelwright.core.wording import excerpt
from modelwright.weights.adapters import (
    ALPHA,
    CONFIG,
    PREFIX,
    WEIGHTS,
    A,
    B,
    Base,
    check_adapter,
)
from modelwright.weights.convert import tensor_names
from modelwright.weights.gguf import Array, Header, Tensor, read_header
from modelwright.weights.packing import PLAIN, as_stored
from modelwright.weights.safetensors import read_rows

if TYPE_CHECKING:
    from modelwright.weights.safetensors import Floats

LAYERED: Final = (
    "self_attn.q_proj",
    "self_attn.k_proj",
    "self_attn.v_proj",
    "self_attn.o_proj",
    "self_attn.qkv_proj",
    "mlp.gate_proj",
    "mlp.up_proj",
    "mlp.gate_up_proj",
    "mlp.down_proj",
)
"""Linear modules of a block, as transformers calls them."""


def unpack_adapter(adapter: Path, base: Base, folder: Path) -> None:
    """Write a PEFT folder of a GGUF adapter for `base`.

    Raises Unsupported when PEFT's plain LoRA cannot say it: ranks that differ, or
    an adapter on other tensors than the linear ones of the blocks.
    """
    check_adapter(adapter, base)
    header = read_header(adapter)
    tensors = {tensor.name: tensor for tensor in header.tensors}
    modules = _modules(base)
    places = [name.removesuffix(A) for name in tensors if name.endswith(A)]
    ranks = {tensors[place + A].shape[1] for place in places}
    if len(ranks) != 1:
        raise Unsupported(
            f"the adapter has several ranks ({', '.join(map(str, sorted(ranks)))}), training needs one",
            hint="Start from a model without it",
        )
    found: dict[str, Floats] = {}
    for place in places:
        module = modules.get(place)
        if module is None:
            raise Unsupported(f"the adapter changes {excerpt(place)}, which cannot be trained on")
        turned = (
            base.head if base.architecture == "llama" and (".attn_q." in place or ".attn_k." in place) else 0
        )
        one, other = (
            _numbers(adapter, header, tensors[place + A]),
            _numbers(adapter, header, tensors[place + B]),
        )
        found[f"{PREFIX}{module}.lora_A.weight"] = one
        found[f"{PREFIX}{module}.lora_B.weight"] = _halved(other, turned) if turned else other
    folder.mkdir(parents=True, exist_ok=True)
    write_safetensors(folder / WEIGHTS, found)
    leaves = sorted({modules[place].rpartition(".")[2] for place in places})
    (folder / CONFIG).write_text(
        json.dumps(_config(header, ranks.pop(), leaves), indent=1, sort_keys=True) + "\n"
    )


def write_safetensors(path: Path, tensors: "Mapping[str, Floats]") -> None:
    """Write F32 tensors, ordered by name."""
    entries, offset = {}, 0
    for name in sorted(tensors):
        array = tensors[name]
        entries[name] = {
            "dtype": "F32",
            "shape": list(array.shape),
            "data_offsets": [offset, offset + array.nbytes],
        }
        offset += array.nbytes
    head = json.dumps(entries, separators=(",", ":")).encode()
    head += b" " * (-len(head) % 8)
    with path.open("wb") as file:
        file.write(len(head).to_bytes(8, "little") + head)
        for name in sorted(tensors):
            file.write(tensors[name].astype("<f4").tobytes())


def _modules(base: Base) -> dict[str, str]:
    """The engine's name of a tensor -> transformers' name of its module."""
    named = [f"model.layers.{layer}.{leaf}" for layer in range(base.layers) for leaf in LAYERED]
    places = tensor_names(base.architecture, base.layers, [f"{name}.weight" for name in named])
    found: dict[str, str] = {}
    for name, place in places.items():
        if place in base.shapes:
            found.setdefault(place, name.removesuffix(".weight"))
    return found


def _numbers(path: Path, header: Header, tensor: Tensor) -> "Floats":
    import numpy

    if tensor.packing.name not in PLAIN:
        raise Unsupported(
            f"the adapter's {excerpt(tensor.name)} is quantized, training needs F32, F16 or BF16"
        )
    return numpy.concatenate(list(read_rows(as_stored(path, header, tensor))))


def _halved(rows: "Floats", head: int) -> "Floats":
    """Undo convert.interleaved."""
    pairs = rows.reshape(-1, head // 2, 2, rows.shape[-1])
    return pairs.swapaxes(1, 2).reshape(rows.shape)


def _config(header: Header, rank: int, leaves: list[str]) -> dict[str, object]:
    alpha = header.metadata[ALPHA]
    if isinstance(alpha, bool | str | Array) or not math.isfinite(alpha):
        raise Invalid(f"{excerpt(ALPHA)} must be a number")
    return {
        "peft_type": "LORA",
        "task_type": "CAUSAL_LM",
        "r": rank,
        "lora_alpha": float(alpha),
        "target_modules": leaves,
        "bias": "none",
    }
