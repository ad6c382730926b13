"""Memory: what engines may take together, and what one is going to take.

Reads the machine's figures; starts and stops nothing, and knows no model.
"""

import math
import os
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Final

from modelwright.core.errors import Unsupported

SHARE: Final = 0.8
"""Of the machine's memory, for engines: the rest is for us, the system and its file cache."""
WORK_SPACE: Final = 64 * 1024 * 1024
"""Buffers and libraries beside weights and cache; measured: 75 MB with a batch of 256."""
UNKNOWN_CACHE: Final = 0.25
"""Cache as a part of the weights, where a file does not say enough to compute it."""
MEBIBYTE: Final = 1024**2
_DEVICE_FILES: Final = ("/dev/nvidiactl", "/dev/kfd", "/dev/dri", "/dev/dxg")

CACHE_TYPES: Final[Mapping[str, float]] = MappingProxyType(
    {"f32": 2.0, "f16": 1.0, "q8_0": 34 / 64, "q4_0": 18 / 64}
)
"""Types of a context's keys and values; their size beside 16 bits a number (ggml-common.h)."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """Bytes that an engine is going to take; `cache` is that of one slot.

    `is_known` is False when nothing is known of the cache but the weights' size.
    """

    weights: int
    cache: int
    is_known: bool

    @classmethod
    def of(cls, weights: int, context: int, token_bytes: int, cache_type: str = "f16") -> "Estimate":
        """For slots of `context` tokens, of which each takes `token_bytes` at 16 bits."""
        if not token_bytes:
            return cls(weights, 0, False)
        return cls(weights, math.ceil(context * token_bytes * CACHE_TYPES[cache_type]), True)

    def total(self, slots: int) -> int:
        """What an engine with that many slots takes."""
        cache = self.cache * slots if self.is_known else math.ceil(self.weights * UNKNOWN_CACHE)
        return self.weights + cache + WORK_SPACE

    def slots_within(self, budget: float, wanted: int) -> int:
        """As many slots as are wanted, or fewer; raises Unsupported when not one fits."""
        least = self.total(1) if self.is_known else self.weights
        if least > budget:
            parts = f"weights {_mib(self.weights)}, one context {_mib(self.cache)}"
            raise Unsupported(
                f"this model needs {_mib(least)} ({parts}) and all engines may take {_mib(budget)}",
                hint="Lower num_ctx, choose weights with fewer bits, or raise the limit (memory)",
            )
        if not self.is_known:
            return wanted
        return next((slots for slots in range(wanted, 1, -1) if self.total(slots) <= budget), 1)


def too_large(size: int, budget: float) -> Unsupported:
    """What to say to training that does not fit, even beside no engine."""
    return Unsupported(
        f"training needs about {_mib(size)}, and it and all engines may take {_mib(budget)}",
        hint="Lower batch_tokens, choose a smaller parent, or raise the limit (memory)",
    )


def _mib(count: float) -> str:
    return f"{math.ceil(count / MEBIBYTE)} MiB"


def machine_memory(root: Path = Path("/")) -> float:
    """Bytes that this process and its children may have.

    The machine's, or its control group's; infinite where the system says neither.
    """
    return min([_physical(), *_group_limits(root)])


def _physical() -> float:
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (ValueError, OSError):
        return math.inf


def _group_limits(root: Path) -> Iterator[float]:
    """Limits of the process's control groups and those above them, versions 1 and 2."""
    for line in _read(root / "proc/self/cgroup").splitlines():
        _, controllers, place = (*line.split(":", 2), "", "")[:3]
        second = controllers == ""
        if not second and "memory" not in controllers.split(","):
            continue
        top = root / ("sys/fs/cgroup" if second else "sys/fs/cgroup/memory")
        name = "memory.max" if second else "memory.limit_in_bytes"
        folder = top / place.strip("/")
        for group in (folder, *folder.parents):
            text = _read(group / name).strip()
            if text.isdigit():
                yield int(text)
            if group == top:
                break


def _read(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:
        return ""


def process_memory(pid: int) -> int:
    """Bytes of a process in memory now, shared ones too; 0 where nobody says."""
    fields = _read(Path(f"/proc/{pid}/statm")).split()
    return int(fields[1]) * os.sysconf("SC_PAGE_SIZE") if len(fields) > 1 else 0


def may_have_gpu() -> bool:
    """Whether it is worth asking the engine library for devices."""
    return sys.platform == "darwin" or any(Path(place).exists() for place in _DEVICE_FILES)
