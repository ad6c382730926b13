"""Weights whose attention looks through a window answer as an engine that has said nothing else.

What is behind the window is not kept, so a cache that claims more than it holds gives
another answer, unsaid: with the engine's context checkpoints it did, after a prompt
had come back from memory or from a file (llama.cpp b11549).
"""

import itertools
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gguf
import numpy
import pytest

from modelwright.core.chat import AnswerOptions, TextDelta
from modelwright.core.parameters import Parameters
from modelwright.weights.convert import convert_folder

pytestmark = [pytest.mark.anyio, pytest.mark.limit(240)]
Start = Callable[..., Any]
Chances = dict[tuple[str, bytes], float]

GOLDEN = Path(__file__).parents[1] / "weights/golden"
WORDS = "one two three four five six seven eight nine ten eleven twelve thirteen fourteen"
NUMBERS = re.findall(r"\w+", WORDS)
CONSTANT = " ".join(NUMBERS[:7])
PROMPTS = (
    WORDS,
    " ".join(NUMBERS[::-1]),
    CONSTANT,
    "a b c",
    " ".join(NUMBERS[:7] + NUMBERS[::-1]),
    " ".join(NUMBERS * 3),
    "x",
)
FEW = Parameters.of({"temperature": 0, "num_predict": 8, "repeat_penalty": 1})
ROUNDING = 0.02
"""Above what batches of other sizes change (0.004), below what a wrong window does (0.04 to 2)."""


@pytest.fixture(scope="module")
def windowed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny Gemma 3: two of its three layers see 16 tokens back."""
    path = tmp_path_factory.mktemp("windowed") / "gemma3.gguf"
    convert_folder(GOLDEN / "gemma3", path, wanted="F32")
    return path


@pytest.fixture(scope="module")
def adapter(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A random adapter over its queries."""
    path, draw = tmp_path_factory.mktemp("adapter") / "adapter.gguf", numpy.random.default_rng(1)
    writer = gguf.GGUFWriter(path, "gemma3")
    writer.add_type("adapter")
    writer.add_string("adapter.type", "lora")
    writer.add_float32("adapter.lora.alpha", 4.0)
    for layer, (side, shape) in itertools.product(range(3), (("lora_a", (4, 32)), ("lora_b", (64, 4)))):
        values = draw.normal(0, 0.2, shape).astype(numpy.float32)
        writer.add_tensor(f"blk.{layer}.attn_q.weight.{side}", values)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


async def chances(engines: Any, needs: Any, prompt: str) -> Chances:
    """The likeliest first tokens of an answer."""
    events = [event async for event in engines.pool.complete(needs, prompt, FEW, AnswerOptions(logprobs=8))]
    told = [token for event in events if isinstance(event, TextDelta) for token in event.logprobs]
    return {(chance.text, chance.content): chance.logprob for chance in told[0].top}


def distance(one: Chances, other: Chances) -> float:
    return max((abs(one[key] - other[key]) for key in one.keys() & other.keys()), default=float("inf"))


@pytest.mark.parametrize("slots", [1, 2])
@pytest.mark.parametrize("scales", [(), (0.5, 1.0)])
async def test_no_answer_comes_from_a_window_that_was_left(
    start: Start, windowed: Path, adapter: Path, tmp_path: Path, scales: tuple[float, ...], slots: int
) -> None:
    def needs(engines: Any, prompt: str, scale: float) -> Any:
        more = {"loras": [adapter], "scales": (scale,)} if scales else {}
        constant = CONSTANT if scales and prompt.startswith(CONSTANT) else ""
        return engines.needs(windowed, f"{constant} {scale}", context=256, constant=constant, **more)

    cases, right = list(itertools.product(PROMPTS, scales or (1.0,))), {}
    for case in cases:
        alone = start(parallel=1)
        right[case] = await chances(alone, needs(alone, *case), case[0])
        await alone.pool.aclose()
    engines = start(parallel=slots, prefix_dir=tmp_path / "prefixes", prefix_bytes=1 << 30, prefix_tokens=8)
    wrong = []
    for case in cases * 4:
        off = distance(await chances(engines, needs(engines, *case), case[0]), right[case])
        wrong += [(case, off)] if off > ROUNDING else []
    assert wrong == []
