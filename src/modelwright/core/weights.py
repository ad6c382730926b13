"""WeightFacts: what a weight file says about itself.

A function of the file's bytes, so it is stored once beside the blob's digest.
Does not know how a file is read (the room `weights` does).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, TypeAlias

Scalar: TypeAlias = str | int | float | bool | None

POOLING_RANK: Final = 4
"""llama.cpp's number for weights that rank (llama.h, llama_pooling_type)."""

_BILLION: Final = 1_000_000_000
_MILLION: Final = 1_000_000
_THOUSAND: Final = 1_000

_OWN_MEMORY: Final = ("attention.sliding_window", "attention.kv_lora_rank", "ssm.state_size", "wkv.head_size")
"""Keys of architectures that remember less than keys and values of every token in every layer."""


_INFILL: Final = (
    ("fim_pre_token_id", "fim_suf_token_id", "fim_mid_token_id"),
    ("prefix_token_id", "suffix_token_id", "middle_token_id"),
)
"""Keys of the tokens for filling in, as now and as before 2024 (llama.cpp, src/llama-arch.cpp)."""

_THINKING: Final = (
    "<think>",
    "</think>",
    "enable_thinking",
    "reasoning_content",
    "reasoning_effort",
    "<|channel|>",
)
"""What stands in a chat template of a model that thinks before it answers."""


@dataclass(frozen=True, slots=True)
class WeightFacts:
    """Facts of one file.

    `kind`: "model", "adapter" or "projector". `file_type`: llama.cpp's name
    ("F16", "Q4_K_M"). `context_length`, `embedding_length`: tokens, numbers;
    0 when the file does not say. `metadata`: the header's scalar values; arrays
    are None, as `/api/show` prints them without `verbose`.
    """

    kind: str
    format: str
    architecture: str
    parameter_count: int
    file_type: str
    context_length: int = 0
    embedding_length: int = 0
    chat_template: str = ""
    pooled: bool = False
    metadata: Mapping[str, Scalar] = field(default_factory=dict)

    @property
    def parameter_size(self) -> str:
        """Parameter count as Ollama prints it (Ollama, format/format.go)."""
        return human_number(self.parameter_count)

    @property
    def senses(self) -> tuple[str, ...]:
        """What a projector takes: images ("vision"), sounds ("audio"), or both.

        Those that say nothing of it are for images. Source: llama.cpp, tools/mtmd/clip.cpp.
        """
        hears = self.metadata.get("clip.has_audio_encoder") is True
        sees = self.metadata.get("clip.has_vision_encoder", not hears) is not False
        return ("vision",) * sees + ("audio",) * hears

    @property
    def ranks(self) -> bool:
        """Whether a head gives one score for a query with a document (llama.h)."""
        return self.metadata.get(f"{self.architecture}.pooling_type") == POOLING_RANK

    @property
    def cache_bytes_per_token(self) -> int:
        """Memory that a token of context takes: 16-bit keys and values in all layers.

        0 = not known, for architectures that keep less, or when the file does not
        say enough. Source: llama.cpp, src/llama-kv-cache.cpp and llama-hparams.cpp.
        """
        if self.pooled or any(self._number(key) for key in _OWN_MEMORY):
            return 0
        heads, layers = self._number("attention.head_count"), self._number("block_count")
        shared = self._number("attention.head_count_kv")
        if f"{self.architecture}.attention.head_count_kv" not in self.metadata:
            shared = heads
        width = self.embedding_length // heads if heads else 0
        keys = self._number("attention.key_length") or width
        values = self._number("attention.value_length") or width
        return layers * shared * (keys + values) * 2

    def _number(self, key: str) -> int:
        """A whole number of the architecture's own; 0 when it is absent or a list."""
        value = self.metadata.get(f"{self.architecture}.{key}")
        return value if isinstance(value, int) else 0

    @property
    def infill_tokens(self) -> tuple[int, int, int] | None:
        """Tokens before a text, before what follows it, and before the middle."""
        for keys in _INFILL:
            found = [self.metadata.get(f"tokenizer.ggml.{key}") for key in keys]
            first, second, third = (each if isinstance(each, int) else None for each in found)
            if first is not None and second is not None and third is not None:
                return first, second, third
        return None

    @property
    def capabilities(self) -> tuple[str, ...]:
        """What the file alone can do: embedding files pool and do not chat."""
        if self.ranks:
            return ("rerank",)
        if self.pooled:
            return ("embedding",)
        found = ["completion"]
        if "tools" in self.chat_template:
            found.append("tools")
        if any(mark in self.chat_template for mark in _THINKING):
            found.append("thinking")
        if self.infill_tokens:
            found.append("insert")
        return tuple(found)


@dataclass(frozen=True, slots=True)
class TensorFact:
    """A tensor: `shape` with the fastest dimension first, `type` in ggml's words."""

    name: str
    type: str
    shape: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Anatomy:
    """What is too long to be kept beside a digest: tensors, and the metadata's arrays."""

    tensors: tuple[TensorFact, ...]
    arrays: Mapping[str, tuple[Scalar, ...]]


def human_number(count: int) -> str:
    """Shorten a count: 3934464 -> "3.93M", 7000000000 -> "7B"."""
    if count >= _BILLION:
        return _shortened(count / _BILLION, 1) + "B"
    if count >= _MILLION:
        return _shortened(count / _MILLION, 2) + "M"
    if count >= _THOUSAND:
        return _shortened(count / _THOUSAND, 0) + "K"
    return str(count)


def _shortened(number: float, decimals: int) -> str:
    return f"{number:.0f}" if number == int(number) else f"{number:.{decimals}f}"
