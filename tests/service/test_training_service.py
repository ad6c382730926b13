"""Runs: asked for, queued, watched, stopped, resumed, and what comes of them."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from modelwright.core.errors import Conflict, Exhausted, Invalid, NotFound, Unavailable, Unsupported
from modelwright.core.grants import LOCAL_ADMIN, Principal
from modelwright.core.hyperparameters import Hyperparameters
from modelwright.core.token_rows import from_lines
from modelwright.starter import published_digest
from tests.service.workroom import CHAT, Workroom, workroom

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.skipif(published_digest() is None, reason="the starter model is not in this checkout"),
]

GROUPS = (
    b'{"messages": [{"role": "user", "content": "Say hi."}],'
    b' "responses": [{"text": "hi", "reward": 1}, {"text": "no", "reward": 0}]}\n'
)
ASKS = b'{"prompt": "Say something short."}\n'


@pytest.fixture
async def room(tmp_path: Path) -> AsyncIterator[Workroom]:
    async with workroom(tmp_path) as opened:
        yield opened


async def user(room: Workroom, name: str) -> Principal:
    accounts = room.rights.accounts
    if not await accounts.users():
        await accounts.add_user(LOCAL_ADMIN, "ann", "admin", email="ann@example.com")
    added = await room.rights.accounts.add_user(LOCAL_ADMIN, name, "user", email=f"{name}@example.com")
    acting = await room.rights.accounts.acting(added.id)
    assert acting is not None
    return acting


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
