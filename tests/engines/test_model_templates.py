"""What a model file's own prompt template cannot do is made good or said, never dropped."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from measuring.random_model import CHATML

from modelwright.core.chat import Message
from modelwright.core.errors import Invalid, Unsupported
from modelwright.core.parameters import Parameters

pytestmark = pytest.mark.anyio
Start = Callable[..., Any]

SYSTEM = Message("system", "You are Mario. " * 10)
USER, ANSWER = Message("user", "Who are you?"), Message("assistant", "Mario.")
TURN = "<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n"
END = "{% endfor %}"


def with_template(tiny: Path, folder: Path, template: str) -> Path:
    """The same weights with another template, made as long as the one that it replaces."""
    old = CHATML.encode()
    new = template + "{#" + "-" * (len(old) - len(template) - 4) + "#}"
    content = tiny.read_bytes()
    assert content.count(old) == 1
    assert len(new) == len(old), "the template is too long"
    path = folder / "templated.gguf"
    path.write_bytes(content.replace(old, new.encode()))
    return path


async def prompt_tokens(engines: Any, needs: Any, *messages: Message) -> int:
    one = Parameters.of({"num_predict": 1})
    return [event async for event in engines.pool.chat(needs, messages, one)][-1].usage.prompt_tokens


async def test_a_template_without_a_system_role_still_gets_the_system_text(
    start: Start, tiny: Path, tmp_path: Path
) -> None:
    template = "{% for m in messages if m.role != 'system' %}" + TURN + END
    engines = start()
    needs = engines.needs(with_template(tiny, tmp_path, template))
    plain = await prompt_tokens(engines, needs, USER, ANSWER, USER)
    for messages in (
        (SYSTEM, USER, ANSWER, USER),
        (USER, ANSWER, SYSTEM, USER),
        (USER, ANSWER, USER, SYSTEM),
    ):
        assert await prompt_tokens(engines, needs, *messages) >= plain + len(SYSTEM.content)


async def test_a_template_that_refuses_says_why(start: Start, tiny: Path, tmp_path: Path) -> None:
    template = (
        "{% if messages|length > 3 %}{{ raise_exception('Too many') }}{% endif %}{{ messages[0].content }}"
    )
    engines = start()
    needs = engines.needs(with_template(tiny, tmp_path, template))
    with pytest.raises(Invalid, match="prompt template refuses this conversation: Too many"):
        await prompt_tokens(engines, needs, USER, ANSWER, USER, ANSWER, USER)
    assert await prompt_tokens(engines, needs, USER) > 0


async def test_a_template_that_is_none_is_refused(start: Start, tiny: Path, tmp_path: Path) -> None:
    engines = start()
    needs = engines.needs(with_template(tiny, tmp_path, "{% for m in messages %}{{ m.content "))
    with pytest.raises(Unsupported, match="lexer: unexpected character"):
        await prompt_tokens(engines, needs, USER)
