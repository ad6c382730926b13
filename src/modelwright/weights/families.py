"""families: the model classes that can be converted, and how each differs.

A family turns config.json into metadata of the engine and says which tensors
of which shapes there must be. What the engine would compute differently from
transformers is refused, or noted where it only matters for long texts.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from modelwright.core.errors import Invalid, Unsupported
from modelwright.core.wording import excerpt, nearest
from modelwright.weights.gguf import LAYERS
from modelwright.weights.gguf_writer import Metadata, f32, u32
from modelwright.weights.json_file import Fields
from modelwright.weights.rope import Rope, read_rope, rope_fields, rope_type

SILU: Final = ("silu", "swish")
GELU: Final = ("gelu_pytorch_tanh",)
ATTENTION: Final = ("attn_q", "attn_k", "attn_v")
GATED: Final = ("attn_norm", *ATTENTION, "attn_output", "ffn_norm", "ffn_gate", "ffn_up", "ffn_down")
NORMED: Final = (*GATED, "attn_q_norm", "attn_k_norm")
AFTER: Final = ("post_attention_norm", "post_ffw_norm")
FUSED: Final = ("attn_norm", "attn_qkv", "attn_output", "ffn_norm", "ffn_up", "ffn_down")
USUAL_ROPE: Final = ("default", "linear", "yarn")


@dataclass(frozen=True, slots=True)
class Sizes:
    """The numbers that shapes are made of."""

    layers: int
    hidden: int
    heads: int
    heads_kv: int
    head: int
    forward: int

    @property
    def shapes(self) -> Mapping[str, tuple[int, ...]]:
        """Shape of each tensor of a layer, slowest dimension first."""
        queries, keys = self.heads * self.head, self.heads_kv * self.head
        wide = (self.forward, self.hidden)
        row = (self.hidden,)
        return {
            "attn_q": (queries, self.hidden),
            "attn_k": (keys, self.hidden),
            "attn_v": (keys, self.hidden),
            "attn_qkv": (queries + 2 * keys, self.hidden),
            "attn_output": (self.hidden, queries),
            "ffn_gate": wide,
            "ffn_up": wide,
            "ffn_down": wide[::-1],
            "attn_q_norm": (self.head,),
            "attn_k_norm": (self.head,),
            **dict.fromkeys(("attn_norm", "ffn_norm", *AFTER), row),
        }


@dataclass(frozen=True, slots=True)
class Family:
    """A model class, in the engine's words.

    `interleaved`: the engine turns neighbours, not halves, of q and k.
    `shift`: what is added to norms. `biases`: tensors that may, and `required`
    ones that must, have one. `tied`: whether the logits come from the embeddings when
    the configuration is silent; `always_tied` when the engine knows nothing else.
    `embeds`: it makes vectors, and no text.
    """

    architecture: str
    tensors: tuple[str, ...]
    describe: Callable[[Fields, Sizes, list[str]], Rope]
    activation: tuple[str, ...] = SILU
    interleaved: bool = False
    shift: float = 0.0
    biases: tuple[str, ...] = ()
    tied: bool = False
    always_tied: bool = False
    embeds: bool = False


def read_sizes(config: Fields) -> Sizes:
    """Read the sizes; raises Invalid when they do not fit each other."""
    heads = config.integer("num_attention_heads")
    hidden = config.integer("hidden_size")
    found = Sizes(
        layers=config.integer("num_hidden_layers"),
        hidden=hidden,
        heads=heads,
        heads_kv=config.integer("num_key_value_heads", heads),
        head=config.integer("head_dim", hidden // heads if heads else 0),
        forward=config.integer("intermediate_size"),
    )
    if not 1 <= found.layers <= LAYERS or not min(hidden, heads, found.heads_kv, found.head, found.forward):
        raise Invalid(f"{config.what}: sizes must be positive, with 1 to {LAYERS} layers")
    if heads % found.heads_kv or found.head % 2:
        raise Invalid(f"{config.what}: {heads} heads, {found.heads_kv} for keys, of {found.head} do not fit")
    return found


def describe(family: Family, config: Fields, sizes: Sizes, notes: list[str]) -> Rope:
    """Return the metadata of a configuration, keys in full, and factor tensors."""
    activation = config.text("hidden_activation", config.text("hidden_act", family.activation[0]))
    if activation not in family.activation:
        raise Unsupported(
            f"{config.what}: activation {excerpt(activation)}, the engine has {family.activation[0]}"
        )
    rope = family.describe(config, sizes, notes)
    metadata: Metadata = {
        "context_length": u32(config.integer("max_position_embeddings")),
        "embedding_length": u32(sizes.hidden),
        "block_count": u32(sizes.layers),
        "feed_forward_length": u32(sizes.forward),
        "attention.head_count": u32(sizes.heads),
        "attention.head_count_kv": u32(sizes.heads_kv),
        "attention.key_length": u32(sizes.head),
        "attention.value_length": u32(sizes.head),
        "attention.layer_norm_rms_epsilon": f32(config.number("rms_norm_eps", 1e-6)),
    }
    metadata |= rope.metadata
    return Rope({f"{family.architecture}.{key}": value for key, value in metadata.items()}, rope.factors)


def _llama(config: Fields, sizes: Sizes, _notes: list[str]) -> Rope:
    return read_rope(config, sizes.head, (*USUAL_ROPE, "llama3"))


def _mistral(config: Fields, sizes: Sizes, notes: list[str]) -> Rope:
    _note_window(config, notes, config.has("sliding_window"))
    return _llama(config, sizes, notes)


def _qwen(config: Fields, sizes: Sizes, notes: list[str]) -> Rope:
    _note_window(config, notes, config.flag("use_sliding_window", False))
    return read_rope(config, sizes.head, USUAL_ROPE)


def _gemma2(config: Fields, sizes: Sizes, _notes: list[str]) -> Rope:
    rope = read_rope(config, sizes.head, ("default",))
    rope.metadata["attn_logit_softcapping"] = f32(config.number("attn_logit_softcapping"))
    rope.metadata["final_logit_softcapping"] = f32(config.number("final_logit_softcapping"))
    _check_scale(config, sizes, 46)
    return Rope(rope.metadata | _windows(config, sizes, 2))


def _gemma3(config: Fields, sizes: Sizes, notes: list[str]) -> Rope:
    if config.flag("use_bidirectional_attention", False):
        raise Unsupported(
            f"{config.what}: this class looks backwards only, use_bidirectional_attention does not"
        )
    return _gemma3_layers(config, sizes, notes)


def _embedding_gemma(config: Fields, sizes: Sizes, notes: list[str]) -> Rope:
    if not config.flag("use_bidirectional_attention", False):
        raise Unsupported(f"{config.what}: the engine looks both ways in this class, which embeds")
    return _gemma3_layers(config, sizes, notes)


def _gemma3_layers(config: Fields, sizes: Sizes, _notes: list[str]) -> Rope:
    for name in ("attn_logit_softcapping", "final_logit_softcapping"):
        if config.has(name):
            raise Unsupported(f"{config.what}: the engine knows no {excerpt(name)} for this class")
    rope = read_rope(config, sizes.head, ("default", "linear"))
    sliding = rope_fields(config, "sliding_attention")
    local = config.number("rope_local_base_freq", 10_000.0)
    if config.object("rope_parameters").object("sliding_attention").fields:
        local = sliding.number("rope_theta")
        if rope_type(sliding) != "default":
            raise Unsupported(
                f"{config.what}: rope type {excerpt(rope_type(sliding))} in layers with a window"
            )
    rope.metadata["rope.freq_base_swa"] = f32(local)
    _check_scale(config, sizes, 62)
    return Rope(rope.metadata | _windows(config, sizes, 6))


def _phi3(config: Fields, sizes: Sizes, notes: list[str]) -> Rope:
    if sizes.head * sizes.heads != sizes.hidden:
        raise Unsupported(f"{config.what}: head_dim {sizes.head} is not hidden_size / num_attention_heads")
    _note_window(config, notes, config.has("sliding_window"))
    share = rope_fields(config).number("partial_rotary_factor", config.number("partial_rotary_factor", 1.0))
    return read_rope(config, int(sizes.head * share), ("default", "longrope", "su"))


def _note_window(config: Fields, notes: list[str], used: bool) -> None:
    window = config.integer("sliding_window", 0)
    if used and 0 < window < config.integer("max_position_embeddings"):
        notes.append(f"the engine looks at all tokens of this class, the model at the last {window}")


def _windows(config: Fields, sizes: Sizes, usual: int) -> Metadata:
    """Return the window, and that every `period`-th layer has none."""
    period = config.integer("sliding_window_pattern", usual)
    layers = config.fields.get("layer_types")
    if isinstance(layers, list) and layers:
        full = [index + 1 for index, kind in enumerate(layers) if kind == "full_attention"]
        period = full[0] if full else sizes.layers + 1
        regular = [number for number in range(1, sizes.layers + 1) if number % period == 0]
        if len(layers) != sizes.layers or full != regular:
            raise Unsupported(f"{config.what}: layer_types do not repeat, which the engine needs")
    if period < 1:
        raise Invalid(f"{config.what}: sliding_window_pattern is {period}, at least 1 is needed")
    return {
        "attention.sliding_window": u32(config.integer("sliding_window")),
        "attention.sliding_window_pattern": u32(period),
    }


def _check_scale(config: Fields, sizes: Sizes, largest: int) -> None:
    """See that the engine scales attention as the model does; it tells by the layers."""
    engine = sizes.hidden // sizes.heads if sizes.layers == largest else sizes.head
    if config.number("query_pre_attn_scalar", 256) != engine:
        raise Unsupported(
            f"{config.what}: query_pre_attn_scalar is {config.number('query_pre_attn_scalar', 256):g}, "
            f"the engine computes with {engine} for this class and these sizes"
        )


_LLAMA: Final = Family(
    "llama",
    GATED,
    _llama,
    interleaved=True,
    biases=(*ATTENTION, "attn_output", "ffn_gate", "ffn_up", "ffn_down"),
)
FAMILIES: Final[Mapping[str, Family]] = MappingProxyType(
    {
        "LlamaForCausalLM": _LLAMA,
        "MistralForCausalLM": Family("llama", GATED, _mistral, interleaved=True),
        "Qwen2ForCausalLM": Family("qwen2", GATED, _qwen, biases=ATTENTION),
        "Qwen3ForCausalLM": Family("qwen3", NORMED, _qwen),
        "Gemma2ForCausalLM": Family(
            "gemma2", (*GATED, *AFTER), _gemma2, GELU, shift=1.0, tied=True, always_tied=True
        ),
        "Gemma3ForCausalLM": Family(
            "gemma3", (*NORMED, *AFTER), _gemma3, GELU, shift=1.0, tied=True, always_tied=True
        ),
        "Gemma3TextModel": Family(
            "gemma-embedding",
            (*NORMED, *AFTER),
            _embedding_gemma,
            GELU,
            shift=1.0,
            tied=True,
            always_tied=True,
            embeds=True,
        ),
        "Phi3ForCausalLM": Family("phi3", FUSED, _phi3),
    }
)


def family_of(config: Fields) -> Family:
    """Return the family of a config.json; raises Unsupported by the class's name."""
    if config.has("auto_map"):
        raise Unsupported(
            f'{config.what}: "auto_map" asks to run code that comes with the model, which is never done'
        )
    if config.has("quantization_config"):
        raise Unsupported(
            f"{config.what}: the weights are quantized already",
            hint="Convert the original weights, and ask for a quantized type with quantize",
        )
    classes = config.fields.get("architectures")
    name = classes[0] if isinstance(classes, list) and classes else None
    if not isinstance(name, str):
        raise Invalid(f'{config.what}: "architectures" must name the model\'s class')
    if name not in FAMILIES:
        guess = nearest(name, FAMILIES)
        raise Unsupported(
            f"unsupported architecture {excerpt(name)}; supported are {', '.join(FAMILIES)}",
            hint=f"Did you mean {guess}?" if guess else "",
        )
    return FAMILIES[name]
