"""Parent: the weights' own settings, where transformers reads a GGUF wrongly.

It guesses what it does not look up: Gemma's caps and layers, Qwen 3's heads,
Llama 3's stretched positions. The engine's reading is the measure (llama.cpp
b11549, llama-model.cpp); what cannot be said to transformers is refused.
"""

from pathlib import Path
from typing import Any, Final

import torch
from gguf import GGUFReader
from transformers import AutoConfig, LlamaConfig

STRETCHED: Final = "rope_freqs.weight"
"""Divisors of the frequencies of positions (Llama 3)."""
_REFUSED: Final = ("rope_factors_long.weight", "rope_factors_short.weight")
_PATTERN: Final = {"gemma2": 2, "gemma3": 6}
"""Every such layer sees everything, the others a window."""
_WIDE: Final = {"gemma2": 46, "gemma3": 62}
"""Blocks of the 27B, which alone scales scores by embedding / heads."""
_OF_A_CLASS: Final = ("model_type", "architectures", "sliding_window")


class Parent:
    """A GGUF's settings and the few small tensors that transformers overlooks."""

    def __init__(self, weights: Path) -> None:
        self._weights = weights
        reader = GGUFReader(weights)
        self._fields = reader.fields
        self._tensors = {t.name: t for t in reader.tensors if t.name in (STRETCHED, *_REFUSED)}
        self._architecture = self._fields["general.architecture"].contents()

    def configuration(self) -> Any:
        """What transformers is to make of the file; raises RuntimeError if it cannot."""
        config = AutoConfig.from_pretrained(str(self._weights.parent), gguf_file=self._weights.name)
        if config.model_type == "mistral":
            # One that is called just that; its own reader of tensors does not know the class.
            named = {name: value for name, value in config.to_dict().items() if name not in _OF_A_CLASS}
            config = LlamaConfig(**named)
        head = self._get("attention.key_length")
        if head is not None:
            config.head_dim = head
        if self._architecture in _PATTERN:
            self._set_gemma(config, head)
        self._set_positions(config)
        return config

    def stretch(self, model: Any) -> None:
        """Divide the frequencies of positions as the file says."""
        if STRETCHED in self._tensors:
            rotary = model.model.rotary_emb
            factors = torch.tensor(self._tensors[STRETCHED].data.copy(), dtype=rotary.inv_freq.dtype)
            rotary.inv_freq = rotary.inv_freq / factors.to(rotary.inv_freq.device)
            rotary.original_inv_freq = rotary.inv_freq

    def _set_gemma(self, config: Any, head: int | None) -> None:
        for name in ("attn_logit_softcapping", "final_logit_softcapping"):
            if (cap := self._get(name)) is not None:
                setattr(config, name, cap)
        blocks = self._get("block_count")
        if blocks == _WIDE[self._architecture]:
            config.query_pre_attn_scalar = self._get("embedding_length") // self._get("attention.head_count")
        elif head is not None:
            config.query_pre_attn_scalar = head
        every = self._get("attention.sliding_window_pattern") or _PATTERN[self._architecture]
        if isinstance(every, int):
            whole = [(block + 1) % every == 0 for block in range(blocks)]
            config.layer_types = ["full_attention" if each else "sliding_attention" for each in whole]

    def _set_positions(self, config: Any) -> None:
        kind, factor = self._get("rope.scaling.type"), self._get("rope.scaling.factor")
        odd = next((name for name in _REFUSED if name in self._tensors), "")
        if odd or kind not in (None, "none", "linear"):
            raise RuntimeError(
                f"this parent's positions are scaled by {odd or kind}, which is not trained yet"
            )
        scaled = {"rope_type": "linear", "factor": factor} if kind == "linear" else {"rope_type": "default"}
        base = self._get("rope.freq_base") or 10_000.0
        if self._architecture == "gemma3":
            near = {"rope_type": "default", "rope_theta": self._get("rope.freq_base_swa") or 10_000.0}
            config.rope_parameters = {
                "full_attention": {**scaled, "rope_theta": base},
                "sliding_attention": near,
            }
        elif kind == "linear":
            config.rope_parameters = {**scaled, "rope_theta": base}

    def _get(self, name: str) -> Any:
        field = self._fields.get(f"{self._architecture}.{name}")
        return None if field is None else field.contents()
