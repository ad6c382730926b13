"""PromptQueue: prompts that are left here, answered in turn, and looked up later.

A prompt and its answer are their owner's alone. Whether they may use the model is
asked when the prompt comes and again when its turn comes. A prompt that was being
answered when the server died is answered after the next start, or by another server.
"""

import asyncio
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing, asynccontextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import uuid4

from modelwright.core.chat import GenerateRequest, TextDelta
from modelwright.core.errors import ModelwrightError, NotFound, Unavailable
from modelwright.core.grants import Principal
from modelwright.core.names import ModelRef
from modelwright.core.ports import Clock
from modelwright.core.queued_prompt import PromptBook, QueuedPrompt, Room
from modelwright.service.chat import Chat
from modelwright.service.membership import Membership
from modelwright.service.models import Models
from modelwright.service.quotas import Quotas

TRIES: Final = 5
"""How often a prompt is begun before it is given up."""

_SWEEP_SECONDS: Final = 600.0
_BEGINNING: Final = datetime(1970, 1, 1, tzinfo=UTC)
_LOG = logging.getLogger(__name__)


class PromptQueue:
    """The queue; `workers` answer at once, answers are kept for `keep` seconds."""

    def __init__(
        self,
        book: PromptBook,
        chat: Chat,
        models: Models,
        clock: Clock,
        principal_of: Callable[[str], Awaitable[Principal | None]],
        *,
        quotas: Quotas | None = None,
        room: Room | None = None,
        workers: int = 1,
        keep: float = float("inf"),
        membership: Membership | None = None,
    ) -> None:
        self._book = book
        self._chat = chat
        self._models = models
        self._clock = clock
        self._principal_of = principal_of
        self._quotas = quotas
        self._room = room or Room()
        self._workers = workers
        self._keep = keep
        self._membership = membership or Membership()
        self._work = asyncio.Condition()
        self._in_hand: set[tuple[str, str, int]] = set()

    async def submit(
        self, principal: Principal, request: GenerateRequest, *, asked: str, priority: int = 0
    ) -> str:
        """Leave a prompt here; gives its id. `asked` is what its owner calls the model.

        Raises NotFound for a model that is absent or may not be known, and as any use of
        a model does where its base was taken away; Exhausted or Unavailable when no more
        may wait.
        """
        summary = await self._models.usable(principal, request.model)
        revision = ModelRef.parse(request.model).revision
        name = summary.key if revision is None else f"{summary.key}@{revision}"
        prompt = QueuedPrompt(
            id=str(uuid4()),
            owner=principal.id,
            asked=asked,
            request=replace(request, model=name),
            created_at=self._clock.now(),
            priority=priority,
        )
        room = replace(self._room, own=self._room.prompts) if principal.is_admin else self._room
        await self._book.add(prompt, room)
        async with self._work:
            self._work.notify()
        return prompt.id

    async def find(self, principal: Principal, id: str) -> QueuedPrompt:
        """One's own prompt; NotFound for one that is absent, too old, or another's."""
        found = await self._book.find(principal.id, id, since=self._oldest())
        if found is None:
            raise NotFound("prompt", id[:100], hint="It was never queued, or its answer is too old")
        return found

    @asynccontextmanager
    async def working(self) -> AsyncGenerator[None, None]:
        """Answer while it is entered; what has no end by then is left to the next start."""
        await self.look()
        tasks = [asyncio.create_task(self._loop()) for _ in range(self._workers)]
        tasks.append(asyncio.create_task(self._sweep()))
        try:
            with self._membership.joined(self):
                yield
        finally:
            for task in tasks:
                task.cancel()
            for task in tasks:
                with suppress(asyncio.CancelledError):
                    await task

    async def look(self) -> None:
        """Queue again what was being answered when its server died."""
        async with self._work:
            for prompt in await self._book.in_hand(self._membership.id):
                if _try(prompt) not in self._in_hand:
                    await self._take_up(prompt)
            self._work.notify_all()

    def lose(self) -> None:
        """What is in hand is answered to its end; the book takes no answer of it."""

    async def _take_up(self, prompt: QueuedPrompt) -> None:
        if prompt.tries < TRIES:
            await self._book.put_back(prompt, tried=True)
        else:
            text = f"the server ended {prompt.tries} times while it was being answered"
            await self._book.end(prompt, "failed", text, self._clock.now())

    async def _loop(self) -> None:
        while True:
            try:
                pause = await self._next()
            except ModelwrightError:  # the database is away: the server says so elsewhere
                _LOG.exception("the queue of prompts")
                pause = 5.0
            if pause:
                await asyncio.sleep(pause)

    async def _next(self) -> float:
        """Answer one prompt, or wait for one; gives the seconds to let pass."""
        async with self._work:
            prompt = await self._book.take(self._membership.id, self._clock.now())
            if prompt is None:
                await self._work.wait()
                return 0
            self._in_hand.add(_try(prompt))
        try:
            return await self._see_through(prompt)
        except asyncio.CancelledError:
            await asyncio.shield(self._book.put_back(prompt, tried=False))
            raise
        finally:
            self._in_hand.discard(_try(prompt))

    async def _see_through(self, prompt: QueuedPrompt) -> float:
        try:
            answer = await self._answer(prompt)
        except Unavailable as error:
            if prompt.tries < TRIES:
                await self._book.put_back(prompt, tried=True)
                return error.retry_after
            await self._fail(prompt, str(error))
        except ModelwrightError as error:
            await self._fail(prompt, str(error))
        except Exception:  # a bug of ours must not leave a prompt that waits for ever
            _LOG.exception("prompt %s", prompt.id)
            await self._fail(prompt, "the server failed; its log says more under this id")
        else:
            await self._book.end(prompt, "done", answer, self._clock.now())
        return 0

    async def _answer(self, prompt: QueuedPrompt) -> str:
        principal = await self._principal_of(prompt.owner)
        if principal is None:
            raise NotFound("user", prompt.owner, hint="Whoever asked is not here any more")
        leave = None if self._quotas is None else await self._quotas.take(principal, "tokens_per_day")
        try:
            async with aclosing(self._chat.generate(principal, prompt.request)) as events:
                return "".join([event.text async for event in events if isinstance(event, TextDelta)])
        finally:
            if leave is not None:
                leave()

    async def _fail(self, prompt: QueuedPrompt, text: str) -> None:
        await self._book.end(prompt, "failed", text, self._clock.now())

    async def _sweep(self) -> None:
        """Remove what is too old, now and then."""
        while True:
            with suppress(ModelwrightError):
                await self._book.drop(self._oldest())
            await asyncio.sleep(_SWEEP_SECONDS)

    def _oldest(self) -> datetime:
        now = self._clock.now()
        if self._keep >= (now - _BEGINNING).total_seconds():
            return _BEGINNING
        return now - timedelta(seconds=self._keep)


def _try(prompt: QueuedPrompt) -> tuple[str, str, int]:
    """What tells one try to answer a prompt from the next."""
    return prompt.id, prompt.holder, prompt.tries
