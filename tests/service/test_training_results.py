"""Results of runs: tried before they are models, with their checkpoints and what goes on from them."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from modelwright.core.grants import LOCAL_ADMIN
from modelwright.starter import published_digest
from tests.service.workroom import Workroom, user, workroom

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.skipif(published_digest() is None, reason="the starter model is not in this checkout"),
]

GROUPS = (
    b'{"messages": [{"role": "user", "content": "Say hi."}],'
    b' "responses": [{"text": "hi", "reward": 1}, {"text": "no", "reward": 0}]}\n'
)


@pytest.fixture
async def room(tmp_path: Path) -> AsyncIterator[Workroom]:
    async with workroom(tmp_path) as opened:
        yield opened


async def test_checkpoints_are_models_of_their_own(room: Workroom) -> None:
    room.trainers.kept = (3, 6)
    room.trainers.says.put_nowait(0)
    run = await room.until(await room.start(), "succeeded", "failed")
    assert [each["step"] for each in run.metrics["checkpoints"]] == [3, 6]
    for each in run.metrics["checkpoints"]:
        history = await room.models.history(LOCAL_ADMIN, each["model"])
        assert history.revisions[0].message == f"trained by {run.id}, step {each['step']}"
        assert len((await room.models.show(LOCAL_ADMIN, each["model"])).resolved.adapters) == 1
    await room.models.delete(LOCAL_ADMIN, "taught:ckpt-step-3")
    assert await room.models.show(LOCAL_ADMIN, "taught:ckpt-step-6")


@pytest.mark.parametrize("kept", [(), (3,)])
async def test_what_does_not_answer_is_not_published(room: Workroom, kept: tuple[int, ...]) -> None:
    files = await room.trainers.learned(1)
    made = [step async for step in room.trainers.files.convert_adapter(files, published_digest())]
    room.engines.refused, room.trainers.kept = {made[-1].digest}, kept
    room.trainers.says.put_nowait(0)
    run = await room.until(await room.start(), "succeeded", "failed")
    assert (run.state, run.error) == ("failed", "the engine does not load this adapter")
    assert [str(each.name) for each in await room.models.list_models(LOCAL_ADMIN)] == ["starter:latest"]


async def test_a_checkpoint_that_does_not_answer_is_left_out(room: Workroom) -> None:
    """Of numbers that are none, or one that the engine does not load: said, and no failure."""
    room.trainers.kept, room.trainers.damaged = (3, 5, 6), (3,)
    files = await room.trainers.learned(0.05)
    made = [step async for step in room.trainers.files.convert_adapter(files, published_digest())]
    room.engines.refused = {made[-1].digest}
    room.trainers.says.put_nowait(0)
    run = await room.until(await room.start(), "succeeded", "failed")
    assert (run.error, [each["step"] for each in run.metrics["checkpoints"]]) == ("", [6])
    names = [str(each.name) for each in await room.models.list_models(LOCAL_ADMIN)]
    assert [name for name in names if "ckpt" in name] == ["taught:ckpt-step-6"]
    said = [event.content for event in await room.told(run) if "left out" in event.content.get("text", "")]
    assert [(each["step"], each["text"].partition(": ")[2] != "") for each in said] == [(3, True), (5, True)]
    assert said[1]["text"].endswith("the engine does not load this adapter")


async def test_a_run_that_fails_takes_no_older_checkpoint_away(room: Workroom) -> None:
    bob = await user(room, "bob")
    room.trainers.kept = (3, 6)
    room.trainers.says.put_nowait(0)
    await room.until(await room.start(bob), "succeeded", principal=bob)
    await room.models.delete(bob, "taught")
    await room.rights.quotas.set(bob, "models", 2)
    room.trainers.says.put_nowait(0)
    run = await room.until(await room.start(bob), "succeeded", "failed", principal=bob)
    assert run.error.startswith("the quota of 2 models")
    assert len((await room.models.history(bob, "taught:ckpt-step-3")).revisions) >= 1


async def test_momentum_is_that_of_the_adapter_that_goes_on(room: Workroom) -> None:
    """After a rollback it is that of then, and what others were taught meanwhile does not matter."""
    given = {"content": GROUPS, "method": "reward"}
    runs = []
    for model in ("starter", "taught", "starter"):
        room.trainers.says.put_nowait(0)
        target = "other" if runs[1:] else "taught"
        runs.append(await room.until(await room.start(model=model, target=target, **given), "succeeded"))
    for number in (2, 1):
        await room.models.rollback(LOCAL_ADMIN, "taught", number)
        run = await room.start(model="taught", **given)
        await room.until(run, "running")
        while room.trainers.jobs[-1].run != run.id:
            await asyncio.sleep(0.01)
        momentum = room.trainers.jobs[-1].momentum
        assert momentum is not None
        assert await room.blobs.read(momentum) == runs[number - 1].id.encode()
        await room.training.cancel(LOCAL_ADMIN, run.id)


async def test_when_the_result_cannot_be_there_its_checkpoints_are_not(room: Workroom) -> None:
    bob = await user(room, "bob")
    await room.rights.quotas.set(bob, "models", 2)
    room.trainers.kept = (3, 6)
    room.trainers.says.put_nowait(0)
    run = await room.until(await room.start(bob), "succeeded", "failed", principal=bob)
    assert run.error.startswith("the quota of 2 models")
    assert not [each for each in await room.models.list_models(bob) if "taught" in str(each.name)]


async def test_what_was_measured_is_a_file_where_that_is_asked_for(room: Workroom) -> None:
    for said in (3, 9, 0):
        room.trainers.says.put_nowait(said)
    run = await room.until(await room.start(extras={"result_files": True}), "succeeded")
    (file,) = run.metrics["result_files"]
    assert (await room.datasets.find(LOCAL_ADMIN, file)).purpose == "fine-tune-results"
    lines = (await room.datasets.content(LOCAL_ADMIN, file)).decode().splitlines()
    assert [line.split(",")[0] for line in lines] == ["step", "3", "9"]
