"""rope: how positions turn queries and keys, in the engine's words.

Reads both forms of a Hugging Face configuration: `rope_theta` with
`rope_scaling`, and `rope_parameters` of transformers 5.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from modelwright.core.errors import Invalid, Unsupported
from modelwright.core.wording import excerpt
from modelwright.weights.gguf_writer import Metadata, f32, text, u32
from modelwright.weights.json_file import Fields, Object

THETA: Final = 10_000.0
YARN_DEFAULTS: Final = {"beta_fast": 32.0, "beta_slow": 1.0}
YARN_UNKNOWN: Final = ("attention_factor", "mscale", "mscale_all_dim")


@dataclass(frozen=True, slots=True)
class Rope:
    """Metadata below the architecture's name, and tensors of F32 factors."""

    metadata: Metadata
    factors: dict[str, tuple[float, ...]] = field(default_factory=dict)


def rope_fields(config: Fields, kind: str = "full_attention") -> Fields:
    """Return the configuration's rope settings, `rope_theta` among them.

    `kind` chooses where layers differ (Gemma 3: "full_attention", "sliding_attention").
    """
    found: Object = config.object("rope_parameters").fields or config.object("rope_scaling").fields
    if isinstance(chosen := found.get(kind), dict):
        found = chosen
    return Fields({"rope_theta": config.number("rope_theta", THETA), **found}, f"{config.what}: rope")


def rope_type(fields: Fields) -> str:
    return fields.text("rope_type", fields.text("type", "default"))


def read_rope(config: Fields, dimensions: int, allowed: Sequence[str]) -> Rope:
    """Translate the rope settings; raises Unsupported for a type not in `allowed`."""
    fields = rope_fields(config)
    kind = rope_type(fields)
    if kind not in allowed:
        raise Unsupported(
            f"{config.what}: rope type {excerpt(kind)} cannot be converted for this class",
            hint=f"Supported are {', '.join(allowed)}",
        )
    metadata = {"rope.freq_base": f32(fields.number("rope_theta")), "rope.dimension_count": u32(dimensions)}
    if kind == "linear":
        metadata |= {"rope.scaling.type": text("linear"), "rope.scaling.factor": f32(fields.number("factor"))}
    if kind == "yarn":
        metadata |= _yarn(config, fields)
    if kind == "llama3":
        return Rope(metadata, {"rope_freqs.weight": llama3_factors(fields, dimensions)})
    if kind in ("longrope", "su"):
        return _long(config, fields, dimensions, metadata)
    return Rope(metadata)


def _yarn(config: Fields, fields: Fields) -> Metadata:
    for name in YARN_UNKNOWN:
        if fields.has(name):
            raise Unsupported(f"{fields.what}: {excerpt(name)} cannot be converted")
    original = fields.integer("original_max_position_embeddings", config.integer("max_position_embeddings"))
    found = {
        "rope.scaling.type": text("yarn"),
        "rope.scaling.factor": f32(fields.number("factor")),
        "rope.scaling.original_context_length": u32(original),
    }
    for name, usual in YARN_DEFAULTS.items():
        found[f"rope.scaling.yarn_{name}"] = f32(fields.number(name, usual))
    return found


def llama3_factors(fields: Fields, dimensions: int) -> tuple[float, ...]:
    """Return by what each frequency is divided (Llama 3.1's scaling)."""
    base, factor = fields.number("rope_theta"), fields.number("factor")
    low, high = fields.number("low_freq_factor"), fields.number("high_freq_factor")
    original = fields.integer("original_max_position_embeddings")
    if min(base, factor, low, original) <= 0 or high <= low:
        raise Invalid(f"{fields.what}: factors must be positive, high_freq_factor above low_freq_factor")
    found = []
    for pair in range(dimensions // 2):
        length = 2 * math.pi * base ** (2 * pair / dimensions)
        share = (original / length - low) / (high - low)
        share = min(max(share, 0.0), 1.0)
        found.append(1 / ((1 - share) / factor + share))
    return tuple(found)


def _long(config: Fields, fields: Fields, dimensions: int, metadata: Metadata) -> Rope:
    """Translate longrope: one list of factors for short texts, one for long ones."""
    longest = config.integer("max_position_embeddings")
    original = fields.integer(
        "original_max_position_embeddings", config.integer("original_max_position_embeddings", longest)
    )
    scale = longest / original if original else 0.0
    if scale <= 0 or original < 2:
        raise Invalid(f"{fields.what}: original_max_position_embeddings is {original}")
    usual = math.sqrt(1 + math.log(scale) / math.log(original)) if scale > 1 else 1.0
    factors = {}
    for name in ("long", "short"):
        values = fields.numbers(f"{name}_factor")
        if len(values) != dimensions // 2:
            raise Invalid(
                f"{fields.what}: {name}_factor has {len(values)} numbers, {dimensions // 2} are needed"
            )
        factors[f"rope_factors_{name}.weight"] = tuple(values)
    metadata |= {
        "rope.scaling.original_context_length": u32(original),
        "rope.scaling.attn_factor": f32(fields.number("attention_factor", usual)),
    }
    return Rope(metadata, factors)
