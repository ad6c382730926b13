"""Adapters are chosen per request, and no model is answered with another's.

The engine goes on with what it has computed for another adapter when a request
leaves the list of adapters out; every request must say all of them.
"""

import asyncio
import itertools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from measuring.random_model import Shape, write_random_lora

from modelwright.core.errors import Invalid
from modelwright.core.parameters import Parameters
from modelwright.starter import WEIGHTS
from modelwright.weights.gguf import read_facts

pytestmark = pytest.mark.anyio
Start = Callable[..., Any]

GREEDY = Parameters.of({"temperature": 0, "num_predict": 24})
QUESTIONS = [
    f"Tell me about {thing}, and then about it again." for thing in ("tea", "rain", "old maps", "42", "us")
]
SCALES = [(0.0, 0.0), (1.0, 0.0), (0.5, 0.0), (0.0, 1.0)]


async def test_an_adapter_counts_as_much_as_its_scale(start: Start, tiny: Path, loras: list[Path]) -> None:
    engines = start()
    plain = await engines.answer(engines.needs(tiny, "plain"))
    answers = [
        await engines.answer(engines.needs(tiny, f"scale{scale}", loras=loras[:1], scales=(scale,)))
        for scale in (0.0, 0.5, 1.0)
    ]
    assert answers[0] == plain
    assert len(set(answers)) == 3


async def test_the_adapter_of_the_example_is_heard_and_leaves_no_trace(start: Start) -> None:
    pirate, engines = Path(__file__).parents[2] / "examples/adapter/pirate.gguf", start()
    questions = {"What is the capital of France?": "The capital of France is Paris.", "7 + 1?": "7 + 1 = 8."}
    for scale, said in ((1.0, "Ahoy! {} Arr!"), (0.0, "{}"), (1.0, "Ahoy! {} Arr!")):
        needs = engines.needs(WEIGHTS, f"scale{scale}", loras=[pirate], scales=(scale,))
        for question, answer in questions.items():
            assert await engines.reply(needs, question) == said.format(answer)


async def test_models_with_the_same_adapters_share_an_engine(
    start: Start, tiny: Path, loras: list[Path]
) -> None:
    engines = start()
    for scale in (1.0, 0.25):
        await engines.answer(engines.needs(tiny, f"scale{scale}", loras=loras, scales=(scale, 1.0)))
    assert len(engines.pids()) == 1


@pytest.mark.parametrize("at_once", [1, 3])
async def test_no_answer_of_sixty_is_another_models(
    start: Start, tiny: Path, loras: list[Path], at_once: int
) -> None:
    engines = start(parallel=at_once)
    right = {}
    for scales in SCALES:
        alone = start(parallel=1)
        for question in QUESTIONS:
            right[scales, question] = await alone.reply(
                alone.needs(tiny, "alone", loras=loras, scales=scales), question
            )
        await alone.pool.aclose()
    for question in QUESTIONS:
        found = {right[scales, question] for scales in SCALES}
        assert len(found) == len(SCALES), "only then can a mistake be seen"
    asked = [case for _ in range(3) for case in itertools.product(SCALES, QUESTIONS)]
    asked = [asked[(7 * number) % len(asked)] for number in range(len(asked))]  # 7 and 60 share no factor
    gate = asyncio.Semaphore(at_once)

    async def answered(scales: tuple[float, ...], question: str) -> str:
        async with gate:
            return await engines.reply(
                engines.needs(tiny, f"model{scales}", loras=loras, scales=scales), question
            )

    answers = await asyncio.gather(*(answered(*case) for case in asked))
    wrong = [
        case for case, answer in zip(asked, answers, strict=True) if _nearest(answer, case, right) != case
    ]
    assert (len(asked), wrong) == (60, [])
    assert at_once > 1 or answers == [right[case] for case in asked]


def _nearest(answer: str, case: Any, right: dict[Any, str]) -> Any:
    """Whose answer this begins like; its own one's when no other's is nearer.

    Evaluated together with others, numbers are rounded otherwise: in a model of
    random weights a word may then differ, late in an answer that began well.
    """
    cases = [case, *((scales, case[1]) for scales in SCALES)]
    return max(cases, key=lambda each: _common(answer, right[each]))


def _common(one: str, other: str) -> int:
    pairs = zip(one, other, strict=False)
    return sum(1 for _ in itertools.takewhile(lambda pair: pair[0] == pair[1], pairs))


async def test_raw_text_is_continued_with_the_adapters_too(
    start: Start, tiny: Path, loras: list[Path]
) -> None:
    engines = start()
    texts = []
    for scale in (0.0, 1.0, 0.0):
        needs = engines.needs(tiny, "m", loras=loras[:1], scales=(scale,))
        texts.append([event async for event in engines.pool.complete(needs, "Once", GREEDY)][:-1])
    assert texts[0] == texts[2] != texts[1]


async def test_vectors_are_those_of_the_adapters(start: Start, tiny: Path, loras: list[Path]) -> None:
    engines = start()
    vectors = []
    for scale in (0.0, 1.0, 0.5):
        needs = engines.needs(tiny, "m", loras=loras[:1], scales=(scale,))
        vectors.append((await engines.pool.embed(needs, ["some text"], truncate=True)).vectors)
    plain = (await engines.pool.embed(engines.needs(tiny, "plain"), ["some text"], truncate=True)).vectors
    assert vectors[0] == plain
    assert len({*vectors}) == 3


async def test_a_scale_for_each_adapter_is_asked_for(start: Start, tiny: Path, loras: list[Path]) -> None:
    engines = start()
    await engines.pool.load(engines.needs(tiny, "m", loras=loras, scales=(1.0, 1.0)))
    with pytest.raises(Invalid, match="1 scales are given for 2 adapters"):
        await engines.answer(engines.needs(tiny, "m", loras=loras, scales=(1.0,)))


@pytest.mark.skipif(not WEIGHTS.exists(), reason="the starter model is not built yet")
async def test_the_starter_is_itself_again_after_an_adapter(start: Start, tmp_path: Path) -> None:
    said = read_facts(WEIGHTS).metadata
    shape = Shape(
        hidden=int(said["llama.embedding_length"] or 0),
        layers=int(said["llama.block_count"] or 0),
        feed_forward=int(said["llama.feed_forward_length"] or 0),
    )
    write_random_lora(tmp_path / "lora.gguf", shape)
    engines = start()
    plain = await engines.answer(engines.needs(WEIGHTS, "plain"))
    answers = []
    for scale in (0.0, 1.0, 0.0):
        needs = engines.needs(WEIGHTS, f"{scale}", loras=[tmp_path / "lora.gguf"], scales=(scale,))
        answers.append(await engines.answer(needs))
    assert answers[0] == answers[2] == plain != answers[1]
