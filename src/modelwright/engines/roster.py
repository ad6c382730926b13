"""Roster: which engines there are, and which of them a request may use.

An engine that must hold more (another adapter, more context) is followed by a
second one: the first serves until the second is ready, then only ends what it
has begun. Bookkeeping only: it starts and stops nothing.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

from modelwright.core.digest import Digest
from modelwright.core.engine_ports import EngineNeeds
from modelwright.engines.resident import Key, Resident


def key_of(needs: EngineNeeds) -> Key:
    """What a request's engine cannot change while it runs."""
    if needs.kind != "chat":
        return Key(needs.base, needs.kind, adapters=needs.adapters, scales=needs.scales, worker=needs.worker)
    apart = bool(needs.adapters or needs.scope or needs.asker)
    return Key(needs.base, needs.kind, apart, projector=needs.projector, worker=needs.worker)


@dataclass(slots=True)
class Union:
    """The adapters of one base, when each was used and until when it is wanted."""

    _uses: dict[Digest, tuple[float, float]] = field(default_factory=dict)

    def want(self, adapters: Iterable[Digest], now: float, seconds: float) -> None:
        self._uses |= dict.fromkeys(adapters, (now, now + seconds))

    def drop(self, adapters: Iterable[Digest]) -> None:
        for adapter in adapters:
            self._uses.pop(adapter, None)

    def chosen(self, needed: tuple[Digest, ...], now: float, limit: int) -> tuple[Digest, ...]:
        """The needed ones, then those still wanted, last used first, up to the limit."""
        self._uses = {each: use for each, use in self._uses.items() if use[1] > now}
        others = sorted(self._uses.keys() - set(needed), key=lambda each: self._uses[each], reverse=True)
        room = max(0, limit - len(needed))
        return tuple(sorted((*dict.fromkeys(needed), *others[:room])))


class Roster:
    """All engines: in use, about to take over, and leaving; `limit` adapters for one."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._current: dict[Key, Resident] = {}
        self._coming: dict[Key, Resident] = {}
        self._leaving: set[Resident] = set()
        self._unions: defaultdict[Key, Union] = defaultdict(Union)

    def all(self) -> list[Resident]:
        return [*self._current.values(), *self._coming.values(), *self._leaving]

    def find(self, needs: EngineNeeds) -> Resident | None:
        """An engine that holds what is needed, or soon will.

        A model without adapters shares the engine without any; where only one
        with adapters runs, that.
        """
        key = key_of(needs)
        keys = [key] if key.apart or needs.kind != "chat" else [key, key._replace(apart=True)]
        for stage in (self._current, self._coming):
            for each in keys:
                resident = stage.get(each)
                if resident is not None and resident.holds_enough(needs):
                    return resident
        return None

    def want(self, needs: EngineNeeds, now: float, seconds: float) -> None:
        """Remember that a model's adapters are in use."""
        if needs.adapters and needs.kind == "chat":
            self._unions[key_of(needs)].want(needs.adapters, now, seconds)

    def distrust(self, needs: EngineNeeds) -> None:
        """Leave a model's adapters out of everybody else's engine: they did not load."""
        self._unions[key_of(needs)].drop(needs.adapters)

    def adapters(self, needs: EngineNeeds, now: float) -> tuple[Digest, ...]:
        """What a new engine for this request is to hold."""
        if needs.kind != "chat" or not needs.adapters:
            return needs.adapters
        return self._unions[key_of(needs)].chosen(needs.adapters, now, self._limit)

    def context(self, needs: EngineNeeds) -> int:
        """Tokens a slot of it is to have: no fewer than of the one that it follows."""
        older = self._current.get(key_of(needs))
        return max(needs.context, older.context if older is not None and older.holds else 0)

    def add(self, resident: Resident) -> None:
        """Take in an engine that is about to load."""
        key = resident.key
        stage = self._coming if key in self._current else self._current
        if key in stage:
            self.retire(stage[key])
        stage[key] = resident

    def promote(self, resident: Resident, now: float) -> Resident | None:
        """From now on it is used, and the one that it follows, if any, leaves."""
        key = resident.key
        if self._coming.get(key) is not resident:
            return None
        del self._coming[key]
        older = self._current.get(key)
        if older is not None:
            self.retire(older)
            moved = {user: hold.moved(now) for user, hold in older.holds.items()}
            resident.holds = {**moved, **resident.holds}
        self._current[key] = resident
        return older

    def retire(self, resident: Resident) -> None:
        """Let it end its answers, but give it no more."""
        self._take_out(resident)
        resident.leaving = True
        self._leaving.add(resident)

    def forget(self, resident: Resident) -> None:
        self._take_out(resident)
        self._leaving.discard(resident)

    def _take_out(self, resident: Resident) -> None:
        key = resident.key
        if self._coming.get(key) is resident:
            del self._coming[key]
        if self._current.get(key) is resident:
            del self._current[key]
            if key in self._coming:  # it takes the place at once: another would come beside it
                self._current[key] = self._coming.pop(key)
