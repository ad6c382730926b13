"""Containers, with a stand-in for the engine's command that runs a real service."""

import json
import os
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from modelwright.core.errors import Invalid, ModelwrightError, Unavailable, Unsupported
from modelwright.core.external import External
from modelwright.external.containers import Containers, memory_bytes, run_arguments

pytestmark = pytest.mark.anyio

IMAGE = External("container", image="acme/scorer:1.2", env={"MODEL_BUCKET": "s3://x y"}, delay=20)


@dataclass
class Yard:
    """A folder with the stand-in, and containers that are run by it."""

    folder: Path
    containers: Containers

    @property
    def told(self) -> list[list[str]]:
        return [json.loads(line) for line in (self.folder / "told").read_text().splitlines()]


@pytest.fixture
async def yard(tmp_path: Path) -> AsyncIterator[Yard]:
    command = tmp_path / "docker"
    script = Path(__file__).with_name("fake_docker.py")
    command.write_text(f'#!/bin/sh\nFAKE_DOCKER="{tmp_path}" exec "{sys.executable}" "{script}" "$@"\n')
    command.chmod(0o755)
    containers = Containers(str(command), poll=0.05)
    yield Yard(tmp_path, containers)
    for pid in tmp_path.glob("*.pid"):
        os.kill(int(pid.read_text()), 9)
    await containers.aclose()


async def test_an_image_is_pulled_and_run_until_it_is_healthy_and_asked(yard: Yard) -> None:
    wanted = replace(IMAGE, cpus=1.5, memory="2Gi", gpus=1, command=("serve", "--fast"))
    await yard.containers.start("dep-1", wanted)
    answer = await yard.containers.predict("dep-1", wanted, {"x": 1})
    assert answer == {"got": {"x": 1}, "env": "s3://x y"}
    with pytest.raises(Invalid, match="refuses"):
        await yard.containers.predict("dep-1", wanted, {"bad": 1})
    streaming, asked = replace(wanted, stream_route="/generate_streaming"), {"words": ["a", "b"]}
    pieces = [each async for each in yard.containers.stream("dep-1", streaming, asked)]
    assert pieces == [{"word": "a"}, {"word": "b"}]
    whole = [each async for each in yard.containers.stream("dep-1", wanted, {})]
    assert whole == [{"got": {}, "env": "s3://x y"}]
    pull, _, run, *_ = yard.told
    assert pull == ["pull", "acme/scorer:1.2"]
    for pair in (["--cpus", "1.5"], ["--memory", "2147483648"], ["--gpus", "1"], ["--cap-drop", "ALL"],
                 ["--publish", "127.0.0.1::5005"], ["--env", "MODEL_BUCKET=s3://x y"]):  # fmt: skip
        assert pair in [run[place : place + 2] for place in range(len(run))]
    assert run[-3:] == ["acme/scorer:1.2", "serve", "--fast"]
    await yard.containers.stop("dep-1")
    with pytest.raises(Unavailable, match="does not run"):
        await yard.containers.predict("dep-1", wanted, {})


async def test_one_that_has_ended_is_not_well_and_can_be_started_anew(yard: Yard) -> None:
    await yard.containers.start("dep-1", IMAGE)
    await yard.containers.check("dep-1", IMAGE)
    pid = yard.folder / "modelwright-dep-1.pid"
    os.kill(int(pid.read_text()), 9)
    with pytest.raises(Unavailable, match="does not answer"):
        await yard.containers.check("dep-1", IMAGE)
    await yard.containers.start("dep-1", IMAGE)
    assert await yard.containers.predict("dep-1", IMAGE, {"x": 1}) == {"got": {"x": 1}, "env": "s3://x y"}


async def test_one_that_is_not_healthy_in_time_is_ended(yard: Yard) -> None:
    with pytest.raises(Unavailable, match="not healthy within 1 seconds"):
        await yard.containers.start("dep-1", replace(IMAGE, env={"SICK": "1"}, delay=1))
    assert yard.told[-1] == ["rm", "--force", "modelwright-dep-1"]


async def test_what_the_engine_says_is_told(yard: Yard) -> None:
    with pytest.raises(Unavailable, match="manifest for missing/x not found"):
        await yard.containers.start("dep-1", replace(IMAGE, image="missing/x"))


@pytest.mark.parametrize("engine", ["", "/nowhere/docker"])
async def test_without_an_engine_it_is_refused_in_clear_words(engine: str) -> None:
    containers = Containers(engine)
    with pytest.raises(Unsupported, match="container engine"):
        await containers.start("dep-1", IMAGE)
    await containers.aclose()


@pytest.mark.parametrize(
    "change",
    [
        {"image": "--privileged"},
        {"image": "a b"},
        {"image": ""},
        {"env": {"A=B": "c"}},
        {"env": {"A": "x\0y"}},
        {"env": {f"A{number}": "" for number in range(300)}},
        {"memory": "lots"},
        {"memory": "0Gi"},
        {"predict_route": "//elsewhere"},
    ],
)
def test_nothing_reaches_the_engine_that_it_could_read_otherwise(change: dict[str, object]) -> None:
    with pytest.raises(ModelwrightError):
        run_arguments("dep-1", replace(IMAGE, **change))  # type: ignore[arg-type]  # what a table holds


def test_memory_is_read_as_kubernetes_writes_it() -> None:
    assert [memory_bytes(text) for text in ("512", "1K", "1Ki", "8Gi")] == [512, 1000, 1024, 8 * 1024**3]
