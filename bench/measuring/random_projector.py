"""A GGUF projector of random weights: it turns images into vectors, whatever they show.

The form is LLaVA's ("mlp"), the smallest that llama.cpp knows: patches, one block of a
vision transformer, two layers into the base's width.
"""

from pathlib import Path

import gguf
import numpy as np

SIDE, PATCH, WIDTH, INNER = 28, 14, 32, 64
"""Pixels of an image and of a patch; numbers of a patch, inside the block."""


def write_random_projector(path: Path, width: int, *, seed: int = 3) -> None:
    """Write a projector for bases whose tokens are vectors of `width` numbers."""
    draw = np.random.default_rng(seed)
    writer = gguf.GGUFWriter(path, "clip")
    writer.add_type("mmproj")
    writer.add_file_type(0)
    writer.add_bool("clip.has_vision_encoder", True)
    writer.add_string("clip.projector_type", "mlp")
    for name, number in {
        "image_size": SIDE,
        "patch_size": PATCH,
        "embedding_length": WIDTH,
        "feed_forward_length": INNER,
        "block_count": 2,
        "attention.head_count": 2,
        "projection_dim": width,
    }.items():
        writer.add_uint32(f"clip.vision.{name}", number)
    writer.add_float32("clip.vision.attention.layer_norm_epsilon", 1e-5)
    for name in ("image_mean", "image_std"):
        writer.add_array(f"clip.vision.{name}", [0.5, 0.5, 0.5])
    for name, shape in _shapes(width).items():
        values = draw.normal(0, 0.2, shape) if len(shape) > 1 else np.full(shape, name.endswith("weight"))
        writer.add_tensor(name, values.astype(np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def _shapes(width: int) -> dict[str, tuple[int, ...]]:
    patches = (SIDE // PATCH) ** 2
    found: dict[str, tuple[int, ...]] = {
        "v.class_embd": (WIDTH,),
        "v.patch_embd.weight": (WIDTH, 3, PATCH, PATCH),
        "v.position_embd.weight": (patches + 1, WIDTH),
        "v.pre_ln.weight": (WIDTH,),
        "v.pre_ln.bias": (WIDTH,),
        "mm.0.weight": (width, WIDTH),
        "mm.0.bias": (width,),
        "mm.2.weight": (width, width),
        "mm.2.bias": (width,),
    }
    for block in ("v.blk.0", "v.blk.1"):
        matrices = {f"attn_{part}": (WIDTH, WIDTH) for part in ("q", "k", "v", "out")}
        matrices |= {"ffn_up": (INNER, WIDTH), "ffn_down": (WIDTH, INNER)}
        for part, shape in matrices.items():
            found |= {f"{block}.{part}.weight": shape, f"{block}.{part}.bias": shape[:1]}
        for norm in ("ln1", "ln2"):
            found |= {f"{block}.{norm}.weight": (WIDTH,), f"{block}.{norm}.bias": (WIDTH,)}
    return found
