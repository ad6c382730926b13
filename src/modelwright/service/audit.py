"""Audit: the log of what was done, for admins; and who used what, counted.

Uses are counted in memory and written down every second, so that an answer never
waits for the log. A kill loses the counts of that second, nothing else.
"""

import asyncio
import logging
from collections import Counter
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import Final, TypeAlias

from modelwright.core.audit import AuditLog, Entry, Tokens
from modelwright.core.chat import ChatEvent, Done
from modelwright.core.errors import Invalid, ModelwrightError
from modelwright.core.grants import LOCAL_ADMIN, MAKER, Principal, Verb
from modelwright.core.names import Name
from modelwright.core.ports import Clock
from modelwright.core.revision import Revision, StoredModel

WRITE_SECONDS: Final = 1.0
MOST_ENTRIES: Final = 1000

_DAY: Final = 86_400
_LOOKING: Final = (Verb.SHOW, Verb.READ, Verb.DERIVE)
_LOG = logging.getLogger(__name__)

_Place: TypeAlias = tuple[str, int, int, str]
"""Principal, model, revision; and the deployment that was called, or ""."""


@dataclass(slots=True)
class _Count:
    name: str
    thing: str
    deployment: str = ""
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
        self._counts: dict[_Place, _Count] = {}
        self._tokens: dict[tuple[str, int], int] = {}
        self._reads: dict[_Place, _Count] = {}

    def saw(self, principal: Principal, verb: Verb, model: StoredModel) -> None:
        """Count that an admin looks into somebody else's model, which no grant lets them."""
        nobodys = (MAKER.id, LOCAL_ADMIN.id, principal.id)
        if self._log is None or not principal.is_admin or principal.id in nobodys[:2]:
            return
        if verb in _LOOKING and model.owner not in nobodys:
            place = (principal.id, model.id, model.revision.number, "")
            self._reads.setdefault(place, _Count(principal.name, str(model.name))).requests += 1

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
        await self._tell(principal, action, model, revision, {"to": to, "bytes": revision.size})

    async def tell_of_signing(self, principal: Principal, model: StoredModel, revision: Revision) -> None:
        """Write down that somebody vouches for a revision, before the signature is kept."""
        await self._tell(principal, "sign", model, revision, {})

    async def _tell(
        self,
        principal: Principal,
        action: str,
        model: StoredModel,
        revision: Revision,
        detail: dict[str, str | int],
    ) -> None:
        if self._log is not None:
            if revision.manifest is not None:
                detail["manifest"] = str(revision.manifest)
            entry = Entry(self._clock.now(), principal.id, principal.name, action, str(model.name))
            await self._log.append([replace(entry, model=model.id, revision=revision.number, detail=detail)])

    async def write(self) -> None:
        """Write down what was counted; what cannot be written is tried again."""
        if self._log is None or not (self._counts or self._reads):
            return
        counts, tokens, reads = self._counts, self._tokens, self._reads
        self._counts, self._tokens, self._reads = {}, {}, {}
        now = self._clock.now()
        entries = [
            Entry(now, id, c.name, "use", c.thing, model, revision, _figures(c))
            for (id, model, revision, _), c in counts.items()
        ]
        entries += [
            Entry(now, id, c.name, "read", c.thing, model, revision, {"requests": c.requests})
            for (id, model, revision, _), c in reads.items()
        ]
        used = [Tokens(id, day, count) for (id, day), count in tokens.items() if count]
        try:
            await self._log.append(entries, used)
        except ModelwrightError:
            self._counts, self._reads = _together(counts, self._counts), _together(reads, self._reads)
            self._tokens = dict(Counter(tokens) + Counter(self._tokens))
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


def _together(before: dict[_Place, _Count], since: dict[_Place, _Count]) -> dict[_Place, _Count]:
    """Both counts, added up where they are of the same."""
    for place, count in since.items():
        known = before.setdefault(place, _Count(count.name, count.thing, count.deployment))
        known.requests += count.requests
        known.prompt += count.prompt
        known.completion += count.completion
    return before


def _figures(count: _Count) -> dict[str, str | int]:
    figures: dict[str, str | int] = {
        "requests": count.requests,
        "prompt_tokens": count.prompt,
        "completion_tokens": count.completion,
    }
    return figures | {"deployment": count.deployment} if count.deployment else figures
