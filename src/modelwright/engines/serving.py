"""The engine child: `python -m modelwright.engines.serving`.

Loads one base with llama.cpp and serves it over a socket until the parent goes
or says so. The only module that imports the engine library, and only when it
runs. It knows no model, no user and no request.
"""

import os
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from modelwright.worker.child import Parent

CPU_BATCH: Final = 256
"""Prompt tokens evaluated at once: small, since a request can be cancelled only between batches."""
MOST_SCORED: Final = 8192
"""Tokens of context up to which a processor attends without flash attention: up to 8 MB a head."""
GPU_BATCH: Final = 2048
GPU_MICRO_BATCH: Final = 512


def main() -> None:
    """Load, report `ready` or `failed`, then serve until killed."""
    parent = Parent.attach()
    try:
        import xllamacpp  # type: ignore[import-untyped]  # ships no types
    except ImportError as error:
        parent.send({"failed": import_fault(error), "cause": "library"})
        sys.exit(1)
    task = parent.task
    if "devices" in task:
        parent.send({"devices": [device["memory_total"] for device in _gpus(xllamacpp)]})
        return
    free = _free_on_gpus(xllamacpp)
    if task["socket"]:
        Path(task["socket"]).unlink(missing_ok=True)  # a stale one makes the start fail
    try:
        server = xllamacpp.Server(settings_of(xllamacpp, task))
    except Exception as error:  # whatever a file of unknown origin makes it raise
        parent.send({"failed": str(error), "cause": "weights"})
        sys.exit(1)
    taken = max(0, free - _free_on_gpus(xllamacpp))
    parent.send({"ready": server.listening_address, "vram_bytes": taken})
    threading.Event().wait()


def import_fault(error: ImportError) -> str:
    """What is missing, and the command that installs it."""
    if "libgomp" in str(error):
        return "the engine needs the system library libgomp.so.1: install it with `apt-get install libgomp1`"
    return f"the engine library xllamacpp cannot be loaded: {error}"


def settings_of(x: Any, task: Mapping[str, Any]) -> Any:
    """The engine's CommonParams; `x` is the engine library, which has no types."""
    p = x.CommonParams()
    p.model.path = task["model"]
    p.mmproj.path = task["projector"]
    p.no_mmproj = not task["projector"]
    p.offline, p.ui, p.verbosity = True, False, 1
    _listen(p, task)
    _fit(x, p, task)
    _place(x, p, task)
    if task["sleep_seconds"] is not None:
        p.sleep_idle_seconds = task["sleep_seconds"]
    # An engine with adapters must not reuse prompts: the cache is keyed by tokens alone.
    p.cache_ram_mib = 0 if task["adapters"] else task["cache_ram_mib"]
    # Of a window that slides, a checkpoint made after a restore claims more than it holds
    # (b11549, TAG_CHECKPOINTS_FIX_POS_MIN): another answer. Without any, it is computed again.
    p.n_ctx_checkpoints = 0
    p.cache_idle_slots = False  # what is overwritten is kept anyway; this copies all before each first token
    if task["prefix_dir"]:
        p.slot_save_path = task["prefix_dir"] + "/"
    p.lora_adapters = [x.CommonAdapterLoraInfo(path, scale) for path, scale in task["adapters"]]
    if task["kind"] == "rerank":
        p.embedding, p.pooling_type = True, x.llama_pooling_type.LLAMA_POOLING_TYPE_RANK
    if task["kind"] == "embed":
        p.embedding = True
        own, mean = (
            x.llama_pooling_type.LLAMA_POOLING_TYPE_UNSPECIFIED,
            x.llama_pooling_type.LLAMA_POOLING_TYPE_MEAN,
        )
        p.pooling_type = own if task["pooled"] else mean
    return p


def _listen(p: Any, task: Mapping[str, Any]) -> None:
    p.port = 0
    p.hostnames = [task["socket"] or "127.0.0.1"]
    if task["api_key"]:
        p.api_keys = [task["api_key"]]
    p.endpoint_metrics = p.endpoint_slots = True
    p.sse_ping_interval = -1  # the watchdog asks /health instead


def _fit(x: Any, p: Any, task: Mapping[str, Any]) -> None:
    """Context, batch, threads and device."""
    given = task["start_parameters"]
    slots = task["slots"]
    p.n_parallel = slots
    p.n_ctx = task["context"] * slots  # the engine divides it among the slots
    p.cache_type_k = p.cache_type_v = getattr(x.ggml_type, f"GGML_TYPE_{task['cache_type'].upper()}")
    p.ctx_shift = True  # an answer may go on in a full context; each request says how far
    on_cpu = not _gpus(x)
    p.n_batch, p.n_ubatch = (CPU_BATCH, CPU_BATCH) if on_cpu else (GPU_BATCH, GPU_MICRO_BATCH)
    p.fit_params = not on_cpu  # measures what fits a device, by loading twice
    if on_cpu and task["kind"] == "chat" and task["cache_type"] == "f16" and task["context"] <= MOST_SCORED:
        # A question of less than 64 tokens after a long prompt takes a quarter less so (docs/log.md).
        p.flash_attn_type = x.llama_flash_attn_type.LLAMA_FLASH_ATTN_TYPE_DISABLED
    if "num_batch" in given:
        p.n_batch = min(p.n_batch, given["num_batch"])
        p.n_ubatch = min(p.n_ubatch, p.n_batch)
    if task["kind"] != "chat":
        p.n_batch = p.n_ubatch = task["context"]  # a text is pooled within one batch
        # With a cache for each slot, texts of unequal length are cut where the shortest
        # ends, and only what comes after the cut is pooled: other vectors than alone.
        p.kv_unified = True
    threads = given.get("num_thread") or task["threads"] or max(1, _cores() - 1)
    p.cpuparams.n_threads = p.cpuparams_batch.n_threads = threads
    if given.get("use_mmap") is False:
        p.load_mode = x.llama_load_mode.LLAMA_LOAD_MODE_NONE


def _place(x: Any, p: Any, task: Mapping[str, Any]) -> None:
    """Which layers go to which GPU; without one all of this has no effect."""
    given = task["start_parameters"]
    p.n_gpu_layers = given.get("num_gpu", -1)
    p.main_gpu = given.get("main_gpu", 0)
    p.split_mode = getattr(x.llama_split_mode, f"LLAMA_SPLIT_MODE_{task['split_mode'].upper()}")
    if task["tensor_split"]:
        parts = [*map(float, task["tensor_split"])]
        p.tensor_split = parts + [0.0] * (len(p.tensor_split) - len(parts))


def _gpus(x: Any) -> list[Mapping[str, Any]]:
    """What the library calls a device and is not the processor."""
    cpu = x.ggml_backend_dev_type.GGML_BACKEND_DEVICE_TYPE_CPU
    return [device for device in x.get_device_info() if device["type"] != cpu]


def _free_on_gpus(x: Any) -> int:
    return sum(device["memory_free"] for device in _gpus(x))


def _cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1


if __name__ == "__main__":
    main()
