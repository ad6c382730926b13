"""An engine is started with the projector of its base, and not shared with who has none."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from measuring.random_projector import write_random_projector

from modelwright.core.digest import Digest
from modelwright.core.errors import Unsupported
from modelwright.starter import WEIGHTS
from modelwright.weights.gguf import read_facts

pytestmark = pytest.mark.anyio
Start = Callable[..., Any]

BASE_WIDTH = 256


def projected(engines: Any, path: Path, width: int) -> Any:
    write_random_projector(path, width)
    digest = Digest.of(str(path).encode())
    engines.files[digest] = path
    return engines.needs(WEIGHTS, f"seeing{width}", projector=digest)


async def test_texts_are_answered_as_without_one(start: Start, tmp_path: Path) -> None:
    engines = start()
    plain = await engines.answer(engines.needs(WEIGHTS, "blind"))
    assert await engines.answer(projected(engines, tmp_path / "mmproj.gguf", BASE_WIDTH)) == plain
    assert len(engines.pids()) == 2
    blind, seeing = sorted(engines.pool.running(), key=lambda running: running.user)
    assert (blind.user, seeing.user) == ("blind", f"seeing{BASE_WIDTH}")
    assert seeing.size > (tmp_path / "mmproj.gguf").stat().st_size


async def test_one_for_another_base_is_refused_by_the_engine(start: Start, tmp_path: Path) -> None:
    engines = start()
    with pytest.raises(Unsupported, match=r"cannot load these weights|died while loading"):
        await engines.answer(projected(engines, tmp_path / "mmproj.gguf", 2 * BASE_WIDTH))


def test_it_is_known_as_one(tmp_path: Path) -> None:
    write_random_projector(tmp_path / "mmproj.gguf", BASE_WIDTH)
    facts = read_facts(tmp_path / "mmproj.gguf")
    assert (facts.kind, facts.architecture) == ("projector", "clip")
