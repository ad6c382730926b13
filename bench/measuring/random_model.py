"""A GGUF of random weights, as large as asked: speed is real, text is noise.

Llama architecture, Q4_0 matrices written as random blocks (every bit pattern
of a block is valid), so that a billion parameters are written in seconds.
"""

from dataclasses import dataclass
from pathlib import Path

import gguf
import numpy as np

CHATML = (
    "{% for message in messages %}<|im_start|>{{ message.role }}\n{{ message.content }}<|im_end|>\n"
    "{% endfor %}<|im_start|>assistant\n"
)


@dataclass(frozen=True)
class Shape:
    """Sizes of a Llama; about 1.0e9 parameters by default."""

    hidden: int = 2048
    layers: int = 18
    heads: int = 16
    feed_forward: int = 5632
    vocabulary: int = 32_000
    context: int = 4096
    kv_heads: int = 0
    """Heads that share their keys and values; 0 is each has its own."""

    @property
    def kv_hidden(self) -> int:
        return self.hidden // self.heads * (self.kv_heads or self.heads)


def write_random_model(
    path: Path,
    shape: Shape,
    *,
    seed: int = 1,
    plain: bool = False,
    template: str = CHATML,
    infill: tuple[int, int, int] | None = None,
) -> int:
    """Write the file, with matrices of F16 when it is to be `plain`; returns its parameter count.

    `infill`: the tokens before a prefix, a suffix and the middle.
    """
    draw = np.random.default_rng(seed)
    writer = gguf.GGUFWriter(path, "llama")
    _metadata(writer, shape, file_type=1 if plain else 2)
    writer.add_chat_template(template)
    for name, token in zip(("pre", "suf", "mid"), infill or (), strict=False):
        writer.add_uint32(f"tokenizer.ggml.fim_{name}_token_id", token)
    packing = gguf.GGMLQuantizationType.F16 if plain else gguf.GGMLQuantizationType.Q4_0
    matrix = _f16 if plain else _q4_0
    count = 0
    for name, rows, columns in _matrices(shape):
        count += rows * columns
        writer.add_tensor(name, matrix(draw, rows, columns), raw_dtype=packing)
    for name in _norms(shape):
        count += shape.hidden
        writer.add_tensor(name, np.ones(shape.hidden, dtype=np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return count


def _metadata(writer: gguf.GGUFWriter, shape: Shape, *, file_type: int) -> None:
    writer.add_context_length(shape.context)
    writer.add_embedding_length(shape.hidden)
    writer.add_block_count(shape.layers)
    writer.add_feed_forward_length(shape.feed_forward)
    writer.add_head_count(shape.heads)
    writer.add_head_count_kv(shape.kv_heads or shape.heads)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_rope_dimension_count(shape.hidden // shape.heads)
    writer.add_file_type(file_type)
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("gpt-2")
    tokens, types = _tokens(shape.vocabulary)
    writer.add_token_list(tokens)
    writer.add_token_types(types)
    writer.add_token_merges([f"{tokens[3]} {tokens[4]}"])
    writer.add_bos_token_id(0)
    writer.add_eos_token_id(2)
    writer.add_add_bos_token(False)


def _tokens(count: int) -> tuple[list[str], list[int]]:
    """Three control tokens, the 256 bytes as GPT-2 spells them, then words."""
    kept = [*range(33, 127), *range(161, 173), *range(174, 256)]
    spelled = {byte: chr(byte) for byte in kept}
    spelled |= {byte: chr(256 + at) for at, byte in enumerate(b for b in range(256) if b not in spelled)}
    letters = [spelled[byte] for byte in range(256)]
    control = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
    words = [letters[0] + letters[1], *(f"word{at}" for at in range(count - 260))]
    return [*control, *letters, *words], [3] * 3 + [1] * (count - 3)


def _matrices(shape: Shape) -> list[tuple[str, int, int]]:
    hidden, wide = shape.hidden, shape.feed_forward
    found = [("token_embd.weight", shape.vocabulary, hidden), ("output.weight", shape.vocabulary, hidden)]
    for layer in range(shape.layers):
        attention = [
            (f"blk.{layer}.attn_{part}.weight", rows, hidden)
            for part, rows in (
                ("q", hidden),
                ("k", shape.kv_hidden),
                ("v", shape.kv_hidden),
                ("output", hidden),
            )
        ]
        found += attention
        found += [(f"blk.{layer}.ffn_{part}.weight", wide, hidden) for part in ("gate", "up")]
        found.append((f"blk.{layer}.ffn_down.weight", hidden, wide))
    return found


def _norms(shape: Shape) -> list[str]:
    layers = [f"blk.{layer}.{part}_norm.weight" for layer in range(shape.layers) for part in ("attn", "ffn")]
    return [*layers, "output_norm.weight"]


def _f16(draw: np.random.Generator, rows: int, columns: int) -> np.ndarray:
    return (draw.random((rows, columns), dtype=np.float32) - 0.5).astype(np.float16)


def _q4_0(draw: np.random.Generator, rows: int, columns: int) -> np.ndarray:
    """Random Q4_0 blocks: a half-precision scale, then 32 weights in 16 bytes."""
    blocks = np.empty((rows, columns // 32, 18), dtype=np.uint8)
    scale = np.full((rows, columns // 32, 1), 0.05 / columns**0.5, dtype=np.float16)
    blocks[..., :2] = scale.view(np.uint8)
    blocks[..., 2:] = draw.integers(0, 256, size=(rows, columns // 32, 16), dtype=np.uint8)
    return blocks.reshape(rows, columns // 32 * 18)


def write_random_lora(path: Path, shape: Shape, *, rank: int = 4, seed: int = 2, size: float = 0.5) -> None:
    """Write a LoRA over such a model: the queries and what goes into the feed-forward."""
    draw = np.random.default_rng(seed)
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_type("adapter")
    writer.add_string("adapter.type", "lora")
    writer.add_float32("adapter.lora.alpha", float(rank))
    for name, rows, columns in _matrices(shape):
        if name.endswith(("attn_q.weight", "ffn_up.weight")):
            for side, tall, wide in (("lora_a", rank, columns), ("lora_b", rows, rank)):
                values = draw.normal(0, size, (tall, wide)).astype(np.float32)
                writer.add_tensor(f"{name}.{side}", values)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
