"""Launch: start an engine child and wait until it has loaded its base.

Knows what an engine needs from the system: where it listens, what it inherits,
how to read its last words when it fails. Knows nothing of requests.
"""

import asyncio
import math
import os
import secrets
import signal
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Literal

import orjson

from modelwright.core.errors import ModelwrightError, Unavailable, Unsupported
from modelwright.core.parameters import Parameters
from modelwright.engines.answers import reason_for_dying, reason_for_failing
from modelwright.engines.exchange import Address, ConnectionBroken, Exchange
from modelwright.worker.process import Event, Worker

_ENVIRONMENT: Final = (
    ("OMP_WAIT_POLICY", "passive"),  # threads that spin while they wait cost up to 99 % of the speed
    ("GGML_NO_BACKTRACE", "1"),  # an abort would start a debugger
)
_DEVICE_VARIABLES: Final = ("CUDA_VISIBLE_DEVICES", "HIP_VISIBLE_DEVICES", "ROCR_VISIBLE_DEVICES")
DEVICES_SECONDS: Final = 60.0
"""For a GPU's driver to start: the first time it may compile its kernels."""
_SOCKET_PATH_BYTES: Final = 100
"""A Unix socket's path may have 103 bytes on macOS, 107 on Linux."""
_FAULTS_OF_THE_FILE: Final = tuple(
    -number for number in (signal.SIGABRT, signal.SIGSEGV, signal.SIGBUS, signal.SIGFPE)
)
"""How llama.cpp dies of weights that it did not check well enough."""


@dataclass(frozen=True, slots=True)
class Load:
    """What an engine is started with; `context` is in tokens a slot, the cache in MiB.

    `scales`: how strongly each adapter applies where a request does not say it;
    `prefix_dir`: where slots are saved and restored from.
    """

    weights: Path
    context: int
    slots: int
    runtime_dir: Path
    kind: Literal["chat", "embed", "rerank"] = "chat"
    pooled: bool = False
    projector: Path | None = None
    adapters: tuple[Path, ...] = ()
    scales: tuple[float, ...] = ()
    start_parameters: Parameters = field(default_factory=Parameters)
    threads: int = 0
    cache_ram_mib: int = 512
    prefix_dir: Path | None = None
    cache_type: str = "f16"
    sleep_seconds: float = math.inf
    tensor_split: tuple[float, ...] = ()
    split_mode: str = "layer"
    load_seconds: float | None = None


@dataclass(frozen=True, slots=True)
class Launched:
    """A child that is ready.

    `context`: tokens a slot really has; `takes_system`: whether its prompt
    template knows the system role, `takes_tools`: tools; `vram_bytes`: the memory of
    devices that it took; `opening`: the text of the token that it puts before every
    prompt, if it does; `sees`: whether it takes images, `hears`: sounds, which stand
    where a prompt has its `media_marker`.
    """

    worker: Worker
    address: Address
    context: int
    takes_system: bool
    vram_bytes: int
    opening: str = ""
    takes_tools: bool = False
    sees: bool = False
    hears: bool = False
    media_marker: str = ""


async def launch(load: Load) -> Launched:
    """Start a child; returns when it has loaded.

    Raises Unsupported when the engine refuses the weights or crashes on them, with
    its own reason; Unavailable when it was killed or took too long.
    """
    address = _free_address(load.runtime_dir)
    worker = await Worker.spawn("modelwright.engines.serving", task_of(load, address), env=_environment())
    try:
        async with asyncio.timeout(load.load_seconds):
            return await _until_ready(worker, address, load)
    except BaseException as error:
        worker.kill()
        await worker.terminate()
        address.remove()
        if isinstance(error, TimeoutError):
            raise Unavailable(f"the engine was not ready after {load.load_seconds:g} s") from None
        raise


async def device_memory() -> int:
    """Bytes of all GPUs that the engine library can use; 0 when it cannot be asked."""
    worker = await Worker.spawn("modelwright.engines.serving", {"devices": True}, env=_environment())
    try:
        async with asyncio.timeout(DEVICES_SECONDS):
            event = await worker.next_event()
    except TimeoutError:
        event = None
    finally:
        await worker.terminate()
    return sum(event.get("devices", ())) if event else 0


async def _until_ready(worker: Worker, address: Address, load: Load) -> Launched:
    event = await worker.next_event()
    if event is None or "ready" not in event:
        raise await _failure(worker, event, load)
    if not address.path:
        address = Address(port=int(event["ready"].rpartition(":")[2]), api_key=address.api_key)
    try:
        exchange = await Exchange.start(address, "GET", "/props")
        properties: dict[str, Any] = orjson.loads(await exchange.body())
        opening = await _opening(address, properties.get("bos_token", ""))
    except ConnectionBroken:
        raise await _failure(worker, None, load) from None
    abilities = properties.get("chat_template_caps", {})
    return Launched(
        worker=worker,
        address=address,
        context=properties["default_generation_settings"]["n_ctx"],
        takes_system=abilities.get("supports_system_role", True),
        vram_bytes=event["vram_bytes"],
        opening=opening,
        takes_tools=abilities.get("supports_tools", False),
        sees=properties.get("modalities", {}).get("vision", False),
        hears=properties.get("modalities", {}).get("audio", False),
        media_marker=properties.get("media_marker", "<__media__>"),
    )


async def _opening(address: Address, token: str) -> str:
    """The token's text, if a prompt that begins with it would begin with it twice."""
    request = {"content": token, "add_special": True, "parse_special": True}
    exchange = await Exchange.start(address, "POST", "/tokenize", orjson.dumps(request))
    tokens: list[int] = orjson.loads(await exchange.body())["tokens"]
    return token if token and len(tokens) > 1 and tokens[0] == tokens[1] else ""


async def _failure(worker: Worker, event: Event | None, load: Load) -> ModelwrightError:
    if event is not None and event.get("cause") == "library":
        return Unavailable(event["failed"], retry_after=60)
    words = (await worker.last_words()).replace(str(load.weights), "the file")
    if event is not None:
        return Unsupported(f"the engine cannot load these weights: {reason_for_failing(words)}")
    text = f"the engine died while loading these weights{death_text(worker, words)}"
    if worker.exit_code == -signal.SIGILL:
        return Unavailable(text, retry_after=60, hint="The engine library needs a processor with AVX2")
    return Unsupported(text) if worker.exit_code in _FAULTS_OF_THE_FILE else Unavailable(text)


def death_text(worker: Worker, words: str) -> str:
    """How a worker ended and what it said last: " (SIGABRT): reason"."""
    code = worker.exit_code
    signal_name = f" ({signal.Signals(-code).name})" if code is not None and code < 0 else ""
    reason = reason_for_dying(words)
    return f"{signal_name}: {reason}" if reason else signal_name


def _free_address(runtime_dir: Path) -> Address:
    path = str(runtime_dir / f"{secrets.token_hex(4)}.sock")
    if hasattr(os, "fork") and len(os.fsencode(path)) <= _SOCKET_PATH_BYTES:
        return Address(path=path)
    return Address(api_key=secrets.token_urlsafe(32))


def _environment() -> dict[str, str]:
    devices = {name: os.environ[name] for name in _DEVICE_VARIABLES if name in os.environ}
    return {**dict(_ENVIRONMENT), **devices}


def task_of(load: Load, address: Address) -> dict[str, Any]:
    return {
        "model": str(load.weights),
        "socket": address.path,
        "api_key": address.api_key,
        "context": load.context,
        "slots": load.slots,
        "kind": load.kind,
        "pooled": load.pooled,
        "projector": str(load.projector or ""),
        "adapters": [(str(path), scale) for path, scale in zip(load.adapters, load.scales, strict=True)],
        "start_parameters": load.start_parameters.as_dict(),
        "threads": load.threads,
        "cache_ram_mib": load.cache_ram_mib,
        "prefix_dir": str(load.prefix_dir) if load.prefix_dir else "",
        "cache_type": load.cache_type,
        "sleep_seconds": None if math.isinf(load.sleep_seconds) else max(1, round(load.sleep_seconds)),
        "tensor_split": load.tensor_split,
        "split_mode": load.split_mode,
    }
