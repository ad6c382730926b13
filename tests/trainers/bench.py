"""The training child on the starter, with rows of tokens: no text, no server."""

import hashlib
import os
from collections.abc import AsyncIterator, Iterable
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from modelwright.core.digest import Digest
from modelwright.core.hyperparameters import Hyperparameters
from modelwright.core.token_rows import TaughtRow, TokenRow, to_line
from modelwright.core.training_ports import Told, Trained, TrainerEvent, TrainingJob
from modelwright.starter import WEIGHTS, published_digest
from modelwright.trainers.processes import ChildTrainers

END = 2
QUICK = {
    "threads": 1,
    "precision": "f32",
    "rank": 4,
    "steps": 8,
    "batch_size": 4,
    "checkpoint_steps": 3,
    "warmup_steps": 1,
    "learning_rate": 1e-2,
    "epochs": 1,
}


@dataclass
class Bench:
    """Trainers on a folder of files; what a child tells is kept."""

    folder: Path
    files: dict[Digest, Path] = field(default_factory=dict)
    told: list[Told] = field(default_factory=list)

    @property
    def trainers(self) -> ChildTrainers:
        return ChildTrainers(self.locate, self.adopt, self.folder / "runs")

    async def locate(self, digest: Digest) -> Path:
        return self.files[digest]

    async def adopt(self, path: Path) -> tuple[Digest, int]:
        content = path.read_bytes()
        digest = Digest.of(content)
        self.files[digest] = kept = self.folder / digest.hex
        kept.write_bytes(content)
        return digest, len(content)

    def put(self, rows: Iterable[TokenRow]) -> Digest:
        content = b"".join(map(to_line, rows))
        digest = Digest.of(content)
        self.files[digest] = path = self.folder / digest.hex
        path.write_bytes(content)
        return digest

    def job(self, rows: Iterable[TokenRow], run: str = "run-1", **given: Any) -> TrainingJob:
        base = published_digest()
        assert base is not None
        self.files[base] = WEIGHTS
        method, settings = given.pop("method", "sft"), {**QUICK, **given.pop("settings", {})}
        whole = Hyperparameters.of(settings).completed(method, 4_500_000)
        return TrainingJob(run, base, method, whole, self.put(rows), END, **given)

    async def train(self, job: TrainingJob) -> Trained:
        async with self.events(job) as events:
            found = [event async for event in events]
        assert isinstance(found[-1], Trained)
        return found[-1]

    @asynccontextmanager
    async def events(self, job: TrainingJob) -> AsyncIterator[AsyncIterator[Any]]:
        async def remembered() -> AsyncIterator[TrainerEvent]:
            async for event in source:
                if isinstance(event, Told):
                    self.told.append(event)
                yield event

        async with aclosing(self.trainers.train(job)) as source:
            yield remembered()

    def of(self, kind: str, name: str) -> list[Any]:
        """What events of a kind said."""
        return [event.content[name] for event in self.told if event.kind == kind]

    def digest(self, trained: Trained) -> str:
        """The adapter that came out, in short."""
        return hashlib.sha256("".join(str(file.digest) for file in trained.files).encode()).hexdigest()


def taught(count: int = 12, seed: int = 0) -> list[TaughtRow]:
    """Rows to be learned by heart: a prompt of four tokens, an answer of three."""
    return [
        TaughtRow(
            (tuple(100 + (seed + row * 7 + place) % 900 for place in range(4)),),
            (*(1200 + (row * 11 + place) % 400 for place in range(3)), END),
        )
        for row in range(count)
    ]


def children() -> set[int]:
    """Processes whose parent is this one."""
    found = set()
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[1]) == os.getpid() and fields[0] != "Z":
            found.add(int(stat.parent.name))
    return found
