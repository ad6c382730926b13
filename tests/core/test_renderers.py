"""Formats that Ollama knows by name: what is known, and how the rest is refused."""

import pytest

from modelwright.core.create_request import plan_create
from modelwright.core.draft import draft_from_commands
from modelwright.core.errors import Unsupported
from modelwright.core.modelfile import parse
from modelwright.core.renderers import LIKELY, PARSERS, RENDERERS, check_formats


def test_what_a_new_base_gets_is_known() -> None:
    assert set(LIKELY.values()) <= RENDERERS & set(PARSERS)


@pytest.mark.parametrize("keyword", ["RENDERER", "PARSER"])
def test_a_modelfile_may_not_name_an_unknown_one(keyword: str) -> None:
    commands = parse(f"FROM starter\n{keyword} qwen3-codr\n")
    for reading in (draft_from_commands, lambda said: plan_create(said, lambda text, role: ())):
        with pytest.raises(Unsupported) as refused:
            reading(commands)
        told = str(refused.value)
        assert told.startswith(f'line 2: {keyword.lower()} "qwen3-codr" is not known')
        assert 'Did you mean "qwen3-coder"?' in told
        assert "cogito, " in told


def test_a_renderer_needs_a_template_in_the_weights() -> None:
    check_formats("gemma4", "gemma4", "{{ messages }}")
    check_formats("", "gemma4", "")
    with pytest.raises(Unsupported, match=r'renderer "gemma4" stands for .* the weights carry none'):
        check_formats("gemma4", "gemma4", "")
