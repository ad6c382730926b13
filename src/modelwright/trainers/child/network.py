"""Network: a GGUF's weights in torch, with the adapter that is taught on top.

Weights are dequantized by transformers. What every method needs of it is one
number for each token of an answer: how likely the network finds it.
"""

import json
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any, Final, TypeAlias

import torch
from peft import LoraConfig, PeftModel, get_peft_model, get_peft_model_state_dict, set_peft_model_state_dict
from safetensors.torch import load_file, save_file
from torch import Tensor
from torch.nn.functional import cross_entropy
from transformers import AutoModelForCausalLM

from modelwright.trainers.child.job import Job
from modelwright.trainers.child.parent import Parent

CONFIG: Final = "adapter_config.json"
WEIGHTS: Final = "adapter_model.safetensors"
_FUSED: Final = {
    "q_proj": "qkv_proj",
    "k_proj": "qkv_proj",
    "v_proj": "qkv_proj",
    "gate_proj": "gate_up_proj",
    "up_proj": "gate_up_proj",
}
"""Where a family keeps several layers as one (Phi-3)."""

WIDTH_STEP: Final = 16
PICKED_STEP: Final = 64
"""Sizes are rounded up to these: libraries make a program anew for each size they meet."""

Sequences: TypeAlias = Sequence[tuple[Sequence[int], Sequence[int]]]
"""Prompts and answers, as tokens."""


class Network:
    """The weights and the adapter; `size` and `taught` count their numbers."""

    def __init__(self, job: Job) -> None:
        torch.manual_seed(job["seed"])
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self._bf16 = job["precision"] == "bf16" or (job["precision"] == "auto" and _has_bf16(self.device))
        self._model = _adapted(_base(job, self._bf16), job).to(self.device)
        self.size = sum(p.numel() for p in self._model.parameters() if not p.requires_grad)
        self.taught = [p for p in self._model.parameters() if p.requires_grad]
        self._core = self._model.get_base_model()
        self._cap = getattr(self._core.config, "final_logit_softcapping", None)
        self._model.train()

    @property
    def precision(self) -> str:
        return "bf16" if self._bf16 else "f32"

    def likelihoods(self, sequences: Sequences) -> list[Tensor]:
        """The log-probability of each token of each answer, given what stands before.

        The first token of a text without a prompt follows nothing and is left out.
        """
        logits, targets, counts = self._answered(sequences)
        return list((-cross_entropy(logits, targets, reduction="none")).split(counts))

    def examples(self, sequences: Sequences) -> tuple[Tensor, int]:
        """The same for all tokens in a row, and how many of them were the likeliest."""
        logits, targets, _ = self._answered(sequences)
        best = logits.detach()
        right = int((best.gather(1, targets[:, None])[:, 0] >= best.amax(dim=-1)).sum())
        return -cross_entropy(logits, targets, reduction="none"), right

    def _answered(self, sequences: Sequences) -> tuple[Tensor, Tensor, list[int]]:
        """Logits and token of each place of an answer, and the places of each answer."""
        wholes = [[*prompt, *answer] for prompt, answer in sequences]
        width = _stepped(max(map(len, wholes)), WIDTH_STEP)
        ids = torch.zeros((len(wholes), width), dtype=torch.long)
        places: list[int] = []
        counts: list[int] = []
        for row, ((prompt, _), whole) in enumerate(zip(sequences, wholes, strict=True)):
            ids[row, : len(whole)] = torch.tensor(whole)
            first = row * width
            picked = range(first + max(len(prompt) - 1, 0), first + len(whole) - 1)
            places += picked
            counts.append(len(picked))
        targets = ids.flatten()[torch.tensor(places) + 1].to(self.device)
        places += [0] * (_stepped(len(places), PICKED_STEP) - len(places))
        with self._cast():
            # Padding stands on the right, where a causal network cannot see it.
            hidden = self._core.model(input_ids=ids.to(self.device), use_cache=False).last_hidden_state
            logits = self._logits(hidden.flatten(0, 1)[torch.tensor(places).to(self.device)])
        return logits[: len(targets)].float(), targets, counts

    def next_logits(self, ids: Tensor, cache: Any) -> tuple[Tensor, Any]:
        """The logits after the last of these tokens, and the cache that holds them all."""
        with torch.no_grad(), self._cast():
            out = self._core.model(input_ids=ids.to(self.device), past_key_values=cache, use_cache=True)
            return self._logits(out.last_hidden_state[:, -1]).float().cpu(), out.past_key_values

    def measuring(self, *, adapted: bool = True) -> "_Measuring":
        """For as long as it is entered: no dropout, no gradients; perhaps no adapter."""
        return _Measuring(self._model, adapted)

    def state(self) -> dict[str, Tensor]:
        """The adapter's numbers, by PEFT's names."""
        found = get_peft_model_state_dict(self._model)
        return {name: found[name].detach().cpu().contiguous().clone() for name in sorted(found)}

    def restore(self, state: Mapping[str, Tensor]) -> None:
        """Set the adapter's numbers."""
        set_peft_model_state_dict(self._model, dict(state))

    def save(self, folder: Path) -> None:
        """Write the adapter as a PEFT folder, byte for byte the same for the same numbers."""
        folder.mkdir(parents=True, exist_ok=True)
        save_file({name: tensor.float() for name, tensor in self.state().items()}, folder / WEIGHTS)
        settings = self._model.peft_config["default"]
        targets = sorted(settings.target_modules)
        config = {
            "peft_type": "LORA",
            "task_type": "CAUSAL_LM",
            "r": settings.r,
            "lora_alpha": settings.lora_alpha,
            "lora_dropout": settings.lora_dropout,
            "target_modules": targets,
            "bias": "none",
        }
        (folder / CONFIG).write_text(json.dumps(config, indent=1, sort_keys=True) + "\n")

    def _logits(self, hidden: Tensor) -> Tensor:
        logits: Tensor = self._core.lm_head(hidden)
        return logits if self._cap is None else self._cap * torch.tanh(logits / self._cap)

    def _cast(self) -> AbstractContextManager[Any]:
        return torch.autocast(self.device.type, dtype=torch.bfloat16) if self._bf16 else nullcontext()


def _stepped(count: int, step: int) -> int:
    return max(-(-count // step), 1) * step


class _Measuring:
    """Dropout off and gradients off, and back again."""

    def __init__(self, model: PeftModel, adapted: bool) -> None:
        self._model = model
        self._parts: list[AbstractContextManager[Any]] = [torch.no_grad()]
        if not adapted:
            self._parts.append(model.disable_adapter())

    def __enter__(self) -> None:
        self._model.eval()
        for part in self._parts:
            part.__enter__()

    def __exit__(self, *failure: Any) -> None:
        for part in reversed(self._parts):
            part.__exit__(*failure)
        self._model.train()


def _base(job: Job, bf16: bool) -> Any:
    """The weights, with the frozen adapters merged into them."""
    dtype = torch.bfloat16 if bf16 and job["precision"] == "bf16" else torch.float32
    parent = Parent(job.weights)
    config = parent.configuration()
    # Only the plain way of attention knows Gemma 2's cap on its scores.
    capped = getattr(config, "attn_logit_softcapping", None)
    model = AutoModelForCausalLM.from_pretrained(
        str(job.weights.parent),
        gguf_file=job.weights.name,
        config=config,
        dtype=dtype,
        attn_implementation="eager" if capped else "sdpa",
    )
    parent.stretch(model)
    for folder, scale in job.frozen:
        layered = PeftModel.from_pretrained(model, str(folder))
        for module in layered.modules():
            if hasattr(module, "scale_layer"):
                module.scale_layer(scale)
        model = layered.merge_and_unload()
    return model


def _adapted(model: Any, job: Job) -> PeftModel:
    if job.start is not None:
        model = get_peft_model(model, _config(json.loads((job.start / CONFIG).read_text()), job))
        set_peft_model_state_dict(model, load_file(job.start / WEIGHTS))
    else:
        leaves = {name.rpartition(".")[2] for name, _ in model.named_modules()}
        named = {name if name in leaves else _FUSED.get(name, name) for name in job["target_modules"]}
        targets = sorted(named & leaves)
        shape = {"r": job["rank"], "lora_alpha": job["alpha"], "target_modules": targets}
        model = get_peft_model(model, _config(shape, job))
    return model


def _config(shape: Mapping[str, Any], job: Job) -> LoraConfig:
    return LoraConfig(
        r=shape["r"],
        lora_alpha=shape["lora_alpha"],
        target_modules=list(shape["target_modules"]),
        lora_dropout=job["dropout"],
        task_type="CAUSAL_LM",
    )


def _has_bf16(device: torch.device) -> bool:
    """Whether bf16 is faster here and not only possible."""
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported())
    return bool(torch.cpu._is_avx512_bf16_supported())
