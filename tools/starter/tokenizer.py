"""Byte-level BPE of the starter model, and ChatML text to token ids.

Knows the vocabulary and the chat format; knows nothing of the network, of
training or of where conversations come from.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, pre_tokenizers, trainers

from modelwright.starter.corpus.conversation import Conversation, Message

VOCABULARY = 2048
END_OF_TEXT, TURN_START, TURN_END = 0, 1, 2
SPECIALS = ("<|endoftext|>", "<|im_start|>", "<|im_end|>")
SAMPLE_CONVERSATIONS = 60_000
ROLE_COPIES = 3000
ROLES = ("system", "user", "assistant")
HEADER = 3
"""Tokens of a role header: turn start, role, line feed."""


def render(messages: Sequence[Message], *, prompt: bool = False) -> str:
    """ChatML text; with `prompt` it ends where the assistant begins."""
    turns = "".join(f"<|im_start|>{m.role}\n{m.content}<|im_end|>\n" for m in messages)
    return turns + "<|im_start|>assistant\n" if prompt else turns


def train_tokenizer(sample: Iterable[Conversation]) -> Tokenizer:
    """Train on message contents; no merge ever contains a digit.

    Digits are split off one by one for training only. As no merge has a digit,
    the plain GPT-2 pre-tokenizer, which engines know, gives the same ids after.
    """
    tokenizer = Tokenizer(models.BPE())
    gpt2 = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)
    digits = pre_tokenizers.Split(Regex(r"\p{N}"), behavior="isolated")
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([digits, gpt2])
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY,
        min_frequency=2,
        special_tokens=[AddedToken(token, special=True, normalized=False) for token in SPECIALS],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(_training_texts(sample), trainer)
    tokenizer.pre_tokenizer = gpt2
    tokenizer.decoder = decoders.ByteLevel()
    return tokenizer


def _training_texts(sample: Iterable[Conversation]) -> Iterator[str]:
    for conversation in islice(sample, SAMPLE_CONVERSATIONS):
        yield from (message.content for message in conversation.messages)
    for _ in range(ROLE_COPIES):
        yield from ROLES
        yield from (f"{role}\n" for role in ROLES)


class ChatEncoder:
    """Turns conversations into ids and marks what the assistant says."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        self._tokenizer = tokenizer
        self._assistant = int(tokenizer.token_to_id("assistant"))

    @classmethod
    def load(cls, path: Path) -> ChatEncoder:
        return cls(Tokenizer.from_file(str(path)))

    def encode(self, batch: Sequence[Conversation]) -> list[tuple[NDArray[np.int16], NDArray[np.bool_]]]:
        """Ids of each conversation and, of equal length, the assistant's part."""
        texts = [render(conversation.messages).removesuffix("\n") for conversation in batch]
        encodings = self._tokenizer.encode_batch_fast(texts, add_special_tokens=False)
        rows = (np.array(encoding.ids, dtype=np.int16) for encoding in encodings)
        return [(ids, self._assistant_part(ids)) for ids in rows]

    def _assistant_part(self, ids: NDArray[np.int16]) -> NDArray[np.bool_]:
        part = np.zeros(len(ids), dtype=np.bool_)
        starts = np.flatnonzero(ids == TURN_START)
        ends = np.flatnonzero(ids == TURN_END)
        for start, end in zip(starts.tolist(), ends.tolist(), strict=True):
            if ids[start + 1] == self._assistant:
                part[start + HEADER : end + 1] = True
        return part
