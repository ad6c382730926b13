"""Runs: asked for, queued, watched, stopped, resumed, and what comes of them."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from modelwright.core.errors import Conflict, Exhausted, Invalid, NotFound, Unavailable, Unsupported
from modelwright.core.grants import LOCAL_ADMIN
from modelwright.core.hyperparameters import Hyperparameters
from modelwright.core.token_rows import from_lines
from modelwright.starter import published_digest
from tests.service.workroom import CHAT, Workroom, user, workroom

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.skipif(published_digest() is None, reason="the starter model is not in this checkout"),
]

ASKS = b'{"prompt": "Say something short."}\n'


@pytest.fixture
async def room(tmp_path: Path) -> AsyncIterator[Workroom]:
    async with workroom(tmp_path) as opened:
        yield opened


async def test_a_run_that_ends_well_is_a_revision(room: Workroom) -> None:
    run = await room.start()
    for said in (3, 9, 0):
        room.trainers.says.put_nowait(said)
    ended = await room.until(run, "succeeded", "failed")
    assert (ended.state, ended.revision, ended.step, ended.steps) == ("succeeded", 1, 9, 9)
    assert ended.metrics["loss"] == 0.25
    view = await room.models.show(LOCAL_ADMIN, "taught")
    assert len(view.resolved.adapters) == 1
    history = await room.models.history(LOCAL_ADMIN, "taught")
    assert [(each.kind, each.message) for each in history.revisions] == [("train", f"trained by {run.id}")]
    assert room.trainers.forgotten == [run.id]
    kinds = [event.kind for event in await room.told(run)]
    assert kinds == ["queued", "note", "started", "progress", "progress", "published"]


async def test_where_nothing_can_be_trained_no_run_begins(room: Workroom) -> None:
    stopped = await room.training.cancel(LOCAL_ADMIN, (await room.start()).id)
    room.trainers.refusal = Unsupported("training needs torch", hint="Install it")
    with pytest.raises(Unsupported, match="training needs torch"):
        await room.start()
    with pytest.raises(Unsupported, match="training needs torch"):
        await room.training.resume(LOCAL_ADMIN, stopped.id)
    assert [(run.id, run.state) for run in await room.training.list_runs(LOCAL_ADMIN)] == [
        (stopped.id, "cancelled")
    ]


async def test_a_user_trains_what_they_may_derive_from(room: Workroom) -> None:
    """What comes of it is theirs, and nobody else's."""
    bob, eve = await user(room, "bob"), await user(room, "eve")
    for model in ("starter", "taught"):
        room.trainers.says.put_nowait(0)
        ended = await room.until(await room.start(bob, model=model), "succeeded", "failed", principal=bob)
        assert (ended.state, ended.error) == ("succeeded", "")
    view = await room.models.show(bob, "taught")
    assert (view.resolved.adapters[0].size > 0, len(view.resolved.adapters)) == (True, 1)
    with pytest.raises(NotFound):
        await room.models.show(eve, "bob/taught")


async def test_the_next_run_goes_on_from_the_adapter(room: Workroom) -> None:
    room.trainers.says.put_nowait(0)
    await room.until(await room.start(), "succeeded")
    run = await room.start(model="taught")
    while len(room.trainers.jobs) < 2:
        await asyncio.sleep(0.01)
    job = room.trainers.jobs[1]
    assert [file.name for file in job.start] == ["adapter_config.json", "adapter_model.safetensors"]
    assert job.frozen == ()
    await room.training.cancel(LOCAL_ADMIN, run.id)


async def test_another_rank_begins_another_adapter(room: Workroom) -> None:
    room.trainers.says.put_nowait(0)
    await room.until(await room.start(), "succeeded")
    room.trainers.says.put_nowait(0)
    run = await room.start(model="taught", hyperparameters=Hyperparameters.of({"rank": 2}))
    await room.until(run, "succeeded")
    assert (len(room.trainers.jobs[1].frozen), room.trainers.jobs[1].start) == (1, ())


async def test_general_knowledge_comes_fresh_for_the_starter(room: Workroom) -> None:
    settings = Hyperparameters.of({"replay": 0.4, "steps": 3})
    run = await room.start(hyperparameters=settings)
    await room.until(run, "running")
    while not room.trainers.jobs:
        await asyncio.sleep(0.01)
    assert room.trainers.jobs[0].replay is not None
    await room.training.cancel(LOCAL_ADMIN, run.id)


async def test_cancelled_while_it_runs(room: Workroom) -> None:
    run = await room.start()
    room.trainers.says.put_nowait(2)
    await room.stepped(run, 2)
    ended = await room.training.cancel(LOCAL_ADMIN, run.id)
    assert (ended.state, ended.step, ended.revision) == ("cancelled", 2, None)
    assert ended.ended_at is not None
    with pytest.raises(NotFound):
        await room.models.show(LOCAL_ADMIN, "taught")


async def test_paused_and_resumed(room: Workroom) -> None:
    run = await room.start()
    room.trainers.says.put_nowait(2)
    await room.stepped(run, 2)
    assert (await room.training.pause(LOCAL_ADMIN, run.id)).state == "paused"
    assert (await room.training.resume(LOCAL_ADMIN, run.id)).state == "queued"
    room.trainers.says.put_nowait(0)
    assert (await room.until(run, "succeeded")).revision == 1
    assert [job.run for job in room.trainers.jobs] == [run.id, run.id]


MOVES = {
    "queued": {"pause": "paused", "cancel": "cancelled"},
    "paused": {"resume": "queued", "cancel": "cancelled"},
    "cancelled": {"resume": "queued"},
    "failed": {"resume": "queued"},
    "succeeded": {},
}


@pytest.mark.parametrize("state", MOVES)
@pytest.mark.parametrize("verb", ["pause", "resume", "cancel"])
async def test_what_may_be_done_in_each_state(tmp_path: Path, state: str, verb: str) -> None:
    async with workroom(tmp_path, working=False) as room:
        run = await room.start()
        await room.runs.save(replace(run, state=state), at=run.created_at)
        move = getattr(room.training, verb)
        if verb not in MOVES[state]:
            with pytest.raises(Conflict, match=state):
                await move(LOCAL_ADMIN, run.id)
        else:
            assert (await move(LOCAL_ADMIN, run.id)).state == MOVES[state][verb]


async def test_a_stop_that_meets_a_start_is_not_lost(room: Workroom) -> None:
    for _ in range(20):
        run = await room.start()
        await room.training.cancel(LOCAL_ADMIN, run.id)
        assert (await room.training.find(LOCAL_ADMIN, run.id)).state == "cancelled"


async def test_the_higher_priority_goes_first(tmp_path: Path) -> None:
    async with workroom(tmp_path, working=False) as room:
        first, second, urgent = [await room.start(priority=each) for each in (0, 0, 5)]
    async with workroom(tmp_path) as room:
        for _ in range(3):
            room.trainers.says.put_nowait(0)
        await room.until(second, "succeeded")
        assert [job.run for job in room.trainers.jobs] == [urgent.id, first.id, second.id]


async def test_what_ran_when_the_server_ended_goes_on_after_it(tmp_path: Path) -> None:
    async with workroom(tmp_path) as room:
        run = await room.start()
        room.trainers.says.put_nowait(4)
        await room.stepped(run, 4)
    async with workroom(tmp_path, working=False) as room:
        assert (await room.training.find(LOCAL_ADMIN, run.id)).state == "queued"
    async with workroom(tmp_path) as room:
        room.trainers.says.put_nowait(0)
        assert (await room.until(run, "succeeded")).revision == 1


async def test_what_the_server_published_before_it_died_is_not_published_again(tmp_path: Path) -> None:
    async with workroom(tmp_path) as room:
        run = await room.start()
        for said in (9, 0):
            room.trainers.says.put_nowait(said)
        ended = await room.until(run, "succeeded")
        await room.runs.save(replace(ended, state="running", revision=None), at=run.created_at)
    async with workroom(tmp_path) as room:
        assert (await room.until(run, "succeeded")).revision == 1
        assert room.trainers.jobs == []


async def test_a_process_that_died_is_tried_again_while_it_gets_further(room: Workroom) -> None:
    run = await room.start()
    for said in (3, Unavailable("it was killed"), 5, Unavailable("killed again"), Unavailable("and again")):
        room.trainers.says.put_nowait(said)
    ended = await room.until(run, "failed")
    assert len(room.trainers.jobs) == 3
    assert "and again" in ended.error
    assert (await room.training.resume(LOCAL_ADMIN, run.id)).state == "queued"
    room.trainers.says.put_nowait(0)
    assert (await room.until(run, "succeeded")).error == ""


async def test_a_run_that_fails_publishes_nothing_and_says_why(room: Workroom) -> None:
    run = await room.start()
    for said in (2, Unsupported("the loss is no number any more at step 3", hint="Lower learning_rate")):
        room.trainers.says.put_nowait(said)
    ended = await room.until(run, "failed")
    assert ended.error.startswith("the loss is no number any more at step 3")
    assert (await room.told(run))[-1].content["step"] == 2
    with pytest.raises(NotFound):
        await room.models.show(LOCAL_ADMIN, "taught")


async def test_the_model_may_be_gone_by_then(room: Workroom) -> None:
    blocking = await room.start()
    for said in (0, 0):
        room.trainers.says.put_nowait(said)
    await room.until(blocking, "succeeded")
    held = await room.start()
    run = await room.start(model="taught")
    await room.models.delete(LOCAL_ADMIN, "taught")
    room.trainers.says.put_nowait(0)
    await room.until(held, "succeeded", "failed")
    ended = await room.until(run, "failed", "succeeded")
    assert ended.state in ("failed", "succeeded")
    assert ended.error == "" or "taught" in ended.error


async def test_the_user_may_be_gone_by_then(tmp_path: Path) -> None:
    async with workroom(tmp_path, working=False) as room:
        bob = await user(room, "bob")
        run = await room.start(bob)
        await room.rights.accounts.delete_user(LOCAL_ADMIN, "bob")
    async with workroom(tmp_path) as room:
        ended = await room.until(run, "failed")
    assert "not here any more" in ended.error


async def test_one_may_have_so_many_runs_and_not_one_more(tmp_path: Path) -> None:
    async with workroom(tmp_path, working=False) as room:
        bob = await user(room, "bob")
        await room.rights.quotas.set(bob, "jobs", 3)
        found = await asyncio.gather(*(room.start(bob) for _ in range(32)), return_exceptions=True)
        assert sum(not isinstance(each, BaseException) for each in found) == 3
        assert {type(each) for each in found if isinstance(each, BaseException)} == {Exhausted}
        run = next(each for each in found if not isinstance(each, BaseException))
        await room.training.cancel(bob, run.id)
        await room.start(bob)
        with pytest.raises(Exhausted, match="jobs = 3"):
            await room.training.resume(bob, run.id)


async def test_runs_and_datasets_are_their_owners(room: Workroom) -> None:
    bob = await user(room, "bob")
    run = await room.start()
    dataset = await room.dataset()
    with pytest.raises(NotFound):
        await room.training.find(bob, run.id)
    with pytest.raises(NotFound):
        await room.training.cancel(bob, run.id)
    with pytest.raises(NotFound):
        await room.datasets.look(bob, dataset)
    assert list(await room.training.list_runs(bob)) == []
    await room.training.cancel(LOCAL_ADMIN, run.id)


async def test_a_bad_line_is_said_before_anything_starts(room: Workroom) -> None:
    with pytest.raises(Invalid, match=r"line 2: .*role.*boss"):
        await room.start(content=CHAT + b'{"messages": [{"role": "boss", "content": "Do!"}]}\n')
    assert list(await room.training.list_runs(LOCAL_ADMIN)) == []


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"content": ASKS, "method": "reward"}, "no rewards are declared"),
        ({"rewards": ({"type": "exact", "value": "x"},)}, "for the method reward alone"),
        ({"content": CHAT, "method": "dpo"}, "cannot be learned"),
        ({"content": b"\n"}, "no rows"),
        ({"dataset": "file-none"}, "file-none"),
        ({"model": "nobody"}, "nobody"),
    ],
)
async def test_what_cannot_be_trained_is_refused_at_once(room: Workroom, given: dict, words: str) -> None:
    with pytest.raises((Invalid, NotFound), match=words):
        await room.start(**given)


async def test_whoever_follows_sees_it_to_its_end(room: Workroom) -> None:
    run = await room.start()

    async def follow() -> list[str]:
        return [event.kind async for event in room.training.follow(LOCAL_ADMIN, run.id)]

    following = asyncio.create_task(follow())
    for said in (1, 2, 0):
        await asyncio.sleep(0.05)
        room.trainers.says.put_nowait(said)
    kinds = await following
    assert kinds[-1] == "published"
    assert kinds.count("progress") == 2


async def test_tokens_are_counted_as_the_model_sees_them(room: Workroom) -> None:
    dataset = await room.dataset(CHAT * 3)
    one = await room.training.tokens(LOCAL_ADMIN, "starter", await room.dataset(), "sft")
    assert await room.training.tokens(LOCAL_ADMIN, "starter", dataset, "sft") == 3 * one


async def test_plain_text_is_learned_as_it_stands_and_none_of_it_is_lost(room: Workroom) -> None:
    """Paragraphs are rows; one that is longer than a row may be is taught in parts."""
    text = b"Once upon a time.\n\n" + b"The end of the story is the beginning of another one. " * 4
    dataset = await room.dataset(text, name="story.txt")
    found = await room.datasets.look(LOCAL_ADMIN, dataset, "sft")
    assert (found.rows, dict(found.kinds)) == (2, {"text": 2})
    tokens = await room.training.tokens(LOCAL_ADMIN, "starter", dataset, "sft")
    run = await room.start(dataset=dataset, hyperparameters=Hyperparameters.of({"max_length": 16}))
    assert run.plan.plain == ("dataset",)
    while not room.trainers.jobs:
        await asyncio.sleep(0.01)
    rows = await room.blobs.over_lines(room.trainers.jobs[0].rows, lambda lines: list(from_lines(lines)))
    assert sum(len(row.answer) for row in rows) == tokens
    assert {len(row.answer) for row in rows[1:-1]} == {15}
    assert rows[-1].answer[-1] == room.trainers.jobs[0].end
    await room.training.cancel(LOCAL_ADMIN, run.id)


async def test_a_share_of_the_rows_is_held_back(room: Workroom) -> None:
    run = await room.start(content=CHAT * 10, hyperparameters=Hyperparameters.of({"validation": 0.2}))
    while not room.trainers.jobs:
        await asyncio.sleep(0.01)
    assert room.trainers.jobs[0].validation is not None
    assert "8 rows" in (await room.told(run))[1].content["text"]
    await room.training.cancel(LOCAL_ADMIN, run.id)
