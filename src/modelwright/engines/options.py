"""Options: what an operator decides about engines. Values only."""

import math
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class EngineOptions:
    """Settings of the pool.

    `parallel`: slots of an engine; `max_queue`: requests that may wait for one;
    `threads`: 0 = one less than there are cores, where a model does not say;
    `max_engines`, `memory_bytes` (None = a share of the machine's): over these, idle
    engines make room; an engine that alone is over the memory gets fewer slots, or is
    refused. `keep_alive`: seconds; `cache_ram_mib`: prompt cache of one engine;
    `sleep_seconds`: idleness after which an engine gives its memory back and waits,
    unless it is kept for ever; `watchdog_seconds`: silence that gets it killed;
    `load_seconds`: for its start; `drain_seconds`: how long closing waits for answers;
    all four may be infinite; `cache_type`: of keys and values; `tensor_split`: parts of
    a model for each GPU, cut by `split_mode` ("layer", "row", "none"); `runtime_dir`:
    for sockets (None = a temporary one); `max_adapters`: what one engine may hold of
    them; `prefix_dir`: where what was computed of constant prompts is kept, at most
    `prefix_bytes` of it, if they have `prefix_tokens` at least.
    """

    parallel: int = 4
    max_queue: int = 512
    max_engines: int = 3
    max_adapters: int = 32
    memory_bytes: int | None = None
    threads: int = 0
    keep_alive: float = 300.0
    cache_ram_mib: int = 512
    prefix_dir: Path | None = None
    prefix_bytes: int = 0
    prefix_tokens: int = 256
    sleep_seconds: float = math.inf
    watchdog_seconds: float = 30.0
    load_seconds: float = 600.0
    drain_seconds: float = 10.0
    cache_type: str = "f16"
    tensor_split: tuple[float, ...] = ()
    split_mode: str = "layer"
    runtime_dir: Path | None = None
