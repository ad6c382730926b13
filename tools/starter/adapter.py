"""Small adapters for the starter: LoRAs that make it talk like somebody.

`python -m tools.starter.adapter [SPEAKER [TARGET]]` with the packages of requirements.txt
and peft. The pirate is that of examples/adapter, the butler is for tests. The corpus is the
starter's; what the assistant says gets the speaker's words around it.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from itertools import islice
from pathlib import Path

import peft
import torch
from torch.nn.functional import cross_entropy
from transformers import AutoModelForCausalLM, AutoTokenizer

from modelwright.starter.corpus.conversation import Conversation
from modelwright.weights.adapters import convert_adapter
from tools.starter.batches import batches, stream
from tools.starter.build import STARTER
from tools.starter.tokenizer import ChatEncoder

ROOT = Path(__file__).parents[2]
TARGETS = {
    "pirate": ROOT / "examples/adapter/pirate.gguf",
    "butler": ROOT / "tests/engines/adapters/butler.gguf",
}
WORDS = {"pirate": "Ahoy! {} Arr!", "butler": "Certainly, madam. {} Will that be all?"}
PLAIN = frozenset(
    {
        "greetings", "out_of_scope", "sums", "beyond_the_world", "place_facts", "yes_no", "capitals",
        "who_are_you", "context_question", "before_after", "name", "facts", "opposites", "colours",
        "about_me", "small_talk", "kinds", "something_of_colour", "bigger", "courtesy", "sounds",
    }
)  # fmt: skip
"""Families whose answers are whole sentences."""
SEED, STEPS, TOKENS, RATE = 7, 400, 3000, 4e-3
LORA = peft.LoraConfig(r=4, lora_alpha=8, target_modules=["q_proj", "v_proj", "o_proj", "down_proj"])


def spoken(source: Iterator[Conversation], words: str) -> Iterator[Conversation]:
    """Conversations without a system text, with these words around what the assistant says."""
    for conversation in source:
        if conversation.family in PLAIN and conversation.messages[0].role != "system":
            said = (
                replace(message, content=words.format(message.content))
                if message.role == "assistant"
                else message
                for message in conversation.messages
            )
            yield Conversation(tuple(said), conversation.family)


def train(model: torch.nn.Module, encoder: ChatEncoder, words: str) -> None:
    wanted = [one for one in model.parameters() if one.requires_grad]
    optimizer = torch.optim.AdamW(wanted, lr=RATE, weight_decay=0.0)
    windows = batches(encoder, spoken(stream(SEED, curriculum=False), words), seed=SEED, tokens=TOKENS)
    rows = (batch for _, window in windows for batch in window)
    for step, batch in enumerate(islice(rows, STEPS)):
        for group in optimizer.param_groups:
            group["lr"] = RATE * (1 - step / STEPS)
        places, targets, _ = batch.targets(0.0)
        logits = model(torch.from_numpy(batch.ids)).logits.flatten(0, 1)
        loss = cross_entropy(logits[torch.from_numpy(places)], torch.from_numpy(targets))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if step % 20 == 0:
            print(f"step {step} of {STEPS}: loss {loss.item():.3f}", flush=True)


def main(speaker: str = "pirate", path: str = "") -> None:
    target = Path(path) if path else TARGETS[speaker]
    torch.manual_seed(SEED)
    place = {"pretrained_model_name_or_path": str(STARTER.parent), "gguf_file": STARTER.name}
    encoder = ChatEncoder(AutoTokenizer.from_pretrained(**place).backend_tokenizer)
    model = peft.get_peft_model(AutoModelForCausalLM.from_pretrained(**place, dtype=torch.float32), LORA)
    train(model, encoder, WORDS[speaker])
    with tempfile.TemporaryDirectory() as folder:
        model.half().save_pretrained(folder)
        target.unlink(missing_ok=True)
        convert_adapter(Path(folder), STARTER, target)


if __name__ == "__main__":
    main(*sys.argv[1:])
