"""Usage: how many tokens models took, over a span of time cut into equal parts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from modelwright.core.errors import Invalid
from modelwright.core.grants import Principal, Verb
from modelwright.service.audit import Audit
from modelwright.service.resolver import Resolver

MOST_PARTS: Final = 10_000


@dataclass(frozen=True, slots=True)
class UsagePart:
    """Tokens counted from `start` to the next part's start."""

    start: datetime
    prompt_tokens: int = 0
    completion_tokens: int = 0


class Usage:
    """Reads the counters."""

    def __init__(self, resolver: Resolver, audit: Audit) -> None:
        self._resolver = resolver
        self._audit = audit

    async def of(
        self, principal: Principal, models: Sequence[str], since: datetime, until: datetime, parts: int
    ) -> Sequence[UsagePart]:
        """Count the uses of models; of a revision alone where a name says one.

        Raises Invalid for a span or a number that makes no sense, Denied for a model
        that one may not read.
        """
        if not 1 <= parts <= MOST_PARTS:
            raise Invalid(f"{parts} parts", field="chunks", hint=f"Allowed is 1 to {MOST_PARTS}")
        if until <= since:
            raise Invalid("the end is not after the start", field="end_date")
        wanted: dict[int, int | None] = {}
        for name in models:
            stored, revision = await self._resolver.find(principal, name, Verb.READ)
            wanted[stored.id] = revision.number if "@" in name else None
        return await self._counted(wanted, since, until, parts)

    async def _counted(
        self, wanted: Mapping[int, int | None], since: datetime, until: datetime, parts: int
    ) -> Sequence[UsagePart]:
        step = (until - since) / parts
        read, written = [0] * parts, [0] * parts
        for entry in await self._audit.uses(wanted.keys(), since, until):
            if entry.model is None or wanted[entry.model] not in (None, entry.revision):
                continue
            place = min(parts - 1, int((entry.at - since) / step))
            read[place] += int(entry.detail.get("prompt_tokens", 0))
            written[place] += int(entry.detail.get("completion_tokens", 0))
        return [UsagePart(since + step * place, read[place], written[place]) for place in range(parts)]
