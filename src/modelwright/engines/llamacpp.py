"""LlamaEngine: one engine child with one base loaded, and how to ask it.

Knows llama.cpp's routes, and neither models nor users: who may ask, and when,
is the pool's business.
"""

import asyncio
import math
import re
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import aclosing, asynccontextmanager, suppress
from dataclasses import replace
from typing import Any, Final, Self

import orjson

from modelwright.core.chat import ChatEvent, Done, Embeddings, Message, Ranking, Usage
from modelwright.core.errors import Corrupt, Invalid, Unavailable
from modelwright.core.parameters import Parameters
from modelwright.engines.answers import EventLines, chat_event, completion_event, refusal, too_long
from modelwright.engines.exchange import ConnectionBroken, Exchange
from modelwright.engines.launch import Launched, Load, death_text, launch
from modelwright.engines.request_fields import request_fields

_SPECIAL_TOKENS: Final = 8
"""More than any tokenizer puts around a text."""

_TOO_LARGE: Final = re.compile(r"input \((\d+) tokens\) is too large")

_Read = Callable[[Mapping[str, Any]], ChatEvent | None]


class LlamaEngine:
    """A loaded engine; made by `start`, ended by `close`.

    A watchdog kills a child that neither sends a byte nor answers /health for
    `watchdog_seconds` (perhaps infinite) while somebody waits for it.
    """

    def __init__(self, launched: Launched, load: Load, watchdog_seconds: float) -> None:
        self.context = min(launched.context, load.context)
        self.private_bytes = launched.private_bytes
        self._adapters = len(load.adapters)
        self._worker = launched.worker
        self._address = launched.address
        self._takes_system = launched.takes_system
        self._opening = launched.opening
        self._exchanges: set[Exchange] = set()
        self._fault = ""
        self._patience = watchdog_seconds
        self._watchdog = asyncio.create_task(self._watch())
        self._worker.exited.add_done_callback(self._break_exchanges)

    @classmethod
    async def start(cls, load: Load, *, watchdog_seconds: float = 30.0) -> Self:
        """Load; raises Unsupported or Unavailable as `launch` does."""
        return cls(await launch(load), load, watchdog_seconds)

    @property
    def pid(self) -> int:
        return self._worker.pid

    @property
    def exited(self) -> "asyncio.Future[int]":
        """Done when the process has ended, whatever ended it."""
        return self._worker.exited

    def chat(
        self, messages: Sequence[Message], parameters: Parameters, scales: Sequence[float] = ()
    ) -> AsyncGenerator[ChatEvent, None]:
        """Answer a conversation with the base's own prompt template.

        `scales`: one for each adapter of the engine, 0 = as if it were not there.
        """
        body = {
            **request_fields(parameters, self.context),
            **self._lora(scales),
            "messages": self._turns(messages),
            "reasoning_format": "none",  # the text as it is
            "stream": True,
        }
        return self._stream("/v1/chat/completions", body, chat_event)

    def complete(
        self, prompt: str, parameters: Parameters, scales: Sequence[float] = ()
    ) -> AsyncGenerator[ChatEvent, None]:
        """Continue raw text, opened by one opening token; `scales` as for chat."""
        fields = {**request_fields(parameters, self.context), **self._lora(scales)}
        body = {**fields, "prompt": prompt.removeprefix(self._opening), "stream": True}
        return self._stream("/completion", body, completion_event)

    async def render(self, messages: Sequence[Message]) -> str:
        """The text that `chat` would continue."""
        answer = await self._ask("/apply-template", {"messages": self._turns(messages)})
        return str(answer["prompt"])

    async def embed(self, inputs: Sequence[str | Sequence[int]], *, truncate: bool) -> Embeddings:
        """One vector for each input, as the model gives it."""
        if not inputs:
            return Embeddings((), Usage())
        fitted = [await self._fit(text, index, truncate) for index, text in enumerate(inputs)]
        started = asyncio.get_running_loop().time()
        answer = await self._ask("/v1/embeddings", {"input": fitted, "embd_normalize": -1})
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
            answer = await self._ask("/v1/rerank", {"query": query, "documents": list(documents)})
        except Unavailable as error:
            tokens = _TOO_LARGE.search(error.message)
            if tokens is None:
                raise
            raise too_long(int(tokens[1]), self.context, field="documents") from None
        took = int((asyncio.get_running_loop().time() - started) * 1e9)
        found = sorted(answer["results"], key=lambda item: item["index"])
        scores = tuple(item["relevance_score"] for item in found)
        if None in scores:
            raise Corrupt("the weights give scores that are no numbers")
        usage = Usage(prompt_tokens=answer["usage"]["prompt_tokens"], total_ns=took, prompt_ns=took)
        return Ranking(scores, usage)

    async def close(self, grace: float = 2.0) -> None:
        """End the child; whoever still reads an answer gets Unavailable."""
        if not self.exited.done():
            self._fault = "it was unloaded"
        self._watchdog.cancel()
        await self._worker.terminate(grace)
        self._address.remove()

    def _lora(self, scales: Sequence[float]) -> Mapping[str, object]:
        """The whole list of adapters, zeros too, for every request.

        A slot that is asked without it goes on with what another model's adapter
        has computed (llama.cpp #26207).
        """
        if len(scales) != self._adapters:
            raise Invalid(f"{len(scales)} scales are given for {self._adapters} adapters", field="adapters")
        if not scales:
            return {}
        return {"lora": [{"id": number, "scale": scale} for number, scale in enumerate(scales)]}

    def _turns(self, messages: Sequence[Message]) -> list[dict[str, str]]:
        turns = messages if self._takes_system else _without_system(messages)
        return [{"role": turn.role, "content": turn.content} for turn in turns]

    async def _fit(self, text: str | Sequence[int], index: int, truncate: bool) -> str | list[int]:
        """The text, or its first tokens when a slot cannot hold them all."""
        if not isinstance(text, str):
            if len(text) > self.context and not truncate:
                raise too_long(len(text), self.context, field=f"input.{index}")
            return list(text[: self.context])
        if len(text.encode()) + _SPECIAL_TOKENS <= self.context:
            return text  # no token is shorter than a byte
        request = {"content": text, "parse_special": False}
        tokens: list[int] = (await self._ask("/tokenize", {**request, "add_special": True}))["tokens"]
        if len(tokens) <= self.context:
            return text
        if not truncate:
            raise too_long(len(tokens), self.context, field=f"input.{index}")
        plain: list[int] = (await self._ask("/tokenize", {**request, "add_special": False}))["tokens"]
        end = tokens[-1:] if tokens[-1:] != plain[-1:] else []  # a model that wants one gets its last token
        return tokens[: self.context - len(end)] + end

    async def _ask(self, path: str, body: Mapping[str, Any]) -> Any:
        async with self._exchange(path, body) as exchange:
            return orjson.loads(await exchange.body())

    async def _stream(
        self, path: str, body: Mapping[str, Any], read: _Read
    ) -> AsyncGenerator[ChatEvent, None]:
        lines, wanted = EventLines(), body["n_predict"] != 0  # the engine makes a token even then
        async with self._exchange(path, body) as exchange, aclosing(exchange.pieces()) as pieces:
            async for piece in pieces:
                for payload in lines.feed(piece):
                    event = read(payload)
                    if isinstance(event, Done):
                        yield event if wanted else _silenced(event)
                        return
                    if event is not None and wanted:
                        yield event
        raise Unavailable("the engine ended its answer without saying why")

    @asynccontextmanager
    async def _exchange(self, path: str, body: Mapping[str, Any]) -> AsyncGenerator[Exchange, None]:
        """A request whose answer is good; leaving early stops the engine's work."""
        exchange: Exchange | None = None
        try:
            exchange = await Exchange.start(self._address, "POST", path, orjson.dumps(body))
            self._exchanges.add(exchange)
            status = await exchange.status()
            if status != 200:
                raise refusal(status, _tree(await exchange.body()))
            yield exchange
        except ConnectionBroken as error:
            raise await self._death(error) from error
        finally:
            if exchange is not None:
                self._exchanges.discard(exchange)
                exchange.close()

    def epitaph(self) -> Unavailable:
        """Why the process ended, as far as is known by now."""
        fault = f": {self._fault}" if self._fault else death_text(self._worker, self._worker.stderr_tail())
        return Unavailable(f"the engine stopped while answering{fault}", hint="Try again, it starts anew")

    async def _death(self, error: ConnectionBroken) -> Unavailable:
        with suppress(TimeoutError):
            async with asyncio.timeout(1.0):
                await self._worker.last_words()
        if self._worker.exit_code is None:
            return Unavailable(f"the engine broke off its answer: {error}")
        return self.epitaph()

    def _break_exchanges(self, _: "asyncio.Future[int]") -> None:
        for exchange in tuple(self._exchanges):
            exchange.close("the engine ended")

    async def _watch(self) -> None:
        """Kill the child when it is silent for too long while it has work."""
        time = asyncio.get_running_loop().time
        while not math.isinf(self._patience):
            await asyncio.sleep(self._patience / 4)
            heard = max((exchange.heard for exchange in self._exchanges), default=time())
            if time() - heard > self._patience / 2 and not await self._is_well():
                self._fault = f"it did not respond for {self._patience:g} s and was killed"
                self._worker.kill()
                return

    async def _is_well(self) -> bool:
        try:
            async with asyncio.timeout(self._patience / 2):
                exchange = await Exchange.start(self._address, "GET", "/health")
                try:
                    return await exchange.status() == 200
                finally:
                    exchange.close()
        except (TimeoutError, ConnectionBroken):
            return False


def _silenced(done: Done) -> Done:
    return Done(done.reason, replace(done.usage, completion_tokens=0, completion_ns=0))


def _tree(body: bytes) -> object:
    try:
        tree: object = orjson.loads(body)
    except orjson.JSONDecodeError:
        return None
    return tree


def _without_system(messages: Sequence[Message]) -> list[Message]:
    """Put system text in front of the next user message.

    For prompt templates that know no system role: some fail, some drop it unsaid.
    """
    turns: list[Message] = []
    system: list[str] = []
    for message in messages:
        if message.role == "system":
            system.append(message.content)
        elif message.role == "user" and system:
            turns.append(Message("user", "\n\n".join([*system, message.content])))
            system = []
        else:
            turns.append(message)
    return [*turns, Message("user", "\n\n".join(system))] if system else turns
