"""Trained weights and tokenizer to the GGUF file that ships.

Knows the GGUF keys of the llama architecture and how engines want query and key
rows ordered. Needs numpy and gguf, not torch.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from gguf import GGUFWriter, LlamaFileType, TokenType
from numpy.typing import NDArray
from safetensors.numpy import load_file

from tools.starter.tokenizer import END_OF_TEXT, SPECIALS, TURN_END

HEADS = 4
CONTEXT = 2048
ROPE_BASE = 10000.0
EPSILON = 1e-5
CHAT_TEMPLATE = (
    "{% for message in messages %}"
    "{{'<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>' + '\\n'}}"
    "{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}"
)
"""ChatML with a generation prompt and no default system text."""
DESCRIPTION = "A tiny chat model with a small closed world, made to be customised"
Array = NDArray[np.float32]


def write_gguf(weights: Path, tokenizer: Path, target: Path) -> str:
    """Write the F16 file and its `.sha256` beside it; return the digest.

    `weights` may be a finished run's or a checkpoint.
    """
    loaded = load_file(weights)
    tensors = {name.removeprefix("network."): array for name, array in loaded.items()}
    writer = GGUFWriter(target, "llama")
    _write_architecture(writer, tensors)
    _write_tokenizer(writer, json.loads(tokenizer.read_text(encoding="utf-8")))
    for name, array in named_tensors(tensors):
        writer.add_tensor(name, array if array.ndim == 1 else array.astype(np.float16))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    digest = hashlib.sha256(target.read_bytes()).hexdigest()
    target.with_name(target.name + ".sha256").write_text(f"{digest}  {target.name}\n", encoding="ascii")
    return digest


def _write_architecture(writer: GGUFWriter, tensors: dict[str, Array]) -> None:
    layers, _, feed_forward, hidden = tensors["gate_up"].shape
    writer.add_type("model")
    writer.add_name("starter")
    writer.add_description(DESCRIPTION)
    writer.add_size_label("4M")
    writer.add_languages(["en"])
    writer.add_block_count(layers)
    writer.add_context_length(CONTEXT)
    writer.add_embedding_length(hidden)
    writer.add_feed_forward_length(feed_forward)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(HEADS)
    writer.add_layer_norm_rms_eps(EPSILON)
    writer.add_rope_freq_base(ROPE_BASE)
    writer.add_rope_dimension_count(hidden // HEADS)
    writer.add_vocab_size(len(tensors["embedding"]))
    writer.add_file_type(LlamaFileType.MOSTLY_F16)


def _write_tokenizer(writer: GGUFWriter, tokenizer: dict[str, dict[str, dict[str, int]]]) -> None:
    """`tokenizer` is the JSON of the tokenizers package."""
    vocabulary = tokenizer["model"]["vocab"]
    tokens = sorted(vocabulary, key=lambda token: vocabulary[token])
    merges = [m if isinstance(m, str) else " ".join(m) for m in tokenizer["model"]["merges"]]
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("gpt-2")
    writer.add_token_list(tokens)
    writer.add_token_types([TokenType.CONTROL if t in SPECIALS else TokenType.NORMAL for t in tokens])
    writer.add_token_merges(merges)
    writer.add_bos_token_id(END_OF_TEXT)
    writer.add_eos_token_id(TURN_END)
    writer.add_pad_token_id(END_OF_TEXT)
    writer.add_add_bos_token(False)
    writer.add_chat_template(CHAT_TEMPLATE)


def named_tensors(tensors: dict[str, Array]) -> Iterator[tuple[str, Array]]:
    """Every tensor under its GGUF name, layers apart."""
    yield "token_embd.weight", tensors["embedding"]
    for layer in range(len(tensors["qkv"])):
        query, key, value = tensors["qkv"][layer]
        gate, up = tensors["gate_up"][layer]
        block = {
            "attn_norm": tensors["attention_norm"][layer],
            "attn_q": interleave(query, HEADS),
            "attn_k": interleave(key, HEADS),
            "attn_v": value,
            "attn_output": tensors["attention_output"][layer],
            "ffn_norm": tensors["feed_forward_norm"][layer],
            "ffn_gate": gate,
            "ffn_up": up,
            "ffn_down": tensors["down"][layer],
        }
        for name, array in block.items():
            yield f"blk.{layer}.{name}.weight", array
    yield "output_norm.weight", tensors["output_norm"]


def interleave(rows: Array, heads: int) -> Array:
    """Reorder rows from half-split to pairwise rotary, head by head.

    (heads, 2, size/2) becomes (heads, size/2, 2): llama.cpp rotates neighbours.
    """
    out, columns = rows.shape
    return rows.reshape(heads, 2, out // heads // 2, columns).swapaxes(1, 2).reshape(out, columns)
