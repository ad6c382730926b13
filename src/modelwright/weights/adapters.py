"""adapters: a LoRA of PEFT -> a GGUF adapter, and whether an adapter fits a base.

The engine computes  W x + scale * alpha / rank * B (A x).  What PEFT can say
beyond that (DoRA, biases, whole modules, ranks per layer) is refused by name,
because dropping it would make another model than the one that was trained.
"""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

from modelwright.core.errors import Invalid, Unsupported
from modelwright.core.wording import excerpt
from modelwright.weights.bounded import open_bounded
from modelwright.weights.convert import interleaved, tensor_names
from modelwright.weights.families import FAMILIES
from modelwright.weights.gguf import Array, Header, read_header
from modelwright.weights.gguf_writer import Metadata, Outgoing, Progress, f32, silent, text, write_gguf
from modelwright.weights.json_file import Fields, Json, read_object
from modelwright.weights.packing import PLAIN, as_stored, pack
from modelwright.weights.safetensors import StoredTensor, read_rows, read_tensors

CONFIG, WEIGHTS, PICKLE = "adapter_config.json", "adapter_model.safetensors", "adapter_model.bin"
OLD: Final = b"algg"
"""How adapters began before GGUF: the letters "ggla" as a little-endian number."""
PREFIX: Final = "base_model.model."
SIDES: Final = {"lora_A.weight": "lora_a", "lora_B.weight": "lora_b"}
A, B = ".lora_a", ".lora_b"
ALPHA: Final = "adapter.lora.alpha"

HARMLESS: Final = frozenset(
    {
        "task_type", "peft_type", "auto_mapping", "peft_version", "base_model_name_or_path", "revision", "r",
        "inference_mode", "target_modules", "exclude_modules", "lora_alpha", "lora_dropout", "use_rslora",
        "init_lora_weights", "layers_to_transform", "layers_pattern", "megatron_core", "qalora_group_size",
        "loftq_config", "eva_config", "lora_ga_config", "runtime_config", "ensure_weight_tying", "bias",
        "base_model_class", "parent_library", "enable_lora",
    }
)  # fmt: skip
"""Settings that are read here, or that only mattered while training."""
UNSET: Final[tuple[Json, ...]] = (None, False, "none", {}, [], "")
CHANGING: Final = ("pissa", "olora", "corda", "loftq", "lora_ga")
"""Ways to begin that change the base's weights too."""


@dataclass(frozen=True, slots=True)
class Base:
    """What an adapter must fit: `shapes` of tensors, fastest dimension first."""

    architecture: str
    layers: int
    head: int
    shapes: Mapping[str, tuple[int, ...]]


def read_base(path: Path) -> Base:
    """Read what matters of a base; raises Unsupported for an adapter or a projector."""
    header = read_header(path)
    if header.metadata.get("general.type", "model") != "model":
        raise Unsupported(f"{path.name} is not a base model but of type {header.metadata['general.type']!s}")
    architecture = str(header.metadata["general.architecture"])
    heads = _integer(header, f"{architecture}.attention.head_count")
    width = _integer(header, f"{architecture}.embedding_length")
    head = _integer(header, f"{architecture}.attention.key_length") or (width // heads if heads else 0)
    shapes = {tensor.name: tensor.shape for tensor in header.tensors}
    return Base(architecture, _integer(header, f"{architecture}.block_count"), head, shapes)


def _integer(header: Header, key: str) -> int:
    value = header.metadata.get(key, 0)
    return value if isinstance(value, int) else 0


def convert_adapter(folder: Path, base: Path, target: Path, progress: Progress = silent) -> None:
    """Write `target`, a new GGUF adapter for `base`, from a folder of PEFT.

    Raises Unsupported for what cannot be converted faithfully and Invalid for
    what is broken or does not fit the base; both name it. A failure leaves no file.
    """
    alpha, rank = read_config(folder)
    if not (folder / WEIGHTS).exists() and (folder / PICKLE).exists():
        raise Unsupported(
            f"{excerpt(PICKLE)} is a pickle, which can run code when it is read, so it never is",
            hint=f"Save the adapter with safe_serialization=True, which writes {WEIGHTS}",
        )
    fitted = read_base(base)
    pairs = _pairs(read_tensors(folder / WEIGHTS), fitted)
    for place, (one, other) in pairs.items():
        _check_pair(place, one, other, rank, fitted)
    metadata: Metadata = {
        "general.type": text("adapter"),
        "general.architecture": text(fitted.architecture),
        "adapter.type": text("lora"),
        ALPHA: f32(alpha),
    }
    tensors = [tensor for place, pair in pairs.items() for tensor in _outgoing(place, pair, fitted)]
    write_gguf(target, metadata, tensors, progress)


def read_config(folder: Path) -> tuple[float, int]:
    """Return the engine's alpha, and the rank, of an adapter_config.json."""
    config = Fields(read_object(folder / CONFIG), CONFIG)
    kind = config.text("peft_type", "LORA")
    if kind != "LORA":
        raise Unsupported(f"{CONFIG}: an adapter of type {excerpt(kind)}, only LORA can be converted")
    for name, value in config.fields.items():
        if value not in UNSET and (name not in HARMLESS or name == "bias"):
            raise Unsupported(
                f"{CONFIG}: {excerpt(name)} is {excerpt(str(value))}, which a GGUF adapter cannot express",
                hint="Merge the adapter into the base's weights and convert the result",
            )
    begin = config.fields.get("init_lora_weights")
    if isinstance(begin, str) and begin.lower().startswith(CHANGING):
        raise Unsupported(
            f'{CONFIG}: "init_lora_weights" is {excerpt(begin)}, which changes the base\'s weights as well',
            hint="Save it with path_initial_model_for_weight_conversion, which makes a plain LoRA of it",
        )
    rank = config.integer("r")
    alpha = config.number("lora_alpha")
    if not rank:
        raise Invalid(f'{CONFIG}: "r" is 0, at least 1 is needed')
    return alpha * math.sqrt(rank) if config.flag("use_rslora", False) else alpha, rank


def _pairs(stored: Mapping[str, StoredTensor], base: Base) -> dict[str, tuple[StoredTensor, StoredTensor]]:
    """Return A and B by the base's tensor, in the base's order."""
    if base.architecture not in {family.architecture for family in FAMILIES.values()}:
        known = ", ".join(sorted({family.architecture for family in FAMILIES.values()}))
        raise Unsupported(
            f"adapters for {excerpt(base.architecture)} cannot be converted", hint=f"Supported are {known}"
        )
    sides: dict[str, dict[str, StoredTensor]] = {}
    for name, tensor in stored.items():
        module, side = _split(name)
        sides.setdefault(module, {})[side] = tensor
    places = tensor_names(base.architecture, base.layers, [f"{module}.weight" for module in sides])
    found = {}
    for module, both in sides.items():
        place = places.get(f"{module}.weight")
        if place is None or place not in base.shapes:
            raise Invalid(f"the base has no tensor for the adapter's {excerpt(module)}")
        if place == "token_embd.weight":
            raise Unsupported(f"{excerpt(module)}: an adapter on the embeddings cannot be converted")
        if len(both) != 2:
            raise Invalid(f"the adapter has only one of lora_A and lora_B for {excerpt(module)}")
        found[place] = (both["lora_a"], both["lora_b"])
    if not found:
        raise Invalid(f"{WEIGHTS} has no tensors")
    return {place: found[place] for place in base.shapes if place in found}


def _split(name: str) -> tuple[str, str]:
    """Split a tensor's name of PEFT into the module and "lora_a" or "lora_b"."""
    for ending, side in SIDES.items():
        if name.startswith(PREFIX) and name.endswith(f".{ending}"):
            return name[len(PREFIX) : -len(ending) - 1], side
    raise Unsupported(
        f"the adapter's tensor {excerpt(name)} is neither lora_A nor lora_B, so it cannot be converted",
        hint="Merge the adapter into the base's weights and convert the result",
    )


def _check_pair(place: str, one: StoredTensor, other: StoredTensor, rank: int, base: Base) -> None:
    inner, outer = base.shapes[place][:2]
    if one.shape != (rank, inner) or other.shape != (outer, rank):
        raise Invalid(
            f"{place}: the adapter has shapes {list(one.shape)} and {list(other.shape)}, the base and "
            f"rank {rank} ask for {[rank, inner]} and {[outer, rank]}",
            hint="It was trained on another base",
        )


def turned_head(place: str, base: Base) -> int:
    """The width of a head where the engine's rows of B stand in another order, else 0."""
    return base.head if base.architecture == "llama" and (".attn_q." in place or ".attn_k." in place) else 0


def _outgoing(place: str, pair: tuple[StoredTensor, StoredTensor], base: Base) -> Iterator[Outgoing]:
    for tensor, ending, head in ((pair[0], A, 0), (pair[1], B, turned_head(place, base))):
        packing = "F16" if tensor.dtype == "F16" else "F32"
        yield Outgoing(place + ending, tensor.shape[::-1], packing, partial(_packed, tensor, packing, head))


def _packed(tensor: StoredTensor, packing: str, head: int) -> Iterator[bytes]:
    for rows in read_rows(tensor, max(head, 1)):
        yield pack(interleaved(rows, head) if head else rows, packing, tensor.name)


def check_adapter(path: Path, base: Base) -> None:
    """See that a GGUF adapter fits a base; raises Invalid that says what does not.

    The engine refuses some of it with no reason, and believes the rest.
    """
    refuse_old(path)
    header = read_header(path)
    _check_kind(path, header, base)
    sides: dict[str, dict[str, tuple[int, ...]]] = {}
    for tensor in header.tensors:
        ending = tensor.name[-len(A) :]
        if ending not in (A, B):
            raise Invalid(f"{path.name}: tensor {excerpt(tensor.name)} is not part of a LoRA")
        sides.setdefault(tensor.name[: -len(A)], {})[ending] = tensor.shape
    for place, both in sides.items():
        _check_fit(place, both, base)
    if not sides:
        raise Invalid(f"{path.name}: the adapter has no tensors")
    for tensor in header.tensors:
        if tensor.packing.name in PLAIN:
            for _ in read_rows(as_stored(path, header, tensor)):
                pass  # reading refuses what is no number


def refuse_old(path: Path) -> None:
    """Raise Unsupported for an adapter from before GGUF."""
    with open_bounded(path, len(OLD)) as file:
        if file.size >= len(OLD) and file.take(len(OLD), "magic") in (OLD, OLD[::-1]):
            raise Unsupported(
                f"{path.name} is a GGML adapter (ggla), a format given up in 2024",
                hint="Convert the PEFT folder it was made from: ADAPTER takes that folder as it is",
            )


def _check_kind(path: Path, header: Header, base: Base) -> None:
    said = header.metadata
    if said.get("general.type") != "adapter" or said.get("adapter.type") != "lora":
        raise Invalid(f"{path.name} is not a LoRA adapter")
    if said["general.architecture"] != base.architecture:
        raise Invalid(
            f"{path.name} is an adapter for {excerpt(str(said['general.architecture']))}, "
            f"the base is {excerpt(base.architecture)}"
        )
    alpha = said.get(ALPHA)
    if isinstance(alpha, bool | str | Array) or alpha is None:
        raise Invalid(f"{path.name}: {excerpt(ALPHA)} must be a number")


def _check_fit(place: str, both: Mapping[str, tuple[int, ...]], base: Base) -> None:
    shape = base.shapes.get(place)
    if shape is None:
        raise Invalid(f"the base has no tensor {excerpt(place)}, which the adapter changes")
    if len(both) != 2:
        raise Invalid(f"{place}: the adapter has only one of {A} and {B}")
    one, other = both[A], both[B]
    # The engine keeps the embeddings' A the other way round (llama-adapter.cpp).
    inner, outer = (
        (shape[1], shape[0]) if place == "token_embd.weight" else (shape[0], shape[1] if shape[1:] else 1)
    )
    fits = len(one) == len(other) == len(shape) == 2 and one[0] == inner and other[1] == outer
    if not fits or one[1] != other[0]:
        raise Invalid(
            f"{place}: the adapter has shapes {list(one)} and {list(other)}, the base has {list(shape)}",
            hint="It was trained on another base",
        )
