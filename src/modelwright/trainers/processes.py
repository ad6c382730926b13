"""ChildTrainers: the port Trainers, on child processes that run torch.

One run at a time has the device. A child that is told to end leaves a
checkpoint; one that dies leaves its last. Knows neither runs' owners nor models.
"""

import asyncio
import importlib.util
import os
import shutil
import signal
import socket
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Final, TypeAlias

from modelwright.core.digest import Digest
from modelwright.core.errors import Invalid, Unavailable, Unsupported
from modelwright.core.training_ports import Checkpoint, Told, Trained, TrainerEvent, TrainingJob
from modelwright.core.weight_files import NamedBlob
from modelwright.worker.process import Event, Worker

MODULE: Final = "modelwright.trainers.child"
NEEDED: Final = ("torch", "transformers", "peft", "safetensors", "regex")
GRACE: Final = 60.0
"""Seconds that a child may take for its running step and a checkpoint."""
ADAPTER: Final = ("adapter_config.json", "adapter_model.safetensors")
EPOCHS: Final = "epoch-*"
"""Folders of adapters that the child has kept (child/checkpoint.py writes them)."""
ENVIRONMENT: Final = (
    ("OMP_WAIT_POLICY", "passive"),  # threads that spin while they wait cost up to 90 % of the speed
    ("KMP_BLOCKTIME", "0"),
    # glibc gives large blocks back to the system and faults them in anew, step after step: 13 %
    ("MALLOC_MMAP_THRESHOLD_", str(32 * 1024**2)),
    ("MALLOC_TRIM_THRESHOLD_", str(1024**3)),
    ("MALLOC_TOP_PAD_", str(64 * 1024**2)),
    ("HF_HUB_OFFLINE", "1"),
    ("TOKENIZERS_PARALLELISM", "false"),
    ("PYTHONWARNINGS", "ignore"),
)
"""What makes a process that trains fast, and quiet."""
_DEVICES: Final = ("CUDA_VISIBLE_DEVICES", "HIP_VISIBLE_DEVICES")

Locate: TypeAlias = Callable[[Digest], Awaitable[Path]]
Adopt: TypeAlias = Callable[[Path], Awaitable[tuple[Digest, int]]]


class ChildTrainers:
    """Implements core.training_ports.Trainers; runs keep checkpoints in `folder`."""

    def __init__(self, locate: Locate, adopt: Adopt, folder: Path, *, needed: Sequence[str] = NEEDED) -> None:
        self._locate = locate
        self._adopt = adopt
        self._folder = folder
        self._needed = needed
        self._device = asyncio.Lock()

    def check(self) -> None:
        missing = [name for name in self._needed if importlib.util.find_spec(name) is None]
        if missing:
            raise Unsupported(
                f"training needs {', '.join(missing)}, which is not installed where the server runs",
                hint="Install it with: pip install 'modelwright[train]'",
            )

    async def train(self, job: TrainingJob) -> AsyncGenerator[TrainerEvent, None]:
        """Do a job, from its last checkpoint if it has one; ends with Trained."""
        self.check()
        async with self._device:
            folder = self._folder / job.run
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            workers = await self._spawn(job, folder)
            try:
                async for event in _events(workers[0]):
                    if event["kind"] == "done":
                        yield await self._trained(folder, event["metrics"])
                        return
                    yield _told(event)
                raise await _death(workers[0])
            finally:
                await _end(workers)

    async def forget(self, run: str) -> None:
        """Remove a run's checkpoints."""
        await asyncio.to_thread(shutil.rmtree, self._folder / run, ignore_errors=True)

    async def _spawn(self, job: TrainingJob, folder: Path) -> list[Worker]:
        task = await self._task(job, folder)
        world = int(task["settings"]["processes"])
        meeting = f"127.0.0.1:{_free_port()}" if world > 1 else ""
        workers: list[Worker] = []
        try:
            for rank in range(world):
                part = {**task, "rank": rank, "world": world, "meeting": meeting}
                workers.append(await Worker.spawn(MODULE, part, env=_environment()))
        except BaseException:
            await _end(workers)
            raise
        return workers

    async def _task(self, job: TrainingJob, folder: Path) -> dict[str, Any]:
        """The child's task (child/job.py reads it)."""
        frozen = [
            (str(await self._laid_out(files, folder / f"frozen-{place}")), scale)
            for place, (files, scale) in enumerate(job.frozen)
        ]
        return {
            "method": job.method,
            "settings": job.hyperparameters.as_dict(),
            "folder": str(folder),
            # transformers takes a GGUF by its folder and its name
            "weights": str(_link(await self._locate(job.base), folder / "weights.gguf")),
            "rows": str(await self._locate(job.rows)),
            "end": job.end,
            "validation": await self._path(job.validation),
            "replay": await self._path(job.replay),
            "frozen": frozen,
            "start": str(await self._laid_out(job.start, folder / "start")) if job.start else None,
            "momentum": await self._path(job.momentum),
            "rewards": [dict(reward) for reward in job.rewards],
        }

    async def _path(self, digest: Digest | None) -> str | None:
        return None if digest is None else str(await self._locate(digest))

    async def _laid_out(self, files: Sequence[NamedBlob], folder: Path) -> Path:
        """A PEFT folder of links to blobs."""
        folder.mkdir(exist_ok=True)
        for file in files:
            if file.name not in ADAPTER:
                raise Invalid(f'"{file.name}" is no file of an adapter', field="adapters")
            _link(await self._locate(file.digest), folder / file.name)
        return folder

    async def _trained(self, folder: Path, metrics: Mapping[str, Any]) -> Trained:
        files = await self._adopted(folder / "adapter")
        momentum, _ = await self._adopt(folder / "momentum.pt")
        kept = [
            Checkpoint(int(each.name.rpartition("-")[2]), await self._adopted(each))
            for each in sorted(folder.glob(EPOCHS))
        ]
        return Trained(files, metrics, momentum, kept)

    async def _adopted(self, folder: Path) -> Sequence[NamedBlob]:
        """A PEFT folder's files as blobs."""
        return [NamedBlob(name, (await self._adopt(folder / name))[0]) for name in ADAPTER]


async def _events(worker: Worker) -> AsyncGenerator[Event, None]:
    while (event := await worker.next_event()) is not None:
        yield event


def _told(event: Event) -> Told:
    """An event of the child as one of ours; raises for one that ends the run badly."""
    content = {name: value for name, value in event.items() if name != "kind"}
    if event["kind"] == "failed":
        raise Unsupported(content["error"], hint=content.get("hint", ""), field="run")
    if event["kind"] == "stopped":
        raise Unavailable("the training was stopped and can go on from its checkpoint", retry_after=1)
    return Told(event["kind"], content)


async def _death(worker: Worker) -> Unavailable:
    words = await worker.last_words()
    code = worker.exit_code or 0
    if code == -signal.SIGKILL:
        return Unavailable(
            "the training process was killed, perhaps since the memory was not enough",
            hint="It goes on from its last checkpoint when the run is resumed; lower batch_tokens",
        )
    last = next((line for line in reversed(words.splitlines()) if line.strip()), "it said nothing")
    name = f"signal {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"
    return Unavailable(f"the training process ended with {name}: {last[:300]}")


async def _end(workers: Sequence[Worker]) -> None:
    """End the children; the first one may write its checkpoint before."""
    await asyncio.shield(
        asyncio.gather(*(worker.terminate(GRACE) for worker in workers), return_exceptions=True)
    )


def _link(target: Path, place: Path) -> Path:
    with suppress(FileNotFoundError):
        place.unlink()
    place.symlink_to(target)
    return place


def _environment() -> dict[str, str]:
    return dict(ENVIRONMENT) | {name: os.environ[name] for name in _DEVICES if name in os.environ}


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
