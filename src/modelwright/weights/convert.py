"""convert: a folder of safetensors, as Hugging Face has it -> one GGUF.

Streams tensor by tensor. Refuses pickles, code, and every class that is not
proven to answer as it does in transformers; runs nothing that is in the folder.
"""

import math
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

from modelwright.core.errors import Invalid, Unsupported
from modelwright.core.wording import excerpt
from modelwright.weights.families import Family, Sizes, describe, family_of, read_sizes
from modelwright.weights.ggml import FILE_TYPE_NUMBERS
from modelwright.weights.gguf_writer import Metadata, Outgoing, Progress, silent, text, u32, write_gguf
from modelwright.weights.json_file import Fields, read_object
from modelwright.weights.naming import PHI3_TOKENS, misleads
from modelwright.weights.packing import BLOCKS, PLAIN, pack, packing_of, wanted_type
from modelwright.weights.pooling import read_pooling
from modelwright.weights.quantize import QUANTIZATION_VERSION
from modelwright.weights.safetensors import CHUNK, StoredTensor, read_folder, read_rows
from modelwright.weights.vocabulary import read_vocabulary

if TYPE_CHECKING:
    from modelwright.weights.safetensors import Floats

PICKLES: Final = (".bin", ".pth", ".pt", ".ckpt", ".pkl")
IGNORED: Final = ("rotary_emb.inv_freq", ".masked_bias")
"""Ends of tensors that hold no weights: caches that old files carry."""
EMBEDDINGS, OUTPUT, NORM = "token_embd.weight", "output.weight", "output_norm.weight"


@dataclass(frozen=True, slots=True)
class Converted:
    """What was made. `notes`: what the engine does differently, in sentences."""

    architecture: str
    file_type: str
    notes: tuple[str, ...]


def convert_folder(
    folder: Path, target: Path, *, name: str = "", wanted: str = "", progress: Progress = silent
) -> Converted:
    """Write `target`, a new GGUF, from a folder with config.json and safetensors.

    `wanted`: a type of PLAIN or BLOCKS by any word; without one, the type that
    most of the weights have. Raises Unsupported for a class, a tokenizer or a
    setting that cannot be converted faithfully, Invalid for a broken file; both name
    it. A failure leaves no file.
    """
    _refuse_pickles(folder)
    config = Fields(read_object(folder / "config.json"), "config.json")
    family = family_of(config)
    sizes = read_sizes(config)
    stored = read_folder(folder)
    file_type = _file_type(wanted, stored)
    notes: list[str] = []
    rope = describe(family, config, sizes, notes)
    named = _named(family, config, sizes, stored)
    rows = named[EMBEDDINGS].shape[0]
    metadata = _general(family, file_type, name or folder.name) | rope.metadata
    metadata |= {f"{family.architecture}.vocab_size": u32(rows)} | read_vocabulary(folder, rows, notes)
    _drop_misleading_name(metadata, name or folder.name)
    if family.embeds:
        pooling, dense = read_pooling(folder, notes)
        metadata |= {f"{family.architecture}.{key}": value for key, value in pooling.items()}
        named |= dense
    head = OUTPUT if OUTPUT in named else EMBEDDINGS
    tensors = [_factors(factor, values) for factor, values in rope.factors.items()]
    tensors += [_outgoing(family, sizes, place, tensor, file_type, head) for place, tensor in named.items()]
    write_gguf(target, metadata, tensors, progress)
    return Converted(family.architecture, file_type, tuple(notes))


def _refuse_pickles(folder: Path) -> None:
    if not folder.is_dir():
        raise Invalid(f"{folder.name} is not a folder")
    pickles = sorted(path.name for path in folder.iterdir() if path.suffix in PICKLES)
    if pickles and not any(folder.glob("*.safetensors")):
        raise Unsupported(
            f"{excerpt(pickles[0])} is a pickle, which can run code when it is read, so it never is",
            hint="Save the model with safe_serialization=True, which writes safetensors",
        )


def _file_type(wanted: str, stored: Mapping[str, StoredTensor]) -> str:
    if wanted:
        name = wanted_type(wanted)
        if name not in (*PLAIN, *BLOCKS):
            raise Unsupported(
                f"a conversion cannot write {name} at once", hint="Convert to F16 first, then quantize"
            )
        return name
    sizes = dict.fromkeys(PLAIN, 0)
    for tensor in stored.values():
        if tensor.dtype in sizes:
            sizes[tensor.dtype] += tensor.size
    return max(PLAIN, key=lambda name: sizes[name])


def _general(family: Family, file_type: str, name: str) -> Metadata:
    found = {
        "general.architecture": text(family.architecture),
        "general.type": text("model"),
        "general.name": text(name.encode(errors="replace").decode()),
        "general.file_type": u32(FILE_TYPE_NUMBERS[file_type]),
    }
    if file_type in BLOCKS:
        found["general.quantization_version"] = u32(QUANTIZATION_VERSION)
    return found


def _drop_misleading_name(metadata: Metadata, name: str) -> None:
    """Leave out a name with "phi3" in it that the engine would fall for.

    It looks these tokens up by the model's name alone, and refuses the file when
    they are absent (llama-vocab.cpp).
    """
    tokens = metadata["tokenizer.ggml.tokens"]
    known = all(struct.pack("<Q", len(token)) + token in tokens for token in PHI3_TOKENS)
    if not known and misleads(name):
        del metadata["general.name"]


def tensor_names(architecture: str, layers: int, names: list[str]) -> dict[str, str]:
    """Return the engine's name of each of transformers' names that it has one for."""
    import gguf

    kinds = {kind: number for number, kind in gguf.MODEL_ARCH_NAMES.items()}
    known = gguf.get_tensor_name_map(kinds[architecture], layers)
    found = {name: known.get_name(name, try_suffixes=(".weight", ".bias")) for name in names}
    return {name: place for name, place in found.items() if place}


def _named(
    family: Family, config: Fields, sizes: Sizes, stored: Mapping[str, StoredTensor]
) -> dict[str, StoredTensor]:
    """Give each tensor the engine's name, and see that all of them are there."""
    places = tensor_names(family.architecture, sizes.layers, list(stored))
    tied = family.always_tied or config.flag("tie_word_embeddings", family.tied)
    if family.always_tied and not config.flag("tie_word_embeddings", True):
        raise Unsupported(f"{config.what}: the engine knows this class only with tie_word_embeddings")
    found: dict[str, StoredTensor] = {}
    for name, tensor in stored.items():
        if name.endswith(IGNORED):
            continue
        place = places.get(name)
        if place is None or place in found:
            raise Invalid(f"tensor {excerpt(name)} does not belong to a {family.architecture} model")
        if place != OUTPUT or not tied:
            found[place] = tensor
    _check_shapes(family, sizes, found, tied)
    return found


def _check_shapes(family: Family, sizes: Sizes, found: Mapping[str, StoredTensor], tied: bool) -> None:
    wanted = _wanted(family, sizes, found, tied)
    for place, shape in wanted.items():
        if place not in found:
            raise Invalid(f"tensor {place} of this class is missing")
        if found[place].shape != shape:
            raise Invalid(
                f"tensor {excerpt(found[place].name)} has shape {list(found[place].shape)}, "
                f"config.json asks for {list(shape)}"
            )
    biases = {
        f"blk.{layer}.{kind}.bias": sizes.shapes[kind][:1]
        for layer in range(sizes.layers)
        for kind in family.biases
    }
    for place, tensor in found.items():
        if place not in wanted and biases.get(place) != tensor.shape:
            raise Unsupported(f"tensor {excerpt(tensor.name)} is not one that the engine has for this class")


def _wanted(
    family: Family, sizes: Sizes, found: Mapping[str, StoredTensor], tied: bool
) -> dict[str, tuple[int, ...]]:
    shapes = dict(sizes.shapes)
    if "ffn_gate" not in family.tensors:
        shapes["ffn_up"] = (2 * sizes.forward, sizes.hidden)
    wanted = {
        f"blk.{layer}.{kind}.weight": shapes[kind] for layer in range(sizes.layers) for kind in family.tensors
    }
    rows = found[EMBEDDINGS].shape[0] if EMBEDDINGS in found else 0
    wanted |= {EMBEDDINGS: (rows, sizes.hidden), NORM: (sizes.hidden,)}
    return wanted if tied else wanted | {OUTPUT: (rows, sizes.hidden)}


def _factors(name: str, values: tuple[float, ...]) -> Outgoing:
    content = struct.pack(f"<{len(values)}f", *values)
    return Outgoing(name, (len(values),), "F32", lambda: [content])


def _outgoing(
    family: Family, sizes: Sizes, place: str, tensor: StoredTensor, wanted: str, head: str
) -> Outgoing:
    shape = tensor.shape[::-1]
    packing = packing_of(place, shape, wanted, head=head)
    turned = sizes.head if family.interleaved and (".attn_q." in place or ".attn_k." in place) else 0
    shift = family.shift if place.endswith("norm.weight") else 0.0
    if math.prod(shape) == 0:
        raise Invalid(f"tensor {excerpt(tensor.name)} is empty")
    return Outgoing(place, shape, packing, partial(_packed, tensor, packing, turned, shift))


def _packed(tensor: StoredTensor, packing: str, turned: int, shift: float) -> Iterator[bytes]:
    if turned and len(tensor.shape) == 1:
        # A bias is one row; its elements are the rows of the matrix it belongs to.
        tensor = StoredTensor(
            tensor.name, tensor.dtype, (*tensor.shape, 1), tensor.path, tensor.offset, tensor.size
        )
    for rows in read_rows(tensor, max(turned, 1), CHUNK if packing in PLAIN else CHUNK // 4):
        changed = interleaved(rows, turned) if turned else rows
        yield pack(changed + shift if shift else changed, packing, tensor.name)


def interleaved(rows: "Floats", head: int) -> "Floats":
    """Bring the halves of each head together as pairs, which the engine's llama turns.

    transformers turns element i with element i + head/2, the engine 2i with 2i + 1.
    """
    halves = rows.reshape(-1, 2, head // 2, rows.shape[-1])
    return halves.swapaxes(1, 2).reshape(rows.shape)
