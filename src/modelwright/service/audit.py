"""Audit: the log of what was done, for admins; and who used what, counted.

Uses are counted in memory and written down every second, so that an answer never
waits for the log. A kill loses the counts of that second, nothing else.
"""

import asyncio
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import Final

from modelwright.core.audit import AuditLog, Entry, Tokens
from modelwright.core.chat import ChatEvent, Done
from modelwright.core.errors import Invalid, ModelwrightError
from modelwright.core.grants import Principal
from modelwright.core.names import Name
from modelwright.core.ports import Clock
from modelwright.core.revision import Revision, StoredModel

WRITE_SECONDS: Final = 1.0
MOST_ENTRIES: Final = 1000

_DAY: Final = 86_400
_LOG = logging.getLogger(__name__)


@dataclass(slots=True)
class _Count:
    name: str
    thing: str
    deployment: str
    requests: int = 0
    prompt: int = 0
    completion: int = 0


class Ledger:
    """Counts uses by principal, model, revision and deployment.

    `on_tokens` is told as they come, and says whether it writes them down itself.
    """

    def __init__(
        self, log: AuditLog | None, clock: Clock, on_tokens: Callable[[str, int, int], bool] | None = None
    ) -> None:
        self._log = log
        self._clock = clock
        self._on_tokens = on_tokens
        self._counts: dict[tuple[str, int, int, str], _Count] = {}
        self._tokens: dict[tuple[str, int], int] = {}

    def note(
        self,
        principal: Principal,
        model: StoredModel,
        revision: int,
        prompt: int,
        completion: int,
        *,
        deployment: str = "",
    ) -> None:
        """Count one answer and its tokens; `deployment` is what was called, if one was."""
        if self._log is None:
            return
        place = (principal.id, model.id, revision, deployment)
        count = self._counts.setdefault(place, _Count(principal.name, str(model.name), deployment))
        count.requests += 1
        count.prompt += prompt
        count.completion += completion
        day = int(self._clock.now().timestamp()) // _DAY
        if self._on_tokens is None or not self._on_tokens(principal.id, day, prompt + completion):
            self._tokens[principal.id, day] = self._tokens.get((principal.id, day), 0) + prompt + completion

    async def tell_of_leaving(
        self, principal: Principal, action: str, model: StoredModel, revision: Revision, to: str
    ) -> None:
        """Write down that a model's bytes leave, before the first of them does."""
        if self._log is not None:
            detail: dict[str, str | int] = {"to": to, "bytes": revision.size}
            if revision.manifest is not None:
                detail["manifest"] = str(revision.manifest)
            entry = Entry(self._clock.now(), principal.id, principal.name, action, str(model.name))
            await self._log.append([replace(entry, model=model.id, revision=revision.number, detail=detail)])

    async def write(self) -> None:
        """Write down what was counted; what cannot be written is tried again."""
        if self._log is None or not self._counts:
            return
        counts, tokens = self._counts, self._tokens
        self._counts, self._tokens = {}, {}
        now = self._clock.now()
        entries = [
            Entry(now, id, c.name, "use", c.thing, model, revision, _figures(c))
            for (id, model, revision, _), c in counts.items()
        ]
        used = [Tokens(id, day, count) for (id, day), count in tokens.items() if count]
        try:
            await self._log.append(entries, used)
        except ModelwrightError:
            self._counts, self._tokens = counts | self._counts, tokens | self._tokens
            raise


class Audit:
    """The log, read; and kept up to date until `close`."""

    def __init__(self, log: AuditLog, ledger: Ledger, *others: Callable[[], Awaitable[None]]) -> None:
        self._log = log
        self.ledger = ledger
        self._writers = (ledger.write, *others)
        self._task: asyncio.Task[None] | None = None

    async def entries(
        self, *, limit: int = 100, before: int | None = None, model: str = "", principal: str = ""
    ) -> Sequence[Entry]:
        """The last lines first; what was counted so far is written down before."""
        if not 1 <= limit <= MOST_ENTRIES:
            raise Invalid(f"limit {limit}", field="limit", hint=f"Allowed is 1 to {MOST_ENTRIES}")
        await self.write()
        thing = str(Name.parse(model)) if model else ""
        return await self._log.entries(limit=limit, before=before, model=thing, principal=principal)

    async def write(self) -> None:
        for writer in self._writers:
            try:
                await writer()
            except ModelwrightError as error:
                _LOG.warning("the audit log could not be written: %s", error)

    def start(self) -> None:
        """Write down what is counted, every second."""
        self._task = asyncio.get_running_loop().create_task(self._keep())

    async def close(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])
        await self.write()

    async def _keep(self) -> None:
        while True:
            await asyncio.sleep(WRITE_SECONDS)
            await self.write()


async def noted(
    events: AsyncGenerator[ChatEvent, None], note: Callable[[int, int], None]
) -> AsyncGenerator[ChatEvent, None]:
    """Pass an answer on and count it, also one that the caller left in the middle."""
    read = written = 0
    try:
        async with aclosing(events):
            async for event in events:
                if isinstance(event, Done):
                    read, written = event.usage.prompt_tokens, event.usage.completion_tokens
                else:
                    written += 1  # about a token each
                yield event
    finally:
        note(read, written)


def _figures(count: _Count) -> dict[str, str | int]:
    figures: dict[str, str | int] = {
        "requests": count.requests,
        "prompt_tokens": count.prompt,
        "completion_tokens": count.completion,
    }
    return figures | {"deployment": count.deployment} if count.deployment else figures
