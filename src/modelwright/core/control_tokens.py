"""Control tokens in what people say: made text, so that nobody speaks for another.

An engine reads the text of a control token as the token, wherever it stands. So one
who writes <|im_end|> in a question could end it and go on as the system. An
invisible character after the first one makes it what it was meant to be: text.
"""

import re
from typing import Final

BREAK: Final = "\u2060"
"""WORD JOINER: no width, no line break, and in no token's name."""

_CONTROL: Final = re.compile(
    r"<(?=[|\uff5c][^<>\s]{1,64}[|\uff5c]>)"  # <|im_end|>, and DeepSeek's with wide bars
    r"|<(?=/?(?:s|bos|eos|unk|pad|mask|sep|cls)>)"
    r"|<(?=(?:start|end)_of_(?:turn|image)>)"
    r"|\[(?=/?(?:INST|TOOL_CALLS|AVAILABLE_TOOLS|TOOL_RESULTS|SYSTEM_PROMPT|IMG|PREFIX|SUFFIX|MIDDLE)\])"
    r"|<(?=/?(?:fim_prefix|fim_middle|fim_suffix|image|unused\d+)>)",
    re.IGNORECASE,
)


def as_text(said: str) -> str:
    """The same words, with no control token of a known form among them."""
    return _CONTROL.sub(lambda match: match.group() + BREAK, said)
