"""A prompt that was rendered here is to the engine what its own template makes of the messages."""

from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from modelwright.core.chat import Message
from modelwright.core.parameters import Parameters
from modelwright.core.prompt_template.prompt import PromptTemplate
from modelwright.core.prompt_template.turns import Turn

pytestmark = pytest.mark.anyio
Start = Callable[..., Any]

GREEDY = Parameters.of({"temperature": 0, "num_predict": 24})
OPENING = "<|endoftext|>"
STARTER = Path(__file__).parents[2] / "src/modelwright/starter/starter-f16.gguf"
TEMPLATE = (
    "{{ range .Messages }}<|im_start|>{{ .Role }}\n{{ .Content }}<|im_end|>\n{{ end }}<|im_start|>assistant\n"
)
QUESTIONS = ("Who are you?", "What colour is the sky?", 'Say "hi" <b>&</b>.')


@pytest.fixture(params=["tiny", "starter"])
def chatml(request: pytest.FixtureRequest, tiny: Path) -> tuple[Path, str]:
    if request.param == "tiny":
        return tiny, TEMPLATE.rstrip("\n")  # Jinja drops the newline that ends a template
    if not STARTER.is_file():
        pytest.skip("the starter model is not installed")
    return STARTER, TEMPLATE


async def answer(events: Any) -> tuple[str, int]:
    *deltas, done = [event async for event in events]
    return "".join(delta.text for delta in deltas), done.usage.prompt_tokens


async def test_a_template_written_by_hand_gives_the_answers_of_the_weights_own(
    start: Start, chatml: tuple[Path, str]
) -> None:
    engines, (weights, written) = start(parallel=1), chatml
    needs, template = engines.needs(weights), PromptTemplate.parse(written)
    for question in QUESTIONS:
        messages = [Message("system", "You are Mario."), Message("user", question)]
        text = template.render([Turn(m.role, m.content) for m in messages], date(2026, 3, 1))
        assert await engines.pool.render(needs, messages) == text
        own = await answer(engines.pool.chat(needs, messages, GREEDY))
        assert await answer(engines.pool.complete(needs, text, GREEDY)) == own


async def test_the_token_that_opens_a_text_is_there_once(start: Start, tiny: Path, tmp_path: Path) -> None:
    key = b"tokenizer.ggml.add_bos_token\x07\0\0\0"
    content = tiny.read_bytes()
    assert content.count(key + b"\0") == 1
    opening = tmp_path / "opening.gguf"
    opening.write_bytes(content.replace(key + b"\0", key + b"\x01"))
    engines = start()
    needs, plain = engines.needs(opening), engines.needs(tiny)
    _, without = await answer(engines.pool.complete(plain, "hello", GREEDY))
    _, added = await answer(engines.pool.complete(needs, "hello", GREEDY))
    _, written = await answer(engines.pool.complete(needs, OPENING + "hello", GREEDY))
    assert (added, written) == (without + 1, without + 1)
