"""Vectors: texts as numbers, and how well documents answer a query.

Knows llama.cpp's routes for both, and how much of a text a slot holds.
"""

import asyncio
import re
from collections.abc import Sequence
from typing import Final

from modelwright.core.chat import Embeddings, Ranking, Usage
from modelwright.core.errors import ContextExceeded, Corrupt, Unavailable
from modelwright.engines.channel import Channel

_SPECIAL_TOKENS: Final = 8
"""More than any tokenizer puts around a text."""

_TOO_LARGE: Final = re.compile(r"input \((\d+) tokens\) is too large")


class Vectors:
    """What an engine for embedding or ranking is asked; `context` in tokens a slot."""

    def __init__(self, channel: Channel, context: int) -> None:
        self._channel = channel
        self._context = context

    async def embed(self, inputs: Sequence[str | Sequence[int]], *, truncate: bool) -> Embeddings:
        """One vector for each input, as the model gives it."""
        if not inputs:
            return Embeddings((), Usage())
        fitted = [await self._fit(text, index, truncate) for index, text in enumerate(inputs)]
        started = asyncio.get_running_loop().time()
        answer = await self._channel.ask("/v1/embeddings", {"input": fitted, "embd_normalize": -1})
        took = int((asyncio.get_running_loop().time() - started) * 1e9)
        found = sorted(answer["data"], key=lambda item: item["index"])
        vectors = tuple(tuple(item["embedding"]) for item in found)
        if any(None in vector for vector in vectors):
            raise Corrupt("the weights give vectors that are no numbers")
        tokens = answer["usage"]["prompt_tokens"]
        return Embeddings(vectors, Usage(prompt_tokens=tokens, total_ns=took, prompt_ns=took))

    async def rerank(self, query: str, documents: Sequence[str]) -> Ranking:
        """How well each document answers the query, as the weights' head says it."""
        started = asyncio.get_running_loop().time()
        try:
            answer = await self._channel.ask("/v1/rerank", {"query": query, "documents": list(documents)})
        except Unavailable as error:
            tokens = _TOO_LARGE.search(error.message)
            if tokens is None:
                raise
            raise ContextExceeded(int(tokens[1]), self._context, field="documents") from None
        took = int((asyncio.get_running_loop().time() - started) * 1e9)
        found = sorted(answer["results"], key=lambda item: item["index"])
        scores = tuple(item["relevance_score"] for item in found)
        if None in scores:
            raise Corrupt("the weights give scores that are no numbers")
        usage = Usage(prompt_tokens=answer["usage"]["prompt_tokens"], total_ns=took, prompt_ns=took)
        return Ranking(scores, usage)

    async def _fit(self, text: str | Sequence[int], index: int, truncate: bool) -> str | list[int]:
        """The text, or its first tokens when a slot cannot hold them all."""
        if not isinstance(text, str):
            if len(text) > self._context and not truncate:
                raise ContextExceeded(len(text), self._context, field=f"input.{index}")
            return list(text[: self._context])
        if len(text.encode()) + _SPECIAL_TOKENS <= self._context:
            return text  # no token is shorter than a byte
        request = {"content": text, "parse_special": False}
        tokens: list[int] = (await self._channel.ask("/tokenize", {**request, "add_special": True}))["tokens"]
        if len(tokens) <= self._context:
            return text
        if not truncate:
            raise ContextExceeded(len(tokens), self._context, field=f"input.{index}")
        plain: list[int] = (await self._channel.ask("/tokenize", {**request, "add_special": False}))["tokens"]
        end = tokens[-1:] if tokens[-1:] != plain[-1:] else []  # a model that wants one gets its last token
        return tokens[: self._context - len(end)] + end
