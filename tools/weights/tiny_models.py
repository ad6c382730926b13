"""Tiny random models of every class that is converted, and what they answer.

`python -m tools.weights.tiny_models FOLDER [NAME...]` (with torch, transformers, peft,
sentencepiece) writes per case a folder as Hugging Face has it, `expected.json` with the
greedy tokens and log-probabilities of transformers in F32, and perhaps an adapter of PEFT.
`tests/weights/golden` holds what it wrote for the cases of GOLDEN.
"""

import copy
import json
import shutil
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import peft
import torch
import transformers
from safetensors.torch import save_file

from tools.weights.tiny_tokenizers import TEMPLATE, write_tokenizer

STEPS = 12
TOP = 5
SPECIALS = 8
"""Tokens below this number may be special; prompts and answers have none of them."""
TEXTS = (
    "Hello there, it's 2026!",
    "  The king of the town\nlikes <b>red</b> hats 1234.",
    "naïve café 東京 🙂",
)
PROBE = "q_proj,k_proj,v_proj,o_proj,gate_proj,up_proj,down_proj"


@dataclass(frozen=True)
class Case:
    """One model: `prompts` are lengths of prompts by context size of the engine."""

    config: str
    tokenizer: str
    options: dict[str, Any] = field(default_factory=dict)
    prompts: dict[int, tuple[int, ...]] = field(default_factory=lambda: {256: (6, 40)})
    dtype: str = "float16"
    adapter: dict[str, Any] | None = None


SIZES = {
    "hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4,
    "num_key_value_heads": 2, "max_position_embeddings": 512,
}  # fmt: skip
LORA = {"r": 4, "lora_alpha": 6, "target_modules": PROBE.split(",")}
GEMMA = {"head_dim": 16, "query_pre_attn_scalar": 16, "sliding_window": 16}
THIRD = {"num_hidden_layers": 3, "layer_types": ["sliding_attention", "sliding_attention", "full_attention"]}
LLAMA3 = {
    "rope_type": "llama3", "rope_theta": 500000.0, "factor": 8.0, "low_freq_factor": 1.0,
    "high_freq_factor": 4.0, "original_max_position_embeddings": 64,
}  # fmt: skip
YARN = {"rope_type": "yarn", "rope_theta": 10000.0, "factor": 4.0, "original_max_position_embeddings": 128}
LONG = {
    "rope_type": "longrope", "rope_theta": 10000.0, "original_max_position_embeddings": 256,
    "short_factor": [1.0, 1.1, 1.3, 1.7], "long_factor": [1.0, 2.0, 3.5, 6.0],
}  # fmt: skip

CASES = {
    "llama": Case("LlamaConfig", "llama3", {"rope_parameters": LLAMA3, "tie_word_embeddings": True}, adapter=LORA),
    "llama-biased": Case(
        "LlamaConfig", "sentencepiece", {"attention_bias": True, "mlp_bias": True, "head_dim": 16}
    ),
    "llama-linear": Case(
        "LlamaConfig", "gpt2", {"rope_parameters": {"rope_type": "linear", "factor": 4.0, "rope_theta": 10000.0}}
    ),
    "llama-yarn": Case("LlamaConfig", "llama3", {"rope_parameters": YARN}, {256: (6, 200)}),
    "mistral": Case("MistralConfig", "byte-fallback", {"sliding_window": None}, dtype="bfloat16", adapter=LORA),
    "mistral-tekken": Case("MistralConfig", "tekken", {"sliding_window": None, "head_dim": 16}),
    "qwen2": Case("Qwen2Config", "qwen2", {"tie_word_embeddings": True}, adapter={**LORA, "use_rslora": True}),
    "qwen2-yarn": Case("Qwen2Config", "qwen2", {"rope_parameters": YARN}, {256: (6, 200)}),
    "qwen3": Case("Qwen3Config", "qwen2", {"head_dim": 16}, adapter=LORA),
    "gemma2": Case(
        "Gemma2Config", "gemma",
        {**GEMMA, "attn_logit_softcapping": 5.0, "final_logit_softcapping": 3.0}, adapter=LORA,
    ),
    "gemma3": Case(
        "Gemma3TextConfig", "gemma-json",
        {**GEMMA, **THIRD, "rope_parameters": {
            "full_attention": {"rope_type": "linear", "factor": 8.0, "rope_theta": 1000000.0},
            "sliding_attention": {"rope_type": "default", "rope_theta": 10000.0}}},
        adapter=LORA,
    ),
    "gemma3-six": Case("Gemma3TextConfig", "gemma", {**GEMMA, "num_hidden_layers": 6}),
    "gemma3-embedding": Case(
        "Gemma3TextConfig", "gemma",
        {**GEMMA, **THIRD, "use_bidirectional_attention": True},
    ),
    "phi3": Case(
        "Phi3Config", "phi3", {"sliding_window": None},
        adapter={**LORA, "target_modules": ["qkv_proj", "o_proj", "gate_up_proj", "down_proj"]},
    ),
    "phi3-long": Case(
        "Phi3Config", "gpt-4o",
        {"rope_parameters": LONG, "max_position_embeddings": 1024, "original_max_position_embeddings": 256},
        {256: (6, 40), 1024: (300,)},
    ),
    "phi3-partial": Case(
        "Phi3Config", "gpt-4o", {"head_dim": None, "rope_parameters": {
            "rope_type": "default", "rope_theta": 10000.0, "partial_rotary_factor": 0.5}},
    ),
}  # fmt: skip
GOLDEN = ("llama", "mistral", "qwen2", "qwen3", "gemma2", "gemma3", "gemma3-embedding", "phi3")
"""One case of each class, small enough to be committed."""


def make_model(case: Case, vocabulary: int) -> Any:
    """Make a model whose every weight matters: nothing is zero, no norm is one."""
    config_class = getattr(transformers, case.config)
    options = {key: value for key, value in {**SIZES, **case.options}.items() if value is not None}
    if "sliding_window" in case.options and case.options["sliding_window"] is None:
        options["sliding_window"] = None
    tokens = {"bos_token_id": 1, "eos_token_id": 2, "pad_token_id": 0}
    config = config_class(vocab_size=vocabulary, **tokens, **options)
    kind = transformers.AutoModel if config_embeds(case) else transformers.AutoModelForCausalLM
    model = kind.from_config(config, attn_implementation="eager")
    with torch.no_grad():
        for name, weight in model.named_parameters():
            middle = 0.0 if case.config.startswith("Gemma") or not name.endswith("norm.weight") else 1.0
            if name.endswith("post_feedforward_layernorm.weight"):
                middle = -0.8  # the engine looks GELU up in a table of F16, which must not show
            weight.copy_(middle + 0.3 * torch.randn(weight.shape))
            weight.copy_(weight.to(getattr(torch, case.dtype)).float())
    return model.float().eval()


def config_embeds(case: Case) -> bool:
    return bool(case.options.get("use_bidirectional_attention"))


def embed(model: Any, folder: Path, lengths: tuple[int, ...], vocabulary: int) -> list[dict[str, Any]]:
    """Return vectors of prompts, as sentence-transformers makes them of two dense layers.

    Writes those layers, and the files that name them.
    """
    layers = {"2_Dense": 0.3 * torch.randn(48, 32), "3_Dense": 0.3 * torch.randn(32, 48)}
    for name, weight in layers.items():
        (folder / name).mkdir()
        save_file({"linear.weight": weight}, folder / name / "model.safetensors")
        sizes = {"in_features": weight.shape[1], "out_features": weight.shape[0], "bias": False}
        identity = {"activation_function": "torch.nn.modules.linear.Identity"}
        (folder / name / "config.json").write_text(json.dumps(sizes | identity))
    (folder / "1_Pooling").mkdir()
    (folder / "1_Pooling" / "config.json").write_text(json.dumps({"pooling_mode_mean_tokens": True}))
    modules = [
        ("", "Transformer"),
        ("1_Pooling", "Pooling"),
        *((name, "Dense") for name in layers),
        ("4_Normalize", "Normalize"),
    ]
    listed = [{"path": path, "type": f"sentence_transformers.models.{kind}"} for path, kind in modules]
    (folder / "modules.json").write_text(json.dumps(listed))
    found = []
    for length in lengths:
        prompt = torch.randint(SPECIALS, vocabulary, (length,)).tolist()
        with torch.no_grad():
            pooled = model(torch.tensor([prompt])).last_hidden_state[0].mean(0)
            for weight in layers.values():
                pooled = weight @ pooled
        vector = torch.nn.functional.normalize(pooled, dim=0).tolist()
        found.append({"prompt": prompt, "vector": [round(value, 6) for value in vector]})
    return found


def answer(model: Any, prompt: list[int]) -> tuple[list[int], list[dict[int, float]], float]:
    """Return greedy tokens, the best log-probabilities of each step, and the closest decision."""
    found: list[int] = []
    best: list[dict[int, float]] = []
    margin = 9.0
    with torch.no_grad():
        for _ in range(STEPS):
            logits = model(torch.tensor([prompt + found]), use_cache=False).logits[0, -1]
            values, numbers = torch.log_softmax(logits.double(), 0).topk(TOP)
            best.append({int(n): round(float(v), 6) for n, v in zip(numbers, values, strict=True)})
            margin = min(margin, float(values[0] - values[1]))
            found.append(int(numbers[0]))
    return found, best, margin


def ask(model: Any, lengths: tuple[int, ...], vocabulary: int) -> list[dict[str, Any]]:
    """Find prompts whose answers hold no special token and no near tie."""
    answers = []
    for length in lengths:
        for _ in range(400):
            prompt = torch.randint(SPECIALS, vocabulary, (length,)).tolist()
            tokens, best, margin = answer(model, prompt)
            if min(tokens) >= SPECIALS and margin > 0.004:
                answers.append({"prompt": prompt, "tokens": tokens, "best": best})
                break
        else:
            raise SystemExit("no prompt without a near tie was found")
    return answers


def write_case(name: str, folder: Path) -> None:
    """Write one case, anew."""
    case = CASES[name]
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    torch.manual_seed(sum(name.encode()))
    vocabulary, numbers = write_tokenizer(case.tokenizer, folder, TEXTS)
    rows = vocabulary + 4  # more rows than tokens, as published models have
    model = make_model(case, rows)
    # A copy, because frequencies that are no weights would lose precision for good.
    copy.deepcopy(model).to(getattr(torch, case.dtype)).save_pretrained(folder)
    if config_embeds(case):
        vectors = embed(model, folder, case.prompts[256], vocabulary)
        (folder / "expected.json").write_text(
            json.dumps({"vectors": vectors, "texts": numbers, "template": TEMPLATE})
        )
        return
    contexts = {context: ask(model, lengths, vocabulary) for context, lengths in case.prompts.items()}
    expected: dict[str, Any] = {"contexts": contexts, "texts": numbers, "template": TEMPLATE}
    if case.adapter:
        expected["adapted"] = write_adapter(case, model, folder / "adapter", vocabulary)
    (folder / "expected.json").write_text(json.dumps(expected, separators=(",", ":")))


def write_adapter(case: Case, model: Any, folder: Path, vocabulary: int) -> dict[int, list[dict[str, Any]]]:
    """Write an adapter, and return what the merged model answers."""
    adapted = peft.get_peft_model(model, peft.LoraConfig(**case.adapter), autocast_adapter_dtype=False)
    with torch.no_grad():
        for key, weight in adapted.named_parameters():
            if "lora_" in key:
                weight.copy_(0.3 * torch.randn(weight.shape))
    adapted.save_pretrained(folder)
    (folder / "README.md").unlink(missing_ok=True)
    merged = adapted.merge_and_unload().eval()
    return {context: ask(merged, lengths, vocabulary) for context, lengths in case.prompts.items()}


def main(arguments: list[str]) -> None:
    """Write the named cases, all of them when none is named."""
    torch.set_num_threads(1)
    for name in arguments[1:] or CASES:
        write_case(name, Path(arguments[0]) / name)
        print(name, flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
