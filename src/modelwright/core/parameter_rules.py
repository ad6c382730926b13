"""The table of parameters: type, default, range and meaning of each.

Ranges are as wide as the engine stays well-behaved: a number outside of one is a
mistake, or would make the engine divide by zero or reserve memory without bound
(`repeat_last_n` and its like are the length of a buffer). Defaults are Ollama's
(api/types.go, DefaultOptions), those of its former keys from before they went.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Literal

ParameterValue = int | float | bool | str | tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ParameterRule:
    """What a parameter may be. `default` None = the engine decides.

    `effective` is False for a key that no engine uses; it is kept and shown.
    `per_request` is False for what is fixed when an engine starts.
    """

    name: str
    type: Literal["int", "float", "bool", "list"]
    default: ParameterValue | None
    minimum: float
    maximum: float
    effective: bool
    per_request: bool
    about: str

    @property
    def range_text(self) -> str:
        """What is allowed, in words: "a whole number from 0 to 2"."""
        if self.type == "bool":
            return "true or false"
        if self.type == "list":
            return "a text or a list of texts"
        kind = "a whole number" if self.type == "int" else "a number"
        return f"{kind} from {self.minimum:.12g} to {self.maximum:.12g}"


_TOKENS = 16_777_216  # more than any model's context
_WINDOW = 1_048_576  # tokens looked back at; the engine reserves a buffer of this length for each request


def _int(name: str, default: int | None, low: int, high: int, about: str) -> ParameterRule:
    return ParameterRule(name, "int", default, low, high, True, True, about)


def _float(name: str, default: float, low: float, high: float, about: str) -> ParameterRule:
    return ParameterRule(name, "float", default, low, high, True, True, about)


def _bool(name: str, default: bool | None, about: str) -> ParameterRule:
    return ParameterRule(name, "bool", default, 0, 1, True, True, about)


_PER_REQUEST = (
    _float("temperature", 0.8, 0, 100, "How freely words are chosen; 0 always takes the most likely one"),
    _int("top_k", 40, -1, 1_000_000, "Choose among this many most likely tokens; 0 or -1 = all"),
    _float(
        "top_p", 0.9, 0, 1, "Choose among the most likely tokens that together have this probability; 1 = all"
    ),
    _float("min_p", 0.0, 0, 1, "Drop tokens less likely than this share of the most likely one; 0 = none"),
    _float("typical_p", 1.0, 0, 1, "Locally typical sampling; 1 = off"),
    _float(
        "top_n_sigma", -1.0, -1, 100, "Keep tokens within this many standard deviations of the best; -1 = off"
    ),
    _int(
        "repeat_last_n", 64, -1, _WINDOW, "How many tokens back repetition is looked for; 0 = off, -1 = all"
    ),
    _float("repeat_penalty", 1.0, 0.01, 100, "Divides the score of tokens that occurred; 1 = off"),
    _float("presence_penalty", 0.0, -10, 10, "Taken from the score of tokens that occurred; 0 = off"),
    _float(
        "frequency_penalty", 0.0, -10, 10, "Taken from a token's score for each time it occurred; 0 = off"
    ),
    _int("mirostat", 0, 0, 2, "Mirostat sampling: 0 = off, 1 = Mirostat, 2 = Mirostat 2.0"),
    _float("mirostat_tau", 5.0, 0, 100, "The surprise that Mirostat aims at, in nats"),
    _float("mirostat_eta", 0.1, 0, 1, "How fast Mirostat corrects itself"),
    _float("xtc_probability", 0.0, 0, 1, "How often the most likely tokens are left out; 0 = never"),
    _float("xtc_threshold", 0.1, 0, 1, "Tokens at least this likely may be left out; above 0.5 = off"),
    _float("dry_multiplier", 0.0, 0, 100, "Weight of the penalty on repeated sequences (DRY); 0 = off"),
    _float("dry_base", 1.75, 1, 100, "How the DRY penalty grows with the length of the repetition"),
    _int("dry_allowed_length", 2, 0, 1024, "The length up to which DRY lets repetitions pass"),
    _int("dry_penalty_last_n", -1, -1, _WINDOW, "How many tokens back DRY looks; 0 = off, -1 = all"),
    _float("dynatemp_range", 0.0, 0, 100, "How far the temperature may move around its value; 0 = fixed"),
    _float("dynatemp_exponent", 1.0, 0, 100, "How the moving temperature follows the entropy"),
    _int("seed", -1, -1, 4_294_967_294, "Makes sampling repeatable; -1 = a new one for each request"),
    _int(
        "num_predict",
        -1,
        -2,
        _TOKENS,
        "At most this many tokens are generated; -1 = no limit, -2 = fill the context",
    ),
    _int(
        "num_keep",
        4,
        -1,
        _TOKENS,
        "How many first tokens stay when the context is shifted; -1 = the whole prompt",
    ),
    ParameterRule("stop", "list", (), 0, 0, True, True, "Texts that end an answer and are left out of it"),
)

_PER_ENGINE = (
    _int("num_ctx", 0, 0, _TOKENS, "The context length in tokens; 0 = chosen by the server"),
    _int("num_batch", 512, 1, 65_536, "How many prompt tokens are evaluated at once"),
    _int("num_gpu", -1, -1, 65_536, "How many layers go to the GPU; -1 = as many as fit"),
    _int("main_gpu", None, 0, 255, "The GPU that holds small tensors"),
    _bool("use_mmap", None, "Whether weights are mapped from the file instead of being read"),
    _int("num_thread", 0, 0, 1024, "How many threads compute; 0 = chosen by the server"),
)

_WITHOUT_EFFECT = (
    _int("draft_num_predict", 4, 0, 1024, "How many tokens a draft model proposes"),
    _bool("penalize_newline", True, "Whether the repeat penalty counts line ends"),
    _float("tfs_z", 1.0, 0, 100, "Tail-free sampling; 1 = off"),
    _int("num_gqa", 1, 0, 1024, "Grouped-query attention groups; read from the weights now"),
    _bool("numa", False, "Placement on machines with several memory nodes"),
    _bool("low_vram", False, "Saving of GPU memory"),
    _bool("f16_kv", True, "Half precision in the context's cache"),
    _bool("logits_all", False, "Scores for every prompt token"),
    _bool("vocab_only", False, "Loading the vocabulary alone"),
    _bool("use_mlock", False, "Keeping the weights from being swapped out"),
)

RULES: Mapping[str, ParameterRule] = MappingProxyType(
    {rule.name: rule for rule in _PER_REQUEST}
    | {rule.name: replace(rule, per_request=False) for rule in _PER_ENGINE}
    | {rule.name: replace(rule, effective=False, per_request=False) for rule in _WITHOUT_EFFECT}
)

ALIASES: Mapping[str, str] = MappingProxyType(
    {  # the spellings of AI-middleware
        "microstat": "mirostat",
        "microstat_eta": "mirostat_eta",
        "microstat_tau": "mirostat_tau",
        "num_gpa": "num_gqa",
    }
)
