"""The training child, with what it needs of torch or not at all."""

import asyncio
from pathlib import Path

import pytest

from modelwright.core.training_ports import Trained
from modelwright.trainers.processes import NEEDED
from tests.trainers.bench import Bench, taught

for name in NEEDED:
    pytest.importorskip(name, reason="the extra [train] is not installed")


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[Bench, Trained]:
    """A run that nothing has disturbed."""
    bench = Bench(tmp_path_factory.mktemp("whole"))
    held = bench.put(taught(4, seed=3))
    return bench, asyncio.run(bench.train(bench.job(taught(), validation=held)))
