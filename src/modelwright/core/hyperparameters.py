"""Hyperparameters: the closed set of settings of a training run.

Each is typed and has a range; one that nobody set has a default, which may
depend on the method and on the size of the parent. Knows no trainer.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final, Literal, TypeAlias

from modelwright.core.errors import Invalid
from modelwright.core.wording import excerpt, nearest

Method: TypeAlias = Literal["sft", "dpo", "reward"]
Value: TypeAlias = int | float | str | tuple[str, ...]

TARGETS: Final = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")
"""The linear layers of a block, as transformers calls those of a llama."""
SCHEDULES: Final = ("linear", "cosine", "constant")


@dataclass(frozen=True, slots=True)
class Rule:
    """What a hyperparameter may be; `default` None = it depends (see `completed`)."""

    type: Literal["int", "float", "choice", "list"]
    default: Value | None
    minimum: float
    maximum: float
    about: str
    choices: tuple[str, ...] = ()

    @property
    def range_text(self) -> str:
        """What is allowed, in words."""
        if self.choices:
            return ("some of " if self.type == "list" else "one of ") + ", ".join(self.choices)
        kind = "a whole number" if self.type == "int" else "a number"
        return f"{kind} from {self.minimum:.12g} to {self.maximum:.12g}"


def _int(default: int | None, low: int, high: int, about: str) -> Rule:
    return Rule("int", default, low, high, about)


def _float(default: float | None, low: float, high: float, about: str) -> Rule:
    return Rule("float", default, low, high, about)


RULES: Final[Mapping[str, Rule]] = MappingProxyType(
    {
        "rank": _int(16, 1, 512, "Rank of the adapter's matrices: how much it can learn"),
        "alpha": _float(None, 0.001, 4096, "Strength of the adapter; twice the rank when not said"),
        "dropout": _float(0.05, 0, 0.9, "Share of the adapter's inputs that is left out at random"),
        "target_modules": Rule(
            "list", TARGETS, 0, 0, "The layers that get an adapter", (*TARGETS, "qkv_proj", "gate_up_proj")
        ),
        "learning_rate": _float(None, 1e-8, 1, "Size of a step; when not said it follows the parent's size"),
        "schedule": Rule("choice", "linear", 0, 0, "How the learning rate falls to zero", SCHEDULES),
        "warmup_steps": _int(10, 0, 100_000, "Steps over which the learning rate rises"),
        "epochs": _float(3.0, 0.001, 1000, "How often the dataset is gone through"),
        "steps": _int(0, 0, 10_000_000, "Steps of training; 0 = as many as `epochs` says"),
        "batch_size": _int(16, 1, 4096, "Rows that one step learns from"),
        "batch_tokens": _int(4096, 16, 1_048_576, "Tokens computed at once; a step is cut into such pieces"),
        "max_length": _int(2048, 8, 1_048_576, "Tokens of a row; longer ones are cut at their beginning"),
        "weight_decay": _float(0.0, 0, 1, "How fast the adapter's numbers shrink by themselves"),
        "clip": _float(1.0, 0.001, 1000, "The longest a gradient may be"),
        "replay": _float(
            0.0, 0, 0.95, "Share of each step that repeats general knowledge, against forgetting"
        ),
        "word_dropout": _float(0.0, 0, 1, "Share of questions that are taught with words left out, too"),
        "validation": _float(0.0, 0, 0.5, "Share of the rows that is held back to measure progress"),
        "patience": _int(0, 0, 1000, "Measurements without progress that end training early; 0 = never"),
        "evaluate_steps": _int(0, 0, 100_000, "Steps between measurements; 0 = a tenth of all"),
        "checkpoint_steps": _int(50, 1, 100_000, "Steps between checkpoints"),
        "kept_checkpoints": _int(
            0, 0, 20, "The last epochs whose checkpoints become models of their own, the end included"
        ),
        "seed": _int(42, 0, 2**32 - 1, "Makes a run repeatable"),
        "threads": _int(0, 0, 256, "Processor threads; 0 = all; 1 makes a run repeatable to the bit"),
        "processes": _int(1, 1, 64, "Processes that train together, each with its part of a step"),
        "precision": Rule(
            "choice",
            "auto",
            0,
            0,
            "Arithmetic; auto = bf16 where the processor has it",
            ("auto", "f32", "bf16"),
        ),
        "beta": _float(None, 0, 100, "Pull towards the parent: 0.1 for dpo, 0.04 for reward when not said"),
        "epsilon": _float(0.2, 0, 10, "How far one call may move an answer's probability (reward)"),
        "learning_steps": _int(5, 1, 1000, "Steps made of one group of answers (reward)"),
        "generations": _int(8, 2, 256, "Answers that are made to each question (reward)"),
        "temperature": _float(1.0, 0.01, 10, "How freely those answers are made (reward)"),
        "answer_tokens": _int(128, 1, 65_536, "Tokens of such an answer at most (reward)"),
    }
)

_SMALL: Final = 20_000_000
_LARGE: Final = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Hyperparameters:
    """Checked hyperparameters, sorted by name; only those that somebody set."""

    items: tuple[tuple[str, Value], ...] = ()

    @classmethod
    def of(cls, values: Mapping[str, object], *, field: str = "hyperparameters") -> "Hyperparameters":
        """Check JSON values; None is unset. Raises Invalid with the nearest known name."""
        checked: dict[str, Value] = {}
        for name, value in values.items():
            rule = RULES.get(name)
            if rule is None:
                close = nearest(name, RULES)
                raise Invalid(
                    f"hyperparameter {excerpt(name, 40)} is unknown",
                    field=_place(field, name[:40]),
                    hint=f'Did you mean "{close}"?' if close else f"Known ones: {', '.join(RULES)}",
                )
            if value is not None:
                checked[name] = _checked(name, rule, value, field)
        return cls(tuple(sorted(checked.items())))

    def get(self, name: str) -> Value | None:
        return dict(self.items).get(name)

    def as_dict(self) -> dict[str, Any]:
        """As JSON."""
        return {name: list(value) if isinstance(value, tuple) else value for name, value in self.items}

    def merged(self, over: "Hyperparameters") -> "Hyperparameters":
        """These, with those of `over` in their places."""
        return Hyperparameters(tuple(sorted((dict(self.items) | dict(over.items)).items())))

    def completed(self, method: Method, parameters: int) -> "Hyperparameters":
        """All of them: the defaults for a parent of so many `parameters` filled in."""
        known = {name: rule.default for name, rule in RULES.items() if rule.default is not None}
        whole: dict[str, Value] = known | dict(self.items)
        rank = self.as_dict().get("rank", known["rank"])
        whole.setdefault("alpha", 2.0 * rank)
        whole.setdefault("learning_rate", default_rate(method, parameters))
        whole.setdefault("beta", 0.1 if method == "dpo" else 0.04)
        return Hyperparameters(tuple(sorted(whole.items())))


def default_rate(method: Method, parameters: int) -> float:
    """A learning rate for a parent of this size.

    Small models need large steps: 3e-3 up to 20 million parameters, 2e-4 from a
    thousand million on, in between by the logarithm; a third of it where answers
    are compared instead of learned.
    """
    span = math.log(_LARGE / _SMALL)
    share = min(max(math.log(max(parameters, 1) / _SMALL) / span, 0.0), 1.0)
    rate = 3e-3 * (2e-4 / 3e-3) ** share
    return float(f"{rate if method == 'sft' else rate / 3:.3g}")


def _checked(name: str, rule: Rule, value: object, field: str) -> Value:
    found = _typed(rule, value)
    if found is None:
        shown = excerpt(value, 40) if isinstance(value, str) else str(value)[:40]
        raise Invalid(
            f'hyperparameter "{name}" is {shown}', field=_place(field, name), hint=f"Use {rule.range_text}"
        )
    return found


def _typed(rule: Rule, value: object) -> Value | None:
    """The value as its rule has it; None when it is not allowed."""
    if rule.type == "choice":
        return value if isinstance(value, str) and value in rule.choices else None
    if rule.type == "list":
        if not isinstance(value, list | tuple) or not value or not set(value) <= set(rule.choices):
            return None
        return tuple(each for each in rule.choices if each in value)
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    if not rule.minimum <= value <= rule.maximum or (rule.type == "int" and value != int(value)):
        return None
    return int(value) if rule.type == "int" else float(value)


def _place(field: str, name: str) -> str:
    return f"{field}.{name}" if field else name
