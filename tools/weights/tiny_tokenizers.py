"""Tiny tokenizers of each kind that is converted, trained on a few sentences."""

import io
import json
from pathlib import Path
from typing import Any

import sentencepiece
from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

from modelwright.weights.byte_pairs import CUTS

TEXT = """The king of the town likes red hats. Hello there, it's a naïve café in the town, isn't it?
She'll say: "hats 12 and 345 are red, HATS are not". Tom likes the cat; the cat likes Tom.
"""
SPECIALS = ["<pad>", "<s>", "</s>", "<|im_start|>", "<|im_end|>"]
TEMPLATE = "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}"
SIZE = 300


def write_tokenizer(kind: str, folder: Path, texts: tuple[str, ...]) -> tuple[int, dict[str, list[int]]]:
    """Write a tokenizer's files; return how many tokens it has, and texts in its numbers."""
    if kind in ("sentencepiece", "gemma", "phi3"):
        size, tokenizer = _sentencepiece(folder, prefixed=kind != "gemma")
    elif kind in ("byte-fallback", "gemma-json"):
        size, tokenizer = _sentencepiece(folder, prefixed=kind != "gemma-json")
        (folder / "tokenizer.model").unlink()
    else:
        size, tokenizer = _byte_level(kind)
    begins = kind not in ("qwen2", "gpt2", "gpt-4o")
    if begins:
        first = [("<s>", tokenizer.token_to_id("<s>"))]
        tokenizer.post_processor = processors.TemplateProcessing("<s> $A", "<s> $A $B", first)
    tokenizer.save(str(folder / "tokenizer.json"))
    configured = {
        "bos_token": "<s>", "eos_token": "</s>", "pad_token": "<pad>", "add_bos_token": begins,
        "chat_template": TEMPLATE, "tokenizer_class": "PreTrainedTokenizerFast",
    }  # fmt: skip
    (folder / "tokenizer_config.json").write_text(json.dumps(configured))
    numbers = {text: tokenizer.encode(text).ids for text in (*texts, f"<|im_start|>{texts[0]}<|im_end|>")}
    return size, numbers


def _byte_level(kind: str) -> tuple[int, Any]:
    pre = {"llama3": "llama-bpe", "gpt2": "gpt-2"}.get(kind, kind)
    steps, whole = next(cut for cut, name in CUTS.items() if name == pre)
    tokenizer = Tokenizer(models.BPE(ignore_merges=whole))
    if steps[0] == "bytes":
        tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    else:
        tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
            [
                pre_tokenizers.Split(Regex(steps[0]), "isolated"),
                pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
            ]
        )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=SIZE, special_tokens=SPECIALS, show_progress=False,
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
    )  # fmt: skip
    tokenizer.train_from_iterator([TEXT], trainer)
    return tokenizer.get_vocab_size(), tokenizer


def _sentencepiece(folder: Path, prefixed: bool) -> tuple[int, Any]:
    """Train a SentencePiece model, and say the same as tokenizer.json does."""
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(TEXT.splitlines()), model_writer=model, model_type="bpe", vocab_size=360,
        byte_fallback=True, character_coverage=1.0, normalization_rule_name="identity",
        add_dummy_prefix=prefixed, remove_extra_whitespaces=False, pad_id=0, bos_id=1, eos_id=2, unk_id=3,
        hard_vocab_limit=False, minloglevel=2,
    )  # fmt: skip
    (folder / "tokenizer.model").write_bytes(model.getvalue())
    pieces = sentencepiece.SentencePieceProcessor(model_proto=model.getvalue())
    vocabulary = {pieces.id_to_piece(n): n for n in range(pieces.get_piece_size())}
    merges = sorted(
        (-pieces.get_score(number), one, number, whole)
        for whole, number in vocabulary.items()
        if number > 3 and not pieces.is_byte(number)
        for cut in range(1, len(whole))
        for one in [whole[:cut]]
        if one in vocabulary and whole[cut:] in vocabulary
    )
    tokenizer = Tokenizer(
        models.BPE(
            vocab=vocabulary, merges=[(one, whole[len(one) :]) for _, one, _, whole in merges],
            unk_token="<unk>", fuse_unk=True, byte_fallback=True,
        )
    )  # fmt: skip
    steps = [normalizers.Prepend("▁")] if prefixed else []
    tokenizer.normalizer = normalizers.Sequence([*steps, normalizers.Replace(" ", "▁")])
    tokenizer.add_special_tokens(["<pad>", "<s>", "</s>", "<unk>", "<|im_start|>", "<|im_end|>"])
    return tokenizer.get_vocab_size(), tokenizer
