"""pooling: how a model that embeds makes one vector of many tokens.

Reads the modules of sentence-transformers that stand around the model:
modules.json, 1_Pooling and the dense layers after it.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from modelwright.core.errors import Invalid, Unsupported
from modelwright.core.wording import excerpt
from modelwright.weights.bounded import open_bounded
from modelwright.weights.gguf_writer import Metadata, u32
from modelwright.weights.json_file import SMALL, Fields, Json, parse_object, read_object
from modelwright.weights.safetensors import StoredTensor, read_tensors

MODULES: Final = "modules.json"
MODES: Final = {"mean": 1, "cls": 2, "lasttoken": 3}
"""Way of pooling -> the engine's number (llama.h)."""
DENSE: Final = ("dense_2", "dense_3")
IDENTITY: Final = "torch.nn.modules.linear.Identity"


def read_pooling(folder: Path, notes: list[str]) -> tuple[Metadata, dict[str, StoredTensor]]:
    """Return metadata without the architecture, and the dense layers by name."""
    if not (folder / MODULES).exists():
        notes.append(f"{MODULES} is missing, so the mean of all tokens is taken")
        return {"pooling_type": u32(MODES["mean"])}, {}
    metadata: Metadata = {}
    tensors: dict[str, StoredTensor] = {}
    for kind, place in _modules(folder):
        if kind == "Pooling":
            metadata["pooling_type"] = u32(MODES[_mode(folder / place / "config.json")])
        elif kind == "Dense" and len(tensors) < len(DENSE):
            name = DENSE[len(tensors)]
            tensor = _dense(folder / place)
            tensors[f"{name}.weight"] = tensor
            metadata |= {f"{name}_feat_in": u32(tensor.shape[1]), f"{name}_feat_out": u32(tensor.shape[0])}
        elif kind not in ("Transformer", "Normalize"):
            raise Unsupported(f"{MODULES}: a module {excerpt(kind)} cannot be converted")
    return metadata, tensors


def _modules(folder: Path) -> Iterator[tuple[str, str]]:
    with open_bounded(folder / MODULES, SMALL) as file:
        content = file.take(file.size, MODULES)
    listed = parse_object(b'{"modules":' + content + b"}", MODULES)["modules"]
    for entry in listed if isinstance(listed, list) else []:
        fields = Fields(entry if isinstance(entry, dict) else {}, MODULES)
        place = fields.text("path", "")
        if place and Path(place).name != place:
            raise Invalid(f"{MODULES}: {excerpt(place)} is not a folder beside it")
        yield fields.text("type").rpartition(".")[2], place


def _mode(path: Path) -> str:
    fields = read_object(path)
    mode: Json = fields.get("pooling_mode")
    chosen = [word for word in MODES if mode == word or fields.get(f"pooling_mode_{word}") is True]
    chosen += [word for word in ("mean", "cls") if fields.get(f"pooling_mode_{word}_tokens") is True]
    chosen += ["cls"] if fields.get("pooling_mode_cls_token") is True else []
    if len(chosen) != 1:
        raise Unsupported(f"1_Pooling: exactly one of {', '.join(MODES)} can be converted")
    return chosen[0]


def _dense(folder: Path) -> StoredTensor:
    config = Fields(read_object(folder / "config.json"), f"{folder.name}/config.json")
    if config.flag("bias", False) or config.text("activation_function", IDENTITY) != IDENTITY:
        raise Unsupported(f"{config.what}: a bias or an activation function cannot be converted")
    tensors = read_tensors(folder / "model.safetensors")
    if set(tensors) != {"linear.weight"} or len(tensors["linear.weight"].shape) != 2:
        raise Invalid(f"{folder.name}: exactly one matrix, linear.weight, is expected")
    return tensors["linear.weight"]
