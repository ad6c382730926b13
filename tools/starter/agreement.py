"""The same GGUF answered by transformers in float32, to hold the engine against.

Imported only where torch and transformers are installed.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from modelwright.starter.corpus.conversation import Message
from tools.starter.tokenizer import TURN_END


class Reference:
    """Greedy answers of the dequantized file, prompted by its own chat template."""

    def __init__(self, file: Path) -> None:
        place = {"pretrained_model_name_or_path": str(file.parent), "gguf_file": file.name}
        self._tokenizer = AutoTokenizer.from_pretrained(**place)
        self._network = AutoModelForCausalLM.from_pretrained(**place, dtype=torch.float32).eval()

    @torch.no_grad()
    def answer(self, messages: Sequence[Message], longest: int) -> str:
        turns = [{"role": m.role, "content": m.content} for m in messages]
        text = self._tokenizer.apply_chat_template(turns, tokenize=False, add_generation_prompt=True)
        prompt = self._tokenizer(text, add_special_tokens=False, return_tensors="pt")
        ids = self._network.generate(
            **prompt, max_new_tokens=longest, do_sample=False, eos_token_id=TURN_END, pad_token_id=0
        )
        return str(self._tokenizer.decode(ids[0, prompt["input_ids"].shape[1] :], skip_special_tokens=True))
