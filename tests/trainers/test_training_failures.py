"""How training ends badly: with words and a step, and nothing left behind that counts."""

import os
import resource
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from modelwright.core.errors import Invalid, Unavailable, Unsupported
from modelwright.core.training_ports import TrainingJob
from modelwright.core.weight_files import NamedBlob
from modelwright.starter import WEIGHTS
from modelwright.trainers.processes import ChildTrainers
from tests.trainers.bench import Bench, children, taught

pytestmark = [pytest.mark.anyio, pytest.mark.limit(240)]

PROVE = bool(os.environ.get("PROVE"))


def test_what_is_missing_is_named_with_what_installs_it(bench: Bench) -> None:
    trainers = ChildTrainers(bench.locate, bench.adopt, bench.folder, needed=("json", "no_such_library"))
    with pytest.raises(Unsupported, match="training needs no_such_library") as refused:
        trainers.check()
    assert "pip install 'modelwright[train]'" in refused.value.hint


async def test_a_loss_that_is_no_number_ends_it_with_the_step(bench: Bench) -> None:
    """As of weights with one number that is none; norms and clips hold what a learning rate can do."""
    job = bench.job(taught())
    content = bytearray(WEIGHTS.read_bytes())
    content[-4:] = b"\x00\x00\xc0\x7f"
    bench.files[job.base] = bench.folder / "broken.gguf"
    bench.files[job.base].write_bytes(content)
    with pytest.raises(Unsupported, match="no number any more at step 1"):
        await bench.train(job)


async def _limited(bench: Bench, job: TrainingJob, what: int, most: Callable[[int], int]) -> None:
    """Train in a child that gets a limit when it begins."""
    before = children()
    async with bench.events(job) as events:
        async for event in events:
            if event.kind == "started":
                (child,) = children() - before
                resource.prlimit(child, what, (most(child), most(child)))


def _held(child: int) -> int:
    """Bytes of data that a process has."""
    return int(Path(f"/proc/{child}/statm").read_text().split()[5]) * resource.getpagesize()


async def test_memory_that_is_not_enough_is_said(bench: Bench) -> None:
    """The child gets no more memory than it has once it knows its weights."""
    settings = {"batch_size": 400, "batch_tokens": 1_000_000, "checkpoint_steps": 100}
    with pytest.raises((Unsupported, Unavailable), match="memory is not enough"):
        await _limited(bench, bench.job(taught(400), settings=settings), resource.RLIMIT_DATA, _held)


@pytest.fixture
def small_disk(bench: Bench) -> Iterator[Path]:
    """A disk of 2 MB under the runs' folder."""
    folder = bench.folder / "runs"
    folder.mkdir()
    mounted = ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(folder)]
    if os.geteuid() or subprocess.run(mounted, capture_output=True).returncode:
        pytest.skip("only root can mount a small disk, and not in every container")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


async def test_a_full_disk_ends_it_with_a_hint(bench: Bench, small_disk: Path) -> None:
    with pytest.raises(Unsupported, match="disk is full") as caught:
        await bench.train(bench.job(taught(), settings={"rank": 64}))
    assert "resume" in caught.value.hint


@pytest.mark.skipif(not PROVE, reason="the small disk shows the same; at full count only")
async def test_a_file_that_may_grow_no_more_is_a_full_disk(bench: Bench) -> None:
    with pytest.raises(Unsupported, match="disk is full"):
        await _limited(bench, bench.job(taught()), resource.RLIMIT_FSIZE, lambda child: 4096)


async def test_weights_that_are_none_are_said(bench: Bench) -> None:
    job = bench.job(taught())
    bench.files[job.base] = bench.folder / "bad.gguf"
    bench.files[job.base].write_bytes(b"GGUF, but not really")
    with pytest.raises((Unsupported, Unavailable)):
        await bench.train(job)


async def test_an_adapter_of_other_files_is_refused(bench: Bench) -> None:
    job: TrainingJob = bench.job(taught(), start=(NamedBlob("run.sh", bench.put(taught())),))
    with pytest.raises(Invalid, match=r"run\.sh"):
        await bench.train(job)
