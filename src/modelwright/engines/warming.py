"""Warming: what all prompts of a model begin with is computed once.

Before a request, when its slot does not hold it, it is restored from a file,
where there is one. After the first answer it is saved: alone, without what
anybody said, and while nobody waits. Knows engines and files, and no model.
"""

import asyncio
import hashlib
import logging
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from importlib.metadata import version
from typing import Final

import orjson

from modelwright.core.chat import Usage
from modelwright.core.engine_ports import EngineNeeds
from modelwright.core.errors import ModelwrightError
from modelwright.engines.llamacpp import LlamaEngine
from modelwright.engines.prefixes import PrefixFiles
from modelwright.engines.prompts import Constant
from modelwright.engines.recent import Recent
from modelwright.engines.slots import Seat, Wish

ENDINGS: Final = ("x", "1")
"""What a user might say next: two texts with no token in common."""
REMEMBERED: Final = 8192
"""Constant prompts of which is known whether they have a file."""
SLACK: Final = 8
"""Tokens at the end of a constant part that may turn out otherwise in a real prompt."""

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Prefix:
    """What a prompt begins with; `restored`: its tokens that a file gave to the slot."""

    key: str
    constant: Constant
    restored: int = 0


class Warming:
    """Prepares slots; at least `least` tokens make a file worth while.

    Without files it only sees to it that nobody finds what another has left.
    """

    def __init__(self, files: PrefixFiles | None, least: int) -> None:
        self._files = files
        self._least = least
        self._version = version("xllamacpp") if files is not None else ""
        self._settled: Recent[str, bool] = Recent(REMEMBERED)
        self._short: Recent[str, bool] = Recent(REMEMBERED)
        self._met: Recent[tuple[int, str], bool] = Recent(REMEMBERED)
        self._tasks: set[asyncio.Task[None]] = set()

    async def prepare(
        self, engine: LlamaEngine, seat: Seat, needs: EngineNeeds, constant: Constant
    ) -> Prefix | None:
        """Make a slot ready for a request; its prefix, if it may be worth a file."""
        wish, held, is_new = seat.wish, seat.held, seat.is_new
        seat.held, seat.is_new = None, False  # until it is known what is in it
        prefix, restored = self._prefix(engine, wish, needs, constant), 0
        if prefix is not None:
            if not wish.begins_like(held) and not self._is_in_memory(engine, wish, held, prefix):
                restored = await self._restore(engine, seat, prefix, _may_go(engine, seat.wish, held, is_new))
            self._met[engine.pid, prefix.key] = True
        if not restored and not is_new and (held is None or held.domain != wish.domain):
            await engine.erase(seat)
        seat.held = wish
        return None if prefix is None else replace(prefix, restored=restored)

    def must_save(self, engine: LlamaEngine, prefix: Prefix, cached: int) -> bool:
        """Whether there is no file, or one whose tokens were not those of the prompt.

        A template may write the date, for instance.
        """
        if prefix.restored and cached < prefix.restored - SLACK:
            self._settled.pop(prefix.key)
        if not cached:
            self._met.pop((engine.pid, prefix.key))
        return prefix.key not in self._settled

    def save_later(self, stack: AsyncExitStack, engine: LlamaEngine, seat: Seat, prefix: Prefix) -> None:
        """Save what an answer has computed, then close `stack`, which frees the slot."""
        task = asyncio.create_task(self._save_and_close(stack, engine, seat, prefix))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def warm(self, engine: LlamaEngine, seat: Seat, needs: EngineNeeds, constant: Constant) -> int:
        """Compute what prompts begin with, and save it if it is not; its tokens."""
        prefix = await self.prepare(engine, seat, needs, constant)
        tokens = await _tokens(engine, constant)
        usage = await engine.evaluate(tokens, seat) if tokens else Usage()
        is_long = len(tokens) >= self._least
        if prefix is not None and is_long and self.must_save(engine, prefix, usage.cached_tokens):
            await self._keep(await self._save(engine, seat), prefix, tokens)
        return len(tokens)

    async def aclose(self) -> None:
        """Wait for what is being saved."""
        if self._tasks:
            await asyncio.wait(tuple(self._tasks))

    def _prefix(
        self, engine: LlamaEngine, wish: Wish, needs: EngineNeeds, constant: Constant
    ) -> Prefix | None:
        size = sum(len(piece) for piece in wish.constant)
        if self._files is None or needs.projector is not None or size < self._least:
            return None  # with a projector slots cannot be saved; tokens are seldom shorter than a letter
        key = _key(engine, needs, constant, self._version)
        return None if key in self._short else Prefix(key, constant)

    def _is_in_memory(self, engine: LlamaEngine, wish: Wish, held: Wish | None, prefix: Prefix) -> bool:
        """Whether the engine's own cache may hold more of a conversation than a file does.

        It is looked into only for a slot that holds something.
        """
        was_met = (engine.pid, prefix.key) in self._met
        return engine.remembers and held is not None and len(wish.rest) > 1 and was_met

    async def _restore(self, engine: LlamaEngine, seat: Seat, prefix: Prefix, may_go: bool) -> int:
        """Put a prefix into a slot; its tokens, 0 when there is no good file."""
        files = self._files
        tokens = 0 if files is None else await files.find(prefix.key)
        if files is None or not tokens:
            self._settled.pop(prefix.key)
            return 0
        try:
            if not may_go:
                await engine.evaluate([0], seat)
            await engine.restore(seat, files.state(prefix.key))
        except ModelwrightError as error:
            _LOG.warning("a saved prefix is of no use and was removed: %s", error)
            await files.remove(prefix.key)
            self._settled.pop(prefix.key)
            return 0
        self._settled[prefix.key] = True
        return tokens

    async def _save_and_close(
        self, stack: AsyncExitStack, engine: LlamaEngine, seat: Seat, prefix: Prefix
    ) -> None:
        self._settled[prefix.key] = True  # not with each answer, whatever comes of it
        try:
            async with stack:
                tokens = await _tokens(engine, prefix.constant)
                if len(tokens) < self._least:
                    self._short[prefix.key] = True  # else its slot would be kept each time to find that out
                    return
                seat.held = None
                await engine.evaluate(tokens, seat)
                name = await self._save(engine, seat)
                seat.held = replace(seat.wish, rest=())
            await self._keep(name, prefix, tokens)
        except (ModelwrightError, OSError) as error:
            _LOG.warning("a prefix was not saved: %s", error)

    async def _save(self, engine: LlamaEngine, seat: Seat) -> str:
        assert self._files is not None
        name = self._files.unfinished()
        await engine.save(seat, name)
        return name

    async def _keep(self, name: str, prefix: Prefix, tokens: list[int]) -> None:
        assert self._files is not None
        await self._files.keep(name, prefix.key, len(tokens))
        self._settled[prefix.key] = True


def _may_go(engine: LlamaEngine, wish: Wish, held: Wish | None, is_new: bool) -> bool:
    """Whether a slot can be overwritten as it is.

    With other adapters than its last request's the next would begin anew whatever
    was restored (llama.cpp b11549, launch_slot_with_task); and what is overwritten
    does not get into the engine's own cache, if it has one, where a long conversation
    belongs. An evaluation of one token, with the right adapters, sees to both.
    """
    if held is None:
        return is_new and not any(wish.scales)
    opening = 1 if held.constant else 2  # the options and a question, or the question alone
    return held.scales == wish.scales and (not engine.remembers or len(held.rest) <= opening)


async def _tokens(engine: LlamaEngine, constant: Constant) -> list[int]:
    """What prompts begin with; nothing when the template refuses such a conversation."""
    try:
        return await engine.begin(constant, ENDINGS) if constant.content else []
    except ModelwrightError:
        return []


def _key(engine: LlamaEngine, needs: EngineNeeds, constant: Constant, made_by: str) -> str:
    """Of all that decides what an engine computes, and of who may use it.

    The tokens are not in it, but all that they are made of is: the template is in
    the base. Nothing hangs on them: the engine compares each with the prompt's.
    """
    adapters = sorted(zip(map(str, needs.adapters), needs.scales, strict=True))
    computed = [str(needs.base), [pair for pair in adapters if pair[1]], constant.tree()]
    how = [engine.context, engine.cache_type, made_by]
    return hashlib.sha256(orjson.dumps([computed, how, needs.scope])).hexdigest()
