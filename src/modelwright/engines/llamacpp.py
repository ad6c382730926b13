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
from itertools import takewhile
from typing import Any, Final, Self

import orjson

from modelwright.core.chat import (
    PLAIN,
    AnswerOptions,
    ChatEvent,
    Done,
    Embeddings,
    Message,
    Ranking,
    TextDelta,
    Usage,
)
from modelwright.core.errors import ContextExceeded, Corrupt, Invalid, Unavailable, Unsupported
from modelwright.core.forced_call import as_call, call_form, is_forced
from modelwright.core.parameters import Parameters
from modelwright.engines.answers import ChatReader, CompletionReader, EventLines, refusal, tree_of, usage
from modelwright.engines.bodies import (
    chat_fields,
    completion_fields,
    media_prompt,
    template_fields,
    turn,
    without_system,
)
from modelwright.engines.counting import shared_counts
from modelwright.engines.exchange import ConnectionBroken, Exchange
from modelwright.engines.launch import Launched, Load, death_text, launch
from modelwright.engines.memory import process_memory
from modelwright.engines.prompts import Constant
from modelwright.engines.request_fields import FILL, most_tokens, request_fields
from modelwright.engines.slots import Seat

_SPECIAL_TOKENS: Final = 8
"""More than any tokenizer puts around a text."""

_TOO_LARGE: Final = re.compile(r"input \((\d+) tokens\) is too large")

_Turns = Sequence[Mapping[str, object]]
_Read = Callable[[Mapping[str, Any]], Sequence[ChatEvent]]


class LlamaEngine:
    """A loaded engine; made by `start`, ended by `close`.

    A watchdog kills a child that neither sends a byte nor answers /health for
    `watchdog_seconds` (perhaps infinite) while somebody waits for it.
    """

    def __init__(self, launched: Launched, load: Load, watchdog_seconds: float) -> None:
        self.context = min(launched.context, load.context)
        self.cache_type = load.cache_type
        self.remembers = load.cache_ram_mib > 0 and not load.adapters
        self.sleep_seconds = load.sleep_seconds
        self.vram_bytes = launched.vram_bytes
        self._adapters, self._slots = len(load.adapters), load.slots
        self._worker = launched.worker
        self._address = launched.address
        self._takes_system = launched.takes_system
        self._takes_tools = launched.takes_tools
        self._sees = launched.sees
        self._media_marker = launched.media_marker
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

    def memory(self) -> int:
        """Bytes of the host that it takes now; 0 where the system does not say."""
        return process_memory(self.pid)

    @property
    def exited(self) -> "asyncio.Future[int]":
        """Done when the process has ended, whatever ended it."""
        return self._worker.exited

    async def chat(
        self,
        messages: Sequence[Message],
        parameters: Parameters,
        seat: Seat,
        options: AnswerOptions = PLAIN,
        *,
        context: int = 0,
    ) -> AsyncGenerator[ChatEvent, None]:
        """Answer a conversation with the base's own prompt template.

        `context`: tokens that the conversation may use, 0 = all that a slot has.
        """
        sees = any(message.images for message in messages)
        self._check_abilities(options, sees)
        turns, context = self._turns(messages), min(context or self.context, self.context)
        plain = not sees and options == replace(PLAIN, shift=options.shift, truncate=options.truncate)
        if is_forced(options):
            form = replace(options, tools=(), format=call_form(options.tools, options.tool_choice))
            prompt = await self._rendered(turns, options)
            said = as_call(self.complete(prompt, parameters, seat, form, context=context))
        elif plain and parameters.get("stop"):
            # Of text alone the engine says which stop text ended it, of a chat it does not.
            prompt = await self._rendered(turns, options)
            said = self.complete(prompt, parameters, seat, options, context=context)
        else:
            said = await self._said(turns, parameters, seat, options, context)
        async with aclosing(said) as events:
            async for event in events:
                yield event

    async def complete(
        self,
        prompt: str,
        parameters: Parameters,
        seat: Seat,
        options: AnswerOptions = PLAIN,
        *,
        images: Sequence[bytes] = (),
        before: Sequence[int] = (),
        context: int = 0,
    ) -> AsyncGenerator[ChatEvent, None]:
        """Continue raw text, opened by one opening token; `context` as for chat.

        `before`: tokens before the text.
        """
        self._check_abilities(AnswerOptions(), bool(images))
        prompt, context = prompt.removeprefix(self._opening), min(context or self.context, self.context)
        tokens, known = None, None
        if before or options.returns_context:
            known = [*before, *await self._tokenized(prompt, add_special=not before)]
            tokens = _fitting(len(known), context)
        elif self._must_count(parameters, options, context):
            tokens = await self._counted(prompt, context)
        body = {
            **request_fields(parameters, self.context),
            **self._place(seat),
            **completion_fields(options),
            "n_predict": most_tokens(parameters, context, tokens, shift=options.shift),
            "prompt": media_prompt(prompt, images, self._media_marker) if images else known or prompt,
            "return_tokens": options.returns_context,
            "stream": True,
        }
        read = CompletionReader(options, known).read
        async with aclosing(self._stream("/completion", body, read)) as events:
            async for event in events:
                yield event

    async def render(self, messages: Sequence[Message], options: AnswerOptions = PLAIN) -> str:
        """The text that `chat` would continue."""
        self._check_abilities(options, sees=False)
        return await self._rendered(self._turns(messages), options)

    async def tokenize(self, texts: Sequence[str]) -> tuple[tuple[int, ...], ...]:
        """The tokens of each text, opened by one opening token."""
        opened = (self._tokenized(text.removeprefix(self._opening), add_special=True) for text in texts)
        return tuple([tuple(await tokens) for tokens in opened])

    async def count(self, texts: Sequence[str]) -> tuple[int, ...]:
        """The tokens of each text, roughly when there are several; asks the engine once."""
        if len(texts) == 1:
            return (len(await self._tokenized(texts[0], add_special=False)),)
        request = {"content": "\n".join(texts), "parse_special": True, "with_pieces": True}
        pieces = (await self._ask("/tokenize", request))["tokens"]
        return shared_counts(texts, [piece["piece"] for piece in pieces])

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
            raise ContextExceeded(int(tokens[1]), self.context, field="documents") from None
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

    async def begin(self, constant: Constant, endings: Sequence[str]) -> list[int]:
        """Tokens that prompts have in common which begin so and end differently.

        `endings` are what a user might say next; the last of what comes before
        may go into one token with them, and so does not count.
        """
        content, options = constant.content, constant.options
        if isinstance(content, str):
            prompts = [content.removeprefix(self._opening) + ending for ending in endings]
        else:
            turns = [[*content, Message("user", ending)] for ending in endings]
            prompts = list(await asyncio.gather(*(self.render(each, options) for each in turns)))
        found = await asyncio.gather(*(self._tokenized(each, add_special=True) for each in prompts))
        columns = takewhile(lambda column: len(set(column)) == 1, zip(*found, strict=False))
        return [column[0] for column in columns]

    async def evaluate(self, tokens: Sequence[int], seat: Seat) -> Usage:
        """Compute this and nothing more in a slot; what else was there is gone."""
        body = {**self._place(seat), "prompt": tokens, "n_predict": 0, "cache_prompt": True}
        return usage((await self._ask("/completion", body))["timings"])

    async def save(self, seat: Seat, name: str) -> None:
        """Write what a slot holds to a file of the folder for it."""
        await self._ask(f"/slots/{seat.number}?action=save", {"filename": name})

    async def restore(self, seat: Seat, name: str) -> None:
        """Put into a slot what was saved; Invalid when the file is not right."""
        await self._ask(f"/slots/{seat.number}?action=restore", {"filename": name})

    async def erase(self, seat: Seat) -> None:
        """Empty a slot, so that nobody can tell what was in it."""
        if self._sees:  # with a projector slots have no actions
            await self.evaluate([0], seat)
            return
        await self._ask(f"/slots/{seat.number}?action=erase", {})

    async def _said(
        self, turns: _Turns, parameters: Parameters, seat: Seat, options: AnswerOptions, context: int
    ) -> AsyncGenerator[ChatEvent, None]:
        tokens = None
        if self._must_count(parameters, options, context):
            tokens = await self._counted(await self._rendered(turns, options), context)
        body = {
            **request_fields(parameters, self.context),
            **self._place(seat),
            **chat_fields(options),
            "n_predict": most_tokens(parameters, context, tokens, shift=options.shift),
            "messages": turns,
            "stream": True,
        }
        said = self._stream("/v1/chat/completions", body, ChatReader(options).read)
        return self._with_context(said, turns, options) if options.returns_context else said

    async def _with_context(
        self, said: AsyncGenerator[ChatEvent, None], turns: _Turns, options: AnswerOptions
    ) -> AsyncGenerator[ChatEvent, None]:
        texts: list[str] = []
        async with aclosing(said) as events:
            async for event in events:
                if isinstance(event, TextDelta):
                    texts.append(event.text)
                elif isinstance(event, Done):
                    whole = await self._rendered(turns, options) + "".join(texts)
                    event = replace(event, context=tuple(await self._tokenized(whole, add_special=True)))
                yield event

    def _place(self, seat: Seat) -> Mapping[str, object]:
        """Which slot, and the whole list of adapters, zeros too, for every request.

        A slot that is asked without it goes on with what another model's adapter
        has computed (llama.cpp #26207), and numbers that are out of range are
        taken for others. So they are checked here.
        """
        scales = seat.scales
        if len(scales) != self._adapters or not 0 <= seat.number < self._slots:
            raise Invalid(
                f"slot {seat.number} of {self._slots} and {len(scales)} scales for "
                f"{self._adapters} adapters: there is no such place in this engine"
            )
        lora = [{"id": number, "scale": scale} for number, scale in enumerate(scales)]
        return {"id_slot": seat.number, **({"lora": lora} if lora else {})}

    def _turns(self, messages: Sequence[Message]) -> list[dict[str, object]]:
        return [turn(each) for each in (messages if self._takes_system else without_system(messages))]

    def _check_abilities(self, options: AnswerOptions, sees: bool) -> None:
        """Refuse what the engine would leave out without a word."""
        if options.tools and not self._takes_tools:
            raise Unsupported("the prompt template in the weights does not support tools", field="tools")
        if sees and not self._sees:
            raise Unsupported("these weights do not take images: they have no projector", field="images")

    def _must_count(self, parameters: Parameters, options: AnswerOptions, context: int) -> bool:
        """Whether a prompt's tokens must be known before the engine has them."""
        return context < self.context or not options.shift or parameters.get("num_predict") == FILL

    async def _counted(self, prompt: str, context: int) -> int:
        return _fitting(len(await self._tokenized(prompt, add_special=True)), context)

    async def _rendered(self, turns: _Turns, options: AnswerOptions) -> str:
        answer = await self._ask("/apply-template", {"messages": turns, **template_fields(options)})
        return str(answer["prompt"])

    async def _tokenized(self, text: str, *, add_special: bool) -> list[int]:
        request = {"content": text, "add_special": add_special, "parse_special": True}
        tokens: list[int] = (await self._ask("/tokenize", request))["tokens"]
        return tokens

    async def _fit(self, text: str | Sequence[int], index: int, truncate: bool) -> str | list[int]:
        """The text, or its first tokens when a slot cannot hold them all."""
        if not isinstance(text, str):
            if len(text) > self.context and not truncate:
                raise ContextExceeded(len(text), self.context, field=f"input.{index}")
            return list(text[: self.context])
        if len(text.encode()) + _SPECIAL_TOKENS <= self.context:
            return text  # no token is shorter than a byte
        request = {"content": text, "parse_special": False}
        tokens: list[int] = (await self._ask("/tokenize", {**request, "add_special": True}))["tokens"]
        if len(tokens) <= self.context:
            return text
        if not truncate:
            raise ContextExceeded(len(tokens), self.context, field=f"input.{index}")
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
                    for event in read(payload):
                        if isinstance(event, Done):
                            yield event if wanted else _silenced(event)
                            return
                        if wanted:
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
                raise refusal(status, tree_of(await exchange.body()))
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
                    return await exchange.status() in (200, 503)  # 503: it loads anew after a sleep
                finally:
                    exchange.close()
        except (TimeoutError, ConnectionBroken):
            return False


def _fitting(tokens: int, context: int) -> int:
    if tokens >= context:
        raise ContextExceeded(tokens, context)
    return tokens


def _silenced(done: Done) -> Done:
    return replace(done, usage=replace(done.usage, completion_tokens=0, completion_ns=0))
