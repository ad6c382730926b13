"""SpecCache: parsed specs by digest, so that a request needs no SQL for them.

A spec never changes and never goes away, so nothing is ever stale here. Used
from the event loop's thread only, hence no lock.
"""

from collections import OrderedDict
from typing import Final

from modelwright.core.digest import Digest
from modelwright.core.spec import ModelSpec

ROOM: Final = 16 * 1024 * 1024
"""Canonical bytes of the specs that are kept; parsed they take about twice that."""

_OVERHEAD: Final = 1024  # what even the smallest spec takes


class SpecCache:
    """The most recently used specs, at most `room` bytes of them."""

    def __init__(self, room: int = ROOM) -> None:
        self._room = room
        self._used = 0
        self._kept: OrderedDict[Digest, tuple[ModelSpec, int]] = OrderedDict()

    def find(self, digest: Digest) -> ModelSpec | None:
        kept = self._kept.get(digest)
        if kept is None:
            return None
        self._kept.move_to_end(digest)
        return kept[0]

    def keep(self, digest: Digest, spec: ModelSpec, size: int) -> None:
        """Keep a spec whose canonical bytes are `size` long."""
        if digest in self._kept:
            return
        self._kept[digest] = (spec, size + _OVERHEAD)
        self._used += size + _OVERHEAD
        while self._used > self._room:
            _, (_, released) = self._kept.popitem(last=False)
            self._used -= released
