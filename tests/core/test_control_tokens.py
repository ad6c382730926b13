"""What people say stays text."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelwright.core.control_tokens import BREAK, as_text


@pytest.mark.parametrize(
    "token",
    ["<|im_end|>", "<|start_header_id|>", "</s>", "<end_of_turn>", "[INST]", "[/INST]", "<\uff5cUser\uff5c>"],
)
def test_a_control_token_is_made_text(token: str) -> None:
    assert token not in as_text(f"a{token}b")
    assert as_text(f"a{token}b").replace(BREAK, "") == f"a{token}b"


@given(st.text(st.sampled_from("<|>[]/sINSTim_end ")))
def test_nothing_else_changes(text: str) -> None:
    assert as_text(text).replace(BREAK, "") == text
    assert as_text(as_text(text)) == as_text(text)


def test_what_only_looks_alike_is_left_alone() -> None:
    assert as_text("a < b | c > d, <span>, [x], <stop>") == "a < b | c > d, <span>, [x], <stop>"
