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

from modelwright.core.errors import ModelwrightError
from modelwright.core.ports import EngineNeeds
from modelwright.engines.llamacpp import LlamaEngine
from modelwright.engines.prefixes import PrefixFiles
from modelwright.engines.prompts import Constant
from modelwright.engines.recent import Recent
from modelwright.engines.slots import Seat

ENDINGS: Final = ("x", "1")
"""What a user might say next: two texts with no token in common."""
REMEMBERED: Final = 2048
"""Constant prompts that are known; each holds its texts."""
SLACK: Final = 8
"""Tokens at the end of a constant part that may turn out otherwise in a real prompt."""

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Prefix:
    """What a prompt begins with: the key of its file, and its tokens."""

    key: str
    constant: Constant
    fingerprint: str
    tokens: int


class Warming:
    """Prepares slots; at least `least` tokens make a file worth while.

    Without files it only sees to it that nobody finds what another has left.
    """

    def __init__(self, files: PrefixFiles | None, least: int) -> None:
        self._files = files
        self._least = least
        self._prefixes: Recent[str, Prefix | None] = Recent(REMEMBERED)
        self._settled: Recent[str, bool] = Recent(REMEMBERED)
        self._met: Recent[tuple[int, str], bool] = Recent(REMEMBERED)
        self._tasks: set[asyncio.Task[None]] = set()

    async def prepare(
        self, engine: LlamaEngine, seat: Seat, needs: EngineNeeds, constant: Constant
    ) -> Prefix | None:
        """Make a slot ready for a request; the prefix of its prompt, if it is worth a file."""
        wish, held, is_new = seat.wish, seat.held, seat.is_new
        is_private = not is_new and (held is None or held.domain != wish.domain)
        seat.held, seat.is_new = None, False  # until it is known what is in it
        prefix = await self._prefix(engine, needs, constant) if wish.constant else None
        restored = (
            prefix is not None
            and not wish.begins_like(held)
            and not (held is not None and self._is_in_memory(engine, seat, prefix))
            and await self._restore(engine, seat, prefix)
        )
        if is_private and not restored:
            await engine.erase(seat)
        if prefix is not None:
            self._met[engine.pid, prefix.key] = True
        seat.held = wish
        return prefix

    def save_later(self, stack: AsyncExitStack, engine: LlamaEngine, seat: Seat, prefix: Prefix) -> None:
        """Save the prefix that an answer has computed, then close `stack`, which frees the slot."""
        task = asyncio.create_task(self._save_and_close(stack, engine, seat, prefix))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def is_saved(self, prefix: Prefix) -> bool:
        """Whether its file is there, or cannot be had."""
        return prefix.key in self._settled

    def doubt(self, engine: LlamaEngine, prefix: Prefix, cached: int) -> None:
        """Look anew at what prompts begin with, if it was not what the slot held.

        A template may write the date, for instance.
        """
        if cached < prefix.tokens - SLACK:
            self._prefixes.pop(prefix.fingerprint)
            self._met.pop((engine.pid, prefix.key))

    async def warm(self, engine: LlamaEngine, seat: Seat, needs: EngineNeeds, constant: Constant) -> int:
        """Compute what prompts begin with, and save it if it is not; its tokens."""
        prefix = await self.prepare(engine, seat, needs, constant)
        tokens = await _tokens(engine, constant)
        if tokens:
            await engine.evaluate(tokens, seat)
        if prefix is not None and not self.is_saved(prefix):
            await self._keep(await self._save(engine, seat), prefix)
        return len(tokens)

    async def aclose(self) -> None:
        """Wait for what is being saved."""
        if self._tasks:
            await asyncio.wait(tuple(self._tasks))

    async def _prefix(self, engine: LlamaEngine, needs: EngineNeeds, constant: Constant) -> Prefix | None:
        content = constant.content
        size = len(content) if isinstance(content, str) else sum(len(turn.content) for turn in content)
        if self._files is None or size < self._least:
            return None  # no token is shorter than a letter, but for rare scripts
        fingerprint = _digest([constant.tree(), *_made_of(needs)])
        if fingerprint not in self._prefixes:
            tokens = await _tokens(engine, constant)
            prefix = Prefix(_key(engine, needs, tokens), constant, fingerprint, len(tokens))
            self._prefixes[fingerprint] = prefix if len(tokens) >= self._least else None
        return self._prefixes[fingerprint]

    def _is_in_memory(self, engine: LlamaEngine, seat: Seat, prefix: Prefix) -> bool:
        """Whether the engine's own cache may hold more of a conversation than a file does.

        It is looked into only for a slot that holds something.
        """
        return engine.remembers and len(seat.wish.rest) > 1 and (engine.pid, prefix.key) in self._met

    async def _restore(self, engine: LlamaEngine, seat: Seat, prefix: Prefix) -> bool:
        files = self._files
        if files is None or not await files.find(prefix.key):
            self._settled.pop(prefix.key)
            return False
        try:
            await engine.restore(seat, files.state(prefix.key))
        except ModelwrightError as error:
            _LOG.warning("a saved prefix is of no use and was removed: %s", error)
            await files.remove(prefix.key)
            return False
        self._settled[prefix.key] = True
        return True

    async def _save_and_close(
        self, stack: AsyncExitStack, engine: LlamaEngine, seat: Seat, prefix: Prefix
    ) -> None:
        try:
            async with stack:
                tokens = await _tokens(engine, prefix.constant)
                seat.held = None
                await engine.evaluate(tokens, seat)
                name = await self._save(engine, seat)
                seat.held = replace(seat.wish, rest=())
            await self._keep(name, prefix)
        except (ModelwrightError, OSError) as error:
            _LOG.warning("a prefix was not saved: %s", error)
            self._settled[prefix.key] = True  # not again with each answer

    async def _save(self, engine: LlamaEngine, seat: Seat) -> str:
        assert self._files is not None
        name = self._files.unfinished()
        await engine.save(seat, name)
        return name

    async def _keep(self, name: str, prefix: Prefix) -> None:
        assert self._files is not None
        await self._files.keep(name, prefix.key)
        self._settled[prefix.key] = True


async def _tokens(engine: LlamaEngine, constant: Constant) -> list[int]:
    """What prompts begin with; nothing when the template refuses such a conversation."""
    try:
        return await engine.begin(constant, ENDINGS) if constant.content else []
    except ModelwrightError:
        return []


def _key(engine: LlamaEngine, needs: EngineNeeds, tokens: list[int]) -> str:
    """Of all that decides what an engine computes, and of who may use it."""
    return _digest([tokens, engine.context, engine.cache_type, version("xllamacpp"), *_made_of(needs)])


def _made_of(needs: EngineNeeds) -> list[object]:
    adapters = sorted(zip(map(str, needs.adapters), needs.scales, strict=True))
    return [str(needs.base), [pair for pair in adapters if pair[1]], needs.scope]


def _digest(parts: list[object]) -> str:
    return hashlib.sha256(orjson.dumps(parts)).hexdigest()
