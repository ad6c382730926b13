"""A tiny random BERT with a head that ranks, as a GGUF: what rerank models are.

`write_ranker(path)` needs nothing but numpy and gguf. Words of the list are tokens;
others are spelled by letters.
"""

from pathlib import Path

import gguf
import numpy as np

WIDTH, HEADS, LAYERS, INNER, CONTEXT = 32, 2, 2, 64, 64
SPECIALS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
WORDS = [
    *("a", "the", "of", "in", "is", "what", "who", "cat", "dog", "sun", "moon", "sea", "red", "blue"),
    *("paris", "berlin", "france", "germany", "capital"),
]
LETTERS = list("abcdefghijklmnopqrstuvwxyz0123456789.,?!")


def write_ranker(path: Path) -> None:
    """Write the model; the same bytes each time."""
    writer = gguf.GGUFWriter(path, "bert")
    _write_sizes(writer)
    tokens = list(dict.fromkeys([*SPECIALS, *(f"\u2581{word}" for word in [*WORDS, *LETTERS]), *LETTERS]))
    _write_tokens(writer, tokens)
    random = np.random.default_rng(3)
    for name, shape in _shapes(len(tokens)).items():
        if name.endswith("norm.weight"):
            values = np.ones(shape)
        elif name.endswith("bias"):
            values = np.zeros(shape)
        else:
            values = 0.3 * random.standard_normal(shape)
        writer.add_tensor(name, values.astype(np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def _write_sizes(writer: gguf.GGUFWriter) -> None:
    writer.add_context_length(CONTEXT)
    writer.add_embedding_length(WIDTH)
    writer.add_feed_forward_length(INNER)
    writer.add_block_count(LAYERS)
    writer.add_head_count(HEADS)
    writer.add_layer_norm_eps(1e-12)
    writer.add_file_type(0)
    writer.add_causal_attention(False)
    writer.add_pooling_type(gguf.PoolingType.RANK)


def _write_tokens(writer: gguf.GGUFWriter, tokens: list[str]) -> None:
    special, normal = gguf.TokenType.CONTROL, gguf.TokenType.NORMAL
    writer.add_tokenizer_model("bert")
    writer.add_tokenizer_pre("default")
    writer.add_token_list(tokens)
    writer.add_token_types([special if token in SPECIALS else normal for token in tokens])
    writer.add_token_type_count(2)
    writer.add_pad_token_id(0)
    writer.add_unk_token_id(1)
    writer.add_bos_token_id(2)
    writer.add_eos_token_id(3)
    writer.add_sep_token_id(3)
    writer.add_mask_token_id(4)


def _shapes(tokens: int) -> dict[str, tuple[int, ...]]:
    shapes: dict[str, tuple[int, ...]] = {
        "token_embd.weight": (tokens, WIDTH),
        "position_embd.weight": (CONTEXT, WIDTH),
        "token_types.weight": (2, WIDTH),
        "token_embd_norm.weight": (WIDTH,),
        "token_embd_norm.bias": (WIDTH,),
        "cls.weight": (WIDTH, WIDTH),
        "cls.bias": (WIDTH,),
        "cls.output.weight": (1, WIDTH),
        "cls.output.bias": (1,),
    }
    for number in range(LAYERS):
        for name, shape in {
            **dict.fromkeys(("attn_q", "attn_k", "attn_v", "attn_output"), (WIDTH, WIDTH)),
            "ffn_up": (INNER, WIDTH),
            "ffn_down": (WIDTH, INNER),
        }.items():
            shapes[f"blk.{number}.{name}.weight"] = shape
            shapes[f"blk.{number}.{name}.bias"] = shape[:1]
        for name in ("attn_output_norm", "layer_output_norm"):
            shapes[f"blk.{number}.{name}.weight"] = shapes[f"blk.{number}.{name}.bias"] = (WIDTH,)
    return shapes
