"""LlamaEngine: one engine child with one base loaded, and how to ask it.

Knows llama.cpp's routes, and neither models nor users: who may ask, and when,
is the pool's business.
"""

import asyncio
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import replace
from functools import partial
from itertools import takewhile
from math import nan
from typing import Any, Self

from modelwright.core.chat import (
    PLAIN,
    AnswerOptions,
    ChatEvent,
    Done,
    Message,
    TextDelta,
    TokenChance,
    TokenLogprob,
    Usage,
)
from modelwright.core.errors import ContextExceeded, Invalid, Unavailable, Unsupported
from modelwright.core.forced_call import as_call, call_form, is_forced
from modelwright.core.parameters import Parameters
from modelwright.core.sounds import sound_format
from modelwright.engines.answers import ChatReader, CompletionReader, chances, usage
from modelwright.engines.bodies import (
    chat_fields,
    completion_fields,
    media_prompt,
    template_fields,
    turn,
    without_system,
    writing_fields,
)
from modelwright.engines.channel import Channel, Read
from modelwright.engines.counting import shared_counts
from modelwright.engines.launch import Launched, Load, launch
from modelwright.engines.memory import process_memory
from modelwright.engines.prompts import Constant
from modelwright.engines.request_fields import FILL, most_tokens, request_fields
from modelwright.engines.slots import Seat
from modelwright.engines.vectors import Vectors

_Turns = Sequence[Mapping[str, object]]


class LlamaEngine:
    """A loaded engine; made by `start`, ended by `close`; watched as Channel says."""

    def __init__(self, launched: Launched, load: Load, watchdog_seconds: float) -> None:
        self.context = min(launched.context, load.context)
        self.cache_type = load.cache_type
        self.remembers = load.cache_ram_mib > 0 and not load.adapters
        self.sleep_seconds = load.sleep_seconds
        self.vram_bytes = launched.vram_bytes
        self._adapters, self._slots = len(load.adapters), load.slots
        self._address = launched.address
        self._channel = Channel(launched.worker, launched.address, watchdog_seconds)
        self.vectors = Vectors(self._channel, self.context)
        self._takes_system = launched.takes_system
        self._takes_tools = launched.takes_tools
        self._sees, self._hears = launched.sees, launched.hears
        self._media_marker = launched.media_marker
        self._opening = launched.opening

    @classmethod
    async def start(cls, load: Load, *, watchdog_seconds: float = 30.0) -> Self:
        """Load; raises Unsupported or Unavailable as `launch` does."""
        return cls(await launch(load), load, watchdog_seconds)

    @property
    def pid(self) -> int:
        return self._channel.pid

    def memory(self) -> int:
        """Bytes of the host that it takes now; 0 where the system does not say."""
        return process_memory(self.pid)

    @property
    def exited(self) -> "asyncio.Future[int]":
        """Done when the process has ended, whatever ended it."""
        return self._channel.exited

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
        media = [each for message in messages for each in message.images]
        self._check_abilities(options, media)
        turns, context = self._turns(messages), min(context or self.context, self.context)
        if is_forced(options):
            form = replace(options, tools=(), format=call_form(options.tools, options.tool_choice))
            prompt = await self._rendered(turns, options)
            said = as_call(self.complete(prompt, parameters, seat, form, context=context))
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
        self._check_abilities(AnswerOptions(), images)
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
        async with aclosing(self._generated("/completion", body, read)) as events:
            async for event in events:
                yield event

    async def render(self, messages: Sequence[Message], options: AnswerOptions = PLAIN) -> str:
        """The text that `chat` would continue."""
        self._check_abilities(options)
        return await self._rendered(self._turns(messages), options)

    async def tokenize(self, texts: Sequence[str]) -> tuple[tuple[int, ...], ...]:
        """The tokens of each text, opened by one opening token."""
        opened = (self._tokenized(text.removeprefix(self._opening), add_special=True) for text in texts)
        return tuple([tuple(await tokens) for tokens in opened])

    async def score(
        self, text: str | Sequence[int], seat: Seat, *, top: int, context: int = 0
    ) -> tuple[TokenLogprob, ...]:
        """How likely each token was after those before it; the first is NaN.

        The engine tells this of tokens that it writes, and of a prompt's it does not;
        so it is made to write them, at the pace of an answer.
        """
        if isinstance(text, str):
            text = await self._tokenized(text.removeprefix(self._opening), add_special=True)
        tokens = list(text)
        _fitting(len(tokens), min(context or self.context, self.context))
        opening = await self._channel.ask("/detokenize", {"tokens": tokens[:1]})
        first = TokenChance(str(opening["content"]), nan)
        body = {
            **request_fields(Parameters(), self.context),
            **self._place(seat),
            **writing_fields(tokens[1:], top),
            "prompt": tokens[:1],
        }
        found = await self._channel.ask("/completion", body) if tokens[1:] else {}
        told = chances(found.get("completion_probabilities"), top)
        if len(told) < len(tokens) - 1:
            raise Unsupported("the text holds a token that ends answers, so what follows cannot be scored")
        return (TokenLogprob(first), *told)

    async def count(self, texts: Sequence[str]) -> tuple[int, ...]:
        """The tokens of each text, roughly when there are several; asks the engine once."""
        if len(texts) == 1:
            return (len(await self._tokenized(texts[0], add_special=False)),)
        request = {"content": "\n".join(texts), "parse_special": True, "with_pieces": True}
        pieces = (await self._channel.ask("/tokenize", request))["tokens"]
        return shared_counts(texts, [piece["piece"] for piece in pieces])

    async def is_idle(self) -> bool:
        """Whether it says, at once, that it works on nothing."""
        return await self._channel.is_idle()

    def kill(self) -> None:
        """End the child now."""
        self._channel.kill()

    async def close(self, grace: float = 2.0) -> None:
        """End the child; whoever still reads an answer gets Unavailable."""
        await self._channel.close(grace)
        self._address.remove()

    def epitaph(self) -> Unavailable:
        """Why the process ended, as far as is known by now."""
        return self._channel.epitaph()

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
        return usage((await self._channel.ask("/completion", body))["timings"])

    async def save(self, seat: Seat, name: str) -> None:
        """Write what a slot holds to a file of the folder for it."""
        await self._channel.ask(f"/slots/{seat.number}?action=save", {"filename": name})

    async def restore(self, seat: Seat, name: str) -> None:
        """Put into a slot what was saved; Invalid when the file is not right."""
        await self._channel.ask(f"/slots/{seat.number}?action=restore", {"filename": name})

    async def erase(self, seat: Seat) -> None:
        """Empty a slot, so that nobody can tell what was in it."""
        if self._sees or self._hears:  # with a projector slots have no actions
            await self.evaluate([0], seat)
            return
        await self._channel.ask(f"/slots/{seat.number}?action=erase", {})

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
            "verbose": bool(parameters.get("stop")),  # or it does not say which stop text ended it
        }
        said = self._generated("/v1/chat/completions", body, ChatReader(options).read)
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

    def _generated(
        self, path: str, body: Mapping[str, object], read: Read
    ) -> AsyncGenerator[ChatEvent, None]:
        wanted = body["n_predict"] != 0  # the engine makes a token even then
        return self._channel.stream(path, body, read if wanted else partial(_without_tokens, read))

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

    def _check_abilities(self, options: AnswerOptions, media: Sequence[bytes] = ()) -> None:
        """Refuse what the engine would leave out without a word."""
        if options.tools and not self._takes_tools:
            raise Unsupported("the prompt template in the weights does not support tools", field="tools")
        heard = [each for each in media if sound_format(each)]
        if heard and not self._hears:
            raise Unsupported("these weights take no sounds: no projector of theirs hears", field="audio")
        if len(media) > len(heard) and not self._sees:
            raise Unsupported("these weights do not take images: they have no projector", field="images")

    def _must_count(self, parameters: Parameters, options: AnswerOptions, context: int) -> bool:
        """Whether a prompt's tokens must be known before the engine has them."""
        return context < self.context or not options.shift or parameters.get("num_predict") == FILL

    async def _counted(self, prompt: str, context: int) -> int:
        return _fitting(len(await self._tokenized(prompt, add_special=True)), context)

    async def _rendered(self, turns: _Turns, options: AnswerOptions) -> str:
        answer = await self._channel.ask("/apply-template", {"messages": turns, **template_fields(options)})
        return str(answer["prompt"])

    async def _tokenized(self, text: str, *, add_special: bool) -> list[int]:
        request = {"content": text, "add_special": add_special, "parse_special": True}
        tokens: list[int] = (await self._channel.ask("/tokenize", request))["tokens"]
        return tokens


def _fitting(tokens: int, context: int) -> int:
    if tokens >= context:
        raise ContextExceeded(tokens, context)
    return tokens


def _without_tokens(read: Read, payload: Mapping[str, Any]) -> Sequence[ChatEvent]:
    """The end of an answer alone."""
    ends = [event for event in read(payload) if isinstance(event, Done)]
    return [replace(end, usage=replace(end.usage, completion_tokens=0, completion_ns=0)) for end in ends]
