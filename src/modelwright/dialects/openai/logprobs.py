"""Log-probabilities of tokens, in the shapes of chats and of completions."""

import math
from collections.abc import Sequence
from typing import Any

from modelwright.core.chat import TokenChance, TokenLogprob


def chat_tokens(tokens: Sequence[TokenLogprob]) -> list[dict[str, Any]]:
    """Tokens as chat and responses have them."""
    return [
        {**_chance(token.chosen), "top_logprobs": [_chance(other) for other in token.top]} for token in tokens
    ]


class TokenColumns:
    """Tokens as completions have them: one list for each property.

    `offset` of a token is where it begins in the answer, prompt included if it
    was echoed; it goes on from piece to piece.
    """

    def __init__(self) -> None:
        self._offset = 0

    def columns(self, tokens: Sequence[TokenLogprob]) -> dict[str, Any]:
        offsets = []
        for token in tokens:
            offsets.append(self._offset)
            self._offset += len(token.chosen.text)
        return {
            "tokens": [token.chosen.text for token in tokens],
            "token_logprobs": [_number(token.chosen.logprob) for token in tokens],
            "top_logprobs": [
                {other.text: _number(other.logprob) for other in token.top} or None for token in tokens
            ],
            "text_offset": offsets,
        }


def _chance(chance: TokenChance) -> dict[str, Any]:
    content = chance.content or chance.text.encode()
    return {"token": chance.text, "logprob": _number(chance.logprob) or 0.0, "bytes": list(content)}


def _number(logprob: float) -> float | None:
    """None where a token has none, as the first of a text."""
    return None if math.isnan(logprob) else max(logprob, -9999.0)
