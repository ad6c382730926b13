"""WeightBlobs: the port WeightFiles, on the blobs of a store.

It reads blobs where they are and makes new ones in a folder of its own, in
threads. It knows no names of models and records nothing.
"""

import asyncio
import re
import shutil
import tempfile
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeAlias

from modelwright.core.digest import Digest
from modelwright.core.errors import Invalid, NotFound, Unavailable
from modelwright.core.ports import Made, Progress
from modelwright.core.spec import AdapterLayer
from modelwright.core.weight_files import NamedBlob
from modelwright.core.weights import Anatomy, WeightFacts
from modelwright.core.wording import excerpt
from modelwright.weights import quantize as quantizing
from modelwright.weights.adapters import (
    CONFIG,
    WEIGHTS,
    check_adapter,
    convert_adapter,
    read_base,
    refuse_old,
)
from modelwright.weights.anatomy import read_anatomy
from modelwright.weights.convert import convert_folder
from modelwright.weights.gguf import read_facts
from modelwright.weights.merge_adapters import merge_adapters
from modelwright.weights.packing import wanted_type
from modelwright.weights.peft_folder import unpack_adapter
from modelwright.weights.split import merge_parts

TICK: Final = 0.25
"""Seconds between two reports of progress."""

_PLAIN_NAME: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,199}", re.ASCII)
_TARGET: Final = "made.gguf"

Report: TypeAlias = Callable[[int, int], None]


class _Stopped(Exception):
    """Nobody waits for this work any more."""


class WeightBlobs:
    """Implements core.ports.WeightFiles.

    `locate` gives the path of a blob whose bytes may be trusted, and is asked before
    each use; `keep` stores a finished file as one; `workshop` is a folder on the
    same file system as the blobs, emptied at once.
    """

    def __init__(
        self,
        locate: Callable[[Digest], Awaitable[Path]],
        keep: Callable[[Path], Awaitable[tuple[Digest, int]]],
        workshop: Path,
    ) -> None:
        self._locate = locate
        self._keep = keep
        self._workshop = workshop
        shutil.rmtree(workshop, ignore_errors=True)  # what a killed process left

    async def facts(self, digest: Digest) -> WeightFacts:
        """Read a GGUF's header; raises Invalid, Unsupported for an old adapter."""
        return await asyncio.to_thread(_facts, await self._path(digest))

    async def anatomy(self, digest: Digest) -> Anatomy:
        """Read all that a GGUF's header lists."""
        return await asyncio.to_thread(read_anatomy, await self._path(digest))

    async def check_adapter(self, adapter: Digest, base: Digest) -> None:
        """See that a GGUF adapter fits a base; raises Invalid that says what does not."""
        await asyncio.to_thread(_check_adapter, await self._path(adapter), await self._path(base))

    async def convert(
        self, files: Sequence[NamedBlob], *, name: str
    ) -> AsyncGenerator[Progress | Made, None]:
        """Make one GGUF of a folder of safetensors, of the type that they have."""
        paths = await self._paths(files)

        def work(folder: Path, report: Report) -> tuple[str, ...]:
            _lay_out(files, paths, folder / "source")
            return convert_folder(folder / "source", folder / _TARGET, name=name, progress=report).notes

        async for event in self._made("converting model", work):
            yield event

    async def convert_adapter(
        self, files: Sequence[NamedBlob], base: Digest
    ) -> AsyncGenerator[Progress | Made, None]:
        """Make a GGUF adapter for `base` of a PEFT folder."""
        paths, fitted = await self._paths(files), await self._path(base)

        def work(folder: Path, report: Report) -> tuple[str, ...]:
            _lay_out(files, paths, folder / "source")
            convert_adapter(folder / "source", fitted, folder / _TARGET, report)
            return ()

        async for event in self._made("converting adapter", work):
            yield event

    async def unpack_adapter(self, adapter: Digest, base: Digest) -> Sequence[NamedBlob]:
        """Make a PEFT folder's files of a GGUF adapter."""
        folder = await asyncio.to_thread(self._new_folder)
        try:
            fitted = await asyncio.to_thread(read_base, await self._path(base))
            await asyncio.to_thread(unpack_adapter, await self._path(adapter), fitted, folder)
            return [NamedBlob(name, (await self._keep(folder / name))[0]) for name in (CONFIG, WEIGHTS)]
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    async def merge(self, parts: Sequence[NamedBlob]) -> AsyncGenerator[Progress | Made, None]:
        """Make one GGUF of the parts of a split one, given in order."""
        paths = await self._paths(parts)

        def work(folder: Path, report: Report) -> tuple[str, ...]:
            try:
                merge_parts([paths[part.digest] for part in parts], folder / _TARGET, report)
            except Invalid as error:
                raise Invalid(f"invalid split GGUF: {error.message}", field="files") from error
            return ()

        async for event in self._made("merging split GGUF", work):
            yield event

    async def merge_adapters(
        self, base: Digest, adapters: Sequence[AdapterLayer]
    ) -> AsyncGenerator[Progress | Made, None]:
        """Make one GGUF of a base and adapters; raises as weights.merge_adapters does."""
        path = await self._path(base)
        paths = [(await self._path(adapter.digest), adapter.scale) for adapter in adapters]

        def work(folder: Path, report: Report) -> tuple[str, ...]:
            merge_adapters(path, paths, folder / _TARGET, report)
            return ()

        async for event in self._made("merging adapters", work):
            yield event

    async def quantize(self, source: Digest, wanted: str) -> AsyncGenerator[Progress | Made, None]:
        """Make a GGUF with fewer bits per weight; raises as weights.quantize does."""
        name = wanted_type(wanted)
        facts, path = await self.facts(source), await self._path(source)

        def work(folder: Path, report: Report) -> tuple[str, ...]:
            quantizing.quantize(path, folder / _TARGET, name, report)
            return ()

        async for event in self._made(f"quantizing {facts.file_type} model to {name}", work):
            yield event

    async def _made(
        self, status: str, work: Callable[[Path, Report], tuple[str, ...]]
    ) -> AsyncGenerator[Progress | Made, None]:
        """Do blocking work in a folder of its own, tell how far it is, keep what it made."""
        state = _State()
        folder = await asyncio.to_thread(self._new_folder)
        task = asyncio.create_task(asyncio.to_thread(work, folder, state.report))
        try:
            while not task.done():
                await asyncio.wait({task}, timeout=TICK)
                if not task.done() or state.total:
                    yield Progress(status, state.done, state.total)
            notes = task.result()
            digest, size = await self._keep(folder / _TARGET)
            yield Made(digest, size, notes)
        finally:
            state.stopped = True
            while not task.done():  # a thread cannot be stopped, it stops itself at its next report
                with suppress(asyncio.CancelledError):
                    await asyncio.wait({task})
            if not task.cancelled():
                task.exception()
            shutil.rmtree(folder, ignore_errors=True)

    def _new_folder(self) -> Path:
        try:
            self._workshop.mkdir(mode=0o700, parents=True, exist_ok=True)
            return Path(tempfile.mkdtemp(dir=self._workshop))
        except OSError as error:
            raise Unavailable(f"{self._workshop} cannot be written: {error.strerror}") from error

    async def _path(self, digest: Digest) -> Path:
        path = await self._locate(digest)
        if not path.is_file():
            raise NotFound("blob", str(digest), hint="Upload it again")
        return path

    async def _paths(self, files: Sequence[NamedBlob]) -> Mapping[Digest, Path]:
        return {file.digest: await self._path(file.digest) for file in files}


def _facts(path: Path) -> WeightFacts:
    refuse_old(path)
    return read_facts(path)


def _check_adapter(adapter: Path, base: Path) -> None:
    check_adapter(adapter, read_base(base))


def _lay_out(files: Sequence[NamedBlob], paths: Mapping[Digest, Path], folder: Path) -> None:
    """Link blobs under the names that a conversion looks for."""
    folder.mkdir()
    for file in files:
        steps = file.name.split("/")
        if not all(_PLAIN_NAME.fullmatch(step) for step in steps):
            raise Invalid(f"a file called {excerpt(file.name)} cannot be converted", field="files")
        path = folder.joinpath(*steps)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.hardlink_to(paths[file.digest])


@dataclass(slots=True)
class _State:
    """How far work in a thread is; written there, read here."""

    done: int = 0
    total: int = 0
    stopped: bool = False

    def report(self, done: int, total: int) -> None:
        if self.stopped:
            raise _Stopped
        self.done, self.total = done, total
