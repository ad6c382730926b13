"""Other ways to train the same adapter: a bare loop of torch, and trl's SFTTrainer.

`python other_trainers.py bare|trl TASK.json` makes the steps of a task and prints what
they took: `{"tokens", "seconds", "processor"}`. Both have one thread, and the weights,
rows, batches and precision of our child.
"""

import json
import random
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from peft import LoraConfig, get_peft_model
from transformers import AutoModelForCausalLM, AutoTokenizer

TARGETS = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
WASTE = 1.5
"""Rows of like length are computed together, as our child does it."""

Row = tuple[list[int], list[int]]


def rows_of(task: dict[str, Any]) -> list[Row]:
    """The tokens of each question and its answer."""
    weights = Path(task["weights"])
    tokenizer = AutoTokenizer.from_pretrained(str(weights.parent), gguf_file=weights.name)
    found = []
    for line in Path(task["data"]).read_text().splitlines():
        row = json.loads(line)
        prompt = f"<|im_start|>user\n{row['prompt']}<|im_end|>\n<|im_start|>assistant\n"
        parts = (prompt, row["completion"] + "<|im_end|>")
        found.append(tuple(tokenizer.encode(part, add_special_tokens=False) for part in parts))
    return found


def batches(rows: Sequence[Row], task: dict[str, Any]) -> list[list[Row]]:
    """The rows of each step, in the order that our child takes them."""
    places: list[int] = []
    for epoch in range(-(-task["steps"] * task["batch"] // len(rows))):
        order = list(range(len(rows)))
        random.Random(f"{task['seed']}:{epoch}").shuffle(order)
        places += order
    chosen = [rows[place] for place in places]
    return [chosen[first * task["batch"] :][: task["batch"]] for first in range(task["steps"])]


def pieces(batch: Sequence[Row]) -> list[list[Row]]:
    found: list[list[Row]] = []
    for row in sorted(batch, key=lambda row: -len(row[0]) - len(row[1])):
        width = sum(map(len, found[-1][0])) if found else 0
        if not found or (len(row[0]) + len(row[1])) * WASTE < width:
            found.append([])
        found[-1].append(row)
    return found


def adapted(task: dict[str, Any]) -> Any:
    weights = Path(task["weights"])
    torch.manual_seed(task["seed"])
    model = AutoModelForCausalLM.from_pretrained(
        str(weights.parent), gguf_file=weights.name, dtype=torch.float32
    )
    # transformers holds such a model for quantized, which its Trainer refuses.
    model.hf_quantizer, model.is_quantized, model.quantization_method = None, False, None
    if hasattr(model.config, "quantization_config"):
        del model.config.quantization_config
    shape = LoraConfig(
        r=task["rank"],
        lora_alpha=2 * task["rank"],
        lora_dropout=task["dropout"],
        target_modules=TARGETS,
        task_type="CAUSAL_LM",
    )
    return get_peft_model(model, shape)


def bare(task: dict[str, Any]) -> Callable[[], int]:
    """A plain loop; gives what makes the steps and says how many tokens they had."""
    model, steps = adapted(task), batches(rows_of(task), task)
    taught = [parameter for parameter in model.parameters() if parameter.requires_grad]
    optimizer = torch.optim.AdamW(taught, lr=task["learning_rate"], weight_decay=0)
    model.train()

    def work() -> int:
        for batch in steps:
            optimizer.zero_grad(set_to_none=False)
            count = sum(len(answer) for _, answer in batch)
            for piece in pieces(batch):
                (_loss(model, piece, task["bf16"]) / count).backward()
            torch.nn.utils.clip_grad_norm_(taught, 1.0)
            optimizer.step()
        return sum(len(prompt) + len(answer) for batch in steps for prompt, answer in batch)

    return work


def _loss(model: Any, piece: Sequence[Row], bf16: bool) -> torch.Tensor:
    """The loss of the answers; logits are computed where there is one."""
    width = -(-max(len(prompt) + len(answer) for prompt, answer in piece) // 16) * 16
    ids = torch.zeros((len(piece), width), dtype=torch.long)
    places: list[int] = []
    for at, (prompt, answer) in enumerate(piece):
        ids[at, : len(prompt) + len(answer)] = torch.tensor(prompt + answer)
        places += range(at * width + len(prompt) - 1, at * width + len(prompt) + len(answer) - 1)
    picked = torch.tensor(places)
    core = model.get_base_model()
    with torch.autocast("cpu", dtype=torch.bfloat16, enabled=bf16):
        hidden = core.model(input_ids=ids, use_cache=False).last_hidden_state.flatten(0, 1)
        logits = core.lm_head(hidden[picked])
    return torch.nn.functional.cross_entropy(logits.float(), ids.flatten()[picked + 1], reduction="sum")


def trl(task: dict[str, Any]) -> Callable[[], int]:
    """The loop of trl over the same rows."""
    from datasets import Dataset
    from trl import SFTTrainer

    rows = rows_of(task)
    steps = batches(rows, task)
    weights = Path(task["weights"])
    tokenizer = AutoTokenizer.from_pretrained(str(weights.parent), gguf_file=weights.name)
    flat = [row for batch in steps for row in batch]
    tokens = {
        "input_ids": [prompt + answer for prompt, answer in flat],
        "completion_mask": [[0] * len(prompt) + [1] * len(answer) for prompt, answer in flat],
    }
    trainer = SFTTrainer(
        model=adapted(task),
        args=_settings(task),
        train_dataset=Dataset.from_dict(tokens),
        processing_class=tokenizer,
    )

    def work() -> int:
        trainer.train()
        return sum(len(prompt) + len(answer) for prompt, answer in flat)

    return work


def _settings(task: dict[str, Any]) -> Any:
    """As near to ours as trl's settings come."""
    from trl import SFTConfig

    return SFTConfig(
        output_dir=task["folder"],
        max_steps=task["steps"],
        per_device_train_batch_size=task["batch"],
        learning_rate=task["learning_rate"],
        weight_decay=0.0,
        completion_only_loss=True,
        bf16=task["bf16"],
        gradient_checkpointing=False,
        use_cpu=True,
        report_to=[],
        save_strategy="no",
        disable_tqdm=True,
        logging_steps=10_000,
        dataloader_pin_memory=False,
    )


def main() -> None:
    kind, task = sys.argv[1], json.loads(Path(sys.argv[2]).read_text())
    say, sys.stdout = sys.stdout, sys.stderr  # libraries print
    torch.set_num_threads(1)
    work = {"bare": bare, "trl": trl}[kind](task)
    started, used = time.monotonic(), time.process_time()
    tokens = work()
    found = {"tokens": tokens, "seconds": time.monotonic() - started}
    print(json.dumps({**found, "processor": time.process_time() - used}), file=say, flush=True)


if __name__ == "__main__":
    main()
