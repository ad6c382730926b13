"""The training child: it learns by every method, and goes on as if never stopped."""

import math
import os
import random
import signal
from typing import Any

import pytest

from modelwright.core.errors import Unavailable
from modelwright.core.token_rows import GroupRow, PairRow, QuestionRow
from modelwright.core.training_ports import Trained, TrainingJob
from tests.trainers.bench import END, Bench, children, taught

pytestmark = [pytest.mark.anyio, pytest.mark.limit(600)]

TIMES = 10 if os.environ.get("PROVE") else 1


def test_examples_become_likely(whole: tuple[Bench, Trained]) -> None:
    bench, trained = whole
    losses = bench.of("progress", "loss")
    assert trained.metrics["loss"] < losses[0] * 0.7
    assert set(trained.metrics["libraries"]) == {"torch", "transformers", "peft"}
    assert trained.metrics["tokens"] == 8 * 4 * 8


def test_what_was_held_back_is_measured(whole: tuple[Bench, Trained]) -> None:
    bench, _ = whole
    assert bench.of("evaluation", "step") == list(range(1, 9))
    assert all(math.isfinite(loss) for loss in bench.of("evaluation", "loss"))


def test_it_tells_what_it_is_doing(whole: tuple[Bench, Trained]) -> None:
    bench, _ = whole
    started = next(event.content for event in bench.told if event.kind == "started")
    assert (started["steps"], started["rows"], started["precision"]) == (8, 12, "f32")
    last = [event.content for event in bench.told if event.kind == "progress"][-1]
    assert {"step", "steps", "learning_rate", "tokens_per_second", "seconds_left", "loss"} <= set(last)
    assert bench.of("checkpoint", "step") == [3, 6]


@pytest.mark.parametrize("time", range(TIMES))
async def test_a_killed_child_goes_on_to_the_same_bytes(
    bench: Bench, whole: tuple[Bench, Trained], time: int
) -> None:
    job = bench.job(taught(), validation=bench.put(taught(4, seed=3)))
    at = random.Random(time).randint(4, 7)  # there is a checkpoint after 3 for sure
    await _die(bench, job, at)
    trained = await bench.train(job)
    assert "going on from step" in bench.of("note", "text")[-1]
    assert bench.digest(trained) == bench.digest(whole[1])
    told = [event.content for event in bench.told if event.kind == "progress"]
    steps = {each["step"] for content in told for each in (*content.get("passed", ()), content)}
    assert steps == set(range(1, 9)), "no step's figures are lost"


async def _die(bench: Bench, job: TrainingJob, at: int) -> None:
    """Kill the child when it has measured after this step."""
    before = children()

    async def watch() -> None:
        async with bench.events(job) as events:
            async for event in events:
                if event.kind == "evaluation" and event.content["step"] == at:
                    for child in children() - before:
                        os.kill(child, signal.SIGKILL)

    with pytest.raises(Unavailable, match="killed"):
        await watch()


async def test_a_stopped_child_leaves_a_checkpoint_and_a_half_one_is_not_believed(
    bench: Bench, whole: tuple[Bench, Trained]
) -> None:
    job = bench.job(taught(), validation=bench.put(taught(4, seed=3)))
    async with bench.events(job) as events:
        async for event in events:
            if event.kind == "progress":
                break
    folder = bench.folder / "runs" / "run-1"
    (left, *_) = folder.glob("checkpoint-*.pt")
    (folder / "checkpoint-000000009.pt").write_bytes(b"PK\x03\x04 half of one")
    trained = await bench.train(job)
    assert bench.of("note", "text")[-1] == f"going on from step {int(left.stem[-9:])}"
    assert bench.digest(trained) == bench.digest(whole[1])


async def test_preferences_are_learned(bench: Bench) -> None:
    rows = [PairRow(row.prompts[0], row.answer, (50 + place, 60, END)) for place, row in enumerate(taught(8))]
    trained = await bench.train(bench.job(rows, method="dpo", settings={"learning_rate": 5e-3}))
    margins = bench.of("progress", "margin")
    assert margins[0] == pytest.approx(0, abs=1e-4)
    assert trained.metrics["margin"] > 0.3
    assert trained.metrics["accuracy"] == 1


async def test_rewarded_answers_become_likelier(bench: Bench) -> None:
    """The better answer of each group, as preferences over the same rows then show."""
    rows = [
        GroupRow(row.prompts[0], (row.answer, (50 + place, 60, END), (70, 61, END)), (1.0, 0.0, 0.0))
        for place, row in enumerate(taught(6))
    ]
    settings = {"steps": 10, "learning_steps": 5, "learning_rate": 1e-3, "beta": 0.0}
    trained = await bench.train(bench.job(rows, method="reward", settings=settings))
    losses = bench.of("progress", "loss")
    assert losses[-1] < losses[0] - 0.1, "what was gained within the groups' clip"
    assert trained.metrics["groups_with_signal"] == trained.metrics["groups"] == 4


@pytest.mark.skipif(TIMES == 1, reason="what a call without a signal says is shown by TigerCity's tests")
async def test_groups_without_a_difference_teach_nothing_and_say_so(bench: Bench) -> None:
    rows = [GroupRow(row.prompts[0], (row.answer, (50, 60, END)), (1.0, 1.0)) for row in taught(4)]
    trained = await bench.train(
        bench.job(rows, method="reward", settings={"steps": 1, "learning_steps": 1, "beta": 0.0})
    )
    assert (trained.metrics["groups_with_signal"], trained.metrics["loss"]) == (0, 0)


async def test_declared_rewards_rise(bench: Bench) -> None:
    """Short answers are wanted, of a model that goes on and on."""
    rows = [QuestionRow(row.prompts[0]) for row in taught(4)]
    settings = {
        "steps": 12,
        "batch_size": 4,
        "learning_steps": 2,
        "learning_rate": 2e-3,
        "answer_tokens": 12,
        "generations": 6,
    }
    wanted = ({"type": "max_length", "length": 30, "unit": "characters"},)
    trained = await bench.train(bench.job(rows, method="reward", settings=settings, rewards=wanted))
    rewards = bench.of("progress", "reward")
    assert trained.metrics["reward"] > rewards[0] + 0.2


PAIR = {"processes": 2, "batch_tokens": 16, "replay": 0.5, "checkpoint_steps": 100}


async def test_two_processes_give_one_result_of_own_and_general_rows(bench: Bench) -> None:
    general = bench.put(taught(6, seed=300))
    trained = await bench.train(bench.job(taught(), replay=general, settings=PAIR))
    assert bench.of("progress", "step") == sorted(set(bench.of("progress", "step"))), "only one reports"
    assert trained.metrics["loss"] < bench.of("progress", "loss")[0]
    assert trained.metrics["tokens"] == 8 * 4 * 8
    assert 0 <= trained.metrics["accuracy"] <= 1


@pytest.mark.skipif(TIMES == 1, reason="six processes that load torch; at full count only")
async def test_two_processes_stop_after_the_same_step_and_go_on_as_one(bench: Bench) -> None:
    settings = {**PAIR, "replay": 0.0, "steps": 16}
    whole = await bench.train(bench.job(taught(), "run-2", settings=settings))
    job = bench.job(taught(), settings=settings)
    async with bench.events(job) as events:
        async for event in events:
            if event.kind == "progress":
                break
    assert len(list((bench.folder / "runs/run-1").glob("checkpoint-*.pt"))) == 1
    assert bench.digest(await bench.train(job)) == bench.digest(whole)


async def test_a_stopped_reward_run_goes_on_with_the_answers_it_had(bench: Bench) -> None:
    """It stops while it still learns from a group: likelihoods before that are no more to be had."""
    rows = [
        GroupRow(row.prompts[0], (row.answer, (50 + place, 60, END)), (1.0, 0.0))
        for place, row in enumerate(taught(6))
    ]
    settings = {"steps": 12, "learning_steps": 6, "checkpoint_steps": 100}
    whole = await bench.train(bench.job(rows, "run-2", method="reward", settings=settings))
    job = bench.job(rows, method="reward", settings=settings)
    async with bench.events(job) as events:
        async for event in events:
            if event.kind == "progress":
                break
    (left,) = (bench.folder / "runs/run-1").glob("checkpoint-*.pt")
    assert int(left.stem[-9:]) % 6, "it stopped between two groups, which shows nothing"
    assert bench.digest(await bench.train(job)) == bench.digest(whole)


async def test_the_last_epochs_are_kept_as_they_were(bench: Bench) -> None:
    """Six steps go through all rows: of epochs that end after 2, 4 and 6 the last two."""
    settings = {"steps": 6, "batch_size": 6, "kept_checkpoints": 2, "checkpoint_steps": 100}
    trained = await bench.train(bench.job(taught(), settings=settings))
    (kept,) = trained.checkpoints
    assert kept.step == 4
    one, other = ({file.name: file.digest for file in files} for files in (kept.files, trained.files))
    assert one["adapter_config.json"] == other["adapter_config.json"]
    assert one["adapter_model.safetensors"] != other["adapter_model.safetensors"]
    told = [event.content for event in bench.told if event.kind == "progress"]
    passed = [each["step"] for content in told for each in (*content.get("passed", ()), content)]
    assert passed == list(range(1, 7)), "the figures of every step are told"


async def test_an_epoch_that_ends_where_a_run_stops_is_kept(bench: Bench) -> None:
    """Every step goes through all rows here, so it stops at the end of one for sure."""
    settings = {"steps": 12, "batch_size": 12, "kept_checkpoints": 20, "checkpoint_steps": 100}
    job = bench.job(taught(), settings=settings)
    async with bench.events(job) as events:
        async for event in events:
            if event.kind == "progress":
                break
    trained = await bench.train(job)
    assert "going on from step" in bench.of("note", "text")[-1]
    assert [kept.step for kept in trained.checkpoints] == list(range(1, 12))


async def test_it_ends_early_with_the_best_it_had(bench: Bench) -> None:
    settings = {"steps": 60, "patience": 2, "evaluate_steps": 2, "learning_rate": 5e-2}
    held = bench.put(taught(4, seed=500))
    trained = await bench.train(bench.job(taught(4), validation=held, settings=settings))
    measured = bench.of("evaluation", "loss")
    assert len(measured) < 30
    assert min(measured) < min(measured[-2:])
    assert "no progress" in bench.of("note", "text")[-1]
    hardly = {"steps": 1, "learning_rate": 1e-8}
    again = bench.job(taught(4), "run-2", start=trained.files, validation=held, settings=hardly)
    await bench.train(again)
    assert bench.of("evaluation", "loss")[-1] == pytest.approx(min(measured), abs=1e-3)


async def test_two_calls_learn_what_one_of_twice_the_length_learns(bench: Bench) -> None:
    """The second goes on with the first one's adapter and momentum, to the same bytes."""
    (row,) = taught(1)
    rows = [GroupRow(row.prompts[0], (row.answer, (50, 60, END)), (1.0, 0.0))]
    settings = {"dropout": 0.0, "learning_steps": 3, "learning_rate": 1e-3}

    def job(run: str, steps: int, **more: Any) -> TrainingJob:
        return bench.job(rows, run, method="reward", settings={**settings, "steps": steps}, **more)

    whole = await bench.train(job("run-1", 6))
    first = await bench.train(job("run-2", 3))
    second = await bench.train(job("run-3", 3, start=first.files, momentum=first.momentum))
    assert bench.digest(second) == bench.digest(whole) != bench.digest(first)
